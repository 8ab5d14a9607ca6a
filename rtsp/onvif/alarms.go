package onvif

import "time"

// alarms turns notices into Motion: repeats are left out, and what a device
// forgets to end is ended. On and Off of one Topic and Source take turns, the
// first is On: several rules of a device that share both are one.
type alarms struct {
	stuck time.Duration
	on    func(Motion)
	by    map[string]*alarm
	lit   map[[2]string]int // alarms that are on, by topic and source
}

// alarm is one property of a device: a rule on a video source.
type alarm struct {
	motion  Motion    // newest told
	told    bool      // motion was told and is On
	said    bool      // what the device said last
	heard   time.Time // when the device last said a change
	expires time.Time // of what was told
}

const (
	// maxAlarms bounds the properties of one device: recorders with 64 channels
	// have four rules on each.
	maxAlarms = 256
	// pulseLasts is how long an event without an end counts as motion.
	pulseLasts = 10 * time.Second
)

func newAlarms(stuck time.Duration, tell func(Motion)) *alarms {
	return &alarms{stuck: stuck, on: tell, by: map[string]*alarm{}, lit: map[[2]string]int{}}
}

// tell passes on the first alarm of a topic and source to begin, and the last to end.
func (a *alarms) tell(m Motion) {
	pair := [2]string{m.Topic, m.Source}
	if m.On {
		if a.lit[pair]++; a.lit[pair] == 1 {
			a.on(m)
		}
		return
	}
	if a.lit[pair]--; a.lit[pair] == 0 {
		delete(a.lit, pair)
		a.on(m)
	}
}

// take takes a notice in. A report of a state that the device has already told
// is no news: it neither prolongs an alarm nor raises one again that expired,
// or a stuck one would never end.
func (a *alarms) take(n notice, now time.Time) {
	m := a.by[n.key]
	if m == nil {
		a.drop(now)
		if len(a.by) >= maxAlarms {
			return
		}
		m = &alarm{}
		a.by[n.key] = m
	}
	repeated := n.report && m.said == n.On && !m.heard.IsZero()
	m.said = n.On
	if repeated {
		return
	}
	m.heard = now
	if n.On {
		m.expires = now.Add(a.stuck)
		if n.pulse {
			m.expires = now.Add(min(pulseLasts, a.stuck))
			m.said = false // the next one is another
		}
	}
	if n.On == m.told {
		return
	}
	if n.At.Before(m.motion.At) {
		n.At = m.motion.At // an alarm does not end before it began
	}
	m.motion, m.told = n.Motion, n.On
	a.tell(n.Motion)
}

// drop forgets quiet alarms that nothing was heard of for longer than one can last.
func (a *alarms) drop(now time.Time) {
	for key, m := range a.by {
		if !m.told && now.Sub(m.heard) > 2*a.stuck {
			delete(a.by, key)
		}
	}
}

// expire ends the alarms that have lasted too long without a repeat.
func (a *alarms) expire(now time.Time) {
	for _, m := range a.by {
		if m.told && !m.expires.After(now) {
			a.end(m, now)
		}
	}
}

// endAll ends every alarm.
func (a *alarms) endAll(now time.Time) {
	for _, m := range a.by {
		if m.told {
			a.end(m, now)
		}
	}
}

func (a *alarms) end(m *alarm, now time.Time) {
	m.told, m.motion.On, m.motion.At = false, false, now
	a.tell(m.motion)
}

// next is when expire has something to do; zero if nothing is on.
func (a *alarms) next() (t time.Time) {
	for _, m := range a.by {
		if m.told && (t.IsZero() || m.expires.Before(t)) {
			t = m.expires
		}
	}
	return t
}
