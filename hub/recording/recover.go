package recording

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"syscall"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/rtsp"
)

// prepareDisks recovers what a crash left open on each disk that is here, once.
// It looks at nothing else. A disk that is not here, or has no room for it, is
// prepared when it is called again.
func (a *Archive) prepareDisks(ctx context.Context) error {
	for _, d := range a.disks {
		d.mu.Lock()
		skip := d.ready || d.cond == failed
		d.mu.Unlock()
		if skip {
			continue
		}
		if d.identity() == "" {
			d.begin(a.known, a.cfg.Now())
		}
		if !d.checkMarker() {
			continue
		}
		if err := a.prepare(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// prepare recovers what is open on one disk.
func (a *Archive) prepare(ctx context.Context, d *disk) error {
	open, err := a.cfg.Index.OpenSegments(ctx)
	if err != nil {
		return err
	}
	for _, s := range open {
		if s.Disk != d.identity() {
			continue
		}
		again, err := a.recoverSegment(ctx, d, s)
		if c, _ := d.state(); again && c == full {
			if err := a.makeRoom(ctx, d); err != nil {
				return err
			}
			again, err = a.recoverSegment(ctx, d, s)
		}
		if err != nil || again {
			return err
		}
	}
	d.mu.Lock()
	d.ready = true
	d.mu.Unlock()
	return nil
}

// recoverSegment finalises an open segment from its valid prefix. again means
// that the disk did not let it. An error is the index's; trouble with the file
// alone is logged, and Check finds it again.
func (a *Archive) recoverSegment(ctx context.Context, d *disk, s Segment) (again bool, err error) {
	log := a.cfg.Log.With("camera", s.Camera, "stream", s.Stream, "segment", s.ID)
	// A chain link needs the one before it; segments come in order of id.
	row, err := d.rescue(s)
	if errors.Is(err, errDisk) {
		return true, nil // the disk has said why
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNothing) || errors.Is(err, mp4.ErrFormat) {
		log.Error("segment lost", "path", s.Path, "err", err)
		return false, a.giveUp(ctx, s)
	}
	if err != nil {
		log.Error("recovering segment", "path", s.Path, "err", err)
		return false, nil
	}
	if row.Bytes < s.Bytes {
		log.Error("segment is shorter than what was durable", "bytes", row.Bytes)
	}
	log.Info("segment recovered", "dur", row.Duration, "bytes", row.Bytes)
	return false, a.cfg.Index.UpdateSegments(ctx, row)
}

// giveUp ends an open segment of whose file nothing is left, though the disk is
// here. Check names the loss; the gap tells people.
func (a *Archive) giveUp(ctx context.Context, s Segment) error {
	last, err := a.cfg.Index.LastSegment(ctx, s.Camera, s.Stream)
	if err != nil {
		return err
	}
	gap := Gap{
		Camera: s.Camera, Stream: s.Stream, From: s.Start, Reason: rtsp.ReasonStore, Detail: "the file of this minute is lost",
		// Not up to the segment that follows: that has committed to the gaps which end at its start.
		To: s.End().Add(-time.Microsecond),
	}
	s.State, s.Bytes, s.Duration, s.KeyFrames, s.Root = Recovered, 0, 0, 0, Root(nil)
	s.Link = s.MakeLink()
	if err := a.cfg.Index.UpdateSegments(ctx, s); err != nil {
		return err
	}
	if last.ID == s.ID || !gap.To.After(gap.From) {
		return nil // the recorder goes on from its start, and tells of all since
	}
	_, err = a.cfg.Index.AddGap(ctx, gap)
	return err
}

// lost reports whether a segment has ended without a file.
func (s Segment) lost() bool { return s.State == Recovered && s.Bytes == 0 }

// errNothing means that a file has no footage.
var errNothing = errors.New("no whole fragment")

// found is a segment's file with what is in it: at least one whole fragment.
type found struct {
	file
	size   int64
	parsed *mp4.File
	leaves []Hash
}

// find opens a segment's file and reads its valid prefix.
func find(v volume, name string, write bool) (fd *found, err error) {
	f, err := v.Open(name, write)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	parsed, err := mp4.Parse(f, size)
	if err != nil {
		return nil, err
	}
	if err := dropBroken(f, parsed); err != nil {
		return nil, err
	}
	if len(parsed.Fragments) == 0 {
		return nil, errNothing
	}
	leaves, err := readLeaves(f, parsed)
	return &found{f, size, parsed, leaves}, err
}

// rescue does the work on the file. An error that is errDisk is the disk's.
func (d *disk) rescue(s Segment) (row Segment, err error) {
	v, err := d.enter()
	if err != nil {
		return s, err
	}
	defer v.Close()
	f, err := find(v, s.Path, true)
	if errors.Is(err, syscall.EROFS) {
		return s, d.fail("recovering", err)
	}
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	parsed := f.parsed
	row = describe(s, parsed)
	row.State, row.Root = Recovered, Root(f.leaves)
	row.Link = row.MakeLink()
	m := &mp4.Movie{Tracks: parsed.Tracks, Fragments: parsed.Fragments, Created: parsed.Start}
	if parsed.Closed {
		row.Bytes = f.size
		return row, d.checkTables(f, m, parsed.End)
	}
	if err := d.setAside(v, f, s.Path, m); err != nil {
		return s, err
	}
	if err := f.Truncate(parsed.End); err != nil {
		return s, d.fail("cutting", err)
	}
	row.Bytes, err = finalise(f, d, m, parsed.End)
	return row, err
}

// checkTables writes the tables of a finalised file again if they are not what
// they should be. They are synced before the header that makes them count, so
// this is for disks that do not keep that promise.
func (d *disk) checkTables(f file, m *mp4.Movie, end int64) error {
	moov := m.Append(nil)
	have := make([]byte, len(moov))
	if _, err := f.ReadAt(have, end); err == nil && string(have) == string(moov) {
		return nil
	}
	if _, err := f.WriteAt(moov, end); err != nil {
		return d.fail("writing tables", err)
	}
	if err := errors.Join(f.Truncate(end+int64(len(moov))), d.sync(f)); err != nil {
		return d.fail("syncing", err)
	}
	return nil
}

// readLeaves computes the leaves of a file: its initialisation and fragments.
func readLeaves(r io.ReaderAt, f *mp4.File) ([]Hash, error) {
	leaves := make([]Hash, 1, len(f.Fragments)+1)
	leaves[0] = digest(f.Init)
	h := sha256.New()
	buf := make([]byte, 64<<10)
	for i := range f.Fragments {
		fr := &f.Fragments[i]
		h.Reset()
		// The hash takes all or fails with the reader's error.
		if _, err := io.CopyBuffer(struct{ io.Writer }{h}, io.NewSectionReader(r, fr.Offset, fr.Size), buf); err != nil {
			return nil, fmt.Errorf("reading fragment %d: %w", i+1, err)
		}
		leaves = append(leaves, Hash(h.Sum(nil)))
	}
	return leaves, nil
}

// describe fills a row's fields from the file's fragments.
func describe(s Segment, f *mp4.File) Segment {
	s.Duration, s.KeyFrames, s.Clock, s.Bytes = 0, 0, 0, f.End
	first := f.Fragments[0].PTS
	for i := range f.Fragments {
		fr := &f.Fragments[i]
		s.Clock = max(s.Clock, rtsp.ClockQuality(fr.Clock))
		if fr.Track != 0 {
			continue
		}
		dts := fr.Base
		for _, v := range fr.Samples {
			end := dts + int64(v.Composition) + int64(v.Duration) - first
			s.Duration = max(s.Duration, ticks(end, int(f.Tracks[0].Timescale)).Truncate(time.Microsecond))
			dts += int64(v.Duration)
			if v.Sync {
				s.KeyFrames++
			}
		}
	}
	return s
}

// setAside copies a tail that is neither zeros nor the beginning of the tables
// that were being written to a file of its own: it may be worth a look.
func (d *disk) setAside(v volume, f *found, name string, m *mp4.Movie) error {
	end := f.parsed.End
	if f.size == end {
		return nil
	}
	const most = 64 << 20
	tail := make([]byte, min(f.size-end, most))
	if _, err := f.ReadAt(tail, end); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	moov := m.Append(nil)
	if zero(tail) || len(tail) <= len(moov) && string(tail) == string(moov[:len(tail)]) {
		return nil
	}
	err := v.Remove(name + ".tail") // of an earlier attempt
	if err == nil {
		err = writeNew(v, name+".tail", tail)
	}
	if err == nil {
		err = v.SyncDir(path.Dir(name))
	}
	if err != nil {
		return d.fail("setting a tail aside", err)
	}
	return nil
}

func zero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// since is how long ago something was, never negative.
func since(now, t time.Time) time.Duration { return max(now.Sub(t), 0) }
