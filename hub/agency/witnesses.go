package agency

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/witness"
)

const (
	witnessesFile = "witnesses.json"
	// AskDir is the folder below the agency's in which asks lie for witnesses that
	// have no server.
	AskDir = "ask"
)

// maxWait is for how long a witness's server is waited for.
const maxWait = 15 * time.Second

// maxDrift is how far this machine's clock and a witness's may differ.
const maxDrift = 10 * time.Minute

// Witness is an independent party that cosigns the log: the C2SP verifier key,
// and where it takes add-checkpoint requests, if it does.
type Witness struct {
	Key  string `json:"key"`
	URL  string `json:"url,omitempty"`
	Seen int64  `json:"seen"` // entries of the tree that it signed for last
}

func loadWitnesses(dir string) ([]Witness, error) {
	text, err := os.ReadFile(filepath.Join(dir, witnessesFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var list []Witness
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", witnessesFile, err)
	}
	return list, nil
}

// quorum are the witnesses of whom a majority must sign before a home believes
// the log: the independent ones, or while there are none the agency's own,
// whose signature then only tells the log's age.
func quorum(dir string, keys signers) ([]string, error) {
	list, err := loadWitnesses(dir)
	if err != nil || len(list) == 0 {
		return []string{keys.witness.Verifier().String()}, err
	}
	var out []string
	for _, w := range list {
		out = append(out, w.Key)
	}
	return out, nil
}

// SetWitness adds a witness, or changes one; url may be empty. Homes learn of it
// when their owners enter the new feed.
func SetWitness(dir string, w Witness) (Feed, error) {
	if _, err := torchwood.NewCosignatureVerifier(w.Key); err != nil {
		return Feed{}, fmt.Errorf("adding witness: this is not a witness's key (name+hash+key): %w", err)
	}
	return changeWitnesses(dir, func(list []Witness) ([]Witness, error) {
		if i := slices.IndexFunc(list, func(x Witness) bool { return x.Key == w.Key }); i >= 0 {
			list[i] = w
			return list, nil
		}
		return append(list, w), nil
	})
}

// RemoveWitness removes the witness of a name or key.
func RemoveWitness(dir, name string) (Feed, error) {
	return changeWitnesses(dir, func(list []Witness) ([]Witness, error) {
		left := slices.DeleteFunc(slices.Clone(list), func(w Witness) bool { return w.Key == name || nameOf(w.Key) == name })
		if len(left) == len(list) {
			return nil, fmt.Errorf("removing witness: there is none named %q", name)
		}
		return left, nil
	})
}

func nameOf(key string) string {
	name, _, _ := strings.Cut(key, "+")
	return name
}

func changeWitnesses(dir string, change func([]Witness) ([]Witness, error)) (Feed, error) {
	p, err := LoadProfile(dir)
	if err != nil {
		return Feed{}, err
	}
	list, err := loadWitnesses(dir)
	if err == nil {
		list, err = change(list)
	}
	if err != nil {
		return Feed{}, err
	}
	keys, err := loadSigners(dir, p.Agency)
	if err != nil {
		return Feed{}, err
	}
	all := make([]string, len(list))
	for i, w := range list {
		all[i] = w.Key
	}
	if _, err := bulletin.NewPolicy(keys.logKey, append(all, keys.witness.Verifier().String())); err != nil {
		return Feed{}, fmt.Errorf("changing witnesses: %w", err)
	}
	if err := writeJSON(filepath.Join(dir, witnessesFile), list); err != nil {
		return Feed{}, err
	}
	return writeFeed(dir, p.Agency)
}

// Asked is what one witness did about a checkpoint.
type Asked struct {
	Name   string
	Signed time.Time // zero if it has not signed
	Ask    string    // file to send it, where it has no server
	Err    error     // of asking its server
}

// askAgain is the age at which a signature is to be renewed: homes warn of one of two days.
const askAgain = 24 * time.Hour

// gather collects the witnesses' signatures for the newest checkpoint: those
// that came as files, and those of servers, which are asked all at once. It keeps what it gets.
func (b *board) gather(ctx context.Context, answers [][]byte) ([]Asked, error) {
	list, err := loadWitnesses(b.agencyDir)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	n, err := b.openNewest(list)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		if err := b.takeAnswer(n, list, a); err != nil {
			return nil, err
		}
	}
	out := make([]Asked, len(list))
	got := make([]*note.Signature, len(list))
	var wg sync.WaitGroup
	for i, w := range list {
		if w.URL == "" {
			continue
		}
		wg.Go(func() { got[i], out[i].Err = b.askServer(ctx, w, n.Text) })
	}
	wg.Wait()
	for i, s := range got {
		if s != nil {
			list[i].Seen = b.size
			keep(n, *s)
		}
	}
	for i, w := range list {
		out[i].Name, out[i].Signed = nameOf(w.Key), signedAt(n, w.Key)
	}
	if err := b.keepNewest(n); err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(b.agencyDir, witnessesFile), list); err != nil {
		return nil, err
	}
	return out, b.writeAsks(list, out)
}

// openNewest opens the newest checkpoint with every signature that is known.
func (b *board) openNewest(list []Witness) (*note.Note, error) {
	logs, err := note.NewVerifier(b.keys.logKey)
	if err != nil {
		return nil, err
	}
	vs := []note.Verifier{logs, b.keys.witness.Verifier()}
	for _, w := range list {
		v, err := torchwood.NewCosignatureVerifier(w.Key)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", witnessesFile, err)
		}
		vs = append(vs, v)
	}
	n, err := note.Open(b.newest, note.VerifierList(vs...))
	if err != nil {
		return nil, fmt.Errorf("opening checkpoint: %w", err)
	}
	n.UnverifiedSigs = nil // of witnesses that were removed
	return n, nil
}

// signedAt is when a witness signed a checkpoint.
func signedAt(n *note.Note, key string) time.Time {
	for _, s := range n.Sigs {
		v, err := torchwood.NewCosignatureVerifier(key)
		if err != nil || s.Name != v.Name() || s.Hash != v.KeyHash() {
			continue
		}
		if sec, err := torchwood.CosignatureTimestamp(s); err == nil {
			return time.Unix(sec, 0).UTC()
		}
	}
	return time.Time{}
}

// keep puts a signature in place of an older one by the same key.
func keep(n *note.Note, s note.Signature) {
	n.Sigs = append(slices.DeleteFunc(n.Sigs, func(o note.Signature) bool { return o.Name == s.Name && o.Hash == s.Hash }), s)
}

func (b *board) keepNewest(n *note.Note) error {
	signed, err := note.Sign(n)
	if err == nil && !bytes.Equal(signed, b.newest) {
		err = durable.WriteFile(filepath.Join(b.dir, "checkpoint"), signed, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keeping signatures: %w", err)
	}
	b.newest = signed
	return nil
}

// takeAnswer finds the witness whose signature a file has.
func (b *board) takeAnswer(n *note.Note, list []Witness, answer []byte) error {
	for i, w := range list {
		v, err := torchwood.NewCosignatureVerifier(w.Key)
		if err != nil {
			return err
		}
		if s, err := witness.Read(answer, n.Text, v); err == nil {
			if err := checkClock(w, s); err != nil {
				return err
			}
			keep(n, s)
			list[i].Seen = b.size
			return nil
		}
	}
	return fmt.Errorf("this is not a signature of one of the witnesses for the tree of %d entries; if the log has grown since it was asked for, send the newest file of %s/", b.size, AskDir)
}

// checkClock compares a witness's clock with this machine's.
func checkClock(w Witness, s note.Signature) error {
	sec, err := torchwood.CosignatureTimestamp(s)
	if err != nil {
		return err
	}
	if at, present := time.Unix(sec, 0), time.Now(); at.Sub(present) > maxDrift {
		return fmt.Errorf("%s signed at %s, and this machine's clock says %s: one of the two clocks is wrong",
			nameOf(w.Key), at.UTC().Format(time.DateTime), present.UTC().Format(time.DateTime))
	}
	return nil
}

// ask is what a witness needs to go from the tree it knows to the newest one.
func (b *board) ask(old int64) ([]byte, error) {
	a := witness.Ask{Old: old, Checkpoint: b.newest}
	if old < 0 || old > b.size {
		return nil, fmt.Errorf("the witness knows a tree of %d entries, and the log has %d: it has seen another log of this key", old, b.size)
	}
	if old > 0 && old < b.size {
		p, err := tlog.ProveTree(b.size, old, b.reader())
		if err != nil {
			return nil, err
		}
		a.Proof = p
	}
	return a.Format(), nil
}

// askServer asks a witness's server, and once more if it knows another tree than we thought.
func (b *board) askServer(ctx context.Context, w Witness, checkpoint string) (*note.Signature, error) {
	v, err := torchwood.NewCosignatureVerifier(w.Key)
	if err != nil {
		return nil, err
	}
	for old, tries := w.Seen, 0; tries < 2; tries++ {
		body, err := b.ask(old)
		if err != nil {
			return nil, err
		}
		status, answer, err := post(ctx, strings.TrimSuffix(w.URL, "/")+"/add-checkpoint", body)
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusConflict:
			if old, err = strconv.ParseInt(strings.TrimSpace(string(answer)), 10, 64); err != nil {
				return nil, errors.New("it answered 409 without a size")
			}
			continue
		case status == http.StatusNotFound || status == http.StatusForbidden:
			return nil, fmt.Errorf("it answered %d: it does not know this log; tell it the log's key", status)
		case status != http.StatusOK:
			return nil, fmt.Errorf("it answered %d", status)
		}
		s, err := witness.Read(answer, checkpoint, v)
		if err != nil {
			return nil, err
		}
		if err := checkClock(w, s); err != nil {
			return nil, err
		}
		return &s, nil
	}
	return nil, errors.New("it knows one tree and then another: somebody else is publishing with this log's key")
}

func post(ctx context.Context, url string, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, witness.MaxAsk+1))
	return resp.StatusCode, answer, err
}

// writeAsks leaves a file for each witness without a server that has not signed
// the newest tree, or not lately, and takes away what was left for older trees.
func (b *board) writeAsks(list []Witness, asked []Asked) error {
	dir := filepath.Join(b.agencyDir, AskDir)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for i, w := range list {
		if w.URL != "" || b.now.Sub(asked[i].Signed) < askAgain {
			continue
		}
		body, err := b.ask(w.Seen)
		if err != nil {
			return fmt.Errorf("%s: %w", asked[i].Name, err)
		}
		if err := durable.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		asked[i].Ask = filepath.Join(dir, fileOf(w.Key)+".ask")
		if err := durable.WriteFile(asked[i].Ask, body, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// fileOf makes a file's name of a witness's.
func fileOf(key string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(nameOf(key)))
	_, rest, _ := strings.Cut(key, "+")
	hash, _, _ := strings.Cut(rest, "+")
	if _, err := hex.DecodeString(hash); err != nil || len(name) > 100 {
		return "witness"
	}
	return strings.TrimLeft(name, ".") + "-" + hash
}
