package clip

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/hub/recording"
)

// table is what a segment file holds, by groups.
type table struct {
	segment recording.Segment
	file    *mp4.File
	lead    int // the track that groups follow: video, or audio where there is none
	groups  []group
}

// group is a fragment of the lead track and those of other tracks that follow
// it: what is cut as one.
type group struct {
	first, n  int // fragments in file order
	from, to  time.Time
	base, end int64 // decode times on the run's timeline, ticks of the lead track
	sync      bool  // decoding can start here
	bytes     int64
}

func newTable(s recording.Segment, f *mp4.File) *table {
	t := &table{segment: s, file: f}
	t.lead = max(slices.IndexFunc(f.Tracks, func(t mp4.Track) bool { return t.Video }), 0)
	scale := f.Tracks[t.lead].Timescale
	for i := range f.Fragments {
		fr := &f.Fragments[i]
		if fr.Track == t.lead {
			d := fr.Duration()
			t.groups = append(t.groups, group{
				first: i, from: fr.UTC, to: fr.UTC.Add(ticks(d, scale)),
				base: fr.Base, end: fr.Base + d, sync: fr.Sync(),
			})
		}
		if n := len(t.groups); n > 0 { // nothing precedes the first key frame, or it could not be cut
			t.groups[n-1].n++
			t.groups[n-1].bytes += fr.Size
		}
	}
	return t
}

// ticks is exact to a nanosecond for up to 290 years.
func ticks(n int64, scale uint32) time.Duration {
	s := int64(scale)
	return time.Duration(n/s)*time.Second + time.Duration(n%s*int64(time.Second)/s)
}

// sameTracks reports whether samples of one file can follow the other's in one
// initialisation. The initialisations themselves differ: each binds its file to
// its place in the chain.
func sameTracks(a, b []mp4.Track) bool {
	return slices.EqualFunc(a, b, func(a, b mp4.Track) bool {
		return a.ID == b.ID && a.Timescale == b.Timescale && bytes.Equal(a.Entry, b.Entry)
	})
}

// joins reports whether group g of table t continues the group before it, which
// may be in the file before: same run, same tracks, no hole over half a second.
func joins(before *table, last group, t *table, g group) bool {
	if before != t && (before.segment.Run != t.segment.Run || !sameTracks(before.file.Tracks, t.file.Tracks)) {
		return false
	}
	hole := g.base - last.end
	half := int64(t.file.Tracks[t.lead].Timescale) / 2
	return -half <= hole && hole <= half
}

// tables remembers the structure of the segments used last. Playlists of live
// streams ask for the same ones every second.
type tables struct {
	archive archive
	mu      sync.Mutex // guards the rest
	byKey   map[tableKey]*list.Element
	recent  *list.List // of *table, newest first
}

// tableKey changes when an open segment grows.
type tableKey struct {
	id, bytes int64
}

// maxTables bounds memory: a minute of video and audio takes about 50 kB.
const maxTables = 32

func newTables(a archive) *tables {
	return &tables{archive: a, byKey: map[tableKey]*list.Element{}, recent: list.New()}
}

// get reads a segment's structure. A segment without a whole fragment has no groups.
func (c *tables) get(s recording.Segment) (*table, error) {
	key := tableKey{s.ID, s.Bytes}
	c.mu.Lock()
	if e, ok := c.byKey[key]; ok {
		c.recent.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*table), nil
	}
	c.mu.Unlock()

	t, err := readTable(c.archive, s)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[key]; ok {
		return t, nil
	}
	c.byKey[key] = c.recent.PushFront(t)
	for c.recent.Len() > maxTables {
		old := c.recent.Remove(c.recent.Back()).(*table).segment
		delete(c.byKey, tableKey{old.ID, old.Bytes})
	}
	return t, nil
}

func readTable(a archive, s recording.Segment) (*table, error) {
	f, err := a.Open(s)
	if err != nil {
		return nil, fmt.Errorf("opening segment: %w", err)
	}
	parsed, err := mp4.Parse(f, f.Size())
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading segment: %w", err)
	}
	return newTable(s, parsed), nil
}
