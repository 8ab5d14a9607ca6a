package onvif_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/rtsp/onvif"
	"gatehouse/rtsp/onvif/onviftest"
)

// TestUsualCamera is the whole way with a device that has no quirk.
func TestUsualCamera(t *testing.T) {
	t.Parallel()
	r := newRig(t, onviftest.Quirks{Media2: "works"})
	info, err := r.cam.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(onvif.Info{Manufacturer: "Beispiel Süd", Model: "T-1", Firmware: "5.7", Serial: "C1234", Hardware: "88"}, info); diff != "" {
		t.Error(diff)
	}
	list, err := r.cam.Profiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(onvif.Profile{
		Token: "Profile_1", Name: "mainStream", Source: "VideoSource_1", Codec: "H264", Width: 2560, Height: 1440, FPS: 25, Bitrate: 4096,
		Stream: "rtsp://127.0.0.1:554/Streaming/Channels/101?transportmode=unicast&profile=Profile_1",
	}, list[0]); diff != "" || len(list) != 3 {
		t.Error(len(list), diff)
	}
	main, sub := onvif.Pick(list)
	if main == nil || sub == nil || main.Token != "Profile_1" || sub.Token != "Profile_2" {
		t.Errorf("picked %v and %v", main, sub)
	}
	b, err := r.cam.Snapshot(t.Context())
	if err != nil || len(b) < 100 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	stop := r.listen()
	r.awaitPhase(onvif.PhaseLive)
	r.dev.Motion(true)
	r.awaitMotion("+")
	r.dev.Motion(false)
	r.awaitMotion("+-")
	r.dev.Motion(true)
	r.awaitMotion("+-+")
	stop()
	if got := r.motion(); got != "+-+-" {
		t.Errorf("motion %q: what is on must end with Run", got)
	}
	if n := r.dev.Subscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}
