package ui

import (
	"context"
	"time"

	"gatehouse/hub/clip"
	"gatehouse/hub/motion"
	"gatehouse/hub/recording"
)

// Holds has the waiting request's, and one that is over.
func (a *fakeArchive) Holds(context.Context) ([]recording.Hold, error) {
	w := fixtureRequest("").Window
	return append([]recording.Hold{
		{ID: waitingID, Camera: "Driveway", From: w.From, To: w.To, Until: fixtureNow.Add(13 * 24 * time.Hour), Note: "request"},
		{ID: "over", Camera: "Driveway", From: w.From.Add(-3 * time.Hour), To: w.From, Until: fixtureNow.Add(-time.Hour)},
	}, a.holds...), a.fault
}

// fakeMotions has so many spans a day, spread and sized by a fixed pattern.
type fakeMotions struct {
	perDay int
	now    func() time.Time
}

func (f *fakeMotions) Motions(_ context.Context, camera string, from, to time.Time) (out []motion.Motion, _ error) {
	if f.perDay == 0 {
		return nil, nil
	}
	every := 24 * time.Hour / time.Duration(f.perDay)
	for t := from.Truncate(every); t.Before(earlier(to, f.now())); t = t.Add(every) {
		n := t.Unix() / int64(every/time.Second+1)
		m := motion.Motion{
			Camera: camera, Source: motion.Pictures, From: t.Add(time.Duration(n*7919%83) * every / 100),
			Score: float64(5+n*31%60) / 100,
		}
		m.To = m.From.Add(min(time.Duration(4+n*17%40)*time.Second, every/2))
		if m.To.After(from) && m.From.Before(to) {
			out = append(out, m)
		}
	}
	return out, nil
}

func (c *fakeClips) Strip(context.Context, string, time.Time) ([]byte, error) {
	if len(c.stripes) == 0 {
		return nil, clip.ErrNoDecoder
	}
	return c.stripes, nil
}

func (c *fakeClips) Sheet(ctx context.Context, camera string, from, _ time.Time, _ *time.Location) ([]byte, error) {
	return c.Strip(ctx, camera, from)
}
