package agency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

	Cosignatures [][]byte        // witnesses' answers that came as files
	Context      context.Context // ends the asking of witnesses; default never
}

// Published is what Publish left.
type Published struct {
	Size    int64     // entries in the log
	Added   int       // new ones
	Known   int       // envelopes that were in the log already
	Active  int       // lines of active.ghb: the profile, requests that have not expired, and late dispositions
	Asked   []Asked   // independent witnesses
	Waiting bool      // for witnesses: nothing was changed in public
	Expires time.Time // of the profile
}

// Publish appends envelopes to the agency's log and writes the bulletin: the
// checkpoint, active.ghb, and the file of the current hour. The signed profile is
// published first if the log does not have it. Envelopes already in the log are
// left alone, so a failed Publish may be repeated; without new ones the cosignature is renewed, which keeps hubs
// from taking the bulletin for stale.
//
// Every envelope is checked as a hub would check it, and against the log: a
// revision follows the newest one of its request. With independent witnesses
// nothing becomes public before a majority of them has signed for the tree;
// what is in the log by then becomes public with the first Publish after that.
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
	if cfg.Context == nil {
		cfg.Context = context.Background()
	}
	b := board{tree: t, agencyDir: cfg.Dir, profile: profile, now: now(cfg.Now), public: cfg.Public}
	p, err := b.publish(cfg.Context, envelopes, cfg.Cosignatures)
	if err := errors.Join(err, t.close()); err != nil {
		return Published{}, fmt.Errorf("publishing: %w", err)
	}
	return p, nil
}

// board is one Publish.
type board struct {
	*tree
	agencyDir string
	profile   bulletin.VerifiedProfile
	now       time.Time
	public    string
	latest    map[string]revision // each request's newest revision, by id
	answered  map[string]string   // each package's newest disposition, by digest
}

type revision struct {
	index   int64
	hash    [32]byte
	request bulletin.Request
}

func (b *board) publish(ctx context.Context, envelopes, cosignatures [][]byte) (Published, error) {
	if err := b.index(); err != nil {
		return Published{}, err
	}
	if err := b.checkTime(); err != nil {
		return Published{}, err
	}
	done, err := b.loadProgress()
	if err != nil {
		return Published{}, err
	}
	before := len(b.entries)
	if err := b.admit(bulletin.KindProfile, b.profile.Envelope); err != nil {
		return Published{}, err
	}
	known := 0
	for i, env := range envelopes {
		env = bytes.TrimSpace(env)
		if b.has(env) {
			known++
			continue
		}
		if err := b.take(env); err != nil {
			return Published{}, fmt.Errorf("document %d: %w", i+1, err)
		}
	}
	p := Published{Added: len(b.entries) - before, Known: known, Expires: b.profile.Expires}
	if err := b.commit(); err != nil {
		return Published{}, fmt.Errorf("writing log: %w", err)
	}
	p.Size = b.size
	if p.Asked, err = b.gather(ctx, cosignatures); err != nil {
		return Published{}, err
	}
	feed, err := writeFeed(b.agencyDir, b.profile.Agency)
	if err != nil {
		return Published{}, err
	}
	policy, err := bulletin.NewPolicy(feed.Log, feed.Witnesses)
	if err != nil {
		return Published{}, err
	}
	if _, err := policy.Checkpoint(b.newest); err != nil {
		p.Waiting = true
		return p, nil
	}
	if err := b.stamp(done.Size); err != nil {
		return Published{}, fmt.Errorf("writing log: %w", err)
	}
	p.Active, err = b.write(done.At, feed)
	if err == nil {
		err = writeJSON(filepath.Join(b.dir, progressFile), progress{b.size, b.now})
	}
	return p, err
}

// checkTime refuses to go on with a clock that went backwards: homes take no
// checkpoint for newer than its signatures say.
func (b *board) checkTime() error {
	if b.newest == nil {
		return nil
	}
	c, err := b.policy.Checkpoint(b.newest)
	if err != nil {
		return err
	}
	if present := time.Now(); c.Time.Sub(present) > maxDrift {
		return fmt.Errorf("this machine's clock says %s, but it signed the log at %s: set the clock",
			present.UTC().Format(time.DateTime), c.Time.Format(time.DateTime))
	}
	return nil
}

// progress is what the public has: so many entries, since that time.
type progress struct {
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
}

const progressFile = "published"

// loadProgress also bounds At: no home that was away for longer reads hour by hour.
func (b *board) loadProgress() (progress, error) {
	p := progress{At: b.now}
	name := filepath.Join(b.dir, progressFile)
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return p, writeJSON(name, p)
	case err != nil:
		return p, err
	}
	if err := json.Unmarshal(text, &p); err != nil || p.Size < 0 || p.Size > b.size {
		return p, errors.New("log/" + progressFile + " is not what this program wrote; restore it from a backup")
	}
	if earliest := b.now.Add(-backfill); p.At.Before(earliest) {
		p.At = earliest
	}
	if p.At.After(b.now) {
		p.At = b.now
	}
	return p, nil
}

// stamp gives the entries that become public now their hour: homes read each
// hour's file once, soon after it.
func (b *board) stamp(from int64) error {
	for i := from; i < b.size; i++ {
		e := &b.entries[i]
		if e.Envelope == nil || e.At.Truncate(time.Hour).Equal(b.now.Truncate(time.Hour)) {
			continue
		}
		e.At = b.now
		if err := b.writeEntry(i); err != nil {
			return err
		}
	}
	return nil
}

// index finds each request's newest revision and each package's newest
// disposition. Entries were checked when they
// were added; under a profile since replaced they no longer open, so they are only parsed.
func (b *board) index() error {
	b.latest, b.answered = map[string]revision{}, map[string]string{}
	for i, e := range b.entries {
		switch {
		case e.Envelope == nil:
		case e.Kind == bulletin.KindRequest || e.Kind == bulletin.KindUpdate:
			q, err := bulletin.ReadRequest(e.Envelope)
			if err != nil {
				return fmt.Errorf("reading entry %d: %w", i, err)
			}
			b.latest[q.ID] = revision{int64(i), sha256.Sum256(e.Envelope), q}
		case e.Kind == bulletin.KindDisposition:
			d, err := bulletin.PeekDisposition(e.Envelope)
			if err != nil {
				return fmt.Errorf("reading entry %d: %w", i, err)
			}
			b.answered[d.SHA256] = d.State
		}
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

// take admits a request or a disposition.
func (b *board) take(env []byte) error {
	if _, err := bulletin.PeekDisposition(env); err == nil {
		return b.disposition(env)
	}
	return b.request(env)
}

func (b *board) disposition(env []byte) error {
	d, err := bulletin.OpenDisposition(env, b.profile)
	if err != nil {
		return err
	}
	if before := b.answered[d.SHA256]; !bulletin.Follows(before, d.State) {
		return fmt.Errorf("the log says of this package already that it was %s; %s cannot follow that", before, d.State)
	}
	b.answered[d.SHA256] = d.State
	return b.admit(bulletin.KindDisposition, env)
}

func (b *board) request(env []byte) error {
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
		return errEnded
	}
	if err := b.admit(kind, env); err != nil {
		return err
	}
	b.latest[q.ID] = revision{int64(len(b.entries) - 1), sha256.Sum256(env), q}
	return nil
}

// write writes the public files, the checkpoint last: what it commits to is
// there when it is read.
func (b *board) write(since time.Time, feed Feed) (active int, err error) {
	epochs := filepath.Join(b.public, filepath.FromSlash(bulletin.EpochDir))
	if err := durable.MkdirAll(epochs, 0o755); err != nil {
		return 0, err
	}
	if err := b.sweep(); err != nil {
		return 0, err
	}
	if err := b.wellKnown(feed); err != nil {
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

// lateWord is for how long active.ghb has what became of a package, for homes that were away.
const lateWord = 60 * 24 * time.Hour

// active lists the newest profile, the newest revision of each request
// until it expires, those closed or withdrawn too, for hubs that have seen them open, and what became of packages lately.
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
	for i, e := range b.entries {
		if e.Kind == bulletin.KindDisposition && e.Envelope != nil && b.now.Sub(e.At) < lateWord {
			open = append(open, int64(i))
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
