package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"gatehouse/hub/account"
)

// AddToken implements account.TokenStore.
func (h *House) AddToken(ctx context.Context, t account.Token, most int) error {
	scopes := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = string(s)
	}
	return h.db.write(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM token").Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return account.ErrTokens
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO token(name, hash, scopes, cameras, created, expires, maker) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, t.Name, t.Hash[:], strings.Join(scopes, " "), cameraList(t.Cameras), houseTime(t.Created), houseTime(t.Expires), t.Maker)
		return changed(done, err, account.ErrTokenExists)
	})
}

// TouchToken implements account.TokenStore.
func (h *House) TouchToken(ctx context.Context, hash [32]byte, used time.Time) error {
	return h.exec(ctx, "UPDATE token SET used = ? WHERE hash = ?", houseTime(used), hash[:])
}

// DeleteToken implements account.TokenStore.
func (h *House) DeleteToken(ctx context.Context, name string) error {
	return h.db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "DELETE FROM token WHERE name = ?", name)
		return changed(done, err, account.ErrNoToken)
	})
}

const tokenColumns = "SELECT name, hash, scopes, cameras, created, expires, used, maker FROM token"

func scanToken(scan func(...any) error) (t account.Token, err error) {
	var hash []byte
	var scopes, cameras string
	var created, expires, used int64
	if err := scan(&t.Name, &hash, &scopes, &cameras, &created, &expires, &used, &t.Maker); err != nil {
		return t, err
	}
	for _, s := range strings.Fields(scopes) {
		t.Scopes = append(t.Scopes, account.Scope(s))
	}
	t.Hash, t.Created, t.Expires, t.Used = [32]byte(hash), timeOfHouse(created), timeOfHouse(expires), timeOfHouse(used)
	return t, json.Unmarshal([]byte(cameras), &t.Cameras) // an error must not leave a token for all cameras
}

// Token implements account.TokenStore.
func (h *House) Token(ctx context.Context, hash [32]byte) (account.Token, bool, error) {
	t, err := scanToken(h.db.r.QueryRowContext(ctx, tokenColumns+" WHERE hash = ?", hash[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return account.Token{}, false, nil
	}
	return t, err == nil, err
}

// Tokens implements account.TokenStore.
func (h *House) Tokens(ctx context.Context) ([]account.Token, error) {
	out := []account.Token{}
	err := houseRows(ctx, h.db.r, func(rows *sql.Rows) error {
		t, err := scanToken(rows.Scan)
		out = append(out, t)
		return err
	}, tokenColumns+" ORDER BY name")
	return out, err
}
