package clip

import (
	"archive/zip"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"time"
)

// ServeZIP answers a request with every unbroken stretch of a range as a file of
// a ZIP archive, whose length is told at once. It is sent from its start only:
// its checksums come with the bytes. Errors are as those of ServeMP4.
func (s *Service) ServeZIP(w http.ResponseWriter, r *http.Request, q Query) error {
	e, err := s.Export(r.Context(), q.Range, Options{Audio: q.Audio})
	if err != nil {
		return err
	}
	defer e.Close() //nolint:errcheck // read only
	members, err := e.members(q.Zone)
	if err != nil {
		return err
	}
	size := &counter{}
	if err := writeZIP(size, members, blank); err != nil {
		return fmt.Errorf("laying out the archive: %w", err)
	}
	h := w.Header()
	h.Set("Accept-Ranges", "none")
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Length", strconv.FormatInt(size.n, 10))
	h.Set("Content-Disposition", attachment(e.Name(0, q.Zone, ".zip")))
	if r.Method == http.MethodHead {
		return nil
	}
	p := newPatient(w)
	defer p.done()
	if err := writeZIP(p, members, copyFile); err != nil {
		// Too late for an answer; the client sees that bytes are missing.
		s.log.Debug("a download ended early", "camera", q.Camera, "err", err)
	}
	return nil
}

// member is a file of an archive.
type member struct {
	name string
	at   time.Time // in the place's zone
	file *MP4
}

func (e *Export) members(zone *time.Location) ([]member, error) {
	var out []member
	names := map[string]bool{}
	for i := range e.Len() {
		m, err := e.MP4(i)
		if err != nil {
			return nil, err
		}
		name := e.Name(i, zone, ".mp4")
		for n := 2; names[name]; n++ {
			name = e.Name(i, zone, fmt.Sprintf("_%d.mp4", n))
		}
		names[name] = true
		out = append(out, member{name, e.cuts[i].from.In(zone), m})
	}
	return out, nil
}

// writeZIP writes an archive; content writes a file's data and returns its CRC-32.
func writeZIP(w io.Writer, members []member, content func(io.Writer, *MP4) (uint32, error)) error {
	z := zip.NewWriter(w)
	for _, m := range members {
		h := m.header()
		f, err := z.CreateRaw(h)
		if err != nil {
			return err
		}
		if h.CRC32, err = content(f, m.file); err != nil {
			return err
		}
	}
	return z.Close()
}

// header is that of a member in deflate's form, whose checksum follows the data
// (APPNOTE.TXT 4.4.4). Some programs refuse that of members stored as such.
func (m member) header() *zip.FileHeader {
	const (
		version         = 20
		unix            = 3 << 8
		dataDescriptor  = 0x8
		utf8            = 0x800
		timestamp       = 0x5455 // Info-ZIP's extended timestamp
		modified        = 1
		timestampLength = 5
	)
	le := binary.LittleEndian
	extra := le.AppendUint16(le.AppendUint16(nil, timestamp), timestampLength)
	extra = le.AppendUint32(append(extra, modified), uint32(m.at.Unix()))
	h := &zip.FileHeader{
		Name: m.name, Method: zip.Deflate, Flags: dataDescriptor | utf8, CreatorVersion: unix | version, ReaderVersion: version,
		CompressedSize64: deflated(m.file.size), UncompressedSize64: uint64(m.file.size), Extra: extra,
		ModifiedDate: uint16(m.at.Year()-1980)<<9 | uint16(m.at.Month())<<5 | uint16(m.at.Day()),
		ModifiedTime: uint16(m.at.Hour())<<11 | uint16(m.at.Minute())<<5 | uint16(m.at.Second()/2),
	}
	h.SetMode(0o644)
	return h
}

// deflated is the length of n bytes in stored blocks (RFC 1951 3.2.4), of which
// the last is empty.
func deflated(n int64) uint64 {
	const block, head = 65535, 5
	return uint64(n + (n+block-1)/block*head + head)
}

// copyFile writes a file in stored blocks: footage is compressed already.
func copyFile(w io.Writer, m *MP4) (uint32, error) {
	f, err := flate.NewWriter(w, flate.NoCompression)
	if err != nil {
		return 0, err
	}
	sum := crc32.NewIEEE()
	if _, err := copyLarge(io.MultiWriter(sum, f), m); err != nil {
		return 0, err
	}
	return sum.Sum32(), f.Close()
}

// blank stands for copyFile where only lengths count.
func blank(w io.Writer, m *MP4) (uint32, error) {
	b := make([]byte, 1<<20)
	for n := int64(deflated(m.size)); n > 0; n -= int64(len(b)) {
		if _, err := w.Write(b[:min(n, int64(len(b)))]); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// counter counts bytes.
type counter struct{ n int64 }

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}
