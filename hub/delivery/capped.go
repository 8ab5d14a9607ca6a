package delivery

import (
	"errors"
	"net"
	"sync/atomic"
)

// maxAnswers bounds what an SSH server may send beside the answers to writes,
// which are a few dozen bytes for each 32 KiB.
const maxAnswers = 1 << 20

var errTalkative = errors.New("the receiver sends too much")

// capped is a connection that reads no more than it was allowed.
type capped struct {
	net.Conn
	left atomic.Int64
}

func (c *capped) more(n int64) { c.left.Add(n) }

// Read implements io.Reader.
func (c *capped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.left.Add(int64(-n)) < 0 {
		return 0, errTalkative
	}
	return n, err
}
