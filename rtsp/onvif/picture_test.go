package onvif_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gatehouse/rtsp/onvif"
	"gatehouse/rtsp/onvif/onviftest"
)

// TestPictureAddress: a snapshot's address by itself is fetched with every
// login, and nothing but its address is asked for.
func TestPictureAddress(t *testing.T) {
	for _, login := range []string{"", "basic", onviftest.LoginNone} {
		r := newRig(t, onviftest.Quirks{SnapshotLogin: login})
		want, err := r.cam.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cfg := r.cfg
		cfg.URL = strings.TrimSuffix(cfg.URL, "/onvif/device_service") + "/onvif/snapshot?profile=main&x=1"
		p, err := onvif.NewPicture(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if b, err := p.Snapshot(t.Context()); err != nil || !bytes.Equal(b, want) {
				t.Errorf("login %q: %d bytes, %v", login, len(b), err)
			}
		}
		cfg.URL = strings.Replace(cfg.URL, "/onvif/snapshot", "/other", 1)
		p, err = onvif.NewPicture(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var e *onvif.Error
		if _, err := p.Snapshot(t.Context()); !errors.As(err, &e) {
			t.Errorf("another address: %v", err)
		}
	}
	if _, err := onvif.NewPicture(onvif.Config{URL: "ftp://h/x.jpg"}); err == nil {
		t.Error("an ftp address is taken")
	}
}
