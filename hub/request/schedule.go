package request

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"gatehouse/hub/bulletin"
)

// schedule says when a bulletin is fetched: every period at a fixed phase, plus
// a jitter of up to an eighth of the period. It is a function of a secret seed
// and of time, so no observer can predict a fetch and nothing that happens at
// home can move one.
type schedule struct {
	seed  []byte
	feed  string // so that two bulletins do not go together
	every time.Duration
}

// at returns the time of fetch n, counted from the Unix epoch.
func (s schedule) at(n int64) time.Time {
	phase := s.draw("phase", 0, s.every)
	jitter := s.draw("jitter", n, s.every/8)
	return time.Unix(0, n*int64(s.every)).Add(phase + jitter).UTC()
}

// after returns the first fetch later than t. Fetches keep their order, since
// the jitter is shorter than the period.
func (s schedule) after(t time.Time) time.Time {
	n := t.UnixNano()/int64(s.every) - 2
	for !s.at(n).After(t) {
		n++
	}
	return s.at(n)
}

// draw returns a fixed pseudo-random duration in [0, below).
func (s schedule) draw(what string, n int64, below time.Duration) time.Duration {
	if below <= 0 {
		return 0
	}
	h := hmac.New(sha256.New, s.seed)
	h.Write([]byte("gatehouse/schedule/" + what + "\n" + s.feed + "\n"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return time.Duration(binary.BigEndian.Uint64(h.Sum(nil)) % uint64(below))
}

// mirror chooses which of n base addresses a fetch that is due at a time asks, for
// all of its files. Like the times it depends on seed and time alone: an answer, even
// that of a mirror that fails or lies, moves no fetch to another one.
func (s schedule) mirror(now time.Time, n int) int {
	return int(s.draw("mirror", now.Unix()/60, time.Duration(n)))
}

const (
	// offline is how far behind a hub may be and still catch up hour by hour.
	offline = 48 * time.Hour
	// epochsUpTo is the longest period at which hourly files can be followed
	// with at most two of them a fetch.
	epochsUpTo = 2 * time.Hour
	// grace is what a publisher has to put out the file of an hour.
	grace = 10 * time.Minute
)

// progress is how far a bulletin's data files have been taken in.
type progress struct {
	through time.Time          // all hours that ended by then are in; zero: nothing is
	extra   map[time.Time]bool // starts of later hours that are in as well
}

// files returns the paths of a fetch that is due at a time. It depends on time and on which fetches
// succeeded, on nothing else: the last completed hour and, if earlier hours are
// missing, the oldest of them; or active.ghb after a long absence, once a day,
// and always if the period is not near an hour. The daily one brings what a
// mirror dropped or published late.
func (s schedule) files(p progress, now time.Time) []string {
	last := completed(now).Add(-time.Hour)
	if p.behind(now, s.every) || time.Duration(last.Hour()) == s.draw("whole", 0, 24*time.Hour)/time.Hour {
		return []string{bulletin.ActivePath}
	}
	paths := []string{epochPath(last)}
	for hour := p.through; hour.Before(last); hour = hour.Add(time.Hour) {
		if !p.extra[hour] {
			return append(paths, epochPath(hour))
		}
	}
	return paths
}

// completed is the end of the last hour whose file is out.
func completed(now time.Time) time.Time { return now.UTC().Add(-grace).Truncate(time.Hour) }

func (p progress) behind(now time.Time, every time.Duration) bool {
	return p.through.IsZero() || every < time.Hour || every > epochsUpTo || now.Sub(p.through) > offline
}

// took returns the progress after a fetch at a time that brought files, each of them whole.
func (p progress) took(now time.Time, paths []string) progress {
	to := progress{through: p.through, extra: map[time.Time]bool{}}
	for hour := range p.extra {
		to.extra[hour] = true
	}
	for _, path := range paths {
		if path == bulletin.ActivePath {
			return progress{through: completed(now)}
		}
		if hour, ok := epochOf(path); ok && !hour.Before(p.through) {
			to.extra[hour] = true
		}
	}
	for to.extra[to.through] {
		delete(to.extra, to.through)
		to.through = to.through.Add(time.Hour)
	}
	return to
}

const epochName = "2006010215"

func epochPath(hour time.Time) string {
	return bulletin.EpochDir + hour.UTC().Format(epochName) + ".ghb"
}

func epochOf(path string) (time.Time, bool) {
	t, err := time.Parse(bulletin.EpochDir+epochName+".ghb", path)
	return t, err == nil
}
