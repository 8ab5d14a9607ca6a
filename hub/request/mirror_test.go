package request_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
)

// TestMirrors: a fetch asks one address for all its files, in the course of
// time it asks every one, and a mirror that lies changes neither.
func TestMirrors(t *testing.T) {
	bases := []string{"https://one.example/b/", "https://two.example/b/", "https://three.example/b/"}
	run := func(lie bool) (asked []string) {
		synctest.Test(t, func(t *testing.T) {
			h, m := newMirrored(t, bulletintest.NewLog(t, 3), func(c *request.Config) {
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
	asked := run(false)
	for i := 0; i+1 < len(asked); i += 2 {
		from := func(line, path string) string {
			for _, b := range bases {
				if strings.Contains(line, " GET "+b+path+" ") {
					return b
				}
			}
			return ""
		}
		base := from(asked[i], bulletin.CheckpointPath)
		if base == "" || from(asked[i+1], bulletin.ActivePath) != base {
			t.Fatalf("one fetch asked\n%s\n%s", asked[i], asked[i+1])
		}
		fetches[base]++
	}
	if len(asked)%2 != 0 || len(fetches) != len(bases) {
		t.Errorf("%d GETs, fetches %v", len(asked), fetches)
	}
	if lied := run(true); len(lied) < len(asked) {
		t.Errorf("%d GETs, of mirrors that lie %d", len(asked), len(lied))
	}
}
