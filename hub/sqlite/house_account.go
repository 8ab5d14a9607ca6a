package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gatehouse/hub/account"
)

// Owner implements account.Store.
func (h *House) Owner(ctx context.Context) (hash string, err error) {
	err = h.db.r.QueryRowContext(ctx, "SELECT hash FROM owner").Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", account.ErrNoOwner
	}
	return hash, err
}

// SetOwner implements account.Store.
func (h *House) SetOwner(ctx context.Context, hash string, replace bool) error {
	query := "INSERT INTO owner(one, hash) VALUES (1, ?) ON CONFLICT DO NOTHING"
	if replace {
		query = "INSERT INTO owner(one, hash) VALUES (1, ?) ON CONFLICT(one) DO UPDATE SET hash = excluded.hash"
	}
	return h.db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, query, hash)
		if err := changed(done, err, account.ErrExists); err != nil || !replace {
			return err
		}
		if err := disarm(ctx, tx, account.OwnerNumber); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM session")
		return err
	})
}

// disarm ends what a person could act with beside their passphrase: sessions,
// passkeys, and tokens that they made.
func disarm(ctx context.Context, tx *sql.Tx, person int64) error {
	for _, query := range []string{"DELETE FROM session WHERE person = ?", "DELETE FROM passkey WHERE person = ?", "DELETE FROM token WHERE maker = ?"} {
		if _, err := tx.ExecContext(ctx, query, person); err != nil {
			return err
		}
	}
	return nil
}

// TouchSession implements account.Store.
func (h *House) TouchSession(ctx context.Context, tokenHash [32]byte, seen time.Time, peer string) error {
	return h.exec(ctx, "UPDATE session SET seen = ?, peer = ? WHERE token = ?", houseTime(seen), peer, tokenHash[:])
}

// ConfirmSession implements account.Store.
func (h *House) ConfirmSession(ctx context.Context, tokenHash [32]byte, at time.Time) error {
	return h.exec(ctx, "UPDATE session SET confirmed = ? WHERE token = ?", houseTime(at), tokenHash[:])
}

// PutSession implements account.Store.
func (h *House) PutSession(ctx context.Context, s account.Session) error {
	return h.exec(ctx, "INSERT INTO session(token, person, created, seen, confirmed, agent, peer) VALUES (?, ?, ?, ?, ?, ?, ?)",
		s.TokenHash[:], s.Person, houseTime(s.Created), houseTime(s.Seen), houseTime(s.Confirmed), s.Agent, s.Peer)
}

const sessionColumns = "SELECT token, person, created, seen, confirmed, agent, peer FROM session"

func scanSession(scan func(...any) error) (account.Session, error) {
	var s account.Session
	var token []byte
	var created, seen, confirmed int64
	if err := scan(&token, &s.Person, &created, &seen, &confirmed, &s.Agent, &s.Peer); err != nil {
		return account.Session{}, err
	}
	s.TokenHash, s.Created, s.Seen, s.Confirmed = [32]byte(token), timeOfHouse(created), timeOfHouse(seen), timeOfHouse(confirmed)
	return s, nil
}

// Session implements account.Store.
func (h *House) Session(ctx context.Context, tokenHash [32]byte) (account.Session, bool, error) {
	s, err := scanSession(h.db.r.QueryRowContext(ctx, sessionColumns+" WHERE token = ?", tokenHash[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return account.Session{}, false, nil
	}
	return s, err == nil, err
}

// DeleteSession implements account.Store.
func (h *House) DeleteSession(ctx context.Context, tokenHash [32]byte) error {
	return h.exec(ctx, "DELETE FROM session WHERE token = ?", tokenHash[:])
}

// PurgeSessions implements account.Store.
func (h *House) PurgeSessions(ctx context.Context, seen, created time.Time) error {
	return h.exec(ctx, "DELETE FROM session WHERE seen < ? OR created < ?", houseTime(seen), houseTime(created))
}

// DeleteSessions implements account.Store.
func (h *House) DeleteSessions(ctx context.Context, person int64) error {
	return h.exec(ctx, "DELETE FROM session WHERE person = ?", person)
}

// Sessions implements account.Store.
func (h *House) Sessions(ctx context.Context) ([]account.Session, error) {
	var out []account.Session
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		s, err := scanSession(rows.Scan)
		out = append(out, s)
		return err
	}, sessionColumns+" ORDER BY seen DESC")
	return out, err
}
