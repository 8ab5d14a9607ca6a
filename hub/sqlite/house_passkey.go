package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"gatehouse/hub/account"
)

// AddPasskey implements account.PasskeyStore.
func (h *House) AddPasskey(ctx context.Context, p account.Passkey, most int) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		var have, known int
		err := tx.QueryRowContext(ctx, "SELECT count(*), (SELECT count(*) FROM person WHERE number = ?1) FROM passkey WHERE person = ?1", p.Person).Scan(&have, &known)
		switch {
		case err != nil:
			return err
		case known == 0 && p.Person != account.OwnerNumber:
			return account.ErrNoPerson
		case have >= most:
			return account.ErrPasskeys
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO passkey(id, person, handle, name, host, created, used, count, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, p.ID, p.Person, p.Handle, p.Name, p.Host, houseTime(p.Created), houseTime(p.Used), p.Count, string(p.Key))
		return changed(done, err, account.ErrPasskey)
	})
}

// UsePasskey implements account.PasskeyStore.
func (h *House) UsePasskey(ctx context.Context, p account.Passkey) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		var count uint32
		err := tx.QueryRowContext(ctx, "SELECT count FROM passkey WHERE id = ?", p.ID).Scan(&count)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return account.ErrPasskey
		case err != nil:
			return err
		case p.Count <= count && (p.Count != 0 || count != 0):
			return account.ErrPasskeyCopied
		}
		_, err = tx.ExecContext(ctx, "UPDATE passkey SET count = ?, used = ?, key = ? WHERE id = ?", p.Count, houseTime(p.Used), string(p.Key), p.ID)
		return err
	})
}

// DeletePasskey implements account.PasskeyStore.
func (h *House) DeletePasskey(ctx context.Context, person int64, id []byte) error {
	return h.exec(ctx, "DELETE FROM passkey WHERE person = ? AND id = ?", person, id)
}

const passkeyColumns = "SELECT id, person, handle, name, host, created, used, count, key FROM passkey"

func scanPasskey(scan func(...any) error) (p account.Passkey, err error) {
	var created, used int64
	err = scan(&p.ID, &p.Person, &p.Handle, &p.Name, &p.Host, &created, &used, &p.Count, &p.Key)
	p.Created, p.Used = timeOfHouse(created), timeOfHouse(used)
	return p, err
}

// Passkey implements account.PasskeyStore.
func (h *House) Passkey(ctx context.Context, id []byte) (account.Passkey, bool, error) {
	p, err := scanPasskey(h.db.r.QueryRowContext(ctx, passkeyColumns+" WHERE id = ?", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return account.Passkey{}, false, nil
	}
	return p, err == nil, err
}

// Passkeys implements account.PasskeyStore.
func (h *House) Passkeys(ctx context.Context, person int64) ([]account.Passkey, error) {
	var out []account.Passkey
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		p, err := scanPasskey(rows.Scan)
		out = append(out, p)
		return err
	}, passkeyColumns+" WHERE person = ? ORDER BY created, id", person)
	return out, err
}

// HasPasskeys implements account.PasskeyStore.
func (h *House) HasPasskeys(ctx context.Context, host string) (has bool, err error) {
	err = h.db.r.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM passkey WHERE host = ?)", host).Scan(&has)
	return has, err
}
