package stream

import (
	"time"

	"gatehouse/rtsp"
)

const (
	hurry = 8                      // how much faster than they were taken pictures of the past are sent
	slack = 100 * time.Millisecond // a picture that came so lately is of the present
	least = time.Millisecond       // between two pictures
	most  = 2 * time.Second        // of a pause in the past that is not waited for
)

// pace puts units on the controller's timeline, which begins with the session.
//
// A session begins with a group of pictures that is already over. Sent as it was
// taken it would leave the viewer behind for good; so it runs eight times as
// fast, with times that say so, until it has caught up with the camera.
type pace struct {
	began time.Time
	last  time.Duration // of the newest picture on the timeline
	prior time.Duration // its time in the camera's session
	fresh bool          // no picture of this session yet
	live  bool          // caught up: delta is known
	delta time.Duration // from camera's time to the timeline
}

// begin is told of a new session of the camera, whose times begin anew.
func (p *pace) begin() { p.fresh, p.live = true, false }

// picture returns when a picture is due, which never goes back, and how long to
// wait with it: a picture of the present is never held up.
func (p *pace) picture(u *rtsp.Unit, now time.Time) (at, wait time.Duration) {
	media := duration(u.DTS, u.Format.ClockRate)
	at = now.Sub(p.began)
	switch {
	case p.live:
		at = media + p.delta
	case now.Sub(u.Arrived) <= slack:
		p.live = true
		at = max(at, p.last+least)
		p.delta = at - media
	case !p.fresh:
		at = p.last + min(max(media-p.prior, 0), most)/hurry
		wait = at - now.Sub(p.began)
	}
	p.fresh = false
	p.last, p.prior = max(at, p.last+least), media
	return p.last, wait
}

// sound returns when sound is due, unless it is of the past.
func (p *pace) sound(u *rtsp.Unit) (time.Duration, bool) {
	return duration(u.PTS, u.Format.ClockRate) + p.delta, p.live
}

// duration is n ticks of a clock.
func duration(n int64, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(n/r)*time.Second + time.Duration(n%r*int64(time.Second)/r)
}

// ticks is d on a clock, as RTP counts: it wraps.
func ticks(d time.Duration, rate int) uint32 {
	return uint32(int64(d/time.Second)*int64(rate) + int64(d%time.Second)*int64(rate)/int64(time.Second))
}
