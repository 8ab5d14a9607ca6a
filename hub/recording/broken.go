package recording

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"gatehouse/hub/internal/mp4"
)

// dropBroken takes fragments off the end of an unfinished file from the first
// whose pictures do not have the form of their codec: blocks that were allocated
// but never written read as zeros.
func dropBroken(r io.ReaderAt, f *mp4.File) error {
	if f.Closed {
		return nil
	}
	for i := range f.Fragments {
		fr := &f.Fragments[i]
		t := &f.Tracks[fr.Track]
		if !t.Video {
			continue
		}
		ok, err := formed(r, fr, formOf(t))
		if err != nil {
			return err
		}
		if !ok {
			f.Fragments, f.End = f.Fragments[:i], fr.Offset
			return nil
		}
	}
	return nil
}

// formed reports whether every sample of a fragment has the form.
func formed(r io.ReaderAt, f *mp4.Fragment, form func([]byte) bool) (bool, error) {
	b := make([]byte, f.Size-f.Data)
	if _, err := r.ReadAt(b, f.Offset+f.Data); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	for _, s := range f.Samples {
		if s.Size == 0 || !form(b[:s.Size]) {
			return false, nil
		}
		b = b[s.Size:]
	}
	return true, nil
}

// formOf is what tells a sample of a video track from one that was not written.
func formOf(t *mp4.Track) func([]byte) bool {
	switch {
	case bytes.HasPrefix(t.Entry[4:], []byte("av01")):
		return obus
	case bytes.HasPrefix(t.Entry[4:], []byte("jpeg")):
		return jpegWhole
	}
	return nalUnits
}

// nalUnits reports whether b is NAL units with their lengths (ISO/IEC 14496-15
// 4.3.3), none of which begins with zero.
func nalUnits(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 5 {
			return false
		}
		n := binary.BigEndian.Uint32(b)
		if n == 0 || uint64(n) > uint64(len(b)-4) || b[4] == 0 {
			return false
		}
		b = b[4+n:]
	}
	return true
}

// obus reports whether b is OBUs with their sizes (AV1 5.3), as all are stored.
func obus(b []byte) bool {
	const forbidden, extension, hasSize = 0x80, 0x04, 0x02
	for len(b) > 0 {
		head := 1
		if b[0]&extension != 0 {
			head = 2
		}
		if b[0]&forbidden != 0 || b[0]&hasSize == 0 || len(b) <= head {
			return false
		}
		n, k := binary.Uvarint(b[head:]) // leb128 (4.10.5)
		if k <= 0 || n > uint64(len(b)-head-k) {
			return false
		}
		b = b[head+k+int(n):]
	}
	return true
}

// jpegWhole reports whether b begins and ends as a JPEG picture does.
func jpegWhole(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xff, 0xd8}) && bytes.HasSuffix(b, []byte{0xff, 0xd9})
}
