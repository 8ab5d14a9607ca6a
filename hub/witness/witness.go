// Package witness cosigns the checkpoints of bulletins' logs, so that an agency
// cannot show one log to some homes and another to others. What is asked and
// answered are the bodies of C2SP tlog-witness, here as files that travel by
// mail or stick; a witness that runs a server takes the same bytes as "add-checkpoint".
package witness

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"

	"gatehouse/hub/internal/durable"
)

// Files of a witness's folder.
const (
	keyFile  = "witness.key" // PKCS #8
	nameFile = "witness.json"
	lockFile = "lock"
)

// Errors of Cosign.
var (
	ErrUnknownLog = errors.New("this witness does not know the log: name its key, as you have it from the agency")
	ErrOtherKey   = errors.New("this witness knows the log by another key")
	ErrNotItsLog  = errors.New("the checkpoint is not signed by the log's key")
	ErrSplit      = errors.New("the log has been rewritten: what this witness signed for is not the beginning of it. Nothing was signed; keep the file and ask the agency")
)

// Behind is the error of an ask that goes on from another tree than the last
// one this witness signed for.
type Behind struct{ Ask, Known int64 }

// Error implements error.
func (e *Behind) Error() string {
	return fmt.Sprintf("the ask goes on from a tree of %d entries, and this witness last signed for %d: the agency asks again from there (gatehouse agency witness add KEY --seen %d)", e.Ask, e.Known, e.Known)
}

// state is witness.json: who the witness is, and each log's key and newest tree.
type state struct {
	Name string          `json:"name"`
	Logs map[string]head `json:"logs"` // by origin
}

type head struct {
	Key  string    `json:"key"` // C2SP verifier key
	Size int64     `json:"size"`
	Hash tlog.Hash `json:"hash"`
}

// Init makes a witness's folder with a new key, and returns the C2SP verifier
// key that the agency and its readers need. The folder must not exist.
func Init(dir, name string, key ed25519.PrivateKey) (string, error) {
	s, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		return "", fmt.Errorf("making witness: the name %q cannot be one: %w", name, err)
	}
	if err := durable.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o700); err != nil {
		return "", fmt.Errorf("making witness: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("making witness: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err == nil {
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		err = durable.WriteFile(filepath.Join(dir, keyFile), text, 0o600)
	}
	if err == nil {
		err = state{Name: name, Logs: map[string]head{}}.write(dir)
	}
	if err != nil {
		return "", fmt.Errorf("making witness: %w", err)
	}
	return s.Verifier().String(), nil
}

// Signed is what Cosign signed for.
type Signed struct {
	Cosignature []byte // lines of a signed note
	Origin      string
	Size, Was   int64 // entries now, and when this witness signed last
}

// Cosign reads an [Ask] and signs for its checkpoint if the log's key signed it
// and the tree that this witness signed for last is the beginning of its own. The new tree is
// durable before the signature is returned, so that two trees are never signed for. logKey is the
// C2SP key of a log that the witness does not know yet; it may be empty.
func Cosign(dir string, ask []byte, logKey string) (Signed, error) {
	lock, err := take(dir)
	if err != nil {
		return Signed{}, fmt.Errorf("opening witness: %w", err)
	}
	s, err := cosign(dir, ask, logKey)
	return s, errors.Join(err, lock.Close())
}

func cosign(dir string, ask []byte, logKey string) (Signed, error) {
	st, signer, err := open(dir)
	if err != nil {
		return Signed{}, fmt.Errorf("opening witness: %w", err)
	}
	a, err := ParseAsk(ask)
	if err != nil {
		return Signed{}, err
	}
	origin, _, _ := strings.Cut(string(a.Checkpoint), "\n")
	known, ok := st.Logs[origin]
	switch {
	case !ok && logKey == "":
		return Signed{}, ErrUnknownLog
	case !ok:
		known.Key = logKey
	case logKey != "" && known.Key != logKey:
		return Signed{}, ErrOtherKey
	}
	c, text, err := openCheckpoint(a.Checkpoint, known.Key)
	if err != nil {
		return Signed{}, err
	}
	if err := known.follows(a, c); err != nil {
		return Signed{}, err
	}
	was := known.Size
	known.Size, known.Hash = c.N, c.Hash
	st.Logs[origin] = known
	if err := st.write(dir); err != nil {
		return Signed{}, fmt.Errorf("keeping the tree: %w", err)
	}
	lines, err := signature(text, signer)
	return Signed{Cosignature: lines, Origin: origin, Size: c.N, Was: was}, err
}

// openCheckpoint verifies a checkpoint by its log's key.
func openCheckpoint(signed []byte, key string) (torchwood.Checkpoint, string, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return torchwood.Checkpoint{}, "", fmt.Errorf("reading the log's key: %w", err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return torchwood.Checkpoint{}, "", ErrNotItsLog
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil || c.Origin != v.Name() {
		return c, "", ErrNotItsLog
	}
	return c, n.Text, nil
}

// follows is the witness's duty.
func (h head) follows(a Ask, c torchwood.Checkpoint) error {
	switch {
	case a.Old > c.N:
		return ErrAsk
	case c.N < h.Size:
		return &Behind{a.Old, h.Size}
	case c.N == h.Size && h.Size > 0: // asked again for the same tree, whose answer may have been lost
		if c.Hash != h.Hash {
			return ErrSplit
		}
		return nil
	case a.Old != h.Size:
		return &Behind{a.Old, h.Size}
	case h.Size == 0:
		return nil
	}
	if err := tlog.CheckTree(a.Proof, c.N, c.Hash, h.Size, h.Hash); err != nil {
		return ErrSplit
	}
	return nil
}

// signature signs a note's text and returns the signature's line alone.
func signature(text string, signer note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return signed[len(text)+1:], nil
}

func open(dir string) (state, note.Signer, error) {
	var st state
	text, err := os.ReadFile(filepath.Join(dir, nameFile))
	if err == nil {
		err = json.Unmarshal(text, &st)
	}
	if err != nil {
		return st, nil, err
	}
	if st.Logs == nil {
		return st, nil, fmt.Errorf("%s is not what this program wrote: without it the witness would forget what it signed for", nameFile)
	}
	if text, err = os.ReadFile(filepath.Join(dir, keyFile)); err != nil {
		return st, nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return st, nil, fmt.Errorf("%s is not a key", keyFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return st, nil, fmt.Errorf("%s is not an Ed25519 key", keyFile)
	}
	s, err := torchwood.NewCosignatureSigner(st.Name, key)
	return st, s, err
}

func (s state) write(dir string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, nameFile), append(text, '\n'), 0o600)
}

// take keeps two processes from signing for two trees at once.
func take(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
