// Package account knows the people of the house: the owner, whom the owner
// invited, what each may do, their sessions, and the throttle that guards the
// log-in.
package account

import (
	"context"
	"errors"
	"fmt"
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

// Store keeps people and sessions in house.db.
type Store interface {
	Owner(ctx context.Context) (hash string, err error) // ErrNoOwner
	// SetOwner gives ErrExists unless replace, which deletes all sessions, the
	// first owner's passkeys and the tokens they made, in the same transaction.
	SetOwner(ctx context.Context, hash string, replace bool) error
	SessionStore
	PersonStore
	InviteStore
	TokenStore
	PasskeyStore
}

// Config configures Accounts.
type Config struct {
	Store Store
	Now   func() time.Time // default time.Now
	Idle  time.Duration    // a session unused for this long ends; default 14 days
	Life  time.Duration    // a session ends this long after its log-in, used or not; default SessionLife
}

const (
	minRunes = 8
	maxBytes = 1024 // of a passphrase; hashing more would be work for nothing
)

// Accounts checks passphrases and sessions.
type Accounts struct {
	cfg      Config
	throttle *throttle
	asked    ceremonies
	cost     cost // of the hashes it makes
}

// New returns Accounts.
func New(cfg Config) *Accounts {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Idle <= 0 {
		cfg.Idle = defaultIdle
	}
	if cfg.Life <= 0 {
		cfg.Life = SessionLife
	}
	return &Accounts{cfg: cfg, throttle: newThrottle(), cost: scarce}
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
// characters for the first owner; replace also ends everybody's sessions, and
// removes the first owner's passkeys and the tokens they made. Without replace
// an owner that exists gives ErrExists.
func (a *Accounts) SetPassphrase(ctx context.Context, passphrase string, replace bool) error {
	hash, err := a.newHash(passphrase)
	if err != nil {
		return err
	}
	if err := a.cfg.Store.SetOwner(ctx, hash, replace); err != nil {
		return fmt.Errorf("storing owner: %w", err)
	}
	return nil
}

// newHash is the argon2id hash of a passphrase that is long enough.
func (a *Accounts) newHash(passphrase string) (string, error) {
	if utf8.RuneCountInString(normal(passphrase)) < minRunes {
		return "", ErrWeak
	}
	if len(passphrase) > maxBytes {
		return "", ErrLong
	}
	return hashPassphrase(normal(passphrase), a.cost)
}

// ChangePassphrase replaces a person's passphrase by one of at least 8
// characters; current is theirs. It ends all their sessions, their passkeys and
// the tokens they made, and the first owner's ends everybody's sessions.
func (a *Accounts) ChangePassphrase(ctx context.Context, p Person, peer, current, passphrase string) error {
	if _, err := a.CheckPerson(ctx, peer, p.Name, current); err != nil {
		return err
	}
	if p.Number == OwnerNumber {
		return a.SetPassphrase(ctx, passphrase, true)
	}
	hash, err := a.newHash(passphrase)
	if err != nil {
		return err
	}
	if err := a.cfg.Store.SetPassphrase(ctx, p.Number, hash); err != nil {
		return fmt.Errorf("storing passphrase: %w", err)
	}
	return nil
}

// Check verifies the owner's passphrase. Tries are throttled for each address
// and in all; a throttled try is not looked at, so a right passphrase is
// refused as well. Peer is an IP address, with or without a port.
func (a *Accounts) Check(ctx context.Context, peer, passphrase string) error {
	hash, err := a.cfg.Store.Owner(ctx)
	if err != nil {
		return fmt.Errorf("reading owner: %w", err)
	}
	return a.check(peer, ownerName, true, hash, passphrase)
}

// check counts the try at a name. That of nobody costs the same work and is
// wrong whatever the hash says.
func (a *Accounts) check(peer, name string, exists bool, hash, passphrase string) error {
	if !a.throttle.enter(peer, name, exists, a.cfg.Now()) {
		return ErrThrottled
	}
	if len(passphrase) > maxBytes {
		return ErrWrong
	}
	ok, err := checkPassphrase(hash, normal(passphrase))
	if err != nil {
		return fmt.Errorf("reading passphrase: %w", err)
	}
	if !ok || !exists {
		return ErrWrong
	}
	a.throttle.success(peer, name)
	return nil
}
