package recording

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/rtsp"
)

// segment is a file that is being written. Its recorder's goroutine writes and
// ends it; the disk's syncer syncs it meanwhile.
type segment struct {
	disk   *disk
	file   file
	tracks []mp4.Track

	// Owned by the recorder.
	fragments []mp4.Fragment
	leaves    []Hash
	lead      []leadSpan // by fragment, for the durable part's length

	syncing sync.Mutex  // held while the file is synced or ended
	lost    atomic.Bool // a sync failed: what was written since the one before may be gone

	mu      sync.Mutex
	row     Segment // as written; Bytes is the end of the last whole fragment
	durable Segment // as synced
	ended   bool
}

// leadSpan is what a fragment adds to its segment's row.
type leadSpan struct {
	end       time.Duration // of the pictures so far, from the segment's start
	keyFrames int
	clock     rtsp.ClockQuality
}

// fragmentBytes is the file's end after n fragments.
func (s *segment) fragmentBytes(n int) int64 {
	f := &s.fragments[n-1]
	return f.Offset + f.Size
}

// append writes the fragments of b, with the head before them if b has it, in
// one call.
func (s *segment) append(b *bundle) error {
	if err := s.writable(); err != nil {
		return err
	}
	off := s.row.Bytes
	if err := b.write(s.file, off); err != nil {
		// What arrived of it is beyond the last whole fragment: no reader
		// looks there, and recovery would cut it off.
		_ = s.file.Truncate(off)
		return s.disk.fail("writing", err)
	}
	s.leaves = append(s.leaves, b.leaves...)
	s.fragments = append(s.fragments, b.fragments...)
	s.lead = append(s.lead, b.spans...)
	s.mu.Lock()
	s.row.Bytes = off + b.size
	s.advance(&s.row, len(s.fragments))
	s.mu.Unlock()
	return nil
}

// writable returns errDisk if the segment must not be written to now.
func (s *segment) writable() error {
	if s.lost.Load() {
		return fmt.Errorf("writing after a failed sync: %w", errDisk)
	}
	return s.disk.verify()
}

// advance sets the fields of a row that speaks of the first n fragments.
func (s *segment) advance(row *Segment, n int) {
	row.KeyFrames, row.Clock = 0, 0
	for _, l := range s.lead[:n] {
		row.Duration = max(row.Duration, l.end.Truncate(time.Microsecond))
		row.KeyFrames += l.keyFrames
		row.Clock = max(row.Clock, l.clock)
	}
}

// sync makes the fragments written so far durable. changed reports that the
// returned row is news for the index.
func (s *segment) sync() (row Segment, changed bool, err error) {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	return s.syncLocked()
}

func (s *segment) syncLocked() (row Segment, changed bool, err error) {
	s.mu.Lock()
	row, changed = s.row, !s.ended && s.row.Bytes != s.durable.Bytes
	s.mu.Unlock()
	if !changed {
		return row, false, nil
	}
	if s.lost.Load() { // another try could succeed and prove nothing
		return row, false, errDisk
	}
	if err := s.disk.sync(s.file); err != nil {
		s.lost.Store(true)
		return row, false, s.disk.fail("syncing", err)
	}
	s.mu.Lock()
	s.durable = row
	s.mu.Unlock()
	return row, true, nil
}

// end finalises the file: complete sample tables after the fragments, made
// durable before the header that makes players use them. The other order would
// leave an unreadable file after a power cut. It returns the row in state
// closed; or, if the disk failed, the row of what is known to be durable.
func (s *segment) end() (Segment, error) {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.disk.forget(s)
	row := s.row
	var err error
	if c, _ := s.disk.state(); c == failed || s.lost.Load() || !s.disk.checkMarker() {
		err = fmt.Errorf("closing segment: %w", errDisk)
	} else {
		row.Bytes, err = finalise(s.file, s.disk, s.movie(), row.Bytes)
	}
	if c, _ := s.disk.state(); err != nil && !errors.Is(err, errSync) && c == full {
		// Without room for the tables the fragments are whole all the same.
		if _, _, serr := s.syncLocked(); serr != nil {
			err = serr
		}
	}
	if err != nil {
		row = s.prefix()
	} else {
		row.State = Closed
		row.Root = Root(s.leaves)
	}
	row.Link = row.MakeLink()
	s.mu.Lock()
	s.row, s.durable, s.ended = row, row, true
	s.mu.Unlock()
	if cerr := s.file.Close(); cerr != nil && err == nil {
		err = s.disk.fail("closing", cerr)
	}
	return row, err
}

// prefix is the row of the durable fragments alone, which is what the segment
// comes to when its disk fails.
func (s *segment) prefix() Segment {
	row := s.durable
	n := 0
	for n < len(s.fragments) && s.fragmentBytes(n+1) <= row.Bytes {
		n++
	}
	row.State = Recovered
	row.Root = Root(s.leaves[:n+1])
	return row
}

func (s *segment) movie() *mp4.Movie {
	return &mp4.Movie{Tracks: s.tracks, Fragments: s.fragments, Created: s.row.Start}
}

// finalise appends the moov at end, syncs, patches the mdat header, syncs, and
// returns the file's size. Without room for the moov the file is left as it was,
// which players can read as well.
func finalise(f file, d *disk, m *mp4.Movie, end int64) (int64, error) {
	moov := m.Append(nil)
	if _, err := f.WriteAt(moov, end); err != nil {
		_ = f.Truncate(end)
		return 0, d.fail("writing tables", err)
	}
	if err := d.sync(f); err != nil {
		return 0, d.fail("syncing", err)
	}
	patch := mp4.PatchMdat(end)
	if _, err := f.WriteAt(patch[:], mp4.PatchOffset); err != nil {
		return 0, d.fail("writing header", err)
	}
	if err := d.sync(f); err != nil {
		return 0, d.fail("syncing", err)
	}
	return end + int64(len(moov)), nil
}
