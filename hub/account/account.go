// Package account knows the owner: one passphrase, its sessions, and the
// throttle that guards both.
package account

import (
	"context"
	"errors"
	"time"
)

// Errors: owner input.
var (
	ErrWrong     = errors.New("wrong passphrase")
	ErrThrottled = errors.New("too many tries, wait a moment")
	ErrExists    = errors.New("an owner exists")
	ErrNoOwner   = errors.New("no owner yet")
	ErrWeak      = errors.New("the passphrase is too short")
)

// Session is a log-in. Only the hash of its token is stored.
type Session struct {
	TokenHash [32]byte
	Created   time.Time
	Seen      time.Time
	Agent     string
	Peer      string
}

// Store keeps the owner and sessions in house.db.
type Store interface {
	Owner(ctx context.Context) (hash string, err error)            // ErrNoOwner
	SetOwner(ctx context.Context, hash string, replace bool) error // ErrExists unless replace
	PutSession(ctx context.Context, s Session) error
	Session(ctx context.Context, tokenHash [32]byte) (Session, bool, error)
	DeleteSession(ctx context.Context, tokenHash [32]byte) error
	DeleteSessions(ctx context.Context) error
	Sessions(ctx context.Context) ([]Session, error)
}

// Accounts checks passphrases and sessions.
type Accounts struct{}

// Config configures Accounts.
type Config struct {
	Store Store
	Now   func() time.Time
	Idle  time.Duration // a session unused for this long ends; default 14 days
}

// New returns Accounts.
func New(cfg Config) *Accounts { panic("not built") }

// HasOwner reports whether a passphrase is set.
func (a *Accounts) HasOwner(ctx context.Context) (bool, error) { panic("not built") }

// SetPassphrase stores the argon2id hash of a passphrase of at least 8 characters; replace also ends all sessions.
func (a *Accounts) SetPassphrase(ctx context.Context, passphrase string, replace bool) error {
	panic("not built")
}

// Check verifies a passphrase. Tries are throttled per peer and in all.
func (a *Accounts) Check(ctx context.Context, peer, passphrase string) error { panic("not built") }

// LogIn checks the passphrase and makes a session; token goes into the cookie.
func (a *Accounts) LogIn(ctx context.Context, peer, agent, passphrase string) (token string, err error) {
	panic("not built")
}

// Valid reports whether a token's session is alive and marks it seen.
func (a *Accounts) Valid(ctx context.Context, token string) (bool, error) { panic("not built") }

// LogOut ends a session.
func (a *Accounts) LogOut(ctx context.Context, token string) error { panic("not built") }
