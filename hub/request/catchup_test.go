package request_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
	"gatehouse/rtsp/rtsptest/bubble"
)

// TestHourMissedIsFetchedLater: the mirror is away when the hour's file with
// the request in it is due, and the file is in no other.
func TestHourMissedIsFetchedLater(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		h, m := newMirrored(t, bulletintest.NewLog(t, 3))
		h.allowed()
		q := h.request()
		empty := h.emptyFile()
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

// TestDamagedHourIsFetchedAgain: the mirror serves something else as the
// hour's file, and the file some hours later. No active.ghb helps.
func TestDamagedHourIsFetchedAgain(t *testing.T) {
	for name, damage := range map[string]func(h *home, file []byte) []byte{
		"empty":     func(*home, []byte) []byte { return nil },
		"garbage":   func(*home, []byte) []byte { return []byte("<html>Please log in</html>") },
		"cut short": func(_ *home, file []byte) []byte { return file[:len(file)/2] },
		"another log's proofs": func(h *home, _ []byte) []byte {
			other := bulletintest.NewLog(h.t, 3)
			for _, l := range h.log.Lines(h.t) {
				other.Add(h.t, l.Kind, l.Envelope)
			}
			return other.File(h.t)
		},
		"a line that is none": func(h *home, _ []byte) []byte {
			return zipped(h.t, []byte("{}\n"))
		},
		"a line called another kind": func(h *home, _ []byte) []byte {
			lines := h.log.Lines(h.t)
			lines[len(lines)-1].Kind = bulletin.KindProfile
			data, err := bulletin.WriteFile(lines)
			if err != nil {
				h.t.Fatal(err)
			}
			return data
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) { damagedHour(t, damage) })
		})
	}
}

func damagedHour(t *testing.T, damage func(*home, []byte) []byte) {
	h, m := newMirrored(t, bulletintest.NewLog(t, 3))
	h.allowed()
	q, empty := h.request(), h.emptyFile()
	serve := func(hour string, file []byte, active int) {
		checkpoint := h.log.Checkpoint(t)
		m.use(func(path string) (int, []byte) {
			switch path {
			case bulletin.CheckpointPath:
				return http.StatusOK, checkpoint
			case hour:
				return http.StatusOK, file
			case bulletin.ActivePath:
				return active, empty
			}
			return http.StatusOK, empty
		})
	}
	serve("", nil, http.StatusOK)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	time.Sleep(3*time.Hour + 30*time.Minute)
	hour := bulletin.EpochDir + time.Now().UTC().Format("2006010215") + ".ghb"
	h.publish(q)
	whole := h.log.File(t)
	serve(hour, damage(h, whole), http.StatusBadGateway)
	time.Sleep(4 * time.Hour)
	h.mustBeAbsent(q.ID)
	serve(hour, whole, http.StatusBadGateway)
	time.Sleep(3 * time.Hour)
	h.is(q.ID, request.Waiting)
	before := m.times(hour)
	time.Sleep(12 * time.Hour)
	if n := m.times(hour); n != before || n < 2 {
		t.Errorf("%d GETs of the hour, %d once it was whole", n, before)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func (h *home) mustBeAbsent(id string) {
	h.t.Helper()
	if r, err := h.Get(h.t.Context(), id); err == nil {
		h.t.Fatalf("request is %s already", r.State)
	}
}

func (h *home) emptyFile() []byte {
	h.t.Helper()
	data, err := bulletin.WriteFile(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return data
}

// times is how often a path was asked for.
func (m *mirror) times(path string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, asked := range m.asked {
		if strings.Contains(asked, path) {
			n++
		}
	}
	return n
}

func zipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(text)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFirstStartWithoutNetwork: a new hub does not wait for an hour once the
// network comes, and does not hammer either.
func TestFirstStartWithoutNetwork(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
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
