package request_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
	"gatehouse/rtsp/rtsptest/bubble"
)

// TestMirrors: a fetch asks one address for all its files, in the course of
// time it asks every one, and neither a mirror that lies nor a machine that is
// busy as a fetch is due changes which.
func TestMirrors(t *testing.T) {
	bases := []string{"https://one.example/b/", "https://two.example/b/", "https://three.example/b/"}
	keys := bulletintest.NewLog(t, 3)
	run := func(lie bool, late time.Duration) (asked []string) {
		bubble.Test(t, func(t *testing.T) {
			h, m := newMirrored(t, keys, func(c *request.Config) {
				c.Sleep = func(ctx context.Context, until time.Time) bool {
					select {
					case <-ctx.Done():
						return false
					case <-time.After(time.Until(until) + late):
						return true
					}
				}
				c.Feeds[0].URL, c.Feeds[0].Mirrors, c.Feeds[0].Every = bases[0], []string{"https://two.example/b", bases[2]}, 10*time.Minute
			})
			if lie {
				m.use(func(string) (int, []byte) { return http.StatusOK, []byte("lies") })
			}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- h.Run(ctx) }()
			time.Sleep(24 * time.Hour)
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			asked = m.asked
		})
		return asked
	}
	fetches := map[string]int{}
	asked := run(false, 0)
	from := func(line, path string) string {
		for _, b := range bases {
			if strings.Contains(line, " GET "+b+path+" ") {
				return b
			}
		}
		return ""
	}
	for i := 0; i+1 < len(asked); i += 2 {
		base := from(asked[i], bulletin.CheckpointPath)
		if base == "" || from(asked[i+1], bulletin.ActivePath) != base {
			t.Fatalf("one fetch asked\n%s\n%s", asked[i], asked[i+1])
		}
		fetches[base]++
	}
	if len(asked)%2 != 0 || len(fetches) != len(bases) {
		t.Errorf("%d GETs, fetches %v", len(asked), fetches)
	}
	for _, late := range []time.Duration{time.Second, 50 * time.Second} {
		for i, line := range run(false, late)[:len(asked)-2] { // the last may come after the end
			if i%2 == 0 && from(line, bulletin.CheckpointPath) != from(asked[i], bulletin.CheckpointPath) {
				t.Fatalf("a machine that woke %v late asked\n%s, not\n%s", late, line, asked[i])
			}
		}
	}
	if lied := run(true, 0); len(lied) < len(asked) {
		t.Errorf("%d GETs, of mirrors that lie %d", len(asked), len(lied))
	}
}
