package agency

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// backfill is how long a hub may have been away and still read hour by hour.
const backfill = 48 * time.Hour

// PublishConfig says where to publish.
type PublishConfig struct {
	Dir    string    // the agency's folder
	Public string    // what a web server serves; default Dir/public, which only the folder's owner can reach
	Now    time.Time // decides hours and expiry; cosignatures always carry the clock's time
}

// Published is what Publish left.
type Published struct {
	Size   int64 // entries in the log
	Added  int   // new ones
	Active int   // lines of active.ghb: the profile, and requests that have not expired
}

// Publish appends envelopes to the agency's log and writes the bulletin: the
// checkpoint, active.ghb, and the file of the current hour. The signed profile is
// published first if the log does not have it. Envelopes already in the log are
// left alone, so a failed Publish may be repeated; without new ones the cosignature is renewed, which keeps hubs
// from taking the bulletin for stale.
//
// Every envelope is checked as a hub would check it, and against the log: a
// revision follows the newest one of its request.
func Publish(cfg PublishConfig, envelopes ...[]byte) (Published, error) {
	profile, err := LoadProfile(cfg.Dir)
	if err != nil {
		return Published{}, err
	}
	t, err := openTree(cfg.Dir, profile.Agency)
	if err != nil {
		return Published{}, fmt.Errorf("opening log: %w", err)
	}
	if cfg.Public == "" {
		cfg.Public = filepath.Join(cfg.Dir, "public")
	}
	b := board{tree: t, profile: profile, now: now(cfg.Now), public: cfg.Public}
	p, err := b.publish(envelopes)
	if err := errors.Join(err, t.close()); err != nil {
		return Published{}, fmt.Errorf("publishing: %w", err)
	}
	return p, nil
}

// board is one Publish.
type board struct {
	*tree
	profile bulletin.VerifiedProfile
	now     time.Time
	public  string
	latest  map[string]revision // each request's newest revision, by id
}

type revision struct {
	index   int64
	hash    [32]byte
	request bulletin.Request
}

func (b *board) publish(envelopes [][]byte) (Published, error) {
	if err := b.index(); err != nil {
		return Published{}, err
	}
	before := len(b.entries)
	if err := b.admit(bulletin.KindProfile, b.profile.Envelope); err != nil {
		return Published{}, err
	}
	for i, env := range envelopes {
		if err := b.request(env); err != nil {
			return Published{}, fmt.Errorf("request %d: %w", i+1, err)
		}
	}
	added := len(b.entries) - before
	// The hours of the last publication and since: they may lack files or lines.
	since := b.lastTime()
	if err := b.commit(); err != nil {
		return Published{}, fmt.Errorf("writing log: %w", err)
	}
	active, err := b.write(since)
	return Published{Size: b.size, Added: added, Active: active}, err
}

// index finds each request's newest revision. Entries were checked when they
// were added; under a profile since replaced they no longer open, so they are only parsed.
func (b *board) index() error {
	b.latest = map[string]revision{}
	for i, e := range b.entries {
		if e.Kind != bulletin.KindRequest && e.Kind != bulletin.KindUpdate {
			continue
		}
		q, err := bulletin.ReadRequest(e.Envelope)
		if err != nil {
			return fmt.Errorf("reading entry %d: %w", i, err)
		}
		b.latest[q.ID] = revision{int64(i), sha256.Sum256(e.Envelope), q}
	}
	return nil
}

func (b *board) has(env []byte) bool {
	return slices.ContainsFunc(b.entries, func(e entry) bool { return bytes.Equal(e.Envelope, env) })
}

func (b *board) admit(k bulletin.Kind, env []byte) error {
	if b.has(env) {
		return nil
	}
	return b.add(entry{Kind: k, At: b.now, Envelope: env})
}

func (b *board) request(env []byte) error {
	env = bytes.TrimSpace(env)
	if b.has(env) {
		return nil
	}
	q, err := bulletin.OpenRequest(env, b.profile)
	if err != nil {
		return err
	}
	if err := bulletin.CheckLimits(q, b.profile, b.now); err != nil {
		return err
	}
	kind := bulletin.KindUpdate
	switch last, ok := b.latest[q.ID]; {
	case !ok && q.Revision != 1:
		return errors.New("the revision before this one is not in the log")
	case !ok:
		kind = bulletin.KindRequest
	case q.Revision != last.request.Revision+1 || q.Supersedes != hex.EncodeToString(last.hash[:]):
		return errors.New("this revision does not follow the newest one in the log")
	case last.request.Status != bulletin.StatusOpen:
		return errors.New("the request has been closed or withdrawn")
	}
	if err := b.admit(kind, env); err != nil {
		return err
	}
	b.latest[q.ID] = revision{int64(len(b.entries) - 1), sha256.Sum256(env), q}
	return nil
}

// lastTime is when the log was last cosigned, at most backfill ago.
func (b *board) lastTime() time.Time {
	earliest := b.now.Add(-backfill)
	if b.tree.newest == nil {
		return b.now
	}
	c, err := b.policy.Checkpoint(b.tree.newest)
	if err != nil || c.Time.After(b.now) {
		return b.now
	}
	if c.Time.Before(earliest) {
		return earliest
	}
	return c.Time
}

// write writes the public files, the checkpoint last: what it commits to is
// there when it is read.
func (b *board) write(since time.Time) (active int, err error) {
	epochs := filepath.Join(b.public, filepath.FromSlash(bulletin.EpochDir))
	if err := durable.MkdirAll(epochs, 0o755); err != nil {
		return 0, err
	}
	if err := b.tiles(); err != nil {
		return 0, fmt.Errorf("writing tiles: %w", err)
	}
	for h := since.Truncate(time.Hour); !h.After(b.now); h = h.Add(time.Hour) {
		name := filepath.Join(epochs, h.UTC().Format("2006010215")+".ghb")
		if err := b.epoch(name, h); err != nil {
			return 0, err
		}
	}
	lines, err := b.active()
	if err != nil {
		return 0, err
	}
	if err := writeFile(filepath.Join(b.public, bulletin.ActivePath), lines); err != nil {
		return 0, err
	}
	return len(lines), durable.WriteFile(filepath.Join(b.public, bulletin.CheckpointPath), b.tree.newest, 0o644)
}

// epoch writes the file of an hour. One that is over and has all its lines
// stays as it is; one that a crash left without some is written again.
func (b *board) epoch(name string, hour time.Time) error {
	var lines []bulletin.Line
	for i, e := range b.entries {
		if e.Envelope == nil || !e.At.Truncate(time.Hour).Equal(hour) {
			continue
		}
		l, err := b.line(int64(i))
		if err != nil {
			return err
		}
		lines = append(lines, l)
	}
	if over := !b.now.Before(hour.Add(time.Hour)); over && holds(name, lines) {
		return nil
	}
	return writeFile(name, lines)
}

// holds reports whether a file has at least those lines' envelopes.
func holds(name string, lines []bulletin.Line) bool {
	data, err := os.ReadFile(name)
	if err != nil {
		return false
	}
	there := map[string]bool{}
	err = bulletin.ReadFile(data, func(l bulletin.Line) error {
		there[string(l.Envelope)] = true
		return nil
	}, nil)
	missing := slices.ContainsFunc(lines, func(l bulletin.Line) bool { return !there[string(l.Envelope)] })
	return err == nil && !missing
}

// active lists the newest profile, and the newest revision of each request
// until it expires; those closed or withdrawn too, for hubs that have seen them open.
func (b *board) active() ([]bulletin.Line, error) {
	var lines []bulletin.Line
	for i := len(b.entries) - 1; i >= 0; i-- {
		e := b.entries[i]
		if e.Kind == bulletin.KindProfile && bytes.Equal(e.Envelope, b.profile.Envelope) {
			l, err := b.line(int64(i))
			if err != nil {
				return nil, err
			}
			lines = append(lines, l)
		}
	}
	var open []int64
	for _, r := range b.latest {
		if b.now.Before(r.request.ExpiresAt) {
			open = append(open, r.index)
		}
	}
	slices.Sort(open)
	for _, i := range open {
		l, err := b.line(i)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func writeFile(name string, lines []bulletin.Line) error {
	data, err := bulletin.WriteFile(lines)
	if err != nil {
		return err
	}
	return durable.WriteFile(name, data, 0o644)
}
