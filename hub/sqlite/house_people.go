package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"gatehouse/hub/account"
)

// AddPerson implements account.PersonStore.
func (h *House) AddPerson(ctx context.Context, p account.Person, hash string) (account.Person, error) {
	err := h.db.write(ctx, func(tx *sql.Tx) (err error) {
		p, err = addPerson(ctx, tx, p, hash)
		return err
	})
	return p, err
}

func addPerson(ctx context.Context, tx *sql.Tx, p account.Person, hash string) (account.Person, error) {
	done, err := tx.ExecContext(ctx, "INSERT INTO person(name, label, role, cameras, hash) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		p.Name, p.Label, string(p.Role), cameraList(p.Cameras), hash)
	if err := changed(done, err, account.ErrExists); err != nil {
		return p, err
	}
	p.Number, err = done.LastInsertId()
	return p, err
}

// ChangePerson implements account.PersonStore.
func (h *House) ChangePerson(ctx context.Context, p account.Person) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE person SET role = ?, cameras = ? WHERE name = ?", string(p.Role), cameraList(p.Cameras), p.Name)
		if err := changed(done, err, account.ErrNoPerson); err != nil || p.Role == account.Owner {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM token WHERE maker = (SELECT number FROM person WHERE name = ?)", p.Name)
		return err
	})
}

// SetLabel implements account.PersonStore.
func (h *House) SetLabel(ctx context.Context, number int64, label string) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		query := "UPDATE person SET label = ?1 WHERE number = ?2"
		if number == account.OwnerNumber {
			query = "UPDATE owner SET label = ?1 WHERE one = ?2"
		}
		done, err := tx.ExecContext(ctx, query, label, number)
		return changed(done, err, account.ErrNoPerson)
	})
}

// OwnerLabel implements account.PersonStore.
func (h *House) OwnerLabel(ctx context.Context) (label string, err error) {
	err = h.db.r.QueryRowContext(ctx, "SELECT label FROM owner").Scan(&label)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return label, err
}

// SetPassphrase implements account.PersonStore.
func (h *House) SetPassphrase(ctx context.Context, number int64, hash string) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE person SET hash = ? WHERE number = ?", hash, number)
		if err := changed(done, err, account.ErrNoPerson); err != nil {
			return err
		}
		return disarm(ctx, tx, number)
	})
}

// RemovePerson implements account.PersonStore.
func (h *House) RemovePerson(ctx context.Context, name string) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		var number int64
		err := tx.QueryRowContext(ctx, "DELETE FROM person WHERE name = ? RETURNING number", name).Scan(&number)
		if errors.Is(err, sql.ErrNoRows) {
			return account.ErrNoPerson
		}
		if err != nil {
			return err
		}
		return disarm(ctx, tx, number)
	})
}

// Person implements account.PersonStore.
func (h *House) Person(ctx context.Context, name string) (p account.Person, hash string, err error) {
	var cameras string
	err = h.db.r.QueryRowContext(ctx, "SELECT number, name, label, role, cameras, hash FROM person WHERE name = ?", name).
		Scan(&p.Number, &p.Name, &p.Label, &p.Role, &cameras, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return account.Person{}, "", account.ErrNoPerson
	}
	return p, hash, errors.Join(err, camerasOf(cameras, &p))
}

// People implements account.PersonStore.
func (h *House) People(ctx context.Context) ([]account.Person, error) {
	out := []account.Person{}
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var p account.Person
		var cameras string
		err := rows.Scan(&p.Number, &p.Name, &p.Label, &p.Role, &cameras)
		err = errors.Join(err, camerasOf(cameras, &p))
		out = append(out, p)
		return err
	}, "SELECT number, name, label, role, cameras FROM person ORDER BY number")
	return out, err
}

// cameraList is how a person's cameras are stored: as JSON.
func cameraList(cameras []string) string {
	if len(cameras) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(cameras) // strings always can be
	return string(b)
}

func camerasOf(list string, p *account.Person) error {
	if list == "" || list == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(list), &p.Cameras)
}

// PutInvite implements account.InviteStore.
func (h *House) PutInvite(ctx context.Context, i account.Invite) error {
	return h.exec(ctx, `INSERT INTO invite(name, label, code, role, cameras, expires) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT(name) DO UPDATE SET label = excluded.label, code = excluded.code, role = excluded.role, cameras = excluded.cameras, expires = excluded.expires`,
		i.Person.Name, i.Person.Label, i.CodeHash[:], string(i.Person.Role), cameraList(i.Person.Cameras), houseTime(i.Expires))
}

const inviteColumns = "SELECT name, label, code, role, cameras, expires FROM invite"

func scanInvite(scan func(...any) error) (i account.Invite, err error) {
	var code []byte
	var cameras string
	var expires int64
	if err := scan(&i.Person.Name, &i.Person.Label, &code, &i.Person.Role, &cameras, &expires); err != nil {
		return i, err
	}
	i.CodeHash, i.Expires = [32]byte(code), timeOfHouse(expires)
	return i, camerasOf(cameras, &i.Person)
}

// Invites implements account.InviteStore.
func (h *House) Invites(ctx context.Context) ([]account.Invite, error) {
	var out []account.Invite
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		i, err := scanInvite(rows.Scan)
		out = append(out, i)
		return err
	}, inviteColumns+" ORDER BY expires")
	return out, err
}

// DeleteInvite implements account.InviteStore.
func (h *House) DeleteInvite(ctx context.Context, name string) error {
	return h.exec(ctx, "DELETE FROM invite WHERE name = ?", name)
}

// AcceptInvite implements account.InviteStore.
func (h *House) AcceptInvite(ctx context.Context, codeHash [32]byte, hash string) (p account.Person, err error) {
	err = h.db.write(ctx, func(tx *sql.Tx) error {
		i, err := scanInvite(tx.QueryRowContext(ctx, inviteColumns+" WHERE code = ?", codeHash[:]).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return account.ErrInvite
		}
		if err != nil {
			return err
		}
		if p, err = addPerson(ctx, tx, i.Person, hash); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM invite WHERE code = ?", codeHash[:])
		return err
	})
	return p, err
}
