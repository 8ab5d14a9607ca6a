package rtsp

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Bounds of what a camera may send between two things we understand.
const (
	maxFrame   = 4 + 0xffff // an interleaved frame (RFC 2326 10.12)
	maxHeader  = 16 << 10   // the header of one RTSP message
	maxBody    = 256 << 10  // the body of one RTSP message
	maxGarbage = 256 << 10  // bytes between frames before the connection is given up
	firstRead  = 32 << 10   // initial read buffer; grows to maxFrame when a camera needs it
)

var (
	errGarbage = errors.New("too many bytes that are neither RTSP nor RTP")
	errMessage = errors.New("RTSP message too large")
	errStall   = errors.New("no access unit in time")
)

// sink receives the interleaved frames of a connection.
type sink interface {
	// frame takes one frame that was read at time at. b is valid during the call.
	// An error ends the connection.
	frame(channel byte, b []byte, at time.Time) error
	// expects reports whether a frame on this channel may have b1 as its second
	// payload byte. It is asked when framing was lost.
	expects(channel, b1 byte) bool
	// deadline is when the connection counts as stalled.
	deadline() time.Time
}

// demux is a connection to a camera as the RTSP library sees it: without the
// interleaved RTP and RTCP frames, which go to the sink, and with headers in the
// form that the library reads. Taking them here
// keeps reads large, costs no allocation a packet, and keeps the library's
// ideas of SSRC, loss and clock out of the way.
//
// Framing is checked frame by frame, so that bytes a camera lets slip between
// frames cost nothing but themselves.
type demux struct {
	net.Conn
	sink    sink
	buf     []byte
	r, w    int       // buf[r:w] is not consumed
	at      time.Time // when the newest bytes were read
	head    []byte    // of an RTSP message, mended, not read yet
	text    int       // bytes at r that belong to the body of an RTSP message
	garbage int       // bytes skipped since the last frame or message
	armed   time.Time // read deadline set on Conn
	overdue time.Time // the sink's deadline that has passed
	late    time.Time // when that was noticed

	gathers atomic.Bool // see gather
	queue   *queue      // nil while bytes are read as they come
}

func newDemux(c net.Conn, s sink) *demux {
	return &demux{Conn: c, sink: s, buf: make([]byte, firstRead)}
}

// Read returns the bytes of RTSP messages and hands every frame before them to
// the sink.
func (d *demux) Read(p []byte) (int, error) {
	for len(d.head) == 0 && d.text == 0 {
		more, err := d.step()
		if err == nil && more {
			err = d.fill()
		}
		if err != nil {
			return 0, err
		}
	}
	if len(d.head) > 0 {
		n := copy(p, d.head)
		d.head = d.head[n:]
		return n, nil
	}
	if d.r == d.w {
		if err := d.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, d.buf[d.r:min(d.w, d.r+d.text)])
	d.r += n
	d.text -= n
	return n, nil
}

// step consumes one thing from the buffer, or says that more bytes are needed.
func (d *demux) step() (more bool, err error) {
	b := d.buf[d.r:d.w]
	if len(b) == 0 {
		return true, nil
	}
	if b[0] == '$' {
		return d.stepFrame(b)
	}
	switch known, short := startsMessage(b); {
	case short:
		return true, nil
	case known:
		return d.stepMessage(b)
	}
	return false, d.skip()
}

func (d *demux) stepFrame(b []byte) (more bool, err error) {
	if len(b) < 4 {
		return true, nil
	}
	n := int(b[2])<<8 | int(b[3])
	if n < 4 {
		if d.garbage > 0 {
			return false, d.skip()
		}
		d.r += 4 + n
		if d.r > d.w {
			d.r -= 4 + n
			return true, nil
		}
		return false, nil
	}
	if len(b) < 6 {
		return true, nil
	}
	if b[4]>>6 != 2 || d.garbage > 0 && !d.sink.expects(b[1], b[5]) {
		return false, d.skip()
	}
	if len(b) < 4+n {
		return true, nil
	}
	d.r += 4 + n
	d.garbage = 0
	return false, d.sink.frame(b[1], b[4:4+n], d.at)
}

func (d *demux) stepMessage(b []byte) (more bool, err error) {
	end := headerEnd(b)
	if end < 0 {
		if len(b) > maxHeader {
			return false, errMessage
		}
		return true, nil
	}
	head := mend(nil, b[:end])
	body := contentLength(head)
	if body > maxBody {
		return false, errMessage
	}
	d.garbage = 0
	d.r += end
	d.head, d.text = head, body
	return false, nil
}

func (d *demux) skip() error {
	d.r++
	d.garbage++
	if d.garbage > maxGarbage {
		return errGarbage
	}
	return nil
}

// messageStarts are the first bytes of what a server may send: responses, and
// the requests of RFC 2326 10 that go from server to client.
var messageStarts = [...]string{
	"RTSP/", "OPTIONS ", "GET_PARAMETER ", "SET_PARAMETER ", "ANNOUNCE ", "REDIRECT ", "DESCRIBE ", "PAUSE ", "TEARDOWN ",
}

// startsMessage reports whether b begins an RTSP message, or is too short to tell.
func startsMessage(b []byte) (known, short bool) {
	for _, s := range messageStarts {
		switch {
		case s[0] != b[0]:
		case len(b) < len(s):
			short = short || s[:len(b)] == string(b)
		case string(b[:len(s)]) == s:
			return true, false
		}
	}
	return false, short
}

// lateGrace is how long reading goes on after the deadline: on a machine that is
// short of time it may be us who are late, and the camera's bytes already here.
const lateGrace = time.Second

// fill reads more bytes from the connection, until the sink's deadline.
func (d *demux) fill() error {
	d.makeRoom()
	for {
		limit, ok := d.limit(time.Now())
		if !ok {
			return errStall
		}
		n, err := d.receive(d.buf[d.w:], limit)
		if n > 0 {
			d.at = time.Now()
			d.w += n
			return nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// limit is how long reading may go on at time now; it is not ok if no longer.
func (d *demux) limit(now time.Time) (limit time.Time, ok bool) {
	limit = d.sink.deadline()
	if now.Before(limit) {
		return limit, true
	}
	if d.overdue != limit {
		d.overdue, d.late = limit, now
	}
	limit = d.late.Add(lateGrace)
	return limit, now.Before(limit)
}

// gather lets bytes gather from now on, where the connection can, and has them
// read once a beat. It is for a stream that plays: an answer to a request would
// wait as long. It may be called from any goroutine.
func (d *demux) gather() { d.gathers.Store(true) }

// receive reads once, until limit. It may return nothing.
func (d *demux) receive(p []byte, limit time.Time) (int, error) {
	if d.gathers.CompareAndSwap(true, false) {
		d.queue = newQueue(d.Conn)
	}
	if d.queue != nil {
		return d.queue.read(p)
	}
	// Moving a deadline costs about as much as a small read; it may lag.
	if lag := limit.Sub(d.armed); lag > time.Until(limit)/8 || lag < 0 {
		if err := d.SetReadDeadline(limit); err != nil {
			return 0, err
		}
		d.armed = limit
	}
	n, err := d.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		d.armed = time.Time{}
	}
	return n, err
}

// makeRoom moves what is unread to the front, and grows the buffer when a
// frame or header needs more than it holds.
func (d *demux) makeRoom() {
	if d.r == d.w {
		d.r, d.w = 0, 0
		return
	}
	if len(d.buf)-d.w >= len(d.buf)/4 {
		return
	}
	d.w = copy(d.buf, d.buf[d.r:d.w])
	d.r = 0
	if d.w > len(d.buf)/2 && len(d.buf) < 2*maxFrame {
		d.buf = append(make([]byte, 0, 2*len(d.buf)), d.buf[:d.w]...)
		d.buf = d.buf[:cap(d.buf)]
	}
}
