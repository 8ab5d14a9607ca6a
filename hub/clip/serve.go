package clip

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stall is how long a client may take for a piece before it is hung up on: one
// that takes nothing would keep segments open that were deleted to make room.
const stall = time.Minute

// maxRanges bounds the ranges of one request. With more, or with those of
// another unit, the whole file is sent (RFC 9110 14.2).
const maxRanges = 16

// Query is a question for clips over HTTP.
type Query struct {
	Range
	Audio    bool
	Part     int            // which unbroken stretch, from 1; 0 if there is but one
	Zone     *time.Location // of the names of downloads
	Download bool           // to keep it instead of playing it
}

// ErrParts means that a range is more than one file.
var ErrParts = errors.New("the range has holes and is more than one file")

// ServeMP4 answers a request with what was asked for as an MP4 file, byte ranges
// and conditions included (RFC 9110 13 and 14). An error means that nothing has
// been written: one of Export's, or ErrParts if the range is more than one file
// and no part is named. What fails later ends the connection short of its
// Content-Length.
func (s *Service) ServeMP4(w http.ResponseWriter, r *http.Request, q Query) error {
	e, err := s.Export(r.Context(), q.Range, Options{Audio: q.Audio})
	if err != nil {
		return err
	}
	defer e.Close() //nolint:errcheck // read only
	i := max(q.Part-1, 0)
	switch {
	case q.Part == 0 && e.Len() > 1:
		return ErrParts
	case i >= e.Len():
		return ErrNoFootage
	}
	m, err := e.MP4(i)
	if err != nil {
		return err
	}
	if q.Download {
		w.Header().Set("Content-Disposition", attachment(e.Name(i, q.Zone, ".mp4")))
	}
	m.serve(w, r)
	return nil
}

// serve answers with the file. Its segments are pinned.
func (m *MP4) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("ETag", m.etag)
	if asked := r.Header.Get("Range"); asked != "" {
		r = r.Clone(r.Context())
		if asked = sane(asked); asked == "" {
			r.Header.Del("Range")
		} else {
			r.Header.Set("Range", asked)
		}
	}
	p := newPatient(w)
	defer p.done()
	http.ServeContent(p, r, "", time.Time{}, m)
}

// sane is what of a Range header net/http may see: nothing of another unit or
// with too many ranges, and no empty suffix, which it would answer with an
// impossible Content-Range; such a one is a range behind every end.
func sane(asked string) string {
	list, ok := strings.CutPrefix(asked, "bytes=")
	if !ok || strings.Count(list, ",") >= maxRanges {
		return ""
	}
	ranges := strings.Split(list, ",")
	for i, one := range ranges {
		last, suffix := strings.CutPrefix(strings.TrimSpace(one), "-")
		if n, err := strconv.ParseInt(strings.TrimSpace(last), 10, 64); suffix && err == nil && n == 0 {
			ranges[i] = strconv.FormatInt(math.MaxInt64, 10) + "-"
		}
	}
	return "bytes=" + strings.Join(ranges, ",")
}

// patient hangs up on a client that stalls, and writes in large pieces: with
// those net/http has of its own, or with sendfile, which sends page by page, a
// download is slower than with a copy in this program.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func newPatient(w http.ResponseWriter) *patient {
	return &patient{w, http.NewResponseController(w)}
}

// done takes the deadline back: the connection may serve another request. A
// writer that knows no deadlines does without.
func (p *patient) done() { _ = p.control.SetWriteDeadline(time.Time{}) }

// Write implements io.Writer.
func (p *patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(stall))
	return p.ResponseWriter.Write(b)
}

// ReadFrom implements io.ReaderFrom.
func (p *patient) ReadFrom(r io.Reader) (int64, error) { return copyLarge(p, r) }

// buffers are those of copyLarge.
var buffers = sync.Pool{New: func() any { return new([pieceSize]byte) }}

const pieceSize = 256 << 10

func copyLarge(w io.Writer, r io.Reader) (int64, error) {
	buf := buffers.Get().(*[pieceSize]byte)
	defer buffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buf[:])
}
