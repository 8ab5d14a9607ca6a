package ui

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"gatehouse/hub/finding"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// settingsView is the page of settings.
type settingsView struct {
	Problem *problem
	Trust   bool // devices can be taught to trust this home's certificates
	Head    health
	Links   []string // keys of the pages of forms
	HomeKit bool
	Paired  int // controllers of the request doorbell
	Offline bool
	Waits   bool // for the next start
}

// streamRow is the health of one recorded stream.
type streamRow struct {
	Camera, Label, Stream string
	State                 badge
	Saved                 moment
	AtMost                int // seconds that a power cut can take
	Oldest                moment
	Bytes                 string
	Problem               finding.Words // nil if there is none
	Codec                 string
	Clock                 string // locale key
	Offset                string
	Rate                  string   // of the last hour
	Key                   string   // mean time between key frames
	Lost                  string   // of the last day
	Warnings              []string // locale keys
	Link                  string   // to the camera's settings
}

func (c *console) settings(w http.ResponseWriter, r *http.Request) {
	c.showSettings(w, r, http.StatusOK, nil)
}

func (c *console) showSettings(w http.ResponseWriter, r *http.Request, status int, p *problem) {
	streams, err := c.cfg.Archive.Status(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := settingsView{Problem: p, Trust: c.cfg.Trust.Root != nil, Head: c.health(present(c.cfg.Cameras), streams), Offline: c.offline(), Waits: len(c.waitingFor()) > 0}
	if c.cfg.Settings != nil {
		for _, f := range append(slices.Clone(settingsForms), settingsLists...) {
			v.Links = append(v.Links, f.key)
		}
	}
	if c.cfg.HomeKit != nil {
		v.HomeKit, v.Paired = true, len(c.cfg.HomeKit.Status().Controllers)
	}
	c.render(w, r, status, "settings", view{Title: "settings.title", Place: "settings", Body: v})
}

func (c *console) streamRow(s recording.StreamStatus) streamRow {
	row := streamRow{
		Camera: s.Camera, Label: c.called(s.Camera), Stream: "stream." + s.Stream, Saved: c.since(s.LastDurable), AtMost: s.AtMost,
		Oldest: c.at(s.Oldest, dayForm), Bytes: c.text.size(s.Bytes), Problem: known(s.Problem),
		State: badge{Icon: "circle-check", Tone: "ok", Key: "stream.recording"},
	}
	if !c.text.has(row.Stream) {
		row.Stream = "stream.other"
	}
	if s.LastDurable.IsZero() {
		row.Saved = moment{}
	} else {
		row.Saved = c.at(s.LastDurable, exactForm)
	}
	switch {
	case s.Waiting:
		row.State.Key = "stream.waiting"
	case !s.Recording:
		row.State = badge{Icon: "circle-alert", Tone: "danger", Key: "stream.stopped"}
	}
	cam, ok := c.camera(s.Camera)
	if !ok || s.Stream != recording.Main {
		return row
	}
	st := cam.State()
	for _, f := range st.Formats {
		if f.Video() {
			row.Codec = codecText(f.Codec, f.Width, f.Height)
		}
	}
	row.Clock = clockKey(st.Clock)
	if d := st.Offset.Abs(); d.Milliseconds() > 0 {
		row.Offset = offsetText(st.Offset)
	}
	return row
}

// offsetText writes by how much a clock differs, as little as a millisecond.
func offsetText(d time.Duration) string {
	if d.Abs() < 10*time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	if d < 0 {
		return "−" + length(-d)
	}
	return length(d)
}

// codecText names a picture format.
func codecText(c rtsp.Codec, width, height int) string {
	name := string(c)
	switch c {
	case rtsp.H264:
		name = "H.264"
	case rtsp.H265:
		name = "H.265"
	case rtsp.AV1:
		name = "AV1"
	case rtsp.MJPEG:
		name = "Motion JPEG"
	}
	if width == 0 || height == 0 {
		return name
	}
	return fmt.Sprintf("%s, %d × %d", name, width, height)
}

// clockKey is the text for what a camera's times rest on.
func clockKey(q rtsp.ClockQuality) string {
	switch q {
	case rtsp.ClockReport:
		return "clock.report"
	case rtsp.ClockSuspect:
		return "clock.suspect"
	case rtsp.ClockUnset:
		return "clock.unset"
	}
	return "clock.arrival"
}
