package ui

import (
	"context"
	"net/http"
	"time"

	"gatehouse/ui/api"
)

// newAPI is what other programs read, out of what the console reads. A token
// comes by the connections that a session would.
func (c *console) newAPI() http.Handler {
	cfg := api.Config{
		Tokens: c.cfg.Accounts, Timeline: c.apiTimeline, Clips: c.cfg.Clips, Requests: c.cfg.Requests, Status: c.cfg.Archive.Status,
		Host: c.hostAllowed, Peer: peer, Zone: c.cfg.Home.TimeZone, Log: c.cfg.Log, Now: c.cfg.Now, Throttle: &c.cfg.Memory.tokens,
		Secure: func(r *http.Request) bool { return !c.cfg.Trust.HTTPS || r.TLS != nil || loopback(r) },
	}
	for _, cam := range c.cfg.Cameras {
		cfg.Cameras = append(cfg.Cameras, api.Camera{Name: cam.Name, Label: cam.Called(), State: cam.State})
	}
	return api.New(cfg)
}

// apiTimeline tells what the timeline draws, but for holds and requests.
func (c *console) apiTimeline(ctx context.Context, camera string, from, to time.Time) (api.Timeline, error) {
	l := api.Timeline{From: from, To: to, Recorded: []api.Span{}, Motion: []api.Span{}, Gaps: []api.Gap{}}
	segs, gaps, motions, err := c.recordings(ctx, camera, from, to)
	if err != nil {
		return l, err
	}
	var recorded []moved
	for _, s := range joined(segs, from, to) {
		recorded = append(recorded, moved{stretch: s})
	}
	step := time.Duration(0)
	for _, s := range coarse(recorded, to.Sub(from), &step) {
		l.Recorded = append(l.Recorded, spanOf(s.stretch))
	}
	for _, s := range coarse(motions, to.Sub(from), &step) {
		l.Motion = append(l.Motion, spanOf(s.stretch))
	}
	l.StepMS = step.Milliseconds()
	for _, g := range gaps[:min(len(gaps), maxSpans)] {
		if s := c.clip(g, from, to); s.to.After(s.from) {
			l.Gaps = append(l.Gaps, api.Gap{Span: spanOf(s), Reason: string(g.Reason)})
		}
	}
	return l, nil
}

func spanOf(s stretch) api.Span { return api.Span{From: s.from.UTC(), To: s.to.UTC()} }
