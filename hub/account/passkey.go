package account

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Passkey is a key that a person's device keeps and with which they log in. It
// is bound to the host name that it was made at, and approves nothing.
type Passkey struct {
	ID      []byte // that the device gave it
	Person  int64
	Handle  []byte // names the person to devices; one for all passkeys of a person, and nothing else
	Name    string // that the person gave it
	Host    string
	Created time.Time
	Used    time.Time // zero for never
	Count   uint32    // of signatures, if the device counts them
	Key     []byte    // public key and flags, as webauthn.Credential in JSON
}

// Short names a passkey among those of a person.
func (p Passkey) Short() string {
	sum := sha256.Sum256(p.ID)
	return hex.EncodeToString(sum[:8])
}

// Site is where a browser has opened the console, in a context that browsers
// call secure.
type Site struct {
	Host   string // a name, never an address, without a port
	Origin string // scheme, host and port, as browsers write it
}

// Errors about passkeys: owner input, or a browser's.
var (
	ErrPasskey       = errors.New("this passkey does not open this house")
	ErrPasskeyLate   = errors.New("the answer came too late, or twice")
	ErrPasskeyCopied = errors.New("the passkey's count went back: there may be a copy of it")
	ErrPasskeyName   = errors.New("a passkey's name is 1 to 40 characters")
	ErrPasskeys      = errors.New("there are 16 passkeys; remove one first")
	ErrUnconfirmed   = errors.New("the session was not confirmed a short while ago")
)

const (
	maxPasskeys    = 16 // of a person
	maxPasskeyName = 40
	handleLen      = 32
)

// PasskeyStore keeps passkeys.
type PasskeyStore interface {
	// AddPasskey gives ErrPasskey for one that is stored already, ErrPasskeys if
	// its person has as many as most, and ErrNoPerson.
	AddPasskey(ctx context.Context, p Passkey, most int) error
	Passkey(ctx context.Context, id []byte) (Passkey, bool, error)
	// Passkeys of a person, the first made first.
	Passkeys(ctx context.Context, person int64) ([]Passkey, error)
	// UsePasskey sets Count, Used and Key; ErrPasskeyCopied if the count is not
	// above the one stored, unless both are 0, and ErrPasskey if it is gone.
	UsePasskey(ctx context.Context, p Passkey) error
	// DeletePasskey of a person; one that is gone is no error.
	DeletePasskey(ctx context.Context, person int64, id []byte) error
	// HasPasskeys reports whether anybody has one for a host.
	HasPasskeys(ctx context.Context, host string) (bool, error)
}

// holder is a person as devices know them.
type holder struct {
	handle []byte
	name   string
	keys   []webauthn.Credential
}

// WebAuthnID implements webauthn.User.
func (h holder) WebAuthnID() []byte { return h.handle }

// WebAuthnName implements webauthn.User.
func (h holder) WebAuthnName() string { return h.name }

// WebAuthnDisplayName implements webauthn.User.
func (h holder) WebAuthnDisplayName() string { return h.name }

// WebAuthnCredentials implements webauthn.User.
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

func (s Site) party() (*webauthn.WebAuthn, error) {
	resident := true
	return webauthn.New(&webauthn.Config{
		RPID: s.Host, RPDisplayName: "Gatehouse", RPOrigins: []string{s.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &resident, ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
}

// Passkeys lists a person's passkeys, the first made first.
func (a *Accounts) Passkeys(ctx context.Context, person int64) ([]Passkey, error) {
	list, err := a.cfg.Store.Passkeys(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("reading passkeys: %w", err)
	}
	return list, nil
}

// HasPasskeys reports whether anybody could log in with one at a host.
func (a *Accounts) HasPasskeys(ctx context.Context, host string) (bool, error) {
	return a.cfg.Store.HasPasskeys(ctx, host)
}

// RemovePasskey removes one of a person's passkeys by its Short; one that is gone is no error.
func (a *Accounts) RemovePasskey(ctx context.Context, person int64, short string) error {
	list, err := a.Passkeys(ctx, person)
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.Short() == short {
			return a.cfg.Store.DeletePasskey(ctx, person, p.ID)
		}
	}
	return nil
}

// BeginPasskey is what a browser needs to make a passkey for a session's person,
// as JSON. The session must be confirmed; ErrUnconfirmed.
func (a *Accounts) BeginPasskey(ctx context.Context, l Login, peer string, site Site) ([]byte, error) {
	if !a.Confirmed(l) {
		return nil, ErrUnconfirmed
	}
	have, err := a.Passkeys(ctx, l.Person.Number)
	if err != nil {
		return nil, err
	}
	if len(have) >= maxPasskeys {
		return nil, ErrPasskeys
	}
	who := holder{handle: handleOf(have), name: l.Person.Name}
	var known []protocol.CredentialDescriptor
	for _, p := range have {
		known = append(known, protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: p.ID})
	}
	party, err := site.party()
	if err != nil {
		return nil, fmt.Errorf("preparing a passkey: %w", err)
	}
	options, data, err := party.BeginRegistration(who, webauthn.WithExclusions(known))
	if err != nil {
		return nil, fmt.Errorf("preparing a passkey: %w", err)
	}
	a.asked.put(ceremony{data: *data, site: site, session: l.TokenHash}, peer, a.cfg.Now())
	return json.Marshal(options)
}

// handleOf names a person to devices: as before, or by chance.
func handleOf(have []Passkey) []byte {
	if len(have) > 0 {
		return have[0].Handle
	}
	handle := make([]byte, handleLen)
	rand.Read(handle) // never fails
	return handle
}

// AddPasskey stores the passkey that a browser made after BeginPasskey, in the
// same session and at the same site, within two minutes, once.
func (a *Accounts) AddPasskey(ctx context.Context, l Login, site Site, name string, answer []byte) (Passkey, error) {
	if name = strings.TrimSpace(name); !goodName(name) {
		return Passkey{}, ErrPasskeyName
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	c, ok := a.asked.take(parsed.Response.CollectedClientData.Challenge, a.cfg.Now())
	if !ok || c.session != l.TokenHash || c.site != site {
		return Passkey{}, ErrPasskeyLate
	}
	party, err := site.party()
	if err != nil {
		return Passkey{}, fmt.Errorf("reading a passkey: %w", err)
	}
	key, err := party.CreateCredential(holder{handle: c.data.UserID, name: l.Person.Name}, c.data, parsed)
	if err != nil {
		return Passkey{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	p := Passkey{
		ID: key.ID, Person: l.Person.Number, Handle: c.data.UserID, Name: name, Host: site.Host,
		Created: a.cfg.Now(), Count: key.Authenticator.SignCount,
	}
	if p.Key, err = keyText(key); err != nil {
		return Passkey{}, err
	}
	if err := a.cfg.Store.AddPasskey(ctx, p, maxPasskeys); err != nil {
		return Passkey{}, fmt.Errorf("storing passkey: %w", err)
	}
	return p, nil
}

func goodName(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxPasskeyName &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// keyText is what is kept of a credential: not what the device said of itself.
func keyText(c *webauthn.Credential) ([]byte, error) {
	kept := webauthn.Credential{ID: c.ID, PublicKey: c.PublicKey, Flags: c.Flags, Authenticator: webauthn.Authenticator{SignCount: c.Authenticator.SignCount}}
	b, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("writing passkey: %w", err)
	}
	return b, nil
}

// BeginPasskeyLogIn is what a browser needs to log in with a passkey, as JSON.
// It is the same for everybody and names nobody.
func (a *Accounts) BeginPasskeyLogIn(peer string, site Site) ([]byte, error) {
	party, err := site.party()
	if err != nil {
		return nil, fmt.Errorf("preparing a log-in: %w", err)
	}
	options, data, err := party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, fmt.Errorf("preparing a log-in: %w", err)
	}
	a.asked.put(ceremony{data: *data, site: site}, peer, a.cfg.Now())
	return json.Marshal(options)
}

// LogInPasskey checks what a browser answered to BeginPasskeyLogIn at the same
// site, within two minutes, once, and makes a session; token goes into the cookie.
// A count that went back is ErrPasskeyCopied, each time.
func (a *Accounts) LogInPasskey(ctx context.Context, peer, agent string, site Site, answer []byte) (token string, err error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	c, ok := a.asked.take(parsed.Response.CollectedClientData.Challenge, a.cfg.Now())
	if !ok || c.session != [32]byte{} || c.site != site {
		return "", ErrPasskeyLate
	}
	p, ok, err := a.cfg.Store.Passkey(ctx, parsed.RawID)
	if err != nil {
		return "", fmt.Errorf("reading passkey: %w", err)
	}
	if !ok || p.Host != site.Host {
		return "", ErrPasskey
	}
	who, err := a.numbered(ctx, p.Person)
	if errors.Is(err, ErrNoPerson) {
		return "", ErrPasskey
	}
	if err != nil {
		return "", fmt.Errorf("reading person: %w", err)
	}
	if err := p.check(parsed, c, who); err != nil {
		return "", err
	}
	p.Used = a.cfg.Now()
	if err := a.cfg.Store.UsePasskey(ctx, p); err != nil {
		return "", fmt.Errorf("storing passkey: %w", err)
	}
	return a.open(ctx, who, peer, agent)
}

// check verifies an answer by the passkey, and takes its count over.
func (p *Passkey) check(parsed *protocol.ParsedCredentialAssertionData, c ceremony, who Person) error {
	var key webauthn.Credential
	if err := json.Unmarshal(p.Key, &key); err != nil {
		return fmt.Errorf("reading passkey: %w", err)
	}
	key.Authenticator.SignCount = p.Count
	party, err := c.site.party()
	if err != nil {
		return fmt.Errorf("reading a passkey: %w", err)
	}
	_, used, err := party.ValidatePasskeyLogin(func(id, handle []byte) (webauthn.User, error) {
		if !bytes.Equal(handle, p.Handle) {
			return nil, ErrPasskey
		}
		return holder{handle: p.Handle, name: who.Name, keys: []webauthn.Credential{key}}, nil
	}, c.data, parsed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	if used.Authenticator.CloneWarning {
		return ErrPasskeyCopied
	}
	p.Count = used.Authenticator.SignCount
	p.Key, err = keyText(used)
	return err
}
