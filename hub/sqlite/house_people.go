package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"gatehouse/hub/account"
)

// AddPerson implements account.People.
func (h *House) AddPerson(ctx context.Context, p account.Person, hash string) (account.Person, error) {
	err := h.db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "INSERT INTO person(name, role, hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", p.Name, string(p.Role), hash)
		if err := changed(done, err, account.ErrExists); err != nil {
			return err
		}
		p.Number, err = done.LastInsertId()
		return err
	})
	return p, err
}

// RemovePerson implements account.People.
func (h *House) RemovePerson(ctx context.Context, name string) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "DELETE FROM person WHERE name = ?", name)
		return changed(done, err, account.ErrNoPerson)
	})
}

// Person implements account.People.
func (h *House) Person(ctx context.Context, name string) (p account.Person, hash string, err error) {
	err = h.db.r.QueryRowContext(ctx, "SELECT number, name, role, hash FROM person WHERE name = ?", name).Scan(&p.Number, &p.Name, &p.Role, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return account.Person{}, "", account.ErrNoPerson
	}
	return p, hash, err
}

// People implements account.People.
func (h *House) People(ctx context.Context) ([]account.Person, error) {
	out := []account.Person{}
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		var p account.Person
		err := rows.Scan(&p.Number, &p.Name, &p.Role)
		out = append(out, p)
		return err
	}, "SELECT number, name, role FROM person ORDER BY number")
	return out, err
}
