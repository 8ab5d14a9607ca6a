package homekit

import (
	"slices"
	"sync"
	"time"

	"gatehouse/bridge/homekit/avc"
)

// deck chooses the card on display. Its zero value shows no request.
type deck struct {
	shown  Card            // Request is empty when no request waits
	frozen bool            // shown has rung: it must not change until its request is decided or revised
	since  time.Time       // when shown rang, or came on display for good without a ring
	seen   map[string]bool // controllers that fetched shown after that
}

// show takes the cards that wait and returns the one on display and whether it
// differs from the one before.
func (d *deck) show(cards []Card) (Card, bool) {
	cards = slices.Clone(cards)
	cards = slices.DeleteFunc(cards, func(c Card) bool { return c.Request == "" })
	next := Card{}
	if len(cards) > 0 {
		next = cards[0]
	}
	if i := slices.IndexFunc(cards, func(c Card) bool { return c.Request == d.shown.Request }); i >= 0 {
		if next = cards[i]; d.frozen && next.Version == d.shown.Version {
			return d.shown, false
		}
	}
	if next == d.shown {
		return next, false
	}
	d.shown, d.frozen = next, false
	return next, true
}

// due returns the request on display if it has yet to ring. One that rang before
// a restart, or is silent, is frozen here.
func (d *deck) due(rang func(id string) bool, now time.Time) (string, bool) {
	if d.shown.Request == "" || d.frozen {
		return "", false
	}
	if d.shown.Silent || rang(d.shown.Request) {
		d.freeze(now)
		return "", false
	}
	return d.shown.Request, true
}

func (d *deck) freeze(now time.Time) { d.frozen, d.since, d.seen = true, now, map[string]bool{} }

// look notes that a controller was given a card that it asked for at a time.
func (d *deck) look(c Card, asked time.Time, controller string) {
	if d.frozen && c == d.shown && !asked.Before(d.since) {
		d.seen[controller] = true
	}
}

// Sizes a snapshot can have. Larger wishes are scaled down, smaller ones up.
const (
	widthMax, heightMax = 1920, 1440
	widthMin, heightMin = 64, 48
	widthAny, heightAny = 640, 360 // when none was asked

	facesMax = 12 // pictures kept of one card
)

// size is a picture's size in pixels.
type size struct{ w, h int }

// usual are the sizes drawn before the ring, so that no notification waits for a
// picture.
var usual = []size{{1280, 720}, {640, 360}, {480, 270}, {320, 240}}

// face is one card drawn in all the sizes that were asked for.
type face struct {
	card  Card
	style style

	mu     sync.Mutex
	jpegs  map[size][]byte
	stills map[size]*avc.Still
}

// newFace draws the usual sizes before it returns.
func newFace(c Card, st style) *face {
	f := &face{card: c, style: st, jpegs: map[size][]byte{}, stills: map[size]*avc.Still{}}
	for _, s := range usual {
		f.jpegs[s] = drawCard(c, st, s).jpeg()
	}
	return f
}

// jpeg returns the card in a size near the one asked, the same bytes each time
// for as long as they are kept. The caller must not change them.
func (f *face) jpeg(w, h int) []byte {
	s := bounded(w, h)
	f.mu.Lock()
	defer f.mu.Unlock()
	if b, ok := f.jpegs[s]; ok {
		return b
	}
	b := drawCard(f.card, f.style, s).jpeg()
	if len(f.jpegs) < facesMax {
		f.jpegs[s] = b
	}
	return b
}

// cardQP keeps a card of 1280×720 near the 300 kbit/s that iOS asks for, with a
// key frame a second.
const cardQP = 28

// still returns the card as video in a size near the one asked.
func (f *face) still(w, h int) (*avc.Still, error) {
	s := bounded(w, h)
	s = size{s.w &^ 1, s.h &^ 1}
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := f.stills[s]; ok {
		return v, nil
	}
	v, err := avc.Encode(drawCard(f.card, f.style, s).img, cardQP)
	if err == nil && len(f.stills) < facesMax {
		f.stills[s] = v
	}
	return v, err
}

// bounded returns a size that will be drawn for the size asked, in about the
// same shape.
func bounded(w, h int) size {
	if w <= 0 || h <= 0 {
		return size{widthAny, heightAny}
	}
	if w > widthMax || h > heightMax {
		k := min(float64(widthMax)/float64(w), float64(heightMax)/float64(h))
		w, h = int(float64(w)*k), int(float64(h)*k)
	}
	return size{max(w, widthMin), max(h, heightMin)}
}
