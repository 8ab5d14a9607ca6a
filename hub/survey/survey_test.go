package survey

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/rtsp"
	"gatehouse/rtsp/onvif"
	"gatehouse/rtsp/onvif/onviftest"
	"gatehouse/rtsp/rtsptest"
)

// run runs f until the end of the test.
func run(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func newSurvey() *Survey {
	return &Survey{Log: slog.New(slog.DiscardHandler), Patience: 2 * time.Second}
}

func device(t *testing.T, host string, q onviftest.Quirks) *onviftest.Device {
	t.Helper()
	dev, err := onviftest.New(onviftest.Config{Addr: host + ":0", Quirks: q})
	if err != nil {
		t.Fatal(err)
	}
	run(t, dev.Run)
	return dev
}

func stream(t *testing.T, c rtsptest.Camera) *rtsptest.Server {
	t.Helper()
	srv, err := rtsptest.NewServer(rtsptest.Config{Log: slog.New(slog.DiscardHandler), Cameras: map[string]rtsptest.Camera{"main": c}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, srv.Run)
	return srv
}

func TestTryMeasures(t *testing.T) {
	srv := stream(t, rtsptest.ScriptNamed("plain").Camera)
	m, err := newSurvey().Try(t.Context(), rtsp.Config{URL: srv.URL("main")})
	if err != nil {
		t.Fatal(err)
	}
	if m.Codec != rtsp.H264 || m.Width == 0 || m.Sound != rtsp.AAC || m.Kbit == 0 || m.FPS < 5 || m.FPS > 60 || m.Key < 500*time.Millisecond || m.Key > 2*time.Second {
		t.Errorf("measured %+v", m)
	}
	if m.Open || len(m.Stills) > 0 {
		t.Errorf("open %v, %d pictures though nothing makes any", m.Open, len(m.Stills))
	}
	if w := m.Warnings(); len(w) > 0 {
		t.Errorf("a usual camera is warned of: %v", w)
	}
	m = Measured{Codec: rtsp.H265, Key: 10 * time.Second, Offset: -3 * time.Second}
	if diff := cmp.Diff([]string{WarnKey, WarnH265, WarnClock}, m.Warnings()); diff != "" {
		t.Error(diff)
	}
}

// TestTryNamesTheStep: each way in which a camera cannot be read has its own words.
func TestTryNamesTheStep(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	closed.Close()
	locked := rtsptest.ScriptNamed("plain").Camera
	locked.User, locked.Pass = "owner", "secret"
	at := func(c rtsptest.Camera) string { return stream(t, c).URL("main") }
	wrong, err := url.Parse(at(locked))
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword("owner", "other")
	for address, want := range map[string]Step{
		"http://127.0.0.1/":                              StepAddress,
		"rtsp://no.such.name.invalid/":                   StepName,
		"rtsp://" + nobody + "/main":                     StepConnect,
		wrong.String():                                   StepLogin,
		at(rtsptest.ScriptNamed("not-found").Camera):     StepStream,
		at(rtsptest.ScriptNamed("setup-refused").Camera): StepStream,
		at(rtsptest.ScriptNamed("no-codec").Camera):      StepCodec,
	} {
		var f *Failure
		_, err := newSurvey().Try(t.Context(), rtsp.Config{URL: address})
		if !errors.As(err, &f) || f.Step != want || f.Cause.String() == "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %s", want, err, want)
		}
	}
}

func TestAsk(t *testing.T) {
	dev := device(t, "127.0.0.1", onviftest.Quirks{Skew: -90 * time.Second})
	s := newSurvey()
	d, err := s.Ask(t.Context(), Login{Address: " " + dev.Addr() + " ", User: onviftest.User, Password: onviftest.Password})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Profiles) != 3 || d.Main != "Profile_1" || d.Sub != "Profile_2" || len(d.Picture) == 0 || d.Clock > -80*time.Second {
		t.Errorf("draft %+v", d)
	}
	a, err := d.Addresses(d.Main, d.Sub)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{a.Main, a.Sub, a.ONVIF} {
		u, err := url.Parse(address)
		if err != nil || u.User == nil || u.User.Username() != onviftest.User {
			t.Errorf("no login in an address: %v", err)
		}
	}
	if got, ok := s.Draft(d.ID); !ok || got.Host != "127.0.0.1" {
		t.Error("the draft is not kept")
	}
	if _, err := d.Addresses("none", ""); !errors.Is(err, ErrAddress) {
		t.Errorf("a profile that was not offered: %v", err)
	}
	var o *onvif.Error
	if _, err := s.Ask(t.Context(), Login{Address: dev.Addr(), User: onviftest.User, Password: "wrong"}); !errors.As(err, &o) || o.Reason != onvif.ReasonAuth {
		t.Errorf("a wrong password: %v", err)
	}
	for _, bad := range []string{"", "ftp://h", "://", "rtsp://"} {
		if _, err := s.Ask(t.Context(), Login{Address: bad}); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if d, err := s.Ask(t.Context(), Login{Address: "rtsp://h/x", User: "u", Password: "p"}); err != nil || len(d.Profiles) != 0 {
		t.Errorf("a pasted address: %v", err)
	} else if a, err := d.Addresses("", ""); err != nil || a.Main != "rtsp://u:p@h/x" || a.ONVIF != "" {
		t.Errorf("a pasted address gives %+v, %v", a, err)
	}
}

// TestAlike: one login, tried once at the cameras of the same kind that are new.
func TestAlike(t *testing.T) {
	first, second, other := device(t, "127.0.0.1", onviftest.Quirks{}), device(t, "127.0.0.2", onviftest.Quirks{}), device(t, "127.0.0.3", onviftest.Quirks{})
	s := newSurvey()
	found := func(dev *onviftest.Device, host, kind string) onvif.Found {
		return onvif.Found{Hardware: kind, Source: netip.MustParseAddr(host), XAddrs: []string{dev.URL()}}
	}
	s.Discover = func(context.Context) ([]onvif.Found, error) {
		return []onvif.Found{found(first, "127.0.0.1", "T-1"), found(second, "127.0.0.2", "T-1"), found(other, "127.0.0.3", "Z-9")}, nil
	}
	if err := s.Find(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := s.Ask(t.Context(), Login{Address: first.Addr(), User: onviftest.User, Password: onviftest.Password})
	if err != nil {
		t.Fatal(err)
	}
	s.Alike(t.Context(), d, []string{"127.0.0.2"})
	if n := len(second.Calls()); n != 0 {
		t.Errorf("a camera that is set up was asked %d times", n)
	}
	if list := s.Alike(t.Context(), d, nil); len(list) != 1 || list[0].Host != "127.0.0.2" || len(list[0].Profiles) != 3 {
		t.Errorf("alike: %+v", list)
	}
	if n := len(other.Calls()); n != 0 {
		t.Errorf("a camera of another kind was given the login %d times", n)
	}
}

func TestParseMounts(t *testing.T) {
	const mounts = `22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
23 22 0:21 / /proc rw - proc proc rw
24 22 8:1 / /boot/efi rw - vfat /dev/sda1 rw
25 22 8:17 / /mnt/big\040disk rw,noatime shared:2 - xfs /dev/sdb1 rw
26 22 8:17 /sub /srv/again rw - xfs /dev/sdb1 rw
27 22 8:33 / /media/old ro - ext4 /dev/sdc1 ro
28 22 0:50 / /mnt/nas rw - nfs4 nas:/export rw
29 22 0:51 / /tmp rw - tmpfs tmpfs rw
nonsense
`
	want := []Disk{{Path: "/", Kind: "ext4"}, {Path: "/mnt/big disk", Kind: "xfs"}, {Path: "/mnt/nas", Kind: "nfs4"}}
	if diff := cmp.Diff(want, parseMounts(strings.NewReader(mounts))); diff != "" {
		t.Error(diff)
	}
	if list := Disks(t.TempDir()); len(list) == 0 || !list[0].Data || list[0].Total == 0 {
		t.Errorf("disks here: %+v", list)
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add("22 1 8:2 / / rw - ext4 /dev/sda2 rw\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range parseMounts(strings.NewReader(text)) {
			if d.Kind == "" || d.Path == "" {
				t.Errorf("%+v", d)
			}
		}
	})
}
