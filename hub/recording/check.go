package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/hub/internal/mp4"
)

// Proof places a segment's hashes in the chain of its stream.
type Proof struct {
	Camera   string `json:"-"` // never leaves the home
	Segment  Segment
	Leaves   []Hash // init, then fragments, in file order
	Previous Hash
}

// Proof reads a closed segment and returns its leaf hashes; it fails if they
// do not give the segment's Root.
func (a *Archive) Proof(ctx context.Context, s Segment) (Proof, error) {
	if err := ctx.Err(); err != nil {
		return Proof{}, err
	}
	if s.State == Open {
		return Proof{}, fmt.Errorf("proving segment %d: it is still open", s.ID)
	}
	f, err := a.Open(s)
	if err != nil {
		return Proof{}, fmt.Errorf("proving: %w", err)
	}
	leaves, _, err := inspect(f, s)
	if err = errors.Join(err, f.Close()); err != nil {
		return Proof{}, fmt.Errorf("proving segment %d: %w", s.ID, err)
	}
	if s.MakeLink() != s.Link {
		return Proof{}, fmt.Errorf("proving segment %d: its link does not match", s.ID)
	}
	return Proof{Camera: s.Camera, Segment: s, Leaves: leaves, Previous: s.Previous}, nil
}

// errBits means that a file's content is not what its root says.
var errBits = errors.New("content does not match its root")

// inspect reads a closed segment's file and compares it with its row.
func inspect(f File, s Segment) ([]Hash, *mp4.File, error) {
	parsed, err := mp4.Parse(f, s.Bytes)
	if err != nil {
		return nil, nil, err
	}
	leaves, err := readLeaves(f, parsed)
	if err != nil {
		return nil, nil, err
	}
	if Root(leaves) != s.Root {
		return leaves, parsed, errBits
	}
	id := parsed.Ident
	if id.Chain != s.Chain || id.Run != s.Run || id.Seq != s.Seq || id.Previous != s.Previous || !id.Start.Equal(s.Start) {
		return leaves, parsed, errors.New("the file names another place in the chain")
	}
	return leaves, parsed, nil
}

// Finding is one result of Check.
type Finding struct {
	Kind   string // "bit" "missing" "order" "chain" "ledger" "deleted" "stray" "open" "index"
	Camera string
	Stream string
	Path   string
	Detail string // plain words
	Damage bool   // false for notes such as deleted by rule
}

// Check re-verifies files, index, chain and what the ledger notes of them, and
// reports each finding. It reads everything and changes nothing; it needs no running Archive. An error means
// that it could not go on.
func Check(ctx context.Context, cfg ArchiveConfig, report func(Finding)) error {
	return check(ctx, cfg, osFiles{}, report)
}

// checker is one run of Check.
type checker struct {
	a       *Archive
	report  func(Finding)
	known   map[string]bool // absolute names of files that the index speaks of
	garbage map[int64]bool
	noted   map[[16]byte]*noted // by chain
}

func check(ctx context.Context, cfg ArchiveConfig, fsys files, report func(Finding)) error {
	c := &checker{report: report, known: map[string]bool{}, garbage: map[int64]bool{}, a: &Archive{cfg: cfg}}
	for _, dc := range cfg.Disks {
		c.a.disks = append(c.a.disks, c.look(dc, fsys))
	}
	garbage, err := cfg.Index.Garbage(ctx)
	if err != nil {
		return err
	}
	for _, s := range garbage {
		c.garbage[s.ID] = true
	}
	if err := c.readHeads(ctx); err != nil {
		return err
	}
	streams, err := cfg.Index.Streams(ctx)
	if err != nil {
		return err
	}
	for _, s := range streams {
		if err := c.stream(ctx, s[0], s[1]); err != nil {
			return err
		}
	}
	c.lostChains()
	for _, d := range c.a.disks {
		if err := c.strays(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// look opens a disk for reading only.
func (c *checker) look(dc DiskConfig, fsys files) *disk {
	d := newDisk(dc, fsys, c.a.cfg.Log)
	v, err := fsys.Volume(d.cfg.Path)
	if err == nil {
		d.id, err = readMarker(v)
		_ = v.Close() // it was only read
	}
	if err != nil {
		c.report(Finding{Kind: "missing", Path: dc.Path, Detail: "the disk's marker file is not there: its footage is not checked", Damage: true})
	}
	return d
}

// stream checks one chain and its files.
func (c *checker) stream(ctx context.Context, camera, stream string) error {
	rows, err := c.a.cfg.Index.Chain(ctx, camera, stream, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	c.heads(rows)
	deleted := map[string]int{}
	for i, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		find := func(kind string, damage bool, format string, args ...any) {
			c.report(Finding{Kind: kind, Camera: camera, Stream: stream, Path: row.Path, Detail: fmt.Sprintf(format, args...), Damage: damage})
		}
		c.order(rows, i, find)
		if err := c.gaps(ctx, row.Segment, find); err != nil {
			return err
		}
		if !row.Deleted.IsZero() {
			deleted[row.Why]++
			if row.Why == "" {
				find("deleted", true, "deleted without a rule")
			}
			if c.garbage[row.ID] {
				c.know(row.Segment)
			}
			continue
		}
		c.know(row.Segment)
		c.segment(row.Segment, find)
	}
	for why, n := range deleted {
		c.report(Finding{Kind: "deleted", Camera: camera, Stream: stream, Detail: fmt.Sprintf("%d deleted by rule: %s", n, why)})
	}
	return nil
}

type findFunc func(kind string, damage bool, format string, args ...any)

// order checks that a row follows the one before.
func (c *checker) order(rows []ChainRow, i int, find findFunc) {
	row, next := rows[i], int64(0)
	if i > 0 {
		next = rows[i-1].Seq + 1
	}
	switch {
	case c.ruled(row.Chain, next, row.Seq): // the index was made anew since, and heads tells
	case i == 0 && row.Seq != 0:
		find("order", true, "the chain begins at %d: the segments before are gone from the index", row.Seq)
	case row.Seq != next:
		find("order", true, "%d follows %d: the segments between are gone from the index", row.Seq, rows[i-1].Seq)
	case i > 0 && row.Previous != rows[i-1].Link:
		switch {
		case rows[i-1].State == Open:
			find("chain", false, "the segment before was never closed: its disk is missing or its file is lost")
		case rows[i-1].State == Recovered && row.Previous == Hash{}:
			find("chain", false, "it was begun while the disk of the segment before was missing")
		default:
			find("chain", true, "it does not continue the segment before")
		}
	case i == 0 && row.Previous != Hash{}:
		find("chain", true, "the first segment names one before it")
	}
	if row.State != Open && row.MakeLink() != row.Link {
		if c.ruled(row.Chain, next, row.Seq) {
			find("chain", false, "what was missing before it was forgotten when the index was made anew: its link cannot be computed")
		} else {
			find("chain", true, "its link does not match its fields")
		}
	}
	if i > 0 && row.Chain != rows[i-1].Chain {
		find("chain", true, "it belongs to another chain")
	}
}

// gaps checks the gap rows that a segment has committed to.
func (c *checker) gaps(ctx context.Context, s Segment, find findFunc) error {
	if s.Seq == 0 && s.Gaps == (Hash{}) {
		return nil // the chain begins here
	}
	gaps, err := c.a.cfg.Index.Gaps(ctx, s.Camera, s.Stream, s.Start, s.Start.Add(time.Microsecond))
	if err != nil {
		return err
	}
	if GapDigest(gapsEndingAt(gaps, s.Start)) != s.Gaps {
		find("index", true, "the gaps before the segment were changed")
	}
	return nil
}

func (c *checker) know(s Segment) {
	if d := c.a.disk(s.Disk); d != nil {
		c.known[filepath.Join(d.cfg.Path, filepath.FromSlash(s.Path))] = true
	}
}

// segment checks a file.
func (c *checker) segment(s Segment, find findFunc) {
	if c.a.disk(s.Disk) == nil {
		find("missing", true, "its disk is not here")
		return
	}
	f, err := c.a.Open(s)
	if errors.Is(err, ErrNotFound) {
		find("missing", true, "the file is gone, and no rule deleted it")
		return
	}
	if err != nil {
		find("missing", true, "the file cannot be opened: %s", plain(err))
		return
	}
	defer f.Close()
	if s.State == Open {
		find("open", false, "it is being written, or waits for recovery")
		return
	}
	_, parsed, err := inspect(f, s)
	switch {
	case errors.Is(err, errBits):
		find("bit", true, "its content was changed or damaged")
	case err != nil:
		find("bit", true, "it cannot be read: %v", err)
	default:
		row := describe(s, parsed)
		if row.Duration != s.Duration && s.State == Closed || row.KeyFrames != s.KeyFrames {
			find("index", true, "the index says %s and %d key frames, the file %s and %d", s.Duration, s.KeyFrames, row.Duration, row.KeyFrames)
		}
	}
}

// strays reports files that the index does not speak of.
func (c *checker) strays(ctx context.Context, d *disk) error {
	if d.id == "" {
		return nil
	}
	root := filepath.Join(d.cfg.Path, folder)
	return filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			if !gone(err) {
				c.report(Finding{Kind: "stray", Path: name, Detail: "the folder cannot be read: " + plain(err), Damage: true})
			}
			return nil
		}
		if cerr := ctx.Err(); cerr != nil {
			return cerr
		}
		if e.IsDir() || c.known[name] {
			return nil
		}
		rel, _ := filepath.Rel(d.cfg.Path, name)
		detail := "a file that the index does not know"
		if strings.HasSuffix(name, ".tail") {
			detail = "what a crash left after the last whole fragment of a segment"
		}
		c.report(Finding{Kind: "stray", Path: filepath.ToSlash(rel), Detail: detail})
		return nil
	})
}
