package homekit

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
	"github.com/brutella/hap/service"

	"gatehouse/bridge/homekit/stream"
	"gatehouse/rtsp"
)

// Camera is a camera that HomeKit shows as an accessory of its own.
type Camera struct {
	Name  string // a-z, 0-9 and -; another name is another accessory
	Label string // what people call it; another label is the same accessory

	// State returns the state of the main or the sub stream, if there is one;
	// Reader reads it, and is nil if it is gone. Without them the camera is shown
	// in snapshots only.
	State  func(sub bool) (rtsp.State, bool)
	Reader func(sub bool, maxBytes int) *rtsp.Reader

	// Snapshot returns a JPEG picture of now.
	Snapshot func(ctx context.Context) ([]byte, error)
}

const (
	readerBytes = 16 << 20                // two groups of pictures of any camera that HomeKit can show
	sdWidth     = 640                     // what a watch asks for, and a home hub from afar
	farPackets  = 60 * time.Millisecond   // packets of sound this long mean that the viewer is not at home
	mainWidth   = 1920                    // larger pictures are not offered
	offlineIn   = 1500 * time.Millisecond // between looks at whether the camera is there
)

// camera is a camera's accessory.
type camera struct {
	Camera
	acc    *accessory.A
	motion *characteristic.MotionDetected
	slots  []*slot
	server *server
	warm   *warm
	addr   string // guarded by Bridge.mu

	noPicture string // in words
}

// newCamera builds an IP camera accessory (HAP R2, 11.2): two stream slots, a
// microphone, and a motion sensor, whose notification carries a snapshot. The
// order fixes the instance ids; add only at the end.
func newCamera(b *Bridge, cam Camera, kept []Identity) (*camera, error) {
	st, err := openStore(b.cfg.Store, kept, "camera-"+cam.Name)
	if err != nil {
		return nil, err
	}
	name := accessoryName(cam.Label, cam.Name)
	if b.names(name) { // what HomeKit does not take made two alike
		name = accessoryName(cam.Name)
	}
	c := &camera{Camera: cam, acc: newAccessory(name, "Camera", serial(st), categoryCamera), warm: newWarm(cam.Snapshot), noPicture: b.cfg.Words.NoPicture}
	if cam.State != nil {
		mute := c.mute(b.cfg.Log)
		for range 2 {
			s := newSlot(c.view, b.cfg.Log)
			s.ffmpeg, s.mute = b.cfg.FFmpeg, mute
			c.slots = append(c.slots, s)
			c.acc.AddS(s.svc.S)
		}
		c.slots[0].svc.Primary = true
		c.acc.AddS(service.NewMicrophone().S)
	} else {
		// A snapshot alone needs the service too; its slots say that they are not available.
		s := newSlot(func(selection) func() stream.Feed { return nil }, b.cfg.Log)
		s.status(slotUnavailable)
		c.acc.AddS(s.svc.S)
	}
	eye := service.NewMotionSensor()
	c.motion = eye.MotionDetected
	c.acc.AddS(eye.S)
	c.server = &server{
		name: name, category: categoryCamera, acc: c.acc, store: st,
		snapshot: c.snapshot,
	}
	return c, nil
}

// names reports whether an accessory is announced by a name already.
func (b *Bridge) names(name string) bool {
	return name == b.bell.name || name == b.eye.name || slices.ContainsFunc(b.cameras, func(c *camera) bool { return c.server.name == name })
}

// mute returns what notes, once, why viewers of the camera hear nothing.
func (c *camera) mute(log *slog.Logger) func(error) {
	var once sync.Once
	return func(why error) {
		once.Do(func() { log.Warn("homekit sends no sound of the camera", "camera", c.Name, "reason", why) })
	}
}

// view chooses the stream for a viewer: the main one at home where HomeKit can
// show it, otherwise the sub stream.
func (c *camera) view(s selection) func() stream.Feed {
	far := s.width <= sdWidth || s.packetTime >= farPackets
	for _, sub := range []bool{far, !far} {
		if c.shows(sub) {
			return func() stream.Feed {
				if r := c.Reader(sub, readerBytes); r != nil {
					return r
				}
				return noFeed{}
			}
		}
	}
	return nil
}

// noFeed is a stream that the owner has removed meanwhile.
type noFeed struct{}

func (noFeed) Next(context.Context) (rtsp.Item, error) { return rtsp.Item{}, io.EOF }
func (noFeed) Close()                                  {}

// shows reports whether HomeKit can show what a stream sends.
func (c *camera) shows(sub bool) bool {
	st, ok := c.State(sub)
	if !ok || st.Phase != rtsp.PhaseLive || len(st.Formats) == 0 || st.Formats[0].Codec != rtsp.H264 {
		return false
	}
	return sub || st.Formats[0].Width <= mainWidth
}

// snapshot returns the camera's picture, or one that says that there is none.
func (c *camera) snapshot(ctx context.Context, width, height int) []byte {
	s := bounded(width, height)
	if b := c.warm.picture(ctx, s); b != nil {
		return b
	}
	return drawNotice(words(c.server.name, c.Name), c.noPicture, s)
}

// follow keeps the accessory in step with the camera until ctx ends.
func (c *camera) follow(ctx context.Context) {
	tick := time.NewTicker(offlineIn)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		there := c.State != nil && (c.shows(false) || c.shows(true))
		for _, s := range c.slots {
			s.available(there)
		}
	}
}

// cameraAddr is where the n-th camera listens: behind the doorbell and the sensor.
func cameraAddr(eye string, n int) (string, error) {
	addr := eye
	for range n + 1 {
		var err error
		if _, addr, err = listenAddrs(addr); err != nil {
			return "", fmt.Errorf("counting homekit ports: %w", err)
		}
	}
	return addr, nil
}
