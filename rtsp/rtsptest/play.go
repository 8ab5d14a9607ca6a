package rtsptest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/pion/rtp"
)

// tooLate is how far a player may fall behind before it goes on at the next key
// frame, as a camera drops pictures that nobody takes.
const tooLate = 3 * time.Second

// player sends a camera's tracks on one connection.
type player struct {
	x       *session
	cam     *camera
	number  int // of the connection
	epoch   time.Time
	began   time.Time
	senders []*sender     // those that were set up; video first
	count   int           // units of the first sender that were due
	shift   time.Duration // of RTP times, by Jump faults
	step    time.Duration // of the camera's clock, by Step faults
	frozen  uint32        // RTP time at which a Freeze fault stopped
	out     []byte
}

// newPlayer makes the player of a session that may play from now on.
func (x *session) newPlayer(now time.Time) *player {
	p := &player{x: x, cam: x.camera, number: x.camera.start(now), began: now, epoch: x.camera.epoch}
	for i, s := range x.camera.tracks {
		if ch, ok := x.chans[i]; ok {
			p.senders = append(p.senders, newSender(i, ch, s, x.camera.first, x.camera.Payload))
		}
	}
	p.seek(now)
	return p
}

// info is the RTP-Info header (RFC 2326 12.33) of the answer to PLAY.
func (p *player) info(u *base.URL) string {
	var all []string
	for _, s := range p.senders {
		all = append(all, fmt.Sprintf("url=%s/trackID=%d;seq=%d;rtptime=%d",
			strings.TrimSuffix(u.CloneWithoutCredentials().String(), "/"), s.track, s.seq, s.rtp(s.position(s.sample().pts), 0)))
	}
	return strings.Join(all, ",")
}

// run sends in real time until ctx ends, a fault closes the connection or the
// client is gone.
func (p *player) run(ctx context.Context) {
	defer p.cam.stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s := p.next()
		if s == nil {
			<-ctx.Done()
			return
		}
		due := p.epoch.Add(s.nanos(s.position(s.sample().dts)))
		wait := time.Until(due)
		if wait < -tooLate {
			p.seek(time.Now())
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if !p.send(s) {
			return
		}
		s.advance(p.cam.Loop)
	}
}

// seek moves all senders to the first key frame that is not past at now.
func (p *player) seek(now time.Time) {
	at := now.Sub(p.epoch)
	for i, s := range p.senders {
		s.seek(at, i == 0, p.cam.Loop)
		if i == 0 && !s.done {
			at = s.nanos(s.position(s.sample().dts))
		}
	}
}

// next is the sender whose unit is due first, nil if all are done.
func (p *player) next() *sender {
	var first *sender
	var due time.Duration
	for _, s := range p.senders {
		if s.done {
			continue
		}
		if d := s.nanos(s.position(s.sample().dts)); first == nil || d < due {
			first, due = s, d
		}
	}
	return first
}

// send sends the unit that is due and reports whether the connection goes on.
func (p *player) send(s *sender) bool {
	if s == p.senders[0] {
		if !p.strike() {
			return false
		}
		defer func() { p.count++ }()
	}
	if p.acts(Stall) {
		return true
	}
	m := s.sample()
	unit := Sent{
		Connection: p.number, Track: s.track,
		Captured: p.epoch.Add(s.nanos(s.position(m.pts))),
		RTP:      p.time(s, m),
		Data:     p.data(s, m),
	}
	pkts, err := p.packets(s, unit.Data)
	if err != nil {
		p.x.server.cfg.Log.Error("packetizing", "path", p.cam.path, "err", err)
		return false
	}
	for _, pkt := range pkts {
		pkt.Timestamp = unit.RTP
	}
	sent := p.mangle(s, pkts)
	unit.Whole = len(sent) >= len(pkts)

	p.out = p.out[:0]
	p.report(s, time.Now())
	p.stray(s)
	for _, pkt := range sent {
		p.frame(s.channel, pkt)
	}
	// Noted first, so that nobody who received it asks too early.
	p.cam.note(unit, len(sent), len(p.out))
	return p.write()
}

// data is what is sent of a sample.
func (p *player) data(s *sender, m *sample) [][]byte {
	if !s.stream.isVideo() {
		return m.data
	}
	data := make([][]byte, 0, len(m.data)+3)
	for _, nal := range m.data {
		if len(nal) > 0 && !s.stream.isParamSet(nal) {
			data = append(data, nal)
		}
	}
	if m.sync && !p.cam.BareUnits {
		at := 0
		if len(data) > 0 && s.stream.isDelimiter(data[0]) {
			at = 1
		}
		data = slices.Insert(data, at, s.stream.paramSets()...)
	}
	for _, f := range p.cam.Faults {
		if f.Kind == Swell && f.holds(p.count, p.number) {
			data = append(data, s.stream.filler(f.Size))
		}
	}
	return data
}

// time is the RTP time of a sample.
func (p *player) time(s *sender, m *sample) uint32 {
	t := s.rtp(s.position(m.pts), p.shift)
	if s != p.senders[0] {
		return t
	}
	if !p.acts(Freeze) {
		p.frozen = t
	}
	return p.frozen
}

// frame appends an interleaved RTP packet to what is written next.
func (p *player) frame(channel int, pkt *rtp.Packet) {
	n := pkt.MarshalSize()
	p.out = append(p.out, '$', byte(channel), byte(n>>8), byte(n))
	start := len(p.out)
	p.out = slices.Grow(p.out, n)[:start+n]
	pkt.MarshalTo(p.out[start:])
}

func (p *player) write() bool {
	p.x.mu.Lock()
	defer p.x.mu.Unlock()
	if p.x.udp != nil {
		p.x.udp.send(p.out)
		return true
	}
	p.x.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := p.x.nc.Write(p.out)
	return err == nil
}

// acts reports whether a fault of a lasting kind holds now.
func (p *player) acts(k Kind) bool {
	for _, f := range p.cam.Faults {
		if f.Kind == k && f.holds(p.count, p.number) {
			return true
		}
	}
	return false
}

// strike applies the faults that begin with the unit in hand and reports
// whether the connection goes on.
func (p *player) strike() bool {
	for _, f := range p.cam.Faults {
		if !f.strikes(p.count, p.number) {
			continue
		}
		switch f.Kind {
		case Close:
			p.x.nc.Close()
			return false
		case HalfClose:
			if c, ok := p.x.nc.(interface{ CloseWrite() error }); ok {
				c.CloseWrite()
			}
			return false
		case Reset:
			p.x.reset()
			return false
		case NewSSRC:
			for _, s := range p.senders {
				s.restart()
			}
		case Renumber:
			for _, s := range p.senders {
				s.renumber += uint16(10000 + randUint32()%20000)
			}
		case Jump:
			p.shift += f.By
		case Step:
			p.step += f.By
		case Switch:
			p.senders[0].change(p.cam.second.video)
		case Garbage, Say, Bye:
			switch p.out = p.out[:0]; f.Kind {
			case Garbage:
				p.out = garbage(p.out, f.For)
			case Say:
				p.out = append(p.out, f.Text...)
			default:
				p.goodbye()
			}
			if !p.write() {
				return false
			}
		}
	}
	return true
}

// garbage appends n bytes that are neither RTSP nor RTP but begin like both.
func garbage(b []byte, n int) []byte {
	const look = "\x00\xff$\x00\x00RTS$\x00\x02\x00\x80OPT\r\n$\xff\xff\xff\x7f"
	for i := range n {
		b = append(b, look[i%len(look)])
	}
	return b
}
