package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"gatehouse/hub/config"
	"gatehouse/rtsp/onvif/onviftest"
)

// gatehouse runs a command with a text on its standard input.
func gatehouse(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func onvifDevice(t *testing.T, q onviftest.Quirks) *onviftest.Device {
	t.Helper()
	dev, err := onviftest.New(onviftest.Config{Quirks: q})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = dev.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return dev
}

// planted reports whether the device's password stands in a text, in any spelling.
func planted(text string) bool {
	return strings.Contains(text, "s3cret") || strings.Contains(text, url.QueryEscape(onviftest.Password))
}

// TestCamerasProbe: what one command prints is a camera of gatehouse.yml.
func TestCamerasProbe(t *testing.T) {
	for name, q := range map[string]onviftest.Quirks{
		"token": {}, "digest, wrong host": {Login: onviftest.LoginDigest, Host: "192.0.2.9"}, "https": {TLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			dev := onvifDevice(t, q)
			args := []string{"-v", "cameras", "probe", "--user", onviftest.User, "--password-stdin", "--name", "porch", "--json", dev.URL()}
			if q.TLS {
				code, out, errs := gatehouse(onviftest.Password+"\n", args...)
				if code != exitFault || out != "" || !strings.Contains(errs, dev.Fingerprint()) || planted(errs) {
					t.Errorf("without a pin: exit %d\n%s%s", code, out, errs)
				}
				args = append(args, "--tls", dev.Fingerprint())
			}
			code, out, errs := gatehouse(onviftest.Password+"\n", args...)
			if code != 0 || planted(out+errs) {
				t.Fatalf("exit %d\n%s%s", code, out, errs)
			}
			var p probed
			if err := json.Unmarshal([]byte(out), &p); err != nil {
				t.Fatal(err)
			}
			if p.Info.Model != "T-1" || len(p.Profiles) != 3 || p.Snapshot == 0 || p.Clock == nil || *p.Clock > 2 || *p.Clock < -2 {
				t.Errorf("%+v", p)
			}
			if _, err := config.Parse([]byte(p.Config)); err != nil {
				t.Errorf("%v in\n%s", err, p.Config)
			}
			code, out, errs = gatehouse(onviftest.Password, append(args, "--show-password")...)
			if err := json.Unmarshal([]byte(out), &p); code != 0 || err != nil || planted(errs) {
				t.Fatalf("exit %d, %v\n%s", code, err, errs)
			}
			c, err := config.Parse([]byte(p.Config))
			if err != nil {
				t.Fatal(err)
			}
			cam := c.Cameras[0]
			for _, text := range []string{cam.URL, cam.Sub, cam.ONVIF} {
				u, err := url.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				if pass, _ := u.User.Password(); u.Hostname() != "127.0.0.1" || u.User.Username() != onviftest.User || pass != onviftest.Password {
					t.Errorf("address %s", text)
				}
			}
			if cam.Name != "porch" || !strings.Contains(cam.URL, "/101?") || !strings.Contains(cam.Sub, "/102?") || cam.TLS != dev.Fingerprint() {
				t.Errorf("%+v", cam)
			}
		})
	}
}

func TestCamerasProbeInWords(t *testing.T) {
	dev := onvifDevice(t, onviftest.Quirks{NoSnapshot: true})
	code, out, errs := gatehouse(onviftest.Password, "cameras", "probe", "--user", onviftest.User, "--password-stdin", dev.Addr())
	if code != 0 || planted(out+errs) {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	for _, want := range []string{"Beispiel Süd T-1", "2560x1440", "snapshot", "The device has no snapshot.", "cameras:\n", "owner:PASSWORD@127.0.0.1:554"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestCamerasProbeRefuses: each wrong use has its own exit code and sentence, and
// a password is never taken from an argument, nor told.
func TestCamerasProbeRefuses(t *testing.T) {
	dev := onvifDevice(t, onviftest.Quirks{})
	for name, c := range map[string]struct {
		args  []string
		stdin string
		code  int
		words string
	}{
		"login in the address": {[]string{"http://u:s3cret@" + dev.Addr()}, "", exitInput, "no login in the address"},
		"no scheme, login":     {[]string{"u:s3cret@" + dev.Addr()}, "", exitInput, "no login in the address"},
		"user alone":           {[]string{dev.Addr(), "--user", "x"}, "", exitInput, "--password-stdin"},
		"password alone":       {[]string{dev.Addr(), "--password-stdin"}, "s3cret", exitInput, "--user"},
		"nothing to read":      {[]string{dev.Addr(), "--user", "x", "--password-stdin"}, "", exitInput, "standard input"},
		"another scheme":       {[]string{"ftp://h/"}, "", exitInput, "http://"},
		"a bad pin":            {[]string{"https://" + dev.Addr(), "--tls", "sha256:1"}, "", exitInput, "64 hexadecimal digits"},
		"a wrong password":     {[]string{dev.Addr(), "--user", onviftest.User, "--password-stdin"}, "s3cret", exitFault, "does not accept the user name or password"},
		"nobody there":         {[]string{"127.0.0.1:1", "--user", "x", "--password-stdin"}, "s3cret", exitFault, "cannot be reached"},
	} {
		code, out, errs := gatehouse(c.stdin, append([]string{"-v", "cameras", "probe"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.words) || planted(out+errs) {
			t.Errorf("%s: exit %d, want %d and %q\n%s%s", name, code, c.code, c.words, out, errs)
		}
	}
}

func TestCamerasDiscover(t *testing.T) {
	id := "urn:uuid:" + uuid.NewString()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = onviftest.Discovery{
			Endpoint: id, XAddrs: "http://192.0.2.9:8000/onvif/device_service", Scopes: "onvif://www.onvif.org/name/Porch%1b%5bcam",
		}.Run(ctx, conn)
	}()
	t.Cleanup(func() { cancel(); <-done })
	at := conn.LocalAddr().String()
	code, out, errs := gatehouse("", "cameras", "discover", at, "--wait", "1s")
	if code != 0 || !strings.Contains(out, "http://127.0.0.1:8000/onvif/device_service  Porch [cam") || strings.Contains(out, "\x1b") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	code, out, errs = gatehouse("", "cameras", "discover", at, "--wait", "1s", "--json")
	var list []map[string]any
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list) != 1 || list[0]["endpoint"] != id {
		t.Errorf("exit %d, %v\n%s%s", code, err, out, errs)
	}
	if code, _, errs := gatehouse("", "cameras", "discover", "--interface", "nonesuch"); code != exitInput || !strings.Contains(errs, "nonesuch") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestCamerasProbePeer asks an ONVIF service that nobody here wrote.
func TestCamerasProbePeer(t *testing.T) {
	rtsp, api := freePort(t), freePort(t)
	path := filepath.Join(t.TempDir(), "go2rtc.yaml")
	cfg := fmt.Sprintf("api: {listen: 127.0.0.1:%d}\nrtsp: {listen: 127.0.0.1:%d}\nwebrtc: {listen: ''}\nlog: {level: error}\n"+
		"streams: {porch: 'rtsp://127.0.0.1:1/none'}\n", api, rtsp)
	if err := os.WriteFile(path, []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, exec.Command("go2rtc", "-config", path))
	waitPort(t, api)
	code, out, errs := gatehouse("", "cameras", "probe", "--json", fmt.Sprintf("127.0.0.1:%d", api))
	var p probed
	if err := json.Unmarshal([]byte(out), &p); code != 0 || err != nil {
		t.Fatalf("exit %d, %v\n%s", code, err, errs)
	}
	want := fmt.Sprintf("rtsp://127.0.0.1:%d/porch", rtsp)
	if p.Info.Manufacturer == "" && p.Info.Model == "" || len(p.Profiles) != 1 || p.Profiles[0].Stream != want || p.Clock == nil {
		t.Errorf("%+v", p)
	}
	if c, err := config.Parse([]byte(p.Config)); err != nil || c.Cameras[0].URL != want {
		t.Errorf("%v in\n%s", err, p.Config)
	}
}
