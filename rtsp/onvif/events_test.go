package onvif_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/rtsp/onvif"
	"gatehouse/rtsp/onvif/onviftest"
)

func (d *rig) alarm(on bool) {
	d.dev.Set(onviftest.Property{
		Topic: "tns1:VideoSource/MotionAlarm", Source: "V", Name: "State", Value: map[bool]string{true: "true", false: "false"}[on],
	})
}

// TestStuckAlarmEnds is a device that forgets to end motion: it is ended, stays
// ended when the device tells the old state again after it was subscribed to
// anew, and begins again with the next change.
func TestStuckAlarmEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, onviftest.Quirks{}, func(c *onvif.Config) { c.Stuck = 500 * time.Millisecond })
	r.alarm(false)
	r.listen()
	r.awaitPhase(onvif.PhaseLive)
	began := time.Now()
	r.alarm(true)
	r.awaitMotion("+-")
	if d := time.Since(began); d < 400*time.Millisecond {
		t.Errorf("ended after %v", d)
	}
	r.dev.Reboot()
	r.await("another subscription", func() bool { return r.dev.Count("SetSynchronizationPoint") == 2 })
	time.Sleep(100 * time.Millisecond)
	if got := r.motion(); got != "+-" {
		t.Errorf("motion %q: an old state is no news", got)
	}
	r.alarm(true)
	r.awaitMotion("+-+-")
}

// TestRepeatsProlong is motion that goes on: it is one.
func TestRepeatsProlong(t *testing.T) {
	t.Parallel()
	r := newRig(t, onviftest.Quirks{}, func(c *onvif.Config) { c.Stuck = time.Second })
	r.alarm(false)
	r.listen()
	r.awaitPhase(onvif.PhaseLive)
	for range 6 {
		r.alarm(true)
		time.Sleep(300 * time.Millisecond)
	}
	if got := r.motion(); got != "+" {
		t.Errorf("motion %q", got)
	}
	r.awaitMotion("+-")
}

// TestMotionEndsOverAReboot: what ended while nobody listened is heard of from
// the state that a new subscription begins with.
func TestMotionEndsOverAReboot(t *testing.T) {
	t.Parallel()
	r := newRig(t, onviftest.Quirks{})
	r.alarm(true)
	r.listen()
	r.awaitMotion("+")
	r.awaitPhase(onvif.PhaseLive)
	r.dev.SetDown(true)
	r.awaitPhase(onvif.PhaseOffline)
	r.dev.Reboot()
	r.alarm(false)
	r.dev.SetClock(3 * time.Hour)
	r.dev.SetDown(false)
	r.awaitMotion("+-")
	r.awaitPhase(onvif.PhaseLive)
	if st := r.cam.State(); (st.Offset - 3*time.Hour).Abs() > 5*time.Second {
		t.Errorf("the clock is shown to be %v off", st.Offset)
	}
	if n := strings.Count(r.log.String(), "camera events offline"); n != 1 {
		t.Errorf("offline was logged %d times:\n%s", n, r.log)
	}
}

// TestClockSetWhileSubscribed: tokens of the old time are refused from then on.
func TestClockSetWhileSubscribed(t *testing.T) {
	t.Parallel()
	r := newRig(t, onviftest.Quirks{Bare401: true})
	r.alarm(false)
	r.listen()
	r.awaitPhase(onvif.PhaseLive)
	r.dev.SetClock(-2 * time.Hour)
	r.alarm(true) // ends the poll under way
	r.await("the new time", func() bool { return (r.cam.State().Offset + 2*time.Hour).Abs() < 5*time.Second })
	r.await("motion", func() bool { return strings.HasSuffix(r.motion(), "+") })
	r.alarm(false)
	r.await("the end of motion", func() bool { return strings.HasSuffix(r.motion(), "-") })
}

// TestOfflineIsQuiet is a device that is away: it is asked seldom, and one line
// in the log says so.
func TestOfflineIsQuiet(t *testing.T) {
	t.Parallel()
	r := newRig(t, onviftest.Quirks{})
	r.dev.SetDown(true)
	r.listen()
	r.awaitPhase(onvif.PhaseOffline)
	time.Sleep(700 * time.Millisecond) // 50 ms, 100, 200, 400
	if n := len(r.dev.Calls()); n > 6 {
		t.Errorf("%d requests in 14 first delays", n)
	}
	if n := strings.Count(r.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, r.log)
	}
	if st := r.cam.State(); st.Reason != onvif.ReasonRefused || !strings.Contains(st.Cause.String(), "503") {
		t.Errorf("state %+v", st)
	}
}

// TestImpatientDeviceIsAskedSlowly is a device that answers polls at once.
func TestImpatientDeviceIsAskedSlowly(t *testing.T) {
	t.Parallel()
	r := newRig(t, onviftest.Quirks{NoWait: true})
	r.listen()
	r.awaitPhase(onvif.PhaseLive)
	before := r.dev.Count("PullMessages")
	time.Sleep(2100 * time.Millisecond)
	if n := r.dev.Count("PullMessages") - before; n < 1 || n > 3 {
		t.Errorf("%d polls in two seconds", n)
	}
}

// TestRunLeavesNothingBehind: no goroutine, no subscription, also when the
// device does not answer any more.
func TestRunLeavesNothingBehind(t *testing.T) {
	r := newRig(t, onviftest.Quirks{})
	r.alarm(false)
	for range 3 {
		stop := r.listen()
		r.awaitPhase(onvif.PhaseLive)
		began := time.Now()
		stop()
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("ended after %v", d)
		}
		if st := r.cam.State(); st.Phase != onvif.PhaseIdle {
			t.Errorf("phase %s", st.Phase)
		}
	}
	if n := r.dev.Subscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
	var left string
	for range 200 {
		buf := make([]byte, 1<<20)
		left = string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(left, "onvif.(*Camera)") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("goroutines are left:\n%s", left)
}

// TestSnapshotIsChecked: what is no whole picture is refused, what stands
// behind one is cut off.
func TestSnapshotIsChecked(t *testing.T) {
	t.Parallel()
	r := newRig(t, onviftest.Quirks{})
	good, err := r.cam.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.dev.SetSnapshot(append(bytes.Clone(good), "\r\n\x00\x00"...))
	if b, err := r.cam.Snapshot(t.Context()); err != nil || !bytes.Equal(b, good) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	for name, b := range map[string][]byte{
		"nothing": {}, "a page": []byte("<html>busy</html>"), "half": good[:len(good)/2], "a header and an end": []byte("\xff\xd8\xff\xd9"),
		"too large": append(bytes.Clone(good), make([]byte, 8<<20)...),
	} {
		r.dev.SetSnapshot(b)
		_, err := r.cam.Snapshot(t.Context())
		var e *onvif.Error
		if !errors.As(err, &e) || e.Reason != onvif.ReasonGarbage {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.dev.SetSnapshot(good)
	if _, err := r.cam.Snapshot(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.cam.Snapshot(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []onvif.Config{
		{URL: ""},
		{URL: "rtsp://h/"},
		{URL: "http://"},
		{URL: "http://:80/"},
		{URL: "http://u:s3cret@h:x/"},
		{URL: "http://u:s3cret@h/#x"},
		{URL: "http://h/", TLS: "sha256:" + strings.Repeat("0", 64)},
		{URL: "https://u:s3cret@h/", TLS: strings.Repeat("0", 64)},
		{URL: "https://h/", TLS: "sha256:00"},
	} {
		_, err := onvif.New(c)
		if err == nil {
			t.Errorf("%+v was taken", c)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error quotes the address: %v", err)
		}
	}
}

// TestRightsAreNotALogin: a user who may not have snapshots hears of motion all
// the same, and a snapshot is not asked for again and again.
func TestRightsAreNotALogin(t *testing.T) {
	t.Parallel()
	r := newRig(t, onviftest.Quirks{Forbids: "GetSnapshotUri"}, func(c *onvif.Config) { c.Retry = time.Second })
	r.alarm(false)
	r.listen()
	r.awaitPhase(onvif.PhaseLive)
	for range 5 {
		_, err := r.cam.Snapshot(t.Context())
		var e *onvif.Error
		if !errors.As(err, &e) || e.Reason != onvif.ReasonAuth {
			t.Errorf("err = %v", err)
		}
	}
	asked := 0
	for _, c := range r.dev.Calls() {
		if c.Name == "GetSnapshotUri" && c.Login != "none" {
			asked++
		}
	}
	if asked > 2 {
		t.Errorf("asked %d times", asked)
	}
	r.alarm(true)
	r.awaitMotion("+")
}

// TestWrongPasswordIsTriedSeldom: whoever asks for what, an account that locks
// after five wrong passwords a minute stays open.
func TestWrongPasswordIsTriedSeldom(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]onviftest.Quirks{"token": {}, "digest": {Login: onviftest.LoginDigest}, "both": {Login: onviftest.LoginBoth}} {
		r := newRig(t, q, password("wrong"), func(c *onvif.Config) { c.Retry = time.Second })
		r.listen()
		r.awaitPhase(onvif.PhaseOffline)
		for range 5 {
			_, err1 := r.cam.Info(t.Context())
			_, err2 := r.cam.Profiles(t.Context())
			_, err3 := r.cam.Snapshot(t.Context())
			if err1 == nil || err2 == nil || err3 == nil {
				t.Errorf("%s: the wrong password was taken", name)
			}
		}
		logins := 0
		for _, c := range r.dev.Calls() {
			if c.Login != "none" {
				logins++
			}
		}
		if logins > 4 {
			t.Errorf("%s: %d logins", name, logins)
		}
	}
}
