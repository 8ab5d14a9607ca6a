package main

import (
	"context"
	"path/filepath"
	"time"

	"gatehouse/bridge/homekit"
	"gatehouse/bridge/homekit/stream"
	"gatehouse/hub/config"
	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
	"gatehouse/ui"
)

// openHomeKit leaves the bridge out if it cannot be opened: recording goes on.
func (h *hub) openHomeKit(ctx context.Context) error {
	if !h.cfg.HomeKit.Enabled {
		return nil
	}
	words, _ := ui.Card(h.cfg.HomeKit.Language)
	bridge, err := homekit.New(ctx, homekit.Config{
		Store: h.house, Dir: filepath.Join(h.data, "homekit"), Name: h.cfg.HomeKit.Name, Addr: h.cfg.HomeKit.Listen,
		Interfaces: h.cfg.HomeKit.Interfaces, Neutral: h.cfg.HomeKit.Neutral, Words: words, Log: h.log, Cameras: h.homekitCameras(), FFmpeg: soundRunner(ffmpeg.Find()),
		Lock: h.cfg.HomeKit.Lock(), Unlock: h.unlock, Refused: h.lockRefused,
	})
	if err != nil {
		h.bridgeFailed(err)
		return nil
	}
	h.homekit = bridge
	return nil
}

// followLock puts the consent lock on the doorbell or takes it off, as the file says.
func (h *hub) followLock(c *config.Config) {
	if h.homekit == nil {
		return
	}
	if err := h.homekit.SetLock(c.HomeKit.Lock()); err != nil {
		h.log.Error("telling of the consent lock failed", "err", err)
	}
}

// unlock gives the approval that was left to the lock for the request on a card.
func (h *hub) unlock(ctx context.Context, c homekit.Card) error {
	_, err := h.requests.Unlock(ctx, c.Request, c.Version)
	return err
}

func (h *hub) lockRefused(ctx context.Context, c homekit.Card, why string) {
	if err := h.requests.RefuseUnlock(ctx, c.Request, why); err != nil {
		h.log.Error("noting a refusal of the consent lock failed", "request", c.Request, "err", err)
	}
}

// soundRunner runs the ffmpeg at path for the sound of one viewer.
func soundRunner(path string) stream.Runner {
	if path == "" {
		return nil
	}
	return func(ctx context.Context, args ...string) (stream.Child, error) {
		p, err := ffmpeg.Start(ctx, path, ffmpeg.Limits{Memory: 512 << 20, Nice: 5}, args...)
		if err != nil {
			return stream.Child{}, err
		}
		return stream.Child{In: p.In, Out: p.Out, Wait: p.Wait}, nil
	}
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
		cam := homekit.Camera{Name: c.Name, Label: c.Label, Snapshot: func(ctx context.Context) ([]byte, error) {
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
