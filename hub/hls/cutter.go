package hls

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"gatehouse/hub/internal/mp4"
	"gatehouse/rtsp"
)

const (
	leastPart    = 0.25 // seconds, unless a picture lasts longer
	mostPart     = 2    // a camera slower than that is shown as well by stills
	leastSegment = 1    // a media segment takes several groups of pictures that are shorter
	rounded      = 0.45 // seconds that a media segment may exceed the target duration (4.4.3.1)
	full         = 0.9  // of the part target: 85 of 100 are asked for (4.4.4.9)
	slack        = 1.1  // of a part target: pictures do not come evenly
	enough       = 5    // pictures to know how long each lasts
	maxSlow      = 3    // pictures in a row that last longer than a part may
	maxInits     = 64
	bias         = 10 // seconds that decode times are shifted by, since MP4 has none below zero
)

// cutter makes parts and media segments of units. It is for one goroutine.
type cutter struct {
	stream   *stream
	group    time.Duration // the longest group of pictures that is known of
	joined   time.Time     // what arrived earlier was in hand
	current  *rtsp.Session
	tracks   []*track     // those that browsers play; pictures first
	gathered []*rtsp.Unit // before the list begins
	begun    bool
	number   uint32
	slow     int
	inPart   float64 // seconds
	segment  float64 // seconds, those in the part included
	since    float64 // since the newest key frame, in seconds
}

// track is a track of the playlist and what of it is in no part yet.
type track struct {
	mp4.Track
	at      int        // position in the session
	held    *rtsp.Unit // the newest: how long it lasts is not known yet
	units   []*rtsp.Unit
	samples []mp4.Sample
}

func (t *track) seconds(ticks int64) float64 { return float64(ticks) / float64(t.Timescale) }

// session takes what a camera sends from now on.
func (c *cutter) session(s *rtsp.Session) error {
	if s == c.current {
		return nil
	}
	tracks, plain := []*track{}, []mp4.Track{}
	codecs := []string{}
	for i, f := range s.Formats {
		t, err := mp4.NewTrack(uint32(i+1), f)
		if err != nil || !t.Browser() {
			if i == 0 {
				return errNoCodec
			}
			continue
		}
		tracks, plain, codecs = append(tracks, &track{Track: t, at: i}), append(plain, t), append(codecs, t.Codec())
	}
	if len(tracks) == 0 || !tracks[0].Video {
		return errNoCodec
	}
	init := mp4.AppendInit(mp4.AppendFileType(nil), plain, mp4.Ident{Start: time.Unix(0, 0)})
	st := c.stream
	st.mu.Lock()
	defer st.mu.Unlock()
	l, names := &st.list, strings.Join(codecs, ",")
	switch {
	case !c.begun:
		l.inits = [][]byte{init}
	case names != l.codecs || len(l.inits) >= maxInits:
		return errOutgrown
	case !slices.Equal(init, l.inits[len(l.inits)-1]):
		l.inits = append(l.inits, init)
		l.growing().init = len(l.inits) - 1 // it is empty: a Break came before
	}
	l.codecs, l.width, l.height = names, tracks[0].Width, tracks[0].Height
	c.current, c.tracks = s, tracks
	return nil
}

// unit takes the next unit of the session.
func (c *cutter) unit(u *rtsp.Unit) error {
	i := slices.IndexFunc(c.tracks, func(t *track) bool { return t.at == u.Format.Track })
	if i < 0 {
		u.Release()
		return nil
	}
	if c.begun {
		return c.feed(c.tracks[i], u)
	}
	c.gathered = append(c.gathered, u)
	if i > 0 {
		return nil
	}
	return c.begin(u)
}

// begin begins the list once newest, of pictures, lets it be known how long
// pictures last and how many were in hand.
func (c *cutter) begin(newest *rtsp.Unit) error {
	if newest.Arrived.Before(c.joined) {
		return nil
	}
	lead := c.tracks[0]
	var times []int64
	for _, u := range c.gathered {
		if u.Format.Track == lead.at {
			times = append(times, u.DTS)
		}
	}
	span := lead.seconds(times[len(times)-1] - times[0])
	if len(times) < enough && span < mostPart {
		return nil
	}
	var lasts []int64
	for i := range times[1:] {
		lasts = append(lasts, times[i+1]-times[i])
	}
	slices.Sort(lasts)
	each := max(lead.seconds(lasts[len(lasts)/2]), 0.001)
	longest := math.Ceil(math.Ceil(leastPart/each-0.01)*each*slack*1000) / 1000
	if longest > mostPart {
		return errNoCodec
	}
	target := int(math.Ceil(min(max(c.group.Seconds(), span, leastTarget), mostTarget)))
	c.stream.mu.Lock()
	c.stream.list.begin(target, longest)
	c.stream.mu.Unlock()
	c.begun = true
	all := c.gathered
	c.gathered = nil
	for k, u := range all {
		i := slices.IndexFunc(c.tracks, func(t *track) bool { return t.at == u.Format.Track })
		if err := c.feed(c.tracks[i], u); err != nil {
			c.gathered = all[k+1:] // for drop
			return err
		}
	}
	return nil
}

// feed takes the unit after the one that is held.
func (c *cutter) feed(t *track, u *rtsp.Unit) error {
	before := t.held
	t.held = u
	if before == nil {
		return nil
	}
	lasts := min(max(u.DTS-before.DTS, 0), math.MaxUint32)
	t.add(before, uint32(lasts))
	if t != c.tracks[0] {
		return nil
	}
	seconds := t.seconds(lasts)
	c.inPart, c.segment, c.since = c.inPart+seconds, c.segment+seconds, c.since+seconds
	st := c.stream
	target, longest := float64(st.list.target), st.list.longest // written by this goroutine alone
	if c.slow++; seconds <= longest {
		c.slow = 0
	}
	if c.slow >= maxSlow {
		return errOutgrown
	}
	if u.Random {
		group := c.since
		c.since = 0
		st.server.learn(st.key, time.Duration(min(group, mostTarget)*float64(time.Second)))
		if group > target+rounded && target < mostTarget {
			return errOutgrown
		}
	}
	switch {
	case u.Random && c.segment >= leastSegment, c.segment+seconds > target+rounded:
		if err := c.finish(); err != nil {
			return err
		}
		c.next(false)
	case c.inPart >= full*longest, c.inPart+seconds > longest:
		return c.finish()
	}
	return nil
}

func (t *track) add(u *rtsp.Unit, lasts uint32) {
	t.units = append(t.units, u)
	t.samples = append(t.samples, mp4.Sample{
		Size: uint32(mp4.SampleSize(u)), Duration: lasts, Sync: u.Random,
		Composition: int32(min(max(u.PTS-u.DTS, math.MinInt32), math.MaxInt32)),
	})
}

// parting ends what was begun: the next unit does not continue it.
func (c *cutter) parting() error {
	if !c.begun {
		c.drop()
		return nil
	}
	for i, t := range c.tracks {
		if t.held == nil {
			continue
		}
		lasts := t.held.Ticks()
		if n := len(t.samples); lasts == 0 && n > 0 {
			lasts = int64(t.samples[n-1].Duration)
		} else if lasts == 0 {
			lasts = int64(t.Timescale) / 25
		}
		t.add(t.held, uint32(lasts))
		t.held = nil
		if i == 0 {
			c.inPart += t.seconds(lasts)
		}
	}
	c.since = 0
	if err := c.finish(); err != nil {
		return err
	}
	for _, t := range c.tracks {
		t.drop() // sound after the last picture
	}
	c.next(true)
	return nil
}

// next begins a media segment.
func (c *cutter) next(parted bool) {
	c.segment = 0
	st := c.stream
	st.mu.Lock()
	defer st.mu.Unlock()
	if g := st.list.growing(); len(g.parts) == 0 {
		g.parted = g.parted || parted
		return
	}
	st.list.open(parted)
	st.list.slide(math.MaxInt)
	st.tell()
}

// finish makes a part of what is known.
func (c *cutter) finish() error {
	lead := c.tracks[0]
	if len(lead.units) == 0 {
		return nil
	}
	p := &part{seconds: c.inPart, independent: lead.samples[0].Sync}
	start := lead.units[0].UTC
	size := 0
	for _, t := range c.tracks {
		for i := range t.samples {
			size += int(t.samples[i].Size) + 16
		}
		size += 256
	}
	p.data = make([]byte, 0, size)
	for _, t := range c.tracks {
		p.data = c.fragment(p.data, t)
		t.drop()
	}
	c.inPart = 0
	st := c.stream
	most := st.server.share()
	st.mu.Lock()
	defer st.mu.Unlock()
	g := st.list.growing()
	if len(g.parts) == 0 {
		g.start = start
	}
	g.parts = append(g.parts, p)
	g.seconds += p.seconds
	g.bytes += len(p.data)
	st.list.bytes += len(p.data)
	st.tell()
	if !st.list.slide(most) {
		return errLarge
	}
	return nil
}

// fragment appends what is known of a track.
func (c *cutter) fragment(b []byte, t *track) []byte {
	if len(t.units) == 0 {
		return b
	}
	c.number++
	first, shift := t.units[0], int64(bias)*int64(t.Timescale)
	b = mp4.AppendFragment(b, t.Track, &mp4.Fragment{
		Number: c.number, Base: max(0, first.DTS+shift), PTS: first.PTS + shift, UTC: first.UTC, Clock: uint8(first.Clock), Samples: t.samples,
	})
	for _, u := range t.units {
		for _, data := range u.Data {
			if mp4.Lengths(u.Format) {
				b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
			}
			b = append(b, data...)
		}
	}
	return b
}

// drop lets go of the units in no part, but for the one that is held.
func (t *track) drop() {
	for _, u := range t.units {
		u.Release()
	}
	clear(t.units)
	t.units, t.samples = t.units[:0], t.samples[:0]
}

// drop lets go of all units.
func (c *cutter) drop() {
	for _, u := range c.gathered {
		u.Release()
	}
	c.gathered = nil
	for _, t := range c.tracks {
		t.drop()
		if t.held != nil {
			t.held.Release()
			t.held = nil
		}
	}
}
