package mp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// File is the structure of a segment file.
type File struct {
	Ident
	Init      []byte // the initialisation as first written, at InitOffset
	Tracks    []Track
	Fragments []Fragment // in file order
	End       int64      // just past the last whole fragment
	Closed    bool       // the mdat header is in place and a moov follows it at End
}

// maxMoof bounds the description of one fragment. One of 4 s and 8 MiB has
// some hundred samples of 16 bytes.
const maxMoof = 4 << 20

// firstRead is how much of a fragment is read at once; a prft and a moof
// mostly fit.
const firstRead = 2048

// Parse reads the structure of a segment file of which size bytes are to be
// looked at. A tail that is cut, zero or otherwise no fragment ends the list:
// it is no error. [ErrFormat] means that the file has no whole initialisation;
// any other error is the reader's.
func Parse(r io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, InitOffset+8)
	if size < int64(len(head)) {
		return nil, fmt.Errorf("%d bytes: %w", size, ErrFormat)
	}
	if err := readFull(r, head, 0); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(head[InitOffset:]))
	if !bytes.Equal(head[:ftypSize], AppendFileType(nil)) || string(head[InitOffset+4:]) != "moov" ||
		n < 8 || n > maxInit || InitOffset+n > size {
		return nil, fmt.Errorf("no initialisation: %w", ErrFormat)
	}
	f := &File{Init: make([]byte, n)}
	if err := readFull(r, f.Init, InitOffset); err != nil {
		return nil, err
	}
	var err error
	if f.Ident, f.Tracks, err = parseInit(f.Init[8:]); err != nil {
		return nil, err
	}
	limit := size
	if end, ok := mdatEnd(head[PatchOffset:]); ok && end >= InitOffset+n && end <= size {
		limit, f.Closed = end, true
	}
	f.End = InitOffset + n
	return f, f.walk(r, limit, size)
}

// mdatEnd is the end of the mdat whose header replaced free.
func mdatEnd(p []byte) (int64, bool) {
	if binary.BigEndian.Uint32(p) != 1 || string(p[4:8]) != "mdat" {
		return 0, false
	}
	v := binary.BigEndian.Uint64(p[8:])
	return int64(v) + PatchOffset, v >= PatchSize && v < 1<<60
}

// walk adds the fragments between f.End and limit.
func (f *File) walk(r io.ReaderAt, limit, size int64) error {
	buf := make([]byte, firstRead)
	for f.End < limit {
		fr := Fragment{Offset: f.End}
		ok, err := fr.read(r, limit, f.Tracks, &buf)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		f.Fragments = append(f.Fragments, fr)
		f.End += fr.Size
	}
	if f.Closed {
		tail, err := isBox(r, f.End, size, "moov")
		f.Closed = tail && f.End == limit
		return err
	}
	return nil
}

// isBox reports whether one whole box of that name is all that follows.
func isBox(r io.ReaderAt, at, size int64, name string) (bool, error) {
	var h [8]byte
	if at+8 > size {
		return false, nil
	}
	if err := readFull(r, h[:], at); err != nil {
		return false, err
	}
	return string(h[4:]) == name && at+int64(binary.BigEndian.Uint32(h[:])) == size, nil
}

// read reads the fragment at f.Offset; ok is false if there is none whole below limit.
func (f *Fragment) read(r io.ReaderAt, limit int64, tracks []Track, buf *[]byte) (ok bool, err error) {
	b := (*buf)[:min(int64(firstRead), limit-f.Offset)]
	if len(b) < prftSize+16 {
		return false, nil
	}
	if err := readFull(r, b, f.Offset); err != nil {
		return false, err
	}
	prft, moof := b[:prftSize], b[prftSize:]
	n := int64(binary.BigEndian.Uint32(moof))
	if binary.BigEndian.Uint32(prft) != prftSize || string(prft[4:8]) != "prft" || string(moof[4:8]) != "moof" ||
		n < 8 || n > maxMoof || n > limit-f.Offset-prftSize-8 {
		return false, nil
	}
	track, ok := f.parsePrft(prft[8:])
	if !ok {
		return false, nil
	}
	f.Data = prftSize + n + 8
	if f.Data > int64(len(b)) {
		if f.Data > int64(cap(*buf)) {
			*buf = append(make([]byte, 0, f.Data), b...)[:f.Data]
		}
		have := len(b)
		b = (*buf)[:f.Data]
		if err := readFull(r, b[have:], f.Offset+int64(have)); err != nil {
			return false, err
		}
	}
	mdat := b[prftSize+n : f.Data]
	payload := int64(binary.BigEndian.Uint32(mdat)) - 8
	if string(mdat[4:8]) != "mdat" || payload < 0 || payload > limit-f.Offset-f.Data {
		return false, nil
	}
	f.Size = f.Data + payload
	ok = f.parseMoof(b[prftSize+8:prftSize+n], tracks, payload) && tracks[f.Track].ID == track
	return ok, nil
}

// readFull reads all of b. A file that has become shorter than it was said to
// be is an error.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading at %d: %w", at, err)
}
