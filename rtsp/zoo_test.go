package rtsp

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/rtsp/rtsptest"
)

// outcome is what a Source must make of a script.
type outcome struct {
	units  int      // video units (audio, without video) to wait for, all together
	breaks []Reason // in order
	clock  ClockQuality
}

var outcomes = map[string]outcome{
	"plain":                     {units: 40, clock: ClockReport},
	"g711":                      {units: 40, clock: ClockReport},
	"g711-alaw":                 {units: 40, clock: ClockReport},
	"h265":                      {units: 40, clock: ClockReport},
	"b-frames":                  {units: 70, clock: ClockReport},
	"h265-open-gop":             {units: 70, clock: ClockReport},
	"slices":                    {units: 40, clock: ClockReport},
	"no-params-in-sdp":          {units: 40, clock: ClockReport},
	"no-params-in-band":         {units: 40, clock: ClockReport},
	"h265-no-params-in-sdp":     {units: 40, clock: ClockReport},
	"params-change":             {units: 60, breaks: []Reason{ReasonCodec}, clock: ClockReport},
	"annex-b":                   {units: 40, clock: ClockReport},
	"fu-start-and-end":          {units: 40, clock: ClockReport},
	"no-marker":                 {units: 40, clock: ClockReport},
	"all-markers":               {units: 40, clock: ClockReport},
	"loss":                      {units: 40, breaks: []Reason{ReasonLost}, clock: ClockReport},
	"audio-loss":                {units: 60, breaks: []Reason{ReasonLost}, clock: ClockReport},
	"duplicates":                {units: 40, clock: ClockReport},
	"reordered":                 {units: 40, clock: ClockReport},
	"renumbered":                {units: 40, breaks: []Reason{ReasonLost}, clock: ClockReport},
	"new-ssrc":                  {units: 60, breaks: []Reason{ReasonSSRC}, clock: ClockReport},
	"new-ssrc-bare":             {units: 50, breaks: []Reason{ReasonSSRC}, clock: ClockReport},
	"garbage":                   {units: 40, clock: ClockReport},
	"endless-garbage":           {units: 40, breaks: []Reason{ReasonGarbage}, clock: ClockReport},
	"stall":                     {units: 40, breaks: []Reason{ReasonStalled}, clock: ClockReport},
	"half-close":                {units: 40, breaks: []Reason{ReasonClosed}, clock: ClockReport},
	"close":                     {units: 40, breaks: []Reason{ReasonClosed}, clock: ClockReport},
	"no-reports":                {units: 40, clock: ClockArrival},
	"late-reports":              {units: 60, clock: ClockReport},
	"wrap":                      {units: 60, clock: ClockReport},
	"jump-forward":              {units: 60, breaks: []Reason{ReasonClock}},
	"jump-back":                 {units: 60, breaks: []Reason{ReasonClock}},
	"wild-clock":                {units: 40, clock: ClockSuspect},
	"drifting-clock":            {units: 60, clock: ClockSuspect},
	"clock-set":                 {units: 60, breaks: []Reason{ReasonClock}, clock: ClockSuspect},
	"digest":                    {units: 20, clock: ClockReport},
	"digest-sha256":             {units: 20, clock: ClockReport},
	"basic":                     {units: 20, clock: ClockReport},
	"odd-password":              {units: 20, clock: ClockReport},
	"not-found":                 {breaks: []Reason{ReasonRefused}},
	"forbidden":                 {breaks: []Reason{ReasonAuth}},
	"setup-refused":             {breaks: []Reason{ReasonRefused}},
	"no-codec":                  {breaks: []Reason{ReasonNoCodec}},
	"metadata-and-back-channel": {units: 20, clock: ClockReport},
	"unreadable-media":          {units: 20, clock: ClockReport},
	"audio-only":                {units: 40, clock: ClockReport},
	"absolute-control":          {units: 20, clock: ClockReport},
	"endless-description":       {breaks: []Reason{ReasonGarbage}},
}

// lines are what the log must say of an outcome, each once: that the camera is
// live, what interrupted it and, if it had gone, that it came back.
func (o outcome) lines(script string) []string {
	var all []string
	if o.units > 0 {
		all = append(all, "camera live")
	}
	for _, b := range o.breaks {
		switch b {
		case ReasonLost:
			all = append(all, "camera packets lost")
		case ReasonCodec:
			all = append(all, "camera format changed")
		case ReasonClock:
			all = append(all, "camera clock jumped")
		case ReasonSSRC:
			all = append(all, "camera encoder restarted")
			if script == "new-ssrc-bare" { // what it sends cannot be decoded: it is asked anew
				all = append(all, "camera offline", "camera live")
			}
		default:
			all = append(all, "camera offline")
			if o.units > 0 {
				all = append(all, "camera live")
			}
		}
	}
	return all
}

func TestZoo(t *testing.T) {
	for _, script := range rtsptest.Scripts() {
		want, ok := outcomes[script.Name]
		if !ok {
			t.Errorf("script %s has no stated outcome", script.Name)
			continue
		}
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, script.Camera, func(c *Config) {
				if u := script.Camera.User; u != "" {
					login := url.QueryEscape(u) + ":" + url.QueryEscape(script.Camera.Pass)
					c.URL = strings.Replace(c.URL, "rtsp://", "rtsp://"+login+"@", 1)
				}
			})
			items := r.items(20*time.Second, func(items []Item) bool {
				return video(items) >= want.units && len(reasons(items)) >= len(want.breaks)
			})
			r.check(items)
			if got := reasons(items); !slices.Equal(got, want.breaks) {
				t.Errorf("breaks %v, want %v: %s", got, want.breaks, describe(items))
			}
			if st := r.source.State(); want.clock != 0 && st.Clock != want.clock {
				t.Errorf("clock quality %d, want %d (offset %v)", st.Clock, want.clock, st.Offset)
			}
			if log := r.logs.String(); script.Camera.Pass != "" && (strings.Contains(log, script.Camera.Pass) || strings.Contains(log, url.QueryEscape(script.Camera.Pass))) {
				t.Errorf("password in log: %s", log)
			}
			r.logged(want.lines(script.Name))
		})
	}
}
