package rtsptest

import (
	"log/slog"
	"net"
	"time"
)

// Wire is what a camera writes on the connection for its first units, with the
// faults brought forward so that they strike; its audio is on channel 2 or, if
// there is nothing else, 0. The scripts are seeds of fuzz tests with it.
func (c Camera) Wire(units int) ([]byte, error) {
	cam, err := c.open()
	if err != nil {
		return nil, err
	}
	for i := range cam.Faults {
		f := &cam.Faults[i]
		f.After, f.For, f.Size = min(f.After, units/2), min(f.For, 64), min(f.Size, 64)
	}
	out := &capture{}
	x := &session{server: &Server{cfg: Config{Log: slog.New(slog.DiscardHandler)}}, nc: out, camera: cam, chans: map[int]int{}}
	for i := range cam.tracks {
		x.chans[i] = 2 * i
	}
	p := x.newPlayer(time.Now())
	for range units {
		s := p.next()
		if s == nil || !p.send(s) {
			break
		}
		s.advance(c.Loop)
	}
	return out.b, nil
}

// Description is a camera's session description (RFC 4566).
func (c Camera) Description() (string, error) {
	cam, err := c.open()
	if err != nil {
		return "", err
	}
	return cam.describe(), nil
}

// open loads a camera that is not served.
func (c Camera) open() (*camera, error) {
	s, err := NewServer(Config{Listener: ListenMemory("none:0"), Log: slog.New(slog.DiscardHandler), Cameras: map[string]Camera{"c": c}})
	if err != nil {
		return nil, err
	}
	cam := s.cameras["c"]
	cam.Faults = append([]Fault(nil), cam.Faults...)
	return cam, nil
}

// capture is a connection that keeps what is written.
type capture struct {
	net.Conn
	b []byte
}

func (c *capture) Write(b []byte) (int, error) {
	c.b = append(c.b, b...)
	return len(b), nil
}

func (c *capture) SetWriteDeadline(time.Time) error { return nil }
func (c *capture) Close() error                     { return nil }
