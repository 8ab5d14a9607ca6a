package recording

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/rtsp"
)

// ErrNotEmpty is returned by Rebuild for an index that has rows.
var ErrNotEmpty = errors.New("the index is not empty")

// Rebuild fills an empty index from the files on the disks, for when the
// database is lost. It reads every byte, and changes no file; files it cannot
// read are reported. No Archive may be open.
//
// Cameras, times and chain come back whole. Of gaps the links tell the reason
// where a single one lies between two segments; what a rule deleted before
// cannot be told from what is missing. Holds are the requests' to put again.
func Rebuild(ctx context.Context, cfg ArchiveConfig, report func(Finding)) (segments int, err error) {
	streams, err := cfg.Index.Streams(ctx)
	if err != nil {
		return 0, err
	}
	if len(streams) > 0 {
		return 0, fmt.Errorf("rebuilding index: %w", ErrNotEmpty)
	}
	c := &checker{report: report, a: &Archive{cfg: cfg}}
	var all []Segment
	for _, dc := range cfg.Disks {
		d := c.look(dc, osFiles{})
		if d.id == "" {
			continue
		}
		c.a.disks = append(c.a.disks, d)
		found, err := c.find(ctx, d)
		if err != nil {
			return 0, fmt.Errorf("rebuilding index: %w", err)
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b Segment) int {
		return cmp.Or(strings.Compare(a.Camera, b.Camera), strings.Compare(a.Stream, b.Stream),
			cmp.Compare(a.Seq, b.Seq), cmp.Compare(b.Bytes, a.Bytes))
	})
	all = slices.CompactFunc(all, func(a, b Segment) bool {
		return a.Camera == b.Camera && a.Stream == b.Stream && a.Seq == b.Seq
	})
	for i := range all {
		var before, after *Segment
		if i > 0 && follows(all[i-1], all[i]) {
			before = &all[i-1]
		}
		if i+1 < len(all) && follows(all[i], all[i+1]) && all[i+1].Previous != (Hash{}) {
			after = &all[i+1]
		}
		if err := c.adopt(ctx, before, &all[i], after); err != nil {
			return i, fmt.Errorf("rebuilding index: %w", err)
		}
	}
	return len(all), nil
}

// follows reports whether b is the segment after a in its chain.
func follows(a, b Segment) bool {
	return a.Camera == b.Camera && a.Stream == b.Stream && a.Chain == b.Chain && a.Seq+1 == b.Seq
}

// find reads the segments of a disk. Link is not known yet.
func (c *checker) find(ctx context.Context, d *disk) (all []Segment, err error) {
	v, err := d.fs.Volume(d.cfg.Path)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	root := filepath.Join(d.cfg.Path, folder)
	err = filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(d.cfg.Path, name)
		if err != nil {
			return err
		}
		parts := strings.Split(filepath.ToSlash(rel), "/")
		if len(parts) != 6 || !strings.HasSuffix(name, ".mp4") || !nameOK.MatchString(parts[1]) || !nameOK.MatchString(parts[2]) {
			return nil
		}
		s, err := readSegment(v, filepath.ToSlash(rel))
		if err != nil {
			c.report(Finding{Kind: "bit", Camera: parts[1], Stream: parts[2], Path: filepath.ToSlash(rel), Detail: "it cannot be read: " + err.Error(), Damage: true})
			return nil
		}
		s.Camera, s.Stream, s.Path, s.Disk = parts[1], parts[2], filepath.ToSlash(rel), d.id
		all = append(all, s)
		return nil
	})
	if gone(err) {
		err = nil
	}
	return all, err
}

// readSegment describes a file by what is in it.
func readSegment(v volume, name string) (s Segment, err error) {
	f, err := find(v, name, false)
	if err != nil {
		return s, err
	}
	p := f.parsed
	s = describe(Segment{Run: p.Run, Seq: p.Seq, Start: p.Start, Chain: p.Chain, Previous: p.Previous, State: Open}, p)
	if p.Closed { // OpenArchive recovers the others
		s.State, s.Bytes, s.Root = Closed, f.size, Root(f.leaves)
	}
	return s, f.Close()
}

// reasons are what a gap between two segments can have been.
var reasons = []rtsp.Reason{
	rtsp.ReasonRefused, rtsp.ReasonAuth, rtsp.ReasonStalled, rtsp.ReasonClosed, rtsp.ReasonLost, rtsp.ReasonGarbage,
	rtsp.ReasonSlow, rtsp.ReasonCodec, rtsp.ReasonClock, rtsp.ReasonSSRC, rtsp.ReasonUntrusted, rtsp.ReasonNoCodec, rtsp.ReasonShutdown,
	rtsp.ReasonOff, rtsp.ReasonNoMotion, rtsp.ReasonStore, rtsp.ReasonCrash,
}

// links tells a segment's right link from wrong ones. The segment after names
// it; for the last one the ledger may: those before it are in the index.
func (c *checker) links(ctx context.Context, s Segment, after *Segment) (right func(Hash) bool, err error) {
	if after != nil {
		return func(link Hash) bool { return link == after.Previous }, nil
	}
	none := func(Hash) bool { return false }
	if c.a.cfg.Heads == nil {
		return none, nil
	}
	heads, err := c.a.cfg.Heads.HeadsWith(ctx, s.Chain, s.Seq)
	if errors.Is(err, ErrNotFound) {
		return none, nil
	}
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(heads.Chains, func(h Head) bool { return h.Chain == s.Chain })
	if i < 0 {
		return none, nil
	}
	before, _, err := linksOf(ctx, c.a.cfg.Index, heads.Chains[i], -1)
	return func(link Hash) bool { return Root(append(slices.Clip(before), link)) == heads.Chains[i].Links }, err
}

// adopt adds a segment and the gap before it. With its link known, the guess
// that gives this link is no guess.
func (c *checker) adopt(ctx context.Context, before, s, after *Segment) error {
	var missing *Gap
	guesses := []*Gap{nil}
	if before != nil && s.Start.After(before.End()) {
		for _, r := range reasons {
			guesses = append(guesses, &Gap{
				Camera: s.Camera, Stream: s.Stream, From: before.End(), To: s.Start, Reason: r, Detail: "found again from the files",
			})
		}
		missing = guesses[len(guesses)-1]
		if s.Start.Sub(before.End()) < time.Second {
			missing = nil
		}
	}
	if s.State != Open {
		right, err := c.links(ctx, *s, after)
		if err != nil {
			return err
		}
		for _, g := range guesses {
			s.Gaps = digestOf(g)
			if right(s.MakeLink()) {
				missing = g
				break
			}
		}
	}
	s.Gaps = digestOf(missing)
	if s.State != Open {
		s.Link = s.MakeLink()
		if after != nil {
			s.Link = after.Previous
		}
	}
	if missing != nil {
		if _, err := c.a.cfg.Index.AddGap(ctx, *missing); err != nil {
			return err
		}
	}
	_, err := c.a.cfg.Index.AddSegment(ctx, *s)
	return err
}

func digestOf(g *Gap) Hash {
	if g == nil {
		return Hash{}
	}
	return GapDigest([]Gap{*g})
}
