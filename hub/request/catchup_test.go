package request_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
)

// TestHourMissedIsFetchedLater: the mirror is away when the hour's file with
// the request in it is due, and the file is in no other.
func TestHourMissedIsFetchedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, m := newMirrored(t, bulletintest.NewLog(t, 3))
		h.allowed()
		q := h.request()
		empty, err := bulletin.WriteFile(nil)
		if err != nil {
			t.Fatal(err)
		}
		checkpoint := h.log.Checkpoint(t)
		m.reset(func(path string) (int, []byte) {
			if path == bulletin.CheckpointPath {
				return http.StatusOK, checkpoint
			}
			return http.StatusOK, empty
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(3*time.Hour + 30*time.Minute)
		hour := bulletin.EpochDir + time.Now().UTC().Format("2006010215") + ".ghb"
		h.publish(q)
		file := h.log.File(t)
		m.reset(func(string) (int, []byte) { return http.StatusBadGateway, nil })
		time.Sleep(4 * time.Hour)
		h.mustBeAbsent(q.ID)
		checkpoint = h.log.Checkpoint(t)
		m.reset(func(path string) (int, []byte) {
			switch path {
			case bulletin.CheckpointPath:
				return http.StatusOK, checkpoint
			case hour:
				return http.StatusOK, file
			case bulletin.ActivePath:
				return http.StatusBadGateway, nil
			}
			return http.StatusNotFound, nil // an hour without entries
		})
		time.Sleep(6 * time.Hour)
		h.is(q.ID, request.Waiting)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (h *home) mustBeAbsent(id string) {
	h.t.Helper()
	if r, err := h.Get(h.t.Context(), id); err == nil {
		h.t.Fatalf("request is %s already", r.State)
	}
}

// TestFirstStartWithoutNetwork: a new hub does not wait for an hour once the
// network comes, and does not hammer either.
func TestFirstStartWithoutNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, m := newMirrored(t, bulletintest.NewLog(t, 3))
		m.reset(func(string) (int, []byte) { return http.StatusBadGateway, nil })
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(5 * time.Minute)
		if n := m.count(); n < 4 || n > 8 {
			t.Errorf("%d GETs in five minutes", n)
		}
		time.Sleep(19 * time.Hour)
		if n := m.count(); n > 2*19+20 {
			t.Errorf("%d GETs in 19 hours", n)
		}
		m.reset(h.whole())
		time.Sleep(70 * time.Minute)
		known, err := h.Known(t.Context())
		if err != nil || len(known) != 1 {
			t.Errorf("known %v, %v", known, err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
