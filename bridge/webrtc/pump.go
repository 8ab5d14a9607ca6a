package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"gatehouse/rtsp"
)

const (
	packetSize  = 1200 // bytes with the RTP header: fits every path's MTU beside what SRTP and UDP add
	headerSize  = 12
	keepPackets = 4096 // to send again; a large key frame and what follows it
	burst       = 32   // packets in a row, then a pause of a millisecond: 300 Mbit/s

	rejoinEvery = time.Second            // the group of pictures is sent again at most so often
	catchUp     = 100 * time.Microsecond // between pictures of the past, as their times say
	slack       = 20 * time.Millisecond
)

// outlet is one track on its way to one browser.
type outlet struct {
	kind    string
	codec   rtsp.Codec
	rate    int
	payload payload
	track   *webrtc.TrackLocalStaticRTP
	sender  *webrtc.RTPSender

	// The rest belongs to the goroutine in run.
	split   rtp.Payloader
	annexB  []byte
	number  uint16
	base    uint32
	last    time.Duration // of the newest unit, on the viewer's timeline
	started bool
	row     int // packets since a pause
}

func newOutlet(p payload, kind string, f *rtsp.Format) *outlet {
	o := &outlet{kind: kind, codec: f.Codec, rate: f.ClockRate, payload: p, number: uint16(rand.Uint32()), base: rand.Uint32()}
	switch f.Codec {
	case rtsp.H264:
		// Parameter sets go as they are: joined to one packet, large ones would be lost.
		o.split = &codecs.H264Payloader{DisableStapA: true}
	case rtsp.Opus:
		o.split = &codecs.OpusPayloader{}
	default:
		o.split = &codecs.G711Payloader{}
	}
	// It fails for no arguments but a codec without a kind.
	o.track, _ = webrtc.NewTrackLocalStaticRTP(p.codec, kind, "live")
	return o
}

// clock puts the units of one session after another on one timeline, which began
// with the first of them.
type clock struct {
	began   time.Time
	session *rtsp.Session // that delta is for
	delta   time.Duration // from a unit's time in its session to the timeline
	floor   time.Duration // nothing is dated earlier
}

// place is when a unit is shown. Units of the past, which come at once so that
// decoding can start, are dated almost alike just before what is to come: a
// browser that played them as they were taken would stay behind by as much.
func (c *clock) place(s *rtsp.Session, u *rtsp.Unit, now time.Time) time.Duration {
	media := ticks(u.PTS, u.Format.ClockRate)
	if c.session != s {
		if c.began.IsZero() {
			c.began = now
		}
		present := now.Sub(c.began)
		c.session, c.delta = s, present-max(0, now.Sub(u.Arrived))-media
		c.floor = max(c.floor, present-slack)
	}
	return media + c.delta
}

func ticks(n int64, rate int) time.Duration {
	return time.Duration(n/int64(rate))*time.Second + time.Duration(n%int64(rate)*int64(time.Second)/int64(rate))
}

// pump sends what the camera sends until ctx ends, the camera goes away, or it
// changes to what was not agreed.
func (v *viewer) pump(ctx context.Context) error {
	r := v.subscribe()
	if r == nil {
		return errAway
	}
	defer func() { r.Close() }()
	var session *rtsp.Session
	joined := time.Now()
	v.lost.Store(false)
	for {
		if now := time.Now(); now.Sub(joined) > rejoinEvery && v.lost.Swap(false) {
			// A camera cannot be asked for a key frame, but the newest is at hand.
			r.Close()
			if joined, r = now, v.subscribe(); r == nil {
				return errAway
			}
		}
		item, err := r.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return errAway
		case err != nil:
			return err
		case item.Session != nil:
			if session = item.Session; session.Formats[0].Codec != v.video.codec {
				return errNoCodec
			}
		case item.Break != nil:
			if !brief(item.Break.Reason) {
				return fmt.Errorf("%w: %s", errAway, item.Break.Reason)
			}
		case item.Unit != nil:
			err := v.send(session, item.Unit, time.Now())
			item.Unit.Release() // payloaders copy
			if err != nil {
				return err
			}
		}
	}
}

func (v *viewer) subscribe() *rtsp.Reader {
	return v.server.cfg.Reader(v.camera, v.stream, readerBytes)
}

// brief reasons end no connection: what follows goes on in the same one.
func brief(r rtsp.Reason) bool {
	switch r {
	case rtsp.ReasonLost, rtsp.ReasonSlow, rtsp.ReasonCodec, rtsp.ReasonClock, rtsp.ReasonSSRC:
		return true
	}
	return false
}

// send sends one unit.
func (v *viewer) send(s *rtsp.Session, u *rtsp.Unit, now time.Time) error {
	f := u.Format
	if !f.Video() {
		o := v.sound
		if o == nil || f.Codec != o.codec || f.ClockRate != o.rate || v.clock.session != s {
			return nil
		}
		at := v.clock.place(s, u, now)
		if at <= max(o.last, v.clock.floor) {
			return nil // sound of the past
		}
		return o.send(u, at)
	}
	if u.PTS != u.DTS {
		return errReordered
	}
	at := v.clock.place(s, u, now)
	return v.video.send(u, max(at, v.video.last+catchUp, v.clock.floor))
}

// send sends one unit, dated at on the viewer's timeline.
func (o *outlet) send(u *rtsp.Unit, at time.Duration) error {
	payloads := o.split.Payload(packetSize-headerSize, o.bytes(u))
	stamp := o.base + uint32(int64(at/time.Second)*int64(o.rate)+int64(at%time.Second)*int64(o.rate)/int64(time.Second))
	for i, b := range payloads {
		p := rtp.Packet{
			Header: rtp.Header{
				Version: 2, PayloadType: o.payload.pt, SequenceNumber: o.number, Timestamp: stamp,
				Marker: i == len(payloads)-1 && u.Format.Video() || !u.Format.Video() && !o.started,
			},
			Payload: b,
		}
		o.number++
		o.started = true
		if err := o.track.WriteRTP(&p); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
		if o.row++; o.row >= burst {
			o.row = 0
			time.Sleep(time.Millisecond)
		}
	}
	o.last = at
	if len(payloads) < burst/2 {
		o.row = 0 // the next unit is a while away
	}
	return nil
}

// NAL unit types of H.264.
const (
	nalType = 0x1f
	nalSPS  = 7
	nalPPS  = 8
)

// bytes is a unit as payloaders take it. Where decoding can start, a picture has
// its parameter sets before it.
func (o *outlet) bytes(u *rtsp.Unit) []byte {
	if u.Format.Codec != rtsp.H264 {
		return u.Data[0]
	}
	b := o.annexB[:0]
	add := func(nal []byte) { b = append(append(b, 0, 0, 0, 1), nal...) }
	if u.Random && !(has(u, nalSPS) && has(u, nalPPS)) {
		add(u.Format.SPS)
		add(u.Format.PPS)
	}
	for _, nal := range u.Data {
		add(nal)
	}
	o.annexB = b
	return b
}

func has(u *rtsp.Unit, kind byte) bool {
	for _, nal := range u.Data {
		if len(nal) > 0 && nal[0]&nalType == kind {
			return true
		}
	}
	return false
}
