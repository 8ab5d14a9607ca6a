package ui

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"gatehouse/hub/account"
	"gatehouse/hub/sqlite"
)

// accounts are the real ones on a database of their own.
type accounts struct {
	*account.Accounts
	store *sqlite.House
	now   func() time.Time
}

var (
	// scratch is where the databases of a test run lie; TestMain removes it.
	scratch    = sync.OnceValue(func() string { return must(os.MkdirTemp("", "console-accounts")) })
	blankHouse = sync.OnceValue(func() []byte {
		path := filepath.Join(scratch(), "template.db")
		store := must(sqlite.OpenHouse(context.Background(), path))
		if err := store.Close(); err != nil {
			panic(err)
		}
		return must(os.ReadFile(path))
	})
	databases atomic.Int64
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newAccounts have an owner with the fixture's passphrase, who is logged in, or
// nobody yet.
func newAccounts(now func() time.Time, owned bool) *accounts {
	path := filepath.Join(scratch(), strconv.FormatInt(databases.Add(1), 10)+".db")
	if err := os.WriteFile(path, blankHouse(), 0o600); err != nil {
		panic(err)
	}
	store := must(sqlite.OpenHouse(context.Background(), path))
	a := &accounts{account.New(account.Config{Store: store, Now: now}), store, now}
	if owned {
		if err := store.SetOwner(context.Background(), cheap(fixturePass), false); err != nil {
			panic(err)
		}
		a.session(account.OwnerNumber, fixtureToken)
	}
	return a
}

// cheap is the hash of a passphrase with less work than a real one's.
func cheap(pass string) string {
	salt := []byte("fixture's salt")
	key := argon2.IDKey([]byte(pass), salt, 1, 8, 1, 32)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version, b64.EncodeToString(salt), b64.EncodeToString(key))
}

func (a *accounts) session(person int64, token string) {
	err := a.store.PutSession(context.Background(), account.Session{
		TokenHash: sha256.Sum256([]byte(token)), Person: person, Created: a.now().Add(-time.Hour), Seen: a.now(),
		Agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36", Peer: "192.168.1.30",
	})
	if err != nil {
		panic(err)
	}
}

// join adds a person whose passphrase is "passphrase of NAME" and who has the
// session NAME-session.
func (a *accounts) join(name string, role account.Role, cameras ...string) {
	p := account.Person{Name: name, Role: role, Cameras: cameras}
	p = must(a.store.AddPerson(context.Background(), p, cheap("passphrase of "+name)))
	a.session(p.Number, name+"-session")
}

// is reports whether the owner's passphrase is this one.
func (a *accounts) is(pass string) bool {
	return a.Check(context.Background(), "127.0.0.1", pass) == nil
}

// as makes a request somebody else's than the owner's.
func as(token string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del("Cookie")
		r.AddCookie(&http.Cookie{Name: cookieName(r), Value: token})
	}
}
