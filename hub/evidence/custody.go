package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"gatehouse/hub/clip"
	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

const custodyType = "gatehouse.custody/v1"

// custody is custody/cam-X.proof: from the fragments in the videos of one
// camera to the segments they were recorded in.
type custody struct {
	Type     string    `json:"type"`
	Alias    string    `json:"camera"`
	Note     string    `json:"note"`
	Segments []link    `json:"segments"` // by Seq
	Clips    []members `json:"clips"`
}

// link is a segment and its place in the camera's chain: the inputs of
// recording.Segment.MakeLink. While Open, the segment was still being written:
// its leaves are those so far, and root and link do not exist yet.
type link struct {
	Chain    hexBytes   `json:"chain"`
	Run      int64      `json:"run_us"`
	Seq      int64      `json:"seq"`
	Start    int64      `json:"start_us"`
	Clock    int        `json:"clock"`
	Gaps     hexBytes   `json:"gaps"`
	Previous hexBytes   `json:"previous"`
	Leaves   []hexBytes `json:"leaves"` // SHA-256 of the initialisation, then of each fragment
	Open     bool       `json:"open,omitempty"`
	Root     hexBytes   `json:"root,omitempty"`
	Link     hexBytes   `json:"link,omitempty"`
	Noted    *noted     `json:"noted,omitempty"` // where the ledger has the link
}

// members says which fragments a video holds.
type members struct {
	File      string   `json:"file"`
	Fragments []member `json:"fragments"` // in file order, without a gap
}

type member struct {
	Segment int   `json:"segment"` // position in Segments
	Leaf    int   `json:"leaf"`
	Offset  int64 `json:"offset"`
	Size    int64 `json:"size"`
}

// hexBytes are written in hexadecimal.
type hexBytes []byte

// MarshalText implements encoding.TextMarshaler.
func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func (h hexBytes) hash() (v recording.Hash, ok bool) {
	return recording.Hash(append(slices.Clone(h), make([]byte, 32)...)[:32]), len(h) == len(v)
}

func custodyName(alias string) string { return "custody/" + alias + ".proof" }

const custodyNote = "Each leaf is the SHA-256 of a byte range of the videos listed under clips (leaf 0: of the " +
	"initialisation, the first moov box inside mdat). root is the Merkle tree hash of RFC 6962 over the leaves; " +
	"link ties the segment to the one before; noted leads " +
	"from it to an entry of the home's ledger, made within about an hour of the recording. An open segment was still being written when the package was sealed."

// newCustody collects the segments that a camera's videos are made of.
func newCustody(ctx context.Context, a *recording.Archive, alias string, segments []recording.Segment, videos []*video) (*custody, error) {
	c := &custody{Type: custodyType, Alias: alias, Note: custodyNote}
	slices.SortFunc(segments, func(a, b recording.Segment) int { return int(a.Seq - b.Seq) })
	segments = slices.CompactFunc(segments, func(a, b recording.Segment) bool { return a.ID == b.ID })
	at := map[int64]int{}
	for i, s := range segments {
		l, err := newLink(ctx, a, s)
		if err != nil {
			return nil, err
		}
		at[s.ID] = i
		c.Segments = append(c.Segments, l)
	}
	for _, v := range videos {
		m := members{File: v.clip.File}
		for _, f := range v.info.Fragments {
			i := at[f.Segment]
			if want, _ := leaf(c.Segments[i], f.Leaf); want != f.Hash {
				return nil, errors.New("footage changed while it was sealed")
			}
			m.Fragments = append(m.Fragments, member{i, f.Leaf, f.Offset, f.Size})
		}
		c.Clips = append(c.Clips, m)
	}
	return c, nil
}

func leaf(l link, i int) (recording.Hash, bool) {
	if i < 0 || i >= len(l.Leaves) {
		return recording.Hash{}, false
	}
	return l.Leaves[i].hash()
}

func newLink(ctx context.Context, a *recording.Archive, s recording.Segment) (link, error) {
	s, err := present(ctx, a, s)
	if err != nil {
		return link{}, err
	}
	l := link{
		Chain: s.Chain[:], Run: s.Run, Seq: s.Seq, Start: s.Start.UnixMicro(), Clock: int(s.Clock),
		Gaps: s.Gaps[:], Previous: s.Previous[:],
	}
	var leaves []recording.Hash
	if s.State == recording.Open {
		l.Open = true
		leaves, err = leavesSoFar(ctx, a, s)
	} else {
		var p recording.Proof
		p, err = a.Proof(ctx, s)
		leaves, l.Root, l.Link = p.Leaves, s.Root[:], s.Link[:]
		if err == nil {
			l.Noted, err = newNoted(ctx, a, s)
		}
	}
	if err != nil {
		return link{}, fmt.Errorf("proving footage: %w", err)
	}
	for _, h := range leaves {
		l.Leaves = append(l.Leaves, h[:])
	}
	return l, nil
}

// present is the segment's row now: it may have been closed since.
func present(ctx context.Context, a *recording.Archive, s recording.Segment) (recording.Segment, error) {
	rows, err := a.Segments(ctx, s.Camera, s.Stream, s.Start, s.Start.Add(time.Microsecond))
	if err != nil {
		return s, fmt.Errorf("listing segments: %w", err)
	}
	for _, r := range rows {
		if r.ID == s.ID {
			return r, nil
		}
	}
	return s, fmt.Errorf("listing segments: %w", recording.ErrNotFound)
}

// leavesSoFar reads a segment that is still written.
func leavesSoFar(ctx context.Context, a *recording.Archive, s recording.Segment) (leaves []recording.Hash, err error) {
	f, err := a.Open(s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	parsed, err := mp4.Parse(f, f.Size())
	if err != nil {
		return nil, err
	}
	leaves = append(leaves, sha256.Sum256(parsed.Init))
	for i := range parsed.Fragments {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(f, parsed.Fragments[i].Offset, parsed.Fragments[i].Size)); err != nil {
			return nil, err
		}
		leaves = append(leaves, recording.Hash(h.Sum(nil)))
	}
	return leaves, nil
}

// check recomputes roots, links and the way to the roots that ledger entries
// note. It says how many segments were still open, and how many the ledger has.
func (c *custody) check(roots []recording.Hash) (open, inLedger int, err error) {
	if c.Type != custodyType {
		return 0, 0, fmt.Errorf("unknown type %.80q", c.Type)
	}
	for i := range c.Segments {
		l := &c.Segments[i]
		if l.Open {
			open++
			if len(l.Root) > 0 || len(l.Link) > 0 || l.Noted != nil {
				return open, 0, fmt.Errorf("segment %d is said to be open and has a root", i)
			}
			continue
		}
		if err := l.check(); err != nil {
			return open, inLedger, fmt.Errorf("segment %d: %w", i, err)
		}
		if l.Noted != nil {
			if err := l.Noted.check(l, roots); err != nil {
				return open, inLedger, fmt.Errorf("segment %d: %w", i, err)
			}
			inLedger++
		}
		if i == 0 {
			continue
		}
		before := &c.Segments[i-1]
		if l.Seq <= before.Seq || !slices.Equal(l.Chain, before.Chain) {
			return open, inLedger, fmt.Errorf("segment %d is out of order or of another chain", i)
		}
		if l.Seq == before.Seq+1 && !before.Open && !slices.Equal(l.Previous, before.Link) {
			return open, inLedger, fmt.Errorf("segment %d does not follow the one before it", i)
		}
	}
	return open, inLedger, nil
}

func (l *link) check() error {
	leaves := make([]recording.Hash, len(l.Leaves))
	for i := range l.Leaves {
		v, ok := leaf(*l, i)
		if !ok {
			return fmt.Errorf("leaf %d is no SHA-256", i)
		}
		leaves[i] = v
	}
	s := recording.Segment{Run: l.Run, Seq: l.Seq, Start: time.UnixMicro(l.Start), Clock: rtsp.ClockQuality(l.Clock)}
	root, ok1 := l.Root.hash()
	want, ok2 := l.Link.hash()
	previous, ok3 := l.Previous.hash()
	gaps, ok4 := l.Gaps.hash()
	if !ok1 || !ok2 || !ok3 || !ok4 || copy(s.Chain[:], l.Chain) != len(s.Chain) || len(l.Chain) != len(s.Chain) ||
		l.Clock < 0 || l.Clock > 255 || l.Seq < 0 {
		return errors.New("a field is malformed")
	}
	s.Root, s.Previous, s.Gaps = root, previous, gaps
	if recording.Root(leaves) != root {
		return errors.New("its leaves do not give its root")
	}
	if s.MakeLink() != want {
		return errors.New("its link does not match")
	}
	return nil
}

// of returns what a video is made of; nil if the proof says nothing of it.
func (c *custody) of(file string) *members {
	for i := range c.Clips {
		if c.Clips[i].File == file {
			return &c.Clips[i]
		}
	}
	return nil
}

// video is a clip on its way into a package.
type video struct {
	camera string // the owner's name; stays here
	file   *clip.MP4
	info   clip.Info
	clip   Clip
	parts  []recording.Segment
}
