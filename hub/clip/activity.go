package clip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/hub/recording"
)

// Bounds of Activity: a day reads the tables of 1440 files.
const (
	maxActivity = 25 * time.Hour
	maxSteps    = 2000
	// usualSteps is how many steps to either side the usual is the median of.
	usualSteps = 30
)

// ErrSteps means that more was asked for than is answered at once.
var ErrSteps = errors.New("the range is empty or too long")

// Activity is a hint of where something happened, for the eye: for each of n
// equal steps of [from, to), how many bytes a second the pictures between the
// key frames took, beside what is usual around that time. 1 is usual, 0 means
// that nothing is recorded. Encoders spend bytes on change of any kind (rain,
// dusk, a moth at the lens), so it is nothing to be alarmed by.
//
// It comes from the sizes in the segments' own tables, those of the sub stream
// where there is one; nothing is stored for it.
func (s *Service) Activity(ctx context.Context, camera string, from, to time.Time, n int) ([]float64, error) {
	if n < 1 || n > maxSteps || !from.Before(to) || to.Sub(from) > maxActivity {
		return nil, ErrSteps
	}
	for _, stream := range []string{recording.Sub, recording.Main} {
		segments, err := s.archive.Segments(ctx, camera, stream, from, to)
		if err != nil {
			return nil, fmt.Errorf("listing segments: %w", err)
		}
		if len(segments) == 0 {
			continue
		}
		r := rates{from: from, step: to.Sub(from) / time.Duration(n), bytes: make([]float64, n), time: make([]float64, n)}
		for _, g := range segments {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			t, err := readTable(s.archive, g) // not kept: the tables in memory are those of what is watched
			if err != nil {
				s.log.Warn("could not read sizes of pictures", "camera", camera, "segment", g.ID, "err", err)
				continue
			}
			r.add(t)
		}
		return r.levels(), nil
	}
	return make([]float64, n), nil
}

// rates gathers bytes and seconds by step.
type rates struct {
	from        time.Time
	step        time.Duration
	bytes, time []float64
}

// add spreads the pictures of each fragment over the steps it touches.
func (r *rates) add(t *table) {
	scale := t.file.Tracks[t.lead].Timescale
	for i := range t.file.Fragments {
		f := &t.file.Fragments[i]
		if f.Track != t.lead {
			continue
		}
		size, every := 0.0, 0.0
		for _, v := range f.Samples {
			every += float64(v.Size)
			if !v.Sync {
				size += float64(v.Size)
			}
		}
		if size == 0 { // key frames alone, or sound
			size = every
		}
		begin := f.UTC.Sub(r.from)
		end := begin + ticks(f.Duration(), scale)
		for k := max(int(begin/r.step), 0); k < len(r.bytes) && time.Duration(k)*r.step < end; k++ {
			within := min(end, time.Duration(k+1)*r.step) - max(begin, time.Duration(k)*r.step)
			if within > 0 && end > begin {
				r.bytes[k] += size * float64(within) / float64(end-begin)
				r.time[k] += within.Seconds()
			}
		}
	}
}

// levels divides each step's rate by the median of those around it.
func (r *rates) levels() []float64 {
	rate := make([]float64, len(r.bytes))
	for k := range rate {
		if r.time[k] > 0 {
			rate[k] = r.bytes[k] / r.time[k]
		}
	}
	levels := make([]float64, len(rate))
	around := make([]float64, 0, 2*usualSteps+1)
	for k, v := range rate {
		around = around[:0]
		for _, u := range rate[max(k-usualSteps, 0):min(k+usualSteps+1, len(rate))] {
			if u > 0 {
				around = append(around, u)
			}
		}
		if v > 0 {
			slices.Sort(around)
			levels[k] = v / around[len(around)/2]
		}
	}
	return levels
}
