package clip

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"

	"gatehouse/hub/recording"
)

// maxOpen bounds the segment files one virtual file holds open. Players read on
// from one place; two serve a seek across a seam and back.
const maxOpen = 2

// extent is a stretch of the virtual file that is one of a segment file.
type extent struct {
	at      int64 // in the virtual file, from the end of the head
	size    int64
	segment int // position in files.segments
	offset  int64
}

// files reads a virtual file: a head from memory, then extents. Segment files
// are opened when they are read.
type files struct {
	archive  archive
	head     []byte
	size     int64
	extents  []extent
	segments []recording.Segment

	pinned []recording.File // by segment, if all are held open

	mu     sync.Mutex // guards the rest
	open   []opened   // used last comes last
	closed bool
}

type opened struct {
	segment int
	file    *counted
}

// counted closes a file after its last reader.
type counted struct {
	recording.File
	users int
	gone  bool
}

// add appends a stretch of a segment.
func (f *files) add(s recording.Segment, offset, size int64) {
	if n := len(f.segments); n == 0 || f.segments[n-1].ID != s.ID {
		f.segments = append(f.segments, s)
	}
	k := len(f.segments) - 1
	var at int64
	if n := len(f.extents); n > 0 {
		e := &f.extents[n-1]
		if e.segment == k && e.offset+e.size == offset {
			e.size += size
			return
		}
		at = e.at + e.size
	}
	f.extents = append(f.extents, extent{at, size, k, offset})
}

// etag is a digest of the head and the places of everything else.
func (f *files) etag(head []byte) string {
	h := sha256.New()
	h.Write(head)
	var b []byte
	for _, e := range f.extents {
		s := f.segments[e.segment]
		b = append(b, s.Chain[:]...)
		for _, v := range []int64{s.Run, s.Seq, s.Start.UnixMicro(), e.offset, e.size} {
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		}
	}
	h.Write(b)
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`
}

// ReadAt implements io.ReaderAt.
func (f *files) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	done := 0
	for done < len(b) && off < f.size {
		n, err := f.readSome(b[done:], off)
		done, off = done+n, off+int64(n)
		if err != nil {
			return done, err
		}
	}
	if done < len(b) {
		return done, io.EOF
	}
	return done, nil
}

// readSome reads from the head or from one extent; off is below size.
func (f *files) readSome(b []byte, off int64) (int, error) {
	if off < int64(len(f.head)) {
		return copy(b, f.head[off:]), nil
	}
	e, into := f.extent(off)
	b = b[:min(int64(len(b)), e.size-into)]
	if f.pinned != nil {
		return readAll(f.pinned[e.segment], b, e.offset+into)
	}
	file, err := f.use(e.segment)
	if err != nil {
		return 0, err
	}
	n, err := readAll(file, b, e.offset+into)
	return n, errors.Join(err, f.release(file))
}

// extent finds the stretch that a place behind the head is in.
func (f *files) extent(off int64) (e extent, into int64) {
	off -= int64(len(f.head))
	i := sort.Search(len(f.extents), func(i int) bool { return f.extents[i].at+f.extents[i].size > off })
	return f.extents[i], off - f.extents[i].at
}

// readAll fills b. A file that has become shorter is an error.
func readAll(r io.ReaderAt, b []byte, at int64) (int, error) {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// pin opens every segment and keeps it open until Close.
func (f *files) pin() error {
	for i := len(f.pinned); i < len(f.segments); i++ {
		file, err := f.archive.Open(f.segments[i])
		if err != nil {
			return err
		}
		f.pinned = append(f.pinned, file)
	}
	return nil
}

// use returns an open segment; release it after reading.
func (f *files) use(segment int) (*counted, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errors.New("clip is closed")
	}
	if i := slices.IndexFunc(f.open, func(o opened) bool { return o.segment == segment }); i >= 0 {
		o := f.open[i]
		f.open = append(slices.Delete(f.open, i, i+1), o)
		o.file.users++
		return o.file, nil
	}
	file, err := f.archive.Open(f.segments[segment])
	if err != nil {
		return nil, fmt.Errorf("opening segment: %w", err)
	}
	c := &counted{File: file, users: 1}
	f.open = append(f.open, opened{segment, c})
	if len(f.open) <= maxOpen {
		return c, nil
	}
	old := f.open[0].file
	f.open = slices.Delete(f.open, 0, 1)
	return c, f.drop(old)
}

func (f *files) release(c *counted) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.users--
	if c.gone && c.users == 0 {
		return c.Close()
	}
	return nil
}

// drop closes a file now or after its last reader. f.mu is held.
func (f *files) drop(c *counted) error {
	c.gone = true
	if c.users > 0 {
		return nil
	}
	return c.Close()
}

// Close closes the segment files; reading after it fails.
func (f *files) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	errs := []error{f.releaseAll()}
	for _, file := range f.pinned {
		errs = append(errs, file.Close())
	}
	f.pinned = nil
	return errors.Join(errs...)
}

// releaseAll closes what is open.
func (f *files) releaseAll() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, o := range f.open {
		errs = append(errs, f.drop(o.file))
	}
	f.open = nil
	return errors.Join(errs...)
}
