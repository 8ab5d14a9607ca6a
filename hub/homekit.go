package main

import (
	"context"
	"path/filepath"
	"time"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/config"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// openHomeKit leaves the bridge out if it cannot be opened: recording goes on.
func (h *hub) openHomeKit(context.Context) error {
	if !h.cfg.HomeKit.Enabled {
		return nil
	}
	bridge, err := homekit.New(homekit.Config{
		Dir: filepath.Join(h.data, "homekit"), Name: h.cfg.HomeKit.Name, Addr: h.cfg.HomeKit.Listen,
		Interfaces: h.cfg.HomeKit.Interfaces, Neutral: h.cfg.HomeKit.Neutral, Log: h.log, Cameras: h.homekitCameras(),
	})
	if err != nil {
		h.bridgeFailed(err)
		return nil
	}
	h.homekit = bridge
	return nil
}

// runHomeKit serves the bridge. Its failure, such as a port that is taken, is a
// problem to show: recording goes on.
func (h *hub) runHomeKit(ctx context.Context) {
	err := h.homekit.Run(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	h.bridgeFailed(err)
}

func (h *hub) bridgeFailed(err error) {
	h.log.Error("homekit does not run", "err", err)
	h.mu.Lock()
	h.badBridge = err
	h.mu.Unlock()
}

// homekitCameras are those that the owner shows in HomeKit.
func (h *hub) homekitCameras() (list []homekit.Camera) {
	for _, c := range h.cfg.Cameras {
		if c.HomeKit == config.HomeKitOff {
			continue
		}
		cam := homekit.Camera{Name: c.Name, Snapshot: func(ctx context.Context) ([]byte, error) {
			still, err := h.clips.StillNow(ctx, c.Name)
			return still.JPEG, err
		}}
		if c.HomeKit == config.HomeKitLive {
			cam.State = func(sub bool) (rtsp.State, bool) { return h.streamState(c.Name, streamOf(sub)) }
			cam.Reader = func(sub bool, maxBytes int) *rtsp.Reader { return h.fleet.Reader(c.Name, streamOf(sub), maxBytes) }
		}
		list = append(list, cam)
	}
	return list
}

func streamOf(sub bool) string {
	if sub {
		return recording.Sub
	}
	return recording.Main
}

func (h *hub) streamState(camera, stream string) (rtsp.State, bool) {
	for _, l := range h.fleet.Streams() {
		if l.Camera == camera && l.Stream == stream {
			return l.State(), true
		}
	}
	return rtsp.State{}, false
}

// moved tells HomeKit, which has a sensor for all cameras and one in each that it shows.
func (h *hub) moved(camera string, moves bool) {
	if h.homekit == nil {
		return
	}
	h.homekit.MotionAt(camera, moves)
	if h.motions.Moving() {
		h.homekit.Motion(24 * time.Hour) // until it is told otherwise
		return
	}
	h.homekit.Motion(0)
}
