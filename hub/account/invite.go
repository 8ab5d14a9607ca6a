package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/hub/label"
)

// ErrInvite means that a code opens nothing: it was used, withdrawn, is too
// old, or never was one.
var ErrInvite = errors.New("this invitation is not valid any more")

// Invite lets somebody become the person that the owner named, once, with a
// passphrase that only they know. Only the hash of its code is stored.
type Invite struct {
	CodeHash [32]byte
	Person   Person // without a number
	Expires  time.Time
}

const (
	inviteFor   = 48 * time.Hour
	inviteRunes = 16 // of 32 letters and digits: 80 bits
)

// InviteStore keeps invitations.
type InviteStore interface {
	// PutInvite takes the place of one for the same name.
	PutInvite(ctx context.Context, i Invite) error
	Invites(ctx context.Context) ([]Invite, error)
	DeleteInvite(ctx context.Context, name string) error
	// AcceptInvite deletes an invitation and adds its person, in one
	// transaction: ErrInvite if it is gone, ErrExists if the name is taken.
	AcceptInvite(ctx context.Context, codeHash [32]byte, hash string) (Person, error)
}

// Invite makes a one-time code, valid for 48 hours. An invitation for the same
// name before it is void.
func (a *Accounts) Invite(ctx context.Context, p Person) (code string, expires time.Time, err error) {
	p.Label = label.Clean(p.Label)
	if err := checkPerson(p); err != nil {
		return "", time.Time{}, err
	}
	people, err := a.People(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	if slices.ContainsFunc(people, func(q Person) bool { return q.Name == p.Name }) {
		return "", time.Time{}, ErrExists
	}
	code = rand.Text()[:inviteRunes]
	expires = a.cfg.Now().Add(inviteFor)
	if err := a.cfg.Store.PutInvite(ctx, Invite{codeHash(code), p, expires}); err != nil {
		return "", time.Time{}, fmt.Errorf("storing invitation: %w", err)
	}
	return strings.Join([]string{code[:4], code[4:8], code[8:12], code[12:]}, "-"), expires, nil
}

// Invites lists the invitations that are still valid.
func (a *Accounts) Invites(ctx context.Context) ([]Invite, error) {
	list, err := a.cfg.Store.Invites(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading invitations: %w", err)
	}
	return slices.DeleteFunc(list, func(i Invite) bool { return !a.cfg.Now().Before(i.Expires) }), nil
}

// Uninvite takes an invitation back; one that is gone is no error.
func (a *Accounts) Uninvite(ctx context.Context, name string) error {
	return a.cfg.Store.DeleteInvite(ctx, name)
}

// Invited tells whom a code would let in, or ErrInvite.
func (a *Accounts) Invited(ctx context.Context, code string) (Person, error) {
	list, err := a.Invites(ctx)
	if err != nil {
		return Person{}, err
	}
	hash := codeHash(code)
	for _, i := range list {
		if i.CodeHash == hash {
			return i.Person, nil
		}
	}
	return Person{}, ErrInvite
}

// Accept makes the person that a code was made for; it is void from then on.
func (a *Accounts) Accept(ctx context.Context, code, passphrase string) (Person, error) {
	if _, err := a.Invited(ctx, code); err != nil {
		return Person{}, err
	}
	hash, err := a.newHash(passphrase)
	if err != nil {
		return Person{}, err
	}
	p, err := a.cfg.Store.AcceptInvite(ctx, codeHash(code), hash)
	if err != nil {
		return Person{}, fmt.Errorf("accepting invitation: %w", err)
	}
	return p, nil
}

// codeHash takes a code as people type it.
func codeHash(code string) [32]byte {
	code = strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(code))
	return sha256.Sum256([]byte(code))
}
