package ui

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gatehouse/hub/finding"
	"gatehouse/hub/recording"
	"gatehouse/hub/survey"
	"gatehouse/rtsp"
)

// healthPage is the body of storage and health.
type healthPage struct {
	Head     health
	Days     int // kept by the camera that has least
	AtMost   int // seconds that a power cut can take
	Problems []problemRow
	Disks    []diskRow
	Streams  []streamRow
}

// diskRow is the health of a disk.
type diskRow struct {
	Path, Free, Total, Footage string
	Held                       string // of the footage, what no rule deletes; empty if there is none
	Used                       int    // percent
	InUse, Careful             bool
	Problem                    finding.Words // nil if there is none
	Days                       int           // that the room left gives; 0 if it cannot be said
}

// flow is what was recorded of a stream of late.
type flow struct {
	Rate int64         // bytes a second
	Key  time.Duration // mean time between key frames; 0 if unknown
}

// lately is the time that a flow is measured over.
const lately = time.Hour

func (c *console) flow(ctx context.Context, camera, stream string) flow {
	now := c.cfg.Now()
	list, err := c.cfg.Archive.Segments(ctx, camera, stream, now.Add(-lately), now)
	if err != nil {
		return flow{}
	}
	var long time.Duration
	var bytes int64
	var keys int
	for _, s := range list {
		long, bytes, keys = long+s.Duration, bytes+s.Bytes, keys+s.KeyFrames
	}
	var f flow
	if long > 0 {
		f.Rate = int64(float64(bytes) / long.Seconds())
	}
	if keys > 0 {
		f.Key = long / time.Duration(keys)
	}
	return f
}

// lost is how much of the last day is missing that should be there.
func (c *console) lost(ctx context.Context, camera, stream string) time.Duration {
	now := c.cfg.Now()
	from := now.Add(-24 * time.Hour)
	gaps, err := c.cfg.Archive.Gaps(ctx, camera, stream, from, now)
	if err != nil {
		return 0
	}
	var sum time.Duration
	for _, g := range gaps {
		if g.Reason == rtsp.ReasonOff || g.Reason == rtsp.ReasonNoMotion {
			continue
		}
		to := g.To
		if to.IsZero() {
			to = now
		}
		sum += earlier(to, now).Sub(later(g.From, from))
	}
	return sum
}

func (c *console) healthPage(w http.ResponseWriter, r *http.Request) {
	p, err := c.healthBody(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, "health", view{Title: "health.title", Place: "settings", Body: p})
}

func (c *console) healthBody(ctx context.Context) (healthPage, error) {
	streams, err := c.cfg.Archive.Status(ctx)
	if err != nil {
		return healthPage{}, err
	}
	p := healthPage{Head: c.health(present(c.cfg.Cameras), streams)}
	if c.cfg.Problems != nil {
		for _, f := range c.cfg.Problems() {
			p.Problems = append(p.Problems, c.problemRow(f))
		}
	}
	days := -1
	var rate int64
	for _, s := range streams {
		f := c.flow(ctx, s.Camera, s.Stream)
		rate += f.Rate
		p.Streams = append(p.Streams, c.fullRow(ctx, s, f))
		p.AtMost = max(p.AtMost, s.AtMost)
		if s.Recording && s.Stream == recording.Main && !s.Oldest.IsZero() {
			if n := int(c.cfg.Now().Sub(s.Oldest) / (24 * time.Hour)); days < 0 || n < days {
				days = n
			}
		}
	}
	p.Days = max(days, 0)
	if c.cfg.Stores == nil {
		return p, nil
	}
	stores, err := c.cfg.Stores(ctx)
	for _, d := range stores {
		row := diskRow{
			Path: d.Path, Free: c.text.size(d.Free), Total: c.text.size(d.Total), Footage: c.text.size(d.Bytes),
			InUse: d.InUse, Careful: d.Profile == recording.ProfileSD, Problem: known(d.Problem),
		}
		if d.Held > 0 {
			row.Held = c.text.size(d.Held)
		}
		if d.Total > 0 {
			row.Used = int(100 * (d.Total - d.Free) / d.Total)
		}
		if rate > 0 && d.InUse {
			row.Days = int(float64(d.Free+d.Bytes) / float64(rate) / (24 * time.Hour).Seconds())
		}
		p.Disks = append(p.Disks, row)
	}
	return p, err
}

// fullRow is a stream's row with what was measured of it.
func (c *console) fullRow(ctx context.Context, s recording.StreamStatus, f flow) streamRow {
	row := c.streamRow(s)
	if f.Rate > 0 {
		row.Rate = c.text.number(float64(f.Rate)*8/1e6, 1) + " Mbit/s"
	}
	if f.Key > 0 {
		row.Key = c.text.number(f.Key.Seconds(), 1) + " s"
	}
	if lost := c.lost(ctx, s.Camera, s.Stream); lost >= time.Second {
		row.Lost = length(lost)
	}
	m := survey.Measured{Key: f.Key}
	if cam, ok := c.camera(s.Camera); ok && s.Stream == recording.Main {
		st := cam.State()
		m.Clock, m.Offset = st.Clock, st.Offset
		for _, x := range st.Formats {
			if x.Video() {
				m.Codec = x.Codec
			}
		}
		if !cam.Former {
			row.Link = cameraPath(s.Camera)
		}
	}
	for _, warning := range m.Warnings() {
		row.Warnings = append(row.Warnings, "warn."+warning)
	}
	return row
}

// diagnostics is what a person may hand to who helps: no address, no login, no
// place, no name of an agency.
func (c *console) diagnostics(w http.ResponseWriter, r *http.Request) {
	p, err := c.healthBody(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Gatehouse %s\n%s\n\nrecording %d of %d, %d days, at most %d s\n", c.cfg.Version, c.cfg.Now().UTC().Format(time.RFC3339), p.Head.Recording, p.Head.Of, p.Days, p.AtMost)
	for _, d := range p.Disks {
		fmt.Fprintf(&b, "disk in use %t, %s free of %s, footage %s, problem %t\n", d.InUse, d.Free, d.Total, d.Footage, d.Problem != nil)
	}
	names := map[string]int{}
	for _, s := range p.Streams {
		if names[s.Camera] == 0 {
			names[s.Camera] = len(names) + 1
		}
		fmt.Fprintf(&b, "camera %d %s: %s, last %s, rate %s, key frames %s, lost in a day %s, format %s, clock %s %s, warnings %v, problem %t\n",
			names[s.Camera], s.Stream, s.State.Key, s.Saved.ISO, s.Rate, s.Key, s.Lost, s.Codec, s.Clock, s.Offset, s.Warnings, s.Problem != nil)
	}
	for i, cam := range present(c.cfg.Cameras) {
		st := cam.State()
		fmt.Fprintf(&b, "state of camera %d of the list: %s %s since %s\n", i+1, st.Phase, st.Reason, st.Since.UTC().Format(time.RFC3339))
	}
	// Codes alone: arguments and quoted words name folders, cameras and agencies.
	fmt.Fprintf(&b, "problems: %d\n", len(p.Problems))
	for _, x := range p.Problems {
		code, _ := x.What.Words()
		fmt.Fprintf(&b, "problem %s\n", code)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="gatehouse-diagnostics.txt"`)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(b.String()))
}
