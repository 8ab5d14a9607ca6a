package request_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/finding"
	"gatehouse/hub/request"
	"gatehouse/rtsp/rtsptest/bubble"
)

// TestClockSetByOthers: whoever answers the hub's NTP queries may set its clock.
// Back, it brings no expired request to life, since the witnesses' time counts;
// further off than a mirror may be, nothing is taken in and the owner is told.
func TestClockSetByOthers(t *testing.T) {
	for name, c := range map[string]struct {
		off     time.Duration
		problem string
		refused bool
	}{
		"right":           {0, "", true},
		"a day back":      {-24 * time.Hour, "", true},
		"three days back": {-72 * time.Hour, "from the future", false},
		"a week ahead":    {8 * 24 * time.Hour, "7 days", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				h, m := newMirrored(t, bulletintest.NewLog(t, 3), func(cfg *request.Config) {
					cfg.Feeds[0].Every = 10 * time.Minute
					cfg.Now = func() time.Time { return time.Now().Add(c.off) }
				})
				h.allowed()
				q := h.agency.Request(t, time.Now().Add(-5*24*time.Hour))
				q.ExpiresAt = time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
				h.publish(q)
				serve := h.whole()
				m.use(func(path string) (int, []byte) {
					if path == bulletin.CheckpointPath || path == bulletin.ActivePath {
						return serve(path)
					}
					return http.StatusNotFound, nil
				})
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- h.Run(ctx) }()
				time.Sleep(time.Hour)
				problems := strings.Join(finding.Texts(h.Problems()), "\n")
				if (problems == "") != (c.problem == "") || !strings.Contains(problems, c.problem) {
					t.Errorf("problems %q, want %q", problems, c.problem)
				}
				if list, err := h.ListIn(t.Context(), request.Waiting); err != nil || len(list) != 0 {
					t.Errorf("an expired request waits: %v %v", list, err)
				}
				if c.refused {
					h.refusedAs(bulletin.Expired)
				}
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
