package config

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const full = `# our home
home:
  name: Porch Street
  position: {lat: 52.51, lon: 13.40}
  timezone: Europe/Berlin
listen: 0.0.0.0:8080
storage:
  - path: /srv/footage
    keep: {days: 30, bytes: 1.5TB, free: 20GB}
cameras:
  - name: porch
    url: rtsp://owner:p%40ss@192.168.1.10/main
    sub: rtsp://192.168.1.10/sub
  - name: hall
    url: "rtsp://192.168.1.11:8554/live"
    exterior: false
    record: off
bulletins:
  - url: https://bulletin.example/
    log: PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
    every: 30m
rules:
  - {over_km2: 1, action: hide}
sharing:
  cool_down: {min: 0s, max: 2s}
homekit: {enabled: true, listen: "127.0.0.1:0"}
`

func TestParseFull(t *testing.T) {
	c, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Storage[0].Keep; got != (Keep{Days: 30, Bytes: 1_500_000_000_000, Free: 20_000_000_000}) {
		t.Errorf("keep = %+v", got)
	}
	if c.Cameras[1].Outside() || !c.Cameras[0].Outside() {
		t.Error("exterior was not read")
	}
	if c.Cameras[1].Record != "off" {
		t.Errorf("record = %q; off must not become a boolean", c.Cameras[1].Record)
	}
	if *c.Sharing.CoolDown.Min != 0 || *c.Sharing.CoolDown.Max != 2*time.Second {
		t.Error("an explicit cool-down of zero must stay zero")
	}
}

func TestDefaults(t *testing.T) {
	c, err := Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.Storage[0].Path != "footage" || *c.Sharing.CoolDown.Min != 5*time.Minute {
		t.Errorf("defaults = %+v", c)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	_, err := Parse([]byte(`home:
  nmae: typo
  position: {lat: 95, lon: x}
listen: 8080
cameras:
  - name: Front Door
    url: http://host/secret-password
  - name: a
    url: rtsp://h/1
  - name: a
    url: rtsp://h/2
storage: {path: x}
rules:
  - action: approve
  - {action: hide, category: nonsense, agency: Not a name}
bulletins:
  - {url: "https://b.example/", log: x, mirrors: ["http://m.example/", "https://b.example"]}
`))
	var got Problems
	if !errors.As(err, &got) {
		t.Fatalf("err = %v", err)
	}
	type at struct {
		Line, Column int
		Key          string
	}
	var places []at
	for _, p := range got {
		places = append(places, at{p.Line, p.Column, p.Key})
	}
	want := []at{
		{2, 3, "home.nmae"},
		{3, 28, "home.position.lon"},
		{3, 14, "home.position.lat"},
		{4, 1, "listen"},
		{6, 5, "cameras[0].name"},
		{7, 5, "cameras[0].url"},
		{10, 5, "cameras[2].name"},
		{12, 10, "storage"},
		{14, 5, "rules[0].action"},
		{15, 20, "rules[1].category"},
		{15, 40, "rules[1].agency"},
		{17, 51, "bulletins[0].mirrors[0]"},
		{17, 72, "bulletins[0].mirrors[1]"},
		{17, 33, "bulletins[0].log"},
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Error("a camera address was repeated in an error")
	}
}

// TestCameraTransport: what is not encrypted is never taken for what is.
func TestCameraTransport(t *testing.T) {
	const print = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	colons := "sha256:" + strings.Repeat("0A:", 31) + "ff"
	for text, want := range map[string]string{ // the key that is wrong
		"url: rtsp://h/1":                                         "",
		"url: rtsp://h/1\n    transport: udp":                     "",
		"url: rtsps://h/1\n    transport: tcp\n    tls: " + print: "",
		"url: rtsps://h/1\n    tls: " + colons:                    "",
		"url: rtsps://h/1\n    sub: rtsps://h/2":                  "",
		"url: rtsp://h/1\n    transport: auto":                    "cameras[0].transport",
		"url: rtsps://h/1\n    transport: udp":                    "cameras[0].transport",
		"url: rtsp://h/1\n    tls: " + print:                      "cameras[0].tls",
		"url: rtsps://h/1\n    tls: off":                          "cameras[0].tls",
		"url: rtsps://h/1\n    tls: " + print[:len(print)-2]:      "cameras[0].tls",
		"url: rtsps://h/1\n    tls: " + print + "00":              "cameras[0].tls",
		"url: rtsps://h/1\n    sub: rtsp://h/2":                   "cameras[0].sub",
		"url: rtspu://h/1":                                        "cameras[0].url",

		"url: rtsp://h/1\n    onvif: http://u:p%40ss@h":                  "",
		"url: rtsp://h/1\n    onvif: http://h:8000/onvif/device_service": "",
		"url: rtsp://h/1\n    onvif: https://h\n    tls: " + print:       "",
		"url: rtsps://h/1\n    onvif: http://h\n    tls: " + print:       "",
		"url: rtsp://h/1\n    onvif: http://h\n    tls: " + print:        "cameras[0].tls",
		"url: rtsp://h/1\n    onvif: 192.168.1.10":                       "cameras[0].onvif",
		"url: rtsp://h/1\n    onvif: rtsp://h":                           "cameras[0].onvif",
		"url: rtsp://h/1\n    onvif: http://:80":                         "cameras[0].onvif",

		"url: rtsp://h/1\n    snapshot: http://u:p@h/a.jpg?x=1":         "",
		"url: rtsp://h/1\n    snapshot: https://h/a\n    tls: " + print: "",
		"url: rtsp://h/1\n    snapshot: http://h/a\n    tls: " + print:  "cameras[0].tls",
		"url: rtsp://h/1\n    snapshot: http://h/":                      "cameras[0].snapshot",
		"url: rtsp://h/1\n    snapshot: rtsp://h/a.jpg":                 "cameras[0].snapshot",
	} {
		_, err := Parse([]byte("cameras:\n  - name: a\n    " + text + "\n"))
		var got Problems
		if errors.As(err, &got); want == "" && err != nil || want != "" && (len(got) != 1 || got[0].Key != want) {
			t.Errorf("%s: %v, want a problem of %q", text, err, want)
		}
	}
	mixed := Camera{URL: "rtsps://h/1", ONVIF: "http://h", TLS: print}
	if mixed.StreamTLS() != print || mixed.ONVIFTLS() != "" {
		t.Error("a pin is for encrypted addresses alone")
	}
	if c, err := Parse([]byte("cameras:\n  - {name: a, url: 'rtsp://h/1'}\n")); err != nil || c.Cameras[0].Transport != "tcp" {
		t.Errorf("%+v %v", c, err)
	}
}

func TestNotYAML(t *testing.T) {
	for _, in := range []string{"a: [", "\t- x", "a: b: c", "--- 1\n--- 2\n", "- 1", "home: &a {}\n", strings.Repeat("a", MaxFile+1)} {
		if _, err := Parse([]byte(in)); err == nil {
			t.Errorf("%.20q was accepted", in)
		}
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[string]Size{"1": 1, "2 kB": 2000, "1.5TB": 1.5e12} {
		var s Size
		if err := s.UnmarshalText([]byte(in)); err != nil || s != want {
			t.Errorf("%q = %d, %v", in, s, err)
		}
	}
	for _, in := range []string{"", "-1", "GB", "1e30TB", "NaN", "5 apples"} {
		var s Size
		if s.UnmarshalText([]byte(in)) == nil {
			t.Errorf("%q was accepted", in)
		}
	}
}

func TestWatchKeepsTheLastGoodConfiguration(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		tmp := filepath.Join(dir, "new")
		if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, File)); err != nil {
			t.Fatal(err)
		}
	}
	write("listen: 127.0.0.1:1\n")
	applied, bad := make(chan *Config, 9), make(chan error, 9)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		editor := NewEditor(dir, func(c *Config) { applied <- c })
		done <- Watch(ctx, dir, slog.New(slog.DiscardHandler), func() { bad <- editor.Reload() })
	}()
	// It reads the file once by itself, and may read a version twice.
	if err := <-bad; err != nil {
		t.Errorf("the file as it was gave %v", err)
	}
	write("listen: nonsense\n")
	for err := error(nil); err == nil; err = <-bad {
	}
	write("listen: 127.0.0.1:2\n")
	for err := errors.New("bad"); err != nil; err = <-bad {
	}
	last := ""
	for last != "127.0.0.1:2" {
		switch last = (<-applied).Listen; last {
		case "127.0.0.1:1", "127.0.0.1:2":
		default:
			t.Fatalf("applied %q", last)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Lines of --- are not documents by themselves; two documents are refused, and
// none is passed over.
func TestDocuments(t *testing.T) {
	for text, want := range map[string]string{
		"listen: 127.0.0.1:1\n---\n":                    "127.0.0.1:1",
		"---\nlisten: 127.0.0.1:1\n":                    "127.0.0.1:1",
		"---\n---\nlisten: 127.0.0.1:1\n---\n":          "",
		"listen: 127.0.0.1:1\n---\n---\nhosts: []\n":    "",
		"--- # mine\nlisten: 127.0.0.1:1\n...\n":        "127.0.0.1:1",
		"home: {name: ---}\nlisten: 127.0.0.1:1\n":      "127.0.0.1:1",
		"# nothing yet\n---\n# at all\n":                "127.0.0.1:8080",
		"# mine\n---\nlisten: 127.0.0.1:1\n":            "127.0.0.1:1",
		"listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2": "",
	} {
		c, err := Parse([]byte(text))
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "more than one document") {
				t.Errorf("%q: %v", text, err)
			}
		} else if err != nil || c.Listen != want {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

// FuzzParse: a file is refused, or what the rest of the hub relies on is true.
func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("home: {position: {lat: .nan}}"))
	f.Add([]byte("cameras: [{name: *x}]"))
	f.Add([]byte("? [a]\n: b"))
	f.Add([]byte("listen: 127.0.0.1:1\n---"))
	f.Add([]byte("---\n---\nlisten: 127.0.0.1:1"))
	f.Add([]byte("cameras: [{name: a, url: 'rtsp://u:p%40@[fd00::1%25eth0]:8554/x?y=z#'}, {name: a, url: rtsps://h, tls: sha256:00}]"))
	f.Add([]byte("sharing: {cool_down: {min: 9223372036s, max: 1ns}}\nstorage: [{path: /a/../a, keep: {days: -1}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v with error %v", c, err)
		}
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, cam := range c.Cameras {
			if !cameraName.MatchString(cam.Name) || names[cam.Name] {
				t.Errorf("camera %q cannot be a folder of its own", cam.Name)
			}
			names[cam.Name] = true
			if u, err := url.Parse(cam.URL); err != nil || u.Host == "" || u.Scheme != "rtsp" && u.Scheme != "rtsps" {
				t.Errorf("address %q", cam.URL)
			}
			if cam.Keep.Days < 0 || *cam.Motion.PreRoll < 0 || *cam.Motion.PostRoll < 0 {
				t.Errorf("camera %+v", cam)
			}
		}
		if *c.Sharing.CoolDown.Min < 0 || *c.Sharing.CoolDown.Max < *c.Sharing.CoolDown.Min {
			t.Errorf("cool-down %v to %v", *c.Sharing.CoolDown.Min, *c.Sharing.CoolDown.Max)
		}
		again, err := Parse(data)
		if err != nil || cmp.Diff(c, again) != "" || NeedRestart(c, again) != nil {
			t.Errorf("the same file is not the same configuration: %v", err)
		}
	})
}

func TestHalfAPosition(t *testing.T) {
	if _, err := Parse([]byte("home: {position: {lat: 52.5}}")); err == nil || !strings.Contains(err.Error(), "home.position.lon: is missing") {
		t.Errorf("half a position gave %v", err)
	}
	if _, err := Parse([]byte("storage: [{path: a}, {path: ./a}]")); err == nil {
		t.Error("one folder was accepted as two stores")
	}
}

func TestNeedRestart(t *testing.T) {
	boot, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	now, _ := Parse([]byte(strings.Replace(full, "max: 2s", "max: 3s", 1)))
	if diff := cmp.Diff([]string{"sharing.cool_down"}, NeedRestart(boot, now)); diff != "" {
		t.Error(diff)
	}
	now, _ = Parse([]byte(strings.Replace(full, "name: Porch Street", "name: Other", 1)))
	if keys := NeedRestart(boot, now); keys != nil {
		t.Errorf("a new home name needs a restart for %v", keys)
	}
	lock := strings.Replace(full, "homekit: {enabled: true,", "homekit: {enabled: true, consent_lock: true,", 1)
	if now, err = Parse([]byte(lock)); err != nil || boot.HomeKit.Lock() || !now.HomeKit.Lock() || NeedRestart(boot, now) != nil {
		t.Errorf("the lock: %v, %v, needs a restart for %v, %v", boot.HomeKit.Lock(), now.HomeKit.Lock(), NeedRestart(boot, now), err)
	}
	if _, err := Parse([]byte(strings.Replace(lock, "consent_lock: true,", "consent_lock: true, neutral: true,", 1))); err == nil {
		t.Error("a lock beside a neutral picture was taken")
	}
}
