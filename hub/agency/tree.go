package agency

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// tree is the agency's transparency log on disk:
//
//	log/checkpoint      the newest signed checkpoint: what is committed
//	log/hashes          stored hashes in tlog's order, 32 bytes each
//	log/entries/<n>     the envelope of entry n, its kind and the time it became public
//	log/published       how many entries the public has, and since when
//
// Entries and hashes beyond the checkpoint's size are what a crash left; they
// are overwritten. Nothing is published before its checkpoint is durable, so the log never shows two
// trees of one size.
type tree struct {
	dir    string
	keys   signers
	policy *bulletin.Policy
	lock   *os.File
	size   int64 // committed
	hashes []tlog.Hash
	// entries committed and new; Envelope is nil where the text was deleted.
	entries []entry
	newest  []byte // signed checkpoint
}

// entry is one file of log/entries.
type entry struct {
	Kind     bulletin.Kind   `json:"kind"`
	At       time.Time       `json:"at"`
	Envelope json.RawMessage `json:"env"`
}

// errBusy says that another process is publishing.
var errBusy = errors.New("another process is using the folder")

// take locks a folder for this process, until the file is closed or the process ends.
func take(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errBusy
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func openTree(dir, agency string) (*tree, error) {
	keys, err := loadSigners(dir, agency)
	if err != nil {
		return nil, err
	}
	t := &tree{dir: filepath.Join(dir, "log"), keys: keys}
	if t.policy, err = bulletin.NewPolicy(keys.logKey, []string{keys.witness.Verifier().String()}); err != nil {
		return nil, err
	}
	if err := durable.MkdirAll(filepath.Join(t.dir, "entries"), 0o700); err != nil {
		return nil, err
	}
	if t.lock, err = take(t.dir); err != nil {
		return nil, err
	}
	if err := t.load(); err != nil {
		return nil, errors.Join(err, t.lock.Close())
	}
	return t, nil
}

func (t *tree) close() error { return t.lock.Close() }

// load reads the committed tree and proves that it is the one signed for.
func (t *tree) load() error {
	signed, err := os.ReadFile(filepath.Join(t.dir, "checkpoint"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := t.policy.Checkpoint(signed)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(t.dir, "hashes"))
	if err != nil {
		return err
	}
	n := tlog.StoredHashCount(c.Size)
	if int64(len(raw)) < n*tlog.HashSize {
		return errors.New("the file of hashes is shorter than its checkpoint says; restore it from a backup")
	}
	for i := range n {
		t.hashes = append(t.hashes, tlog.Hash(raw[i*tlog.HashSize:(i+1)*tlog.HashSize]))
	}
	t.size, t.newest = c.Size, signed
	root, err := tlog.TreeHash(c.Size, t.reader())
	if err != nil || root != c.Hash {
		return errors.New("the file of hashes does not match its checkpoint; restore it from a backup")
	}
	for i := range c.Size {
		e, err := t.entry(i)
		if err != nil {
			return err
		}
		t.entries = append(t.entries, e)
	}
	return nil
}

// entry reads the text of an entry; one that was deleted is empty.
func (t *tree) entry(i int64) (entry, error) {
	e, err := readEntry(t.entryFile(i))
	if err != nil || e.Envelope == nil {
		return e, err
	}
	if bulletin.LogHash(e.Envelope) != t.hashes[tlog.StoredHashIndex(0, i)] {
		return e, fmt.Errorf("reading entry %d: it is not what the log has the hash of", i)
	}
	return e, nil
}

func readEntry(name string) (entry, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return entry{}, nil
	}
	if err != nil {
		return entry{}, err
	}
	var e entry
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("reading entry %s: %w", filepath.Base(name), err)
	}
	return e, nil
}

func (t *tree) entryFile(i int64) string {
	return filepath.Join(t.dir, "entries", strconv.FormatInt(i, 10))
}

func (t *tree) reader() tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			if x < 0 || x >= int64(len(t.hashes)) {
				return nil, fmt.Errorf("no stored hash %d", x)
			}
			out[i] = t.hashes[x]
		}
		return out, nil
	}
}

// add appends an entry, not yet committed.
func (t *tree) add(e entry) error {
	h, err := tlog.StoredHashesForRecordHash(int64(len(t.entries)), bulletin.LogHash(e.Envelope), t.reader())
	if err != nil {
		return err
	}
	t.entries, t.hashes = append(t.entries, e), append(t.hashes, h...)
	return nil
}

// commit makes new entries durable and then signs, cosigns and keeps the
// checkpoint. Without new entries it renews the cosignature.
func (t *tree) commit() error {
	for i := t.size; i < int64(len(t.entries)); i++ {
		if err := t.writeEntry(i); err != nil {
			return err
		}
	}
	n := int64(len(t.entries))
	root, err := tlog.TreeHash(n, t.reader())
	if err != nil {
		return err
	}
	if err := t.consistent(n, root); err != nil {
		return err
	}
	if n > t.size || t.newest == nil {
		if err := t.writeHashes(); err != nil {
			return err
		}
	}
	c := torchwood.Checkpoint{Origin: t.keys.log.Name(), Tree: tlog.Tree{N: n, Hash: root}}
	signed, err := note.Sign(t.cosigned(c.String()), t.keys.log, t.keys.witness)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(t.dir, "checkpoint"), signed, 0o600); err != nil {
		return err
	}
	t.size, t.newest = n, signed
	return nil
}

func (t *tree) writeEntry(i int64) error {
	e := t.entries[i]
	at, err := e.At.MarshalJSON()
	if err != nil {
		return err
	}
	// Written by hand: encoding/json would reformat the envelope.
	text := fmt.Appendf(nil, "{\"kind\":%q,\"at\":%s,\"env\":%s}\n", string(e.Kind), at, e.Envelope)
	return durable.WriteFile(t.entryFile(i), text, 0o600)
}

// cosigned is a checkpoint's text with what witnesses have signed for it already.
func (t *tree) cosigned(text string) *note.Note {
	n := &note.Note{Text: text}
	v, err := note.NewVerifier(t.keys.logKey)
	if err != nil || t.newest == nil {
		return n
	}
	if old, err := note.Open(t.newest, note.VerifierList(v)); err == nil && old.Text == text {
		n.UnverifiedSigs = old.UnverifiedSigs
	}
	return n
}

// writeHashes replaces the whole file: 64 bytes an entry, so a year of the
// largest agency is a megabyte.
func (t *tree) writeHashes() error {
	var b bytes.Buffer
	for _, h := range t.hashes {
		b.Write(h[:])
	}
	return durable.WriteFile(filepath.Join(t.dir, "hashes"), b.Bytes(), 0o600)
}

// consistent is the witness's duty: the tree it cosigned last is a prefix of this one.
func (t *tree) consistent(n int64, root tlog.Hash) error {
	if t.size == 0 {
		return nil
	}
	old, err := t.policy.Checkpoint(t.newest)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(n, old.Size, t.reader())
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, n, root, old.Size, old.Hash)
}

// line is an entry with its proof under the newest checkpoint.
func (t *tree) line(i int64) (bulletin.Line, error) {
	p, err := tlog.ProveRecord(t.size, i, t.reader())
	if err != nil {
		return bulletin.Line{}, err
	}
	e := t.entries[i]
	return bulletin.Line{Kind: e.Kind, Envelope: e.Envelope, Proof: torchwood.FormatProof(i, p, t.newest)}, nil
}
