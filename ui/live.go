package ui

import (
	"net/http"
	"slices"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/finding"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// badge is a state as word, icon and colour, which always go together.
type badge struct {
	Icon  string
	Tone  string // ok warn danger hold quiet
	Key   string // locale key
	Since moment
	Why   string // locale key; empty if there is nothing to say
	// Cause says it more exactly, and what to do; it is shown in place of Why.
	Cause finding.Words
}

// tile is one camera of the live page.
type tile struct {
	Camera  string
	Label   string
	Anchor  int
	Phase   string // live, connecting, offline or off
	State   badge
	Saved   moment
	Show    bool   // there is a picture to try for
	Streams string // what to show, best first
	WHEP    bool
	Sound   bool // the camera sends sound
}

// liveView is the body of the live page.
type liveView struct {
	Tiles []tile
	Head  health
}

// health is the first sentence about the cameras.
type health struct {
	Tone      string
	Icon      string
	Recording int
	Of        int
	Saved     moment // the last second that all recording cameras have on disk
}

func (c *console) live(w http.ResponseWriter, r *http.Request) {
	if n := c.firstStep(); n > 0 && visitor(r).Person.Role == account.Owner {
		http.Redirect(w, r, firstRunPath(n), http.StatusSeeOther)
		return
	}
	v, err := c.liveBody(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, "live", view{Title: "live.title", Place: "live", Body: v})
}

func (c *console) liveStates(w http.ResponseWriter, r *http.Request) {
	v, err := c.liveBody(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.fragment(w, r, "live", "states", v)
}

func (c *console) liveBody(r *http.Request) (liveView, error) {
	status, err := c.cfg.Archive.Status(r.Context())
	if err != nil {
		return liveView{}, err
	}
	cameras := present(c.cameras(r))
	v := liveView{Head: c.health(cameras, status)}
	for i, cam := range cameras {
		v.Tiles = append(v.Tiles, c.tile(i, cam, status))
	}
	return v, nil
}

// tile shows the sub stream of a camera, if it has one, in place of the main one.
func (c *console) tile(i int, cam Camera, status []recording.StreamStatus) tile {
	st, saved := cam.State(), lastDurable(status, cam.Name)
	t := tile{
		Camera: cam.Name, Label: cam.Called(), Anchor: i, Phase: phase(st), State: c.cameraState(st), Saved: c.at(saved, exactForm),
		Show: st.Phase == rtsp.PhaseLive || !saved.IsZero(), Streams: recording.Main, WHEP: c.cfg.WHEP != nil,
		Sound: hasSound(st),
	}
	if cam.Sub != nil {
		sub := cam.Sub()
		t.Streams = recording.Sub + " " + recording.Main
		t.Sound = t.Sound || hasSound(sub)
	}
	return t
}

func hasSound(st rtsp.State) bool {
	return slices.ContainsFunc(st.Formats, func(f *rtsp.Format) bool { return !f.Video() })
}

func phase(st rtsp.State) string {
	if st.Reason == rtsp.ReasonOff {
		return "off"
	}
	return string(st.Phase)
}

// oneView is the body of a camera's own page.
type oneView struct {
	Tile tile
	Head health
}

// liveCamera shows one camera as large as it goes, from its main stream.
func (c *console) liveCamera(w http.ResponseWriter, r *http.Request) {
	cameras := c.cameras(r)
	i := slices.IndexFunc(cameras, func(cam Camera) bool { return cam.Name == r.PathValue("camera") })
	if i < 0 {
		c.fail(w, r, errNoPage)
		return
	}
	status, err := c.cfg.Archive.Status(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := oneView{Tile: c.tile(i, cameras[i], status), Head: c.health(cameras, status)}
	if v.Tile.Streams != recording.Main {
		v.Tile.Streams = recording.Main + " " + recording.Sub
	}
	c.render(w, r, http.StatusOK, "camera", view{Title: "live.title", Place: "live", Body: v})
}

// health sums up. A camera counts as recording if any stream of it is.
func (c *console) health(cameras []Camera, status []recording.StreamStatus) health {
	h := health{Of: len(cameras), Tone: "ok", Icon: "circle-check"}
	var saved time.Time
	for _, cam := range cameras {
		for _, s := range status {
			if s.Camera != cam.Name || !s.Recording {
				continue
			}
			h.Recording++
			// A camera that waits for motion has nothing newer to save.
			if last := lastDurable(status, cam.Name); !s.Waiting && (saved.IsZero() || last.Before(saved)) {
				saved = last
			}
			break
		}
	}
	if h.Recording < h.Of {
		h.Tone, h.Icon = "warn", "triangle-alert"
	}
	if h.Of > 0 && h.Recording == 0 {
		h.Tone, h.Icon = "danger", "circle-alert"
	}
	h.Saved = c.at(saved, exactForm)
	return h
}

// lastDurable is the newest second of a camera that would survive a power cut.
func lastDurable(status []recording.StreamStatus, camera string) time.Time {
	var last time.Time
	for _, s := range status {
		if s.Camera == camera && s.LastDurable.After(last) {
			last = s.LastDurable
		}
	}
	return last
}

func (c *console) cameraState(st rtsp.State) badge {
	b := badge{Since: c.since(st.Since)}
	if st.Reason != "" {
		b.Why = "reason." + string(st.Reason)
		if !c.text.has(b.Why) {
			b.Why = ""
		}
		if st.Cause.Code != "" {
			b.Cause = st.Cause
		}
	}
	switch st.Phase {
	case rtsp.PhaseLive:
		return badge{Icon: "circle-dot", Tone: "ok", Key: "camera.live"}
	case rtsp.PhaseConnecting:
		b.Icon, b.Tone, b.Key = "circle-dashed", "warn", "camera.connecting"
	default:
		b.Icon, b.Tone, b.Key = "video-off", "danger", "camera.offline"
		if st.Reason == rtsp.ReasonOff {
			b.Tone, b.Key = "quiet", "camera.off"
		}
	}
	return b
}

// since writes a time of today as a clock time and an older one with its day.
func (c *console) since(t time.Time) moment {
	now := c.cfg.Now().In(c.cfg.Home.TimeZone)
	if t.In(c.cfg.Home.TimeZone).Format(dayForm) == now.Format(dayForm) {
		return c.at(t, clockForm)
	}
	return c.at(t, "2 Jan 15:04")
}
