package homekit

import (
	"context"
	"io"
	"sync"
	"time"

	"gatehouse/bridge/homekit/avc"
	"gatehouse/bridge/homekit/stream"
	"gatehouse/rtsp"
)

const (
	reelRate = 10 // pictures a second, of which one is a key frame
	reelTick = time.Second / reelRate
)

// reel is the card on display as a feed: a home app that opens the stream sees
// what the snapshot shows, and a new card within a second.
type reel struct {
	face   func() *face
	shown  func(Card) // hears of each key frame
	w, h   int
	closed chan struct{}
	once   sync.Once

	of     *face // what still shows
	still  *avc.Still
	format *rtsp.Format
	begun  time.Time
	frame  int64
	keys   int
}

// reel returns a feed for a viewer's size.
func (b *Bridge) reel(s selection) func() stream.Feed {
	return func() stream.Feed {
		return &reel{
			face: b.face.Load, w: s.width, h: s.height, closed: make(chan struct{}),
			shown: func(c Card) { b.looked(c, b.cfg.Now(), s.controller) },
		}
	}
}

// Close ends Next.
func (r *reel) Close() { r.once.Do(func() { close(r.closed) }) }

// Next returns the next picture when it is due.
func (r *reel) Next(ctx context.Context) (rtsp.Item, error) {
	n := r.frame % reelRate
	if f := r.face(); n == 0 && f != r.of {
		return r.load(f)
	}
	due := time.NewTimer(time.Until(r.begun.Add(time.Duration(r.frame) * reelTick)))
	defer due.Stop()
	select {
	case <-ctx.Done():
		return rtsp.Item{}, ctx.Err()
	case <-r.closed:
		return rtsp.Item{}, io.EOF
	case now := <-due.C:
		at := r.frame * videoClock / reelRate
		u := rtsp.Unit{Format: r.format, PTS: at, DTS: at, UTC: now, Arrived: now, Random: n == 0}
		if u.Random {
			u.Data = [][]byte{r.still.Key(r.keys)}
			r.keys++
			r.shown(r.of.card)
		} else {
			u.Data = [][]byte{r.still.Repeat(int(n))}
		}
		r.frame++
		return rtsp.Item{Unit: &u}, nil
	}
}

// load begins a session with another card.
func (r *reel) load(f *face) (rtsp.Item, error) {
	still, err := f.still(r.w, r.h)
	if err != nil {
		return rtsp.Item{}, err
	}
	r.of, r.still = f, still
	sps, pps := still.Parameters()
	r.format = &rtsp.Format{Codec: rtsp.H264, ClockRate: videoClock, SPS: sps, PPS: pps}
	r.begun, r.frame = time.Now(), 0
	return rtsp.Item{Session: &rtsp.Session{Formats: []*rtsp.Format{r.format}, Zero: r.begun}}, nil
}
