package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"gatehouse/hub/label"
)

// Role is what a person may do.
type Role string

// Roles.
const (
	Owner    Role = "owner"    // everything
	Approver Role = "approver" // sees all cameras and requests, and decides them
	Viewer   Role = "viewer"   // sees the cameras that the owner named, and nothing else
)

// OwnerNumber is that of the first owner, whose passphrase `gatehouse passwd`
// sets: they are not removed and their role does not change, so there always
// is an owner. All other numbers are greater, and none is given twice.
const OwnerNumber = 1

// Person is somebody who may log in.
type Person struct {
	Number  int64    `json:"number"`
	Name    string   `json:"name"`            // with which they log in; it stays
	Label   string   `json:"label,omitempty"` // what people read in its place
	Role    Role     `json:"role"`
	Cameras []string `json:"cameras,omitempty"` // of a viewer: all that they see
}

// Called is what people read of the person.
func (p Person) Called() string { return cmp.Or(p.Label, p.Name) }

// Words name a person in the ledger, which travels to agencies: by role and number.
func (p Person) Words() string {
	switch {
	case p.Number == OwnerNumber:
		return "The owner"
	case p.Role == Owner:
		return fmt.Sprintf("Owner %d", p.Number)
	}
	return fmt.Sprintf("Approver %d", p.Number)
}

// Decides reports whether a person may decide requests. To view is not to share.
func (p Person) Decides() bool { return p.Role == Owner || p.Role == Approver }

// Sees reports whether a person may see a camera's footage.
func (p Person) Sees(camera string) bool {
	return p.Decides() || p.Role == Viewer && slices.Contains(p.Cameras, camera)
}

// Errors about people: owner input.
var (
	ErrNoPerson = errors.New("there is nobody of this name")
	ErrLabel    = errors.New("what a person is called is at most 64 characters, with nothing invisible in it")
	ErrName     = errors.New("a name is 1 to 32 of a-z, 0-9 and -, and not owner")
	ErrRole     = errors.New("a role is owner, approver or viewer, and only a viewer has cameras, one at least")
	ErrFirst    = errors.New("the first owner stays the owner")
)

var personName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$`)

const ownerName = "owner"

func firstOwner() Person { return Person{Number: OwnerNumber, Name: ownerName, Role: Owner} }

// PersonStore keeps all people but the first owner.
type PersonStore interface {
	// AddPerson gives the next number, or ErrExists.
	AddPerson(ctx context.Context, p Person, hash string) (Person, error)
	// ChangePerson sets role and cameras and leaves the label; ErrNoPerson if there is none of that
	// name. Whoever is no owner then loses the tokens they made.
	ChangePerson(ctx context.Context, p Person) error
	// SetLabel sets what a person is called, the first owner too; ErrNoPerson as well.
	SetLabel(ctx context.Context, number int64, label string) error
	// OwnerLabel is what the first owner is called; empty until somebody says.
	OwnerLabel(ctx context.Context) (string, error)
	// SetPassphrase also ends the person's sessions, passkeys and the tokens they made, in one transaction.
	SetPassphrase(ctx context.Context, number int64, hash string) error
	// RemovePerson also ends their sessions, passkeys and the tokens they made; ErrNoPerson if there is none of that name.
	RemovePerson(ctx context.Context, name string) error
	// Person gives ErrNoPerson as well.
	Person(ctx context.Context, name string) (p Person, hash string, err error)
	People(ctx context.Context) ([]Person, error)
}

// checkPerson reports what is wrong with a person to be added or changed.
func checkPerson(p Person) error {
	viewer := p.Role == Viewer
	switch {
	case !personName.MatchString(p.Name) || p.Name == ownerName:
		return ErrName
	case p.Label != "" && label.Check(p.Label) != "":
		return ErrLabel
	case !viewer && !p.Decides(), viewer != (len(p.Cameras) > 0):
		return ErrRole
	}
	return nil
}

// AddPerson adds a person with a passphrase of their own; its number is given here.
func (a *Accounts) AddPerson(ctx context.Context, p Person, passphrase string) (Person, error) {
	p.Label = label.Clean(p.Label)
	if err := checkPerson(p); err != nil {
		return Person{}, err
	}
	hash, err := a.newHash(passphrase)
	if err != nil {
		return Person{}, err
	}
	if p, err = a.cfg.Store.AddPerson(ctx, p, hash); err != nil {
		return Person{}, fmt.Errorf("storing person: %w", err)
	}
	return p, nil
}

// ChangePerson gives the person of p.Name another role and other cameras, and
// leaves what they are called. It holds from their next request on. What they approved as an approver and is
// not sent yet counts no more once they are a viewer, and tokens that they made
// as an owner end once they are none.
func (a *Accounts) ChangePerson(ctx context.Context, p Person) error {
	if p.Name == ownerName {
		return ErrFirst
	}
	if err := checkPerson(p); err != nil {
		return err
	}
	return a.cfg.Store.ChangePerson(ctx, p)
}

// Label says what a person is called, the first owner too; empty, it is their
// name again. It changes nothing of what they may do.
func (a *Accounts) Label(ctx context.Context, name, text string) error {
	if text = label.Clean(text); text != "" && label.Check(text) != "" {
		return ErrLabel
	}
	p := firstOwner()
	if name != ownerName {
		var err error
		if p, _, err = a.cfg.Store.Person(ctx, name); err != nil {
			return err
		}
	}
	if err := a.cfg.Store.SetLabel(ctx, p.Number, text); err != nil {
		return fmt.Errorf("storing label: %w", err)
	}
	return nil
}

// RemovePerson removes a person and ends their sessions, passkeys and the tokens
// they made. What they approved and is not sent yet counts no more.
func (a *Accounts) RemovePerson(ctx context.Context, name string) error {
	if name == ownerName {
		return ErrFirst
	}
	return a.cfg.Store.RemovePerson(ctx, name)
}

// People lists everybody, the first owner first.
func (a *Accounts) People(ctx context.Context) ([]Person, error) {
	list, err := a.cfg.Store.People(ctx)
	first := firstOwner()
	if err == nil {
		first.Label, err = a.cfg.Store.OwnerLabel(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("reading people: %w", err)
	}
	return append([]Person{first}, list...), nil
}

func (a *Accounts) numbered(ctx context.Context, number int64) (Person, error) {
	list, err := a.People(ctx)
	if err != nil {
		return Person{}, err
	}
	for _, p := range list {
		if p.Number == number {
			return p, nil
		}
	}
	return Person{}, ErrNoPerson
}

// CheckPerson verifies the passphrase of a person, or of the first owner for
// an empty name. It is throttled as Check is; a name that nobody has costs as
// much, is throttled as if somebody had it, and is answered as a wrong
// passphrase.
func (a *Accounts) CheckPerson(ctx context.Context, peer, name, passphrase string) (Person, error) {
	if name == "" || name == ownerName {
		return firstOwner(), a.Check(ctx, peer, passphrase)
	}
	p, hash, err := a.cfg.Store.Person(ctx, name)
	if errors.Is(err, ErrNoPerson) {
		return Person{}, a.spend(ctx, peer, name, passphrase)
	}
	if err != nil {
		return Person{}, fmt.Errorf("reading person: %w", err)
	}
	return p, a.check(peer, name, true, hash, passphrase)
}

// spend is a try at a name that nobody has.
func (a *Accounts) spend(ctx context.Context, peer, name, passphrase string) error {
	hash, err := a.cfg.Store.Owner(ctx)
	if err != nil {
		return fmt.Errorf("reading owner: %w", err)
	}
	return a.check(peer, name, false, hash, passphrase)
}

// Entitled reports whether a number is still that of somebody who may approve.
func (a *Accounts) Entitled(ctx context.Context, number int64) (bool, error) {
	p, err := a.numbered(ctx, number)
	if errors.Is(err, ErrNoPerson) {
		return false, nil
	}
	return p.Decides(), err
}
