package onvif_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/rtsp/onvif"
	"gatehouse/rtsp/onvif/onviftest"
)

// rig is a device and a client of it.
type rig struct {
	t   *testing.T
	dev *onviftest.Device
	cam *onvif.Camera
	cfg onvif.Config

	log    *syncBuffer
	mu     sync.Mutex
	heard  []onvif.Motion
	arrive chan struct{}
}

// newRig starts a device with quirks and makes a client of it. The log must not
// name the password at the end, however it is escaped.
func newRig(t *testing.T, q onviftest.Quirks, change ...func(*onvif.Config)) *rig {
	t.Helper()
	dev, err := onviftest.New(onviftest.Config{Quirks: q})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dev: dev, log: &syncBuffer{}, arrive: make(chan struct{}, 1000)}
	r.start(dev.Run)
	u, err := url.Parse(dev.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(onviftest.User, onviftest.Password)
	r.cfg = onvif.Config{
		Camera: "porch", URL: u.String(), TLS: dev.Fingerprint(), Retry: 50 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&r.cfg)
	}
	if r.cam, err = onvif.New(r.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noSecrets(t, r.log.String()) })
	return r
}

// start runs f until the end of the test and waits for it.
func (r *rig) start(f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				r.t.Error(err)
			}
		case <-time.After(10 * time.Second):
			r.t.Error("it does not end")
		}
	})
	r.t.Cleanup(stop)
	return stop
}

// listen runs the client's events.
func (r *rig) listen() (stop func()) {
	return r.start(func(ctx context.Context) error {
		return r.cam.Run(ctx, func(m onvif.Motion) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.heard = append(r.heard, m)
			r.arrive <- struct{}{}
		})
	})
}

// motion is what was heard so far, as "+" and "-".
func (r *rig) motion() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, m := range r.heard {
		b.WriteString(map[bool]string{true: "+", false: "-"}[m.On])
	}
	return b.String()
}

func (r *rig) last() onvif.Motion {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard[len(r.heard)-1]
}

// await waits until ok says so.
func (r *rig) await(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain for %s; heard %q, state %+v\n%s", what, r.motion(), r.cam.State(), r.log)
		}
	}
}

func (r *rig) awaitMotion(want string) {
	r.t.Helper()
	r.await("motion "+want, func() bool { return r.motion() == want })
}

func (r *rig) awaitPhase(want onvif.Phase) {
	r.t.Helper()
	r.await(string(want), func() bool { return r.cam.State().Phase == want })
}

// noSecrets fails if text has the device's password in it, in any spelling.
func noSecrets(t *testing.T, text string) {
	t.Helper()
	pass := onviftest.Password
	for _, s := range []string{pass, url.QueryEscape(pass), url.PathEscape(pass), url.UserPassword("", pass).String()[1:], "s3cret"} {
		if strings.Contains(text, s) {
			t.Errorf("the password stands in %q", text)
		}
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
