package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"
)

// Role is what a person may do.
type Role string

// Roles.
const (
	Owner    Role = "owner"    // everything
	Approver Role = "approver" // approve what the owner or anybody at the console sealed
)

// OwnerNumber is the owner's. All other numbers are greater, and none is given twice.
const OwnerNumber = 1

// Person is somebody who may approve.
type Person struct {
	Number int64  `json:"number"`
	Name   string `json:"name"`
	Role   Role   `json:"role"`
}

// Words name a person in the ledger, which travels to agencies: by role and number.
func (p Person) Words() string {
	if p.Role == Owner {
		return "The owner"
	}
	return fmt.Sprintf("Approver %d", p.Number)
}

// Errors about people: owner input.
var (
	ErrNoPerson = errors.New("there is nobody of this name")
	ErrName     = errors.New("a name is 1 to 32 of a-z, 0-9 and -, and not owner")
)

var personName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$`)

const ownerName = "owner"

// People keeps the approvers in house.db.
type People interface {
	// AddPerson gives the next number, or ErrExists.
	AddPerson(ctx context.Context, p Person, hash string) (Person, error)
	// RemovePerson gives ErrNoPerson if there is none of that name.
	RemovePerson(ctx context.Context, name string) error
	// Person gives ErrNoPerson as well.
	Person(ctx context.Context, name string) (p Person, hash string, err error)
	People(ctx context.Context) ([]Person, error)
}

// AddApprover adds a person with a passphrase of their own.
func (a *Accounts) AddApprover(ctx context.Context, name, passphrase string) (Person, error) {
	switch {
	case !personName.MatchString(name) || name == ownerName:
		return Person{}, ErrName
	case utf8.RuneCountInString(normal(passphrase)) < minRunes:
		return Person{}, ErrWeak
	case len(passphrase) > maxBytes:
		return Person{}, ErrLong
	}
	hash, err := hashPassphrase(normal(passphrase))
	if err != nil {
		return Person{}, err
	}
	p, err := a.cfg.Store.AddPerson(ctx, Person{Name: name, Role: Approver}, hash)
	if err != nil {
		return Person{}, fmt.Errorf("storing approver: %w", err)
	}
	return p, nil
}

// RemoveApprover removes a person. What they approved and is not sent yet counts no more.
func (a *Accounts) RemoveApprover(ctx context.Context, name string) error {
	return a.cfg.Store.RemovePerson(ctx, name)
}

// Approvers lists all but the owner.
func (a *Accounts) Approvers(ctx context.Context) ([]Person, error) { return a.cfg.Store.People(ctx) }

// CheckPerson verifies the passphrase of an approver, or of the owner for an
// empty name. It is throttled as Check is; a name that nobody has costs as much
// and is answered as a wrong passphrase.
func (a *Accounts) CheckPerson(ctx context.Context, peer, name, passphrase string) (Person, error) {
	if name == "" || name == ownerName {
		return Person{OwnerNumber, ownerName, Owner}, a.Check(ctx, peer, passphrase)
	}
	p, hash, err := a.cfg.Store.Person(ctx, name)
	if errors.Is(err, ErrNoPerson) {
		return Person{}, errors.Join(ErrWrong, a.spend(ctx, peer, passphrase))
	}
	if err != nil {
		return Person{}, fmt.Errorf("reading approver: %w", err)
	}
	return p, a.check(peer, hash, passphrase)
}

// spend is a try against a hash that nobody's passphrase has.
func (a *Accounts) spend(ctx context.Context, peer, passphrase string) error {
	hash, err := a.cfg.Store.Owner(ctx)
	if err != nil {
		return fmt.Errorf("reading owner: %w", err)
	}
	if !a.throttle.enter(peer, a.cfg.Now()) {
		return ErrThrottled
	}
	if len(passphrase) <= maxBytes {
		_, err = checkPassphrase(hash, normal(passphrase)+"\x00")
	}
	return err
}

// Entitled reports whether a number is still that of somebody who may approve.
func (a *Accounts) Entitled(ctx context.Context, number int64) (bool, error) {
	if number == OwnerNumber {
		return true, nil
	}
	list, err := a.cfg.Store.People(ctx)
	for _, p := range list {
		if p.Number == number {
			return true, nil
		}
	}
	return false, err
}
