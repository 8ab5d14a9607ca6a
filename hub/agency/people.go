package agency

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// Role is what a key is for.
type Role string

// Roles whose keys are made where their holders keep them.
const (
	Root       Role = "root"       // signs profiles; stays on a machine that is never online
	Officer    Role = "officer"    // signs requests
	Supervisor Role = "supervisor" // signs them too
	Recipient  Role = "recipient"  // opens packages
)

// Roles are those that MakeKey knows.
func Roles() []string {
	return []string{string(Root), string(Officer), string(Supervisor), string(Recipient)}
}

// publicEnd is the ending of what leaves the machine a key was made on.
const publicEnd = ".pub"

// Public is a person's public key as it travels: one line of role, key and holder.
type Public struct {
	Role   Role
	Holder string
	Key    bulletin.PublicKey // but for a recipient
	Age    string             // a recipient's
}

// Words is how two people compare a key on the telephone: the first 64 bits of
// its id, or the end of a recipient.
func (p Public) Words() string {
	if p.Role == Recipient {
		return "…" + p.Age[max(0, len(p.Age)-16):]
	}
	return short(p.Key)
}

func short(k bulletin.PublicKey) string {
	id := k.ID()
	return strings.Join([]string{id[:4], id[4:8], id[8:12], id[12:16]}, " ")
}

// MakeKey makes a private key at path.key and its public line at path.pub. It never replaces a file.
func MakeKey(path string, role Role, holder string) (Public, error) {
	if !slices.Contains(Roles(), string(role)) {
		return Public{}, fmt.Errorf("making key: the role should be one of %s", strings.Join(Roles(), ", "))
	}
	holder = strings.Join(strings.Fields(holder), " ")
	if !isHolder(holder) {
		return Public{}, errors.New("making key: say whose it is")
	}
	for _, end := range []string{".key", publicEnd} {
		if _, err := os.Lstat(path + end); !errors.Is(err, os.ErrNotExist) {
			return Public{}, fmt.Errorf("making key: %s exists already", filepath.Base(path+end))
		}
	}
	p := Public{Role: role, Holder: holder}
	err := p.make(path + ".key")
	if err == nil {
		err = durable.WriteFile(path+publicEnd, []byte(p.line()), 0o644)
	}
	if err != nil {
		return Public{}, fmt.Errorf("making key: %w", err)
	}
	return p, nil
}

func (p *Public) make(path string) error {
	if p.Role == Recipient {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			return err
		}
		p.Age = id.Recipient().String()
		return durable.WriteFile(path, []byte(id.String()+"\n"), 0o600)
	}
	key, pub, err := newKey()
	if err != nil {
		return err
	}
	p.Key = pub
	return writeKey(path, key)
}

func (p Public) line() string {
	key := p.Age
	if p.Role != Recipient {
		key = base64.StdEncoding.EncodeToString(p.Key.Ed25519)
	}
	return fmt.Sprintf("gatehouse-%s %s %s\n", p.Role, key, p.Holder)
}

// maxPublic bounds a public line.
const maxPublic = 1 << 10

// ParsePublic reads a public line.
func ParsePublic(text string) (Public, error) {
	bad := errors.New("it should be the line that `gatehouse agency key` wrote to a .pub file")
	if len(text) > maxPublic || strings.HasPrefix(text, "-----BEGIN") {
		return Public{}, bad
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	role, ok := strings.CutPrefix(word, "gatehouse-")
	key, holder, _ := strings.Cut(rest, " ")
	p := Public{Role: Role(role), Holder: strings.TrimSpace(holder)}
	if !ok || !slices.Contains(Roles(), role) || !isHolder(p.Holder) {
		return Public{}, bad
	}
	if p.Role == Recipient {
		if _, err := age.ParseX25519Recipient(key); err != nil {
			return Public{}, bad
		}
		p.Age = key
		return p, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(key)
	if err != nil || len(raw) != 32 {
		return Public{}, bad
	}
	p.Key.Ed25519 = raw
	return p, nil
}

// isHolder wants a name that a terminal shows as it is.
func isHolder(name string) bool {
	return name != "" && utf8.ValidString(name) && strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// LoadPublic reads a .pub file, whose key must be for that role.
func LoadPublic(path string, role Role) (Public, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Public{}, fmt.Errorf("reading public key: %w", err)
	}
	p, err := ParsePublic(string(text))
	if err != nil {
		return p, fmt.Errorf("reading public key: %s is none: %w", filepath.Base(path), err)
	}
	if p.Role != role {
		return p, fmt.Errorf("reading public key: %s is a key for the role %s, not %s", filepath.Base(path), p.Role, role)
	}
	return p, nil
}
