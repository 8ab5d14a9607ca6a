package rtsp

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// beat is how often a playing stream's receive queue is read, and so the most
// that reading adds to a unit's age. All connections keep the same beat: the
// process wakes 20 times a second for all its cameras, instead of for every
// packet of each. With 16 cameras that halves the CPU of the hub.
const beat = 50 * time.Millisecond

// queueBytes may gather in a receive queue. At more than a quarter of it in a
// beat the queue is read every shortBeat, so that it never throttles a camera.
const (
	queueBytes = 256 << 10
	shortBeat  = beat / 10
)

var firstBeat = time.Now()

// queue reads what has gathered on a TCP connection once a beat, and never
// waits in the poller, which the kernel would wake for every packet.
type queue struct {
	raw     syscall.RawConn
	try     func(fd uintptr) bool // reads into p
	p       []byte
	n       int
	err     error
	drained bool // nothing was left after the newest read
	got     int  // bytes since the newest beat
}

// newQueue returns nil for what is not a TCP connection of the kernel's.
func newQueue(c net.Conn) *queue {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil
	}
	q := &queue{raw: raw}
	q.try = func(fd uintptr) bool {
		for {
			if q.n, q.err = unix.Read(int(fd), q.p); !errors.Is(q.err, unix.EINTR) {
				return true
			}
		}
	}
	// Fewer bytes than this are no event, see socket(7); it also makes the
	// TCP window as large.
	err = raw.Control(func(fd uintptr) {
		q.err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, queueBytes)
	})
	if err != nil || q.err != nil || t.SetReadDeadline(time.Time{}) != nil {
		return nil
	}
	return q
}

// read waits for the next beat if the queue has been drained, and returns what
// is there, which may be nothing.
func (q *queue) read(p []byte) (int, error) {
	if q.drained {
		wait := beat
		if q.got > queueBytes/4 {
			wait = shortBeat
		}
		time.Sleep(wait - time.Since(firstBeat)%wait)
		q.got = 0
	}
	q.p = p
	err := q.raw.Read(q.try)
	q.p = nil
	switch {
	case err != nil:
		return 0, err
	case errors.Is(q.err, unix.EAGAIN):
		q.drained = true
		return 0, nil
	case q.err != nil:
		return 0, os.NewSyscallError("read", q.err)
	case q.n == 0:
		return 0, io.EOF
	}
	q.drained = q.n < len(p)
	q.got += q.n
	return q.n, nil
}
