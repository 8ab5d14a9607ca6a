// Package account knows the owner: one passphrase, its sessions, and the
// throttle that guards both.
package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Errors: owner input.
var (
	ErrWrong     = errors.New("wrong passphrase")
	ErrThrottled = errors.New("too many tries, wait a moment")
	ErrExists    = errors.New("an owner exists")
	ErrNoOwner   = errors.New("no owner yet")
	ErrWeak      = errors.New("the passphrase is too short")
	ErrLong      = errors.New("the passphrase is too long")
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
	Owner(ctx context.Context) (hash string, err error) // ErrNoOwner
	// SetOwner gives ErrExists unless replace, which deletes all sessions in the same transaction.
	SetOwner(ctx context.Context, hash string, replace bool) error
	PutSession(ctx context.Context, s Session) error
	// TouchSession sets Seen of a session that exists; it never brings one back.
	TouchSession(ctx context.Context, tokenHash [32]byte, seen time.Time) error
	Session(ctx context.Context, tokenHash [32]byte) (Session, bool, error)
	DeleteSession(ctx context.Context, tokenHash [32]byte) error
	DeleteSessions(ctx context.Context) error
	Sessions(ctx context.Context) ([]Session, error)
	People
}

// Config configures Accounts.
type Config struct {
	Store Store
	Now   func() time.Time // default time.Now
	Idle  time.Duration    // a session unused for this long ends; default 14 days
}

const (
	defaultIdle = 14 * 24 * time.Hour
	// seenEvery bounds how often a session's last use is written: an SD card
	// should not be written to for every page.
	seenEvery = 5 * time.Minute

	minRunes = 8
	maxBytes = 1024 // of a passphrase; hashing more would be work for nothing
	maxAgent = 256  // bytes kept of a browser's name
)

// Accounts checks passphrases and sessions.
type Accounts struct {
	cfg      Config
	throttle *throttle
}

// New returns Accounts.
func New(cfg Config) *Accounts {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Idle <= 0 {
		cfg.Idle = defaultIdle
	}
	return &Accounts{cfg: cfg, throttle: newThrottle()}
}

// HasOwner reports whether a passphrase is set.
func (a *Accounts) HasOwner(ctx context.Context) (bool, error) {
	_, err := a.cfg.Store.Owner(ctx)
	if errors.Is(err, ErrNoOwner) {
		return false, nil
	}
	return err == nil, err
}

// SetPassphrase stores the argon2id hash of a passphrase of at least 8
// characters; replace also ends all sessions. Without replace an owner that
// exists gives ErrExists.
func (a *Accounts) SetPassphrase(ctx context.Context, passphrase string, replace bool) error {
	if utf8.RuneCountInString(normal(passphrase)) < minRunes {
		return ErrWeak
	}
	if len(passphrase) > maxBytes {
		return ErrLong
	}
	hash, err := hashPassphrase(normal(passphrase))
	if err != nil {
		return err
	}
	if err := a.cfg.Store.SetOwner(ctx, hash, replace); err != nil {
		return fmt.Errorf("storing owner: %w", err)
	}
	return nil
}

// Check verifies a passphrase. Tries are throttled per peer and in all; a
// throttled try is not looked at, so a right passphrase is refused as well.
// Peer is an IP address, with or without a port.
func (a *Accounts) Check(ctx context.Context, peer, passphrase string) error {
	hash, err := a.cfg.Store.Owner(ctx)
	if err != nil {
		return fmt.Errorf("reading owner: %w", err)
	}
	return a.check(peer, hash, passphrase)
}

func (a *Accounts) check(peer, hash, passphrase string) error {
	if !a.throttle.enter(peer, a.cfg.Now()) {
		return ErrThrottled
	}
	if len(passphrase) > maxBytes {
		return ErrWrong
	}
	ok, err := checkPassphrase(hash, normal(passphrase))
	if err != nil {
		return fmt.Errorf("reading owner: %w", err)
	}
	if !ok {
		return ErrWrong
	}
	a.throttle.success(peer)
	return nil
}

// LogIn checks the passphrase and makes a session; token goes into the cookie.
func (a *Accounts) LogIn(ctx context.Context, peer, agent, passphrase string) (token string, err error) {
	if err := a.Check(ctx, peer, passphrase); err != nil {
		return "", err
	}
	token = rand.Text() + rand.Text() // 2 × 130 bits in letters and digits
	now := a.cfg.Now()
	if len(agent) > maxAgent {
		agent = strings.ToValidUTF8(agent[:maxAgent], "")
	}
	err = a.cfg.Store.PutSession(ctx, Session{
		TokenHash: sha256.Sum256([]byte(token)), Created: now, Seen: now, Agent: agent, Peer: peer,
	})
	if err != nil {
		return "", fmt.Errorf("storing session: %w", err)
	}
	return token, nil
}

// Valid reports whether a token's session is alive and marks it seen. A
// session that was idle for too long is deleted.
//
// The store looks up a SHA-256 of the token, so how long that takes tells
// nothing about any token.
func (a *Accounts) Valid(ctx context.Context, token string) (bool, error) {
	if token == "" || len(token) > maxBytes {
		return false, nil
	}
	s, ok, err := a.cfg.Store.Session(ctx, sha256.Sum256([]byte(token)))
	if err != nil || !ok {
		return false, err
	}
	now := a.cfg.Now()
	idle := now.Sub(s.Seen)
	if idle > a.cfg.Idle {
		return false, a.cfg.Store.DeleteSession(ctx, s.TokenHash)
	}
	// A clock that was set back must not leave a session that never ends.
	if idle >= seenEvery || idle < 0 {
		if err := a.cfg.Store.TouchSession(ctx, s.TokenHash, now); err != nil {
			return false, fmt.Errorf("storing session: %w", err)
		}
	}
	return true, nil
}

// LogOut ends a session; one that has ended is no error.
func (a *Accounts) LogOut(ctx context.Context, token string) error {
	return a.cfg.Store.DeleteSession(ctx, sha256.Sum256([]byte(token)))
}
