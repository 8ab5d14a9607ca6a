package request_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/hub/request"
	"gatehouse/rtsp/rtsptest/bubble"
)

// deaf is a network that is away.
type deaf struct{}

func (deaf) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }

// TestToldOnceADay runs the service through some days by a clock of the test's
// own: one ring a digest, one for what a rule wants to ring, and after a restart none.
func TestToldOnceADay(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var log []string
		rules := []request.Rule{{Category: "arson", Action: request.Notify}, {Category: "theft", Action: request.Keep}}
		var h *home
		set := func(c *request.Config) {
			c.Now, c.Feeds[0].Every = time.Now, 0
			c.Home.Rules, c.Home.Notices = rules, request.Notices{Digest: 18 * 60, Quiet: []request.Hours{{From: 22 * 60, To: 7 * 60}}}
			c.Told = func() {
				list, err := h.ListIn(context.Background(), request.Waiting, request.Prepared)
				if err != nil {
					t.Error(err)
				}
				for _, r := range list {
					if r.Rang && r.Told.Equal(time.Now().UTC()) {
						log = append(log, fmt.Sprint(time.Now().UTC().Format("2 15:04 "), r.Request.Incident.Category))
					}
				}
			}
			c.Transport = deaf{}
		}
		time.Sleep(time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(36 * time.Hour))) // noon
		h = newHome(t, set)
		h.clock.now = time.Now().UTC()
		day := time.Now().UTC().Day()
		h.allowed()
		request.Unwatched(h.Service)
		stop := h.run()
		ask := func(category string) {
			h.clock.now = time.Now().UTC()
			q := h.agency.Request(t, time.Now())
			q.Incident.Category, q.Case.Number = category, "2026-"+category
			h.publish(q)
			h.take()
			synctest.Wait()
		}
		ask("burglary")
		ask("robbery")
		ask("theft") // held, never told of
		ask("arson") // 12:00
		time.Sleep(7 * time.Hour)
		ask("assault") // after the digest of 18:00
		time.Sleep(4 * time.Hour)
		ask("arson") // 23:00: quiet
		stop()
		h.start(set)
		request.Unwatched(h.Service)
		stop = h.run()
		time.Sleep(48 * time.Hour)
		stop()
		want := fmt.Sprint([]string{
			fmt.Sprint(day, " 12:00 arson"), fmt.Sprint(day, " 18:00 burglary"), fmt.Sprint(day+1, " 07:00 arson"), fmt.Sprint(day+1, " 18:00 assault"),
		})
		if got := fmt.Sprint(log); got != want {
			t.Errorf("rang %s, want %s", got, want)
		}
	})
}
