package main

import (
	"bytes"
	"context"
	"image/jpeg"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"gatehouse/hub/clip"
	"gatehouse/hub/config"
	"gatehouse/rtsp/onvif"
	"gatehouse/rtsp/onvif/onviftest"
)

// TestSnapshotsFollowTheConfiguration with a device: over ONVIF, by an address of
// its own, not at all while the camera is off.
func TestSnapshotsFollowTheConfiguration(t *testing.T) {
	dev, err := onviftest.New(onviftest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- dev.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	u, err := url.Parse(dev.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(onviftest.User, onviftest.Password)
	address := u.String()
	picture := strings.TrimSuffix(address, u.Path) + "/onvif/snapshot"

	h := &hub{log: slog.New(slog.DiscardHandler)}
	apply := func(c config.Camera) clip.Snapshotter {
		t.Helper()
		c.Name = "porch"
		h.applySnapshots([]config.Camera{c})
		return h.snapshots.of("porch")
	}
	look := func(s clip.Snapshotter) {
		t.Helper()
		b, err := s.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jpeg.Decode(bytes.NewReader(b)); err != nil {
			t.Error(err)
		}
	}
	byONVIF := apply(config.Camera{ONVIF: address, Record: "always"})
	look(byONVIF)
	if again := apply(config.Camera{ONVIF: address, Record: "always", Sub: "rtsp://h/2"}); again != byONVIF {
		t.Error("another client though nothing changed that matters")
	}
	if motion, err := h.devices.open(onvif.Config{Camera: "porch", URL: address, Log: h.log}); err != nil || clip.Snapshotter(motion) != byONVIF {
		t.Error("motion has a client of its own: each counts wrong passwords by itself", err)
	}
	direct := apply(config.Camera{ONVIF: address, Snapshot: picture, Record: "always"})
	look(direct)
	if direct == byONVIF {
		t.Error("the address of the picture is not used")
	}
	if s := apply(config.Camera{ONVIF: address, Snapshot: picture, Record: "off"}); s != nil {
		t.Error("a camera that is off is asked for pictures")
	}
	if s := apply(config.Camera{Record: "always"}); s != nil || h.snapshots.of("yard") != nil {
		t.Error("a camera without an address is asked for pictures")
	}
}
