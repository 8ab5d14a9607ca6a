package main

import (
	"sync"

	"gatehouse/hub/clip"
	"gatehouse/hub/config"
	"gatehouse/rtsp/onvif"
)

// snapshots are the cameras that can be asked for pictures.
type snapshots struct {
	mu       sync.Mutex // guards byCamera
	byCamera map[string]snapshotSource
}

// snapshotSource is where a camera's pictures come from, and who fetches them.
type snapshotSource struct {
	picture bool // the address is the picture's own
	from    onvif.Config
	clip.Snapshotter
}

// devices are the clients of cameras' ONVIF services: one of each camera, which
// motion and pictures share, so that both together try a wrong password no more
// often than one of them.
type devices struct {
	mu       sync.Mutex // guards byCamera
	byCamera map[string]device
}

type device struct {
	of onvif.Config
	*onvif.Camera
}

// open answers the client that a configuration describes, as [onvif.New] makes it.
func (d *devices) open(cfg onvif.Config) (*onvif.Camera, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old, ok := d.byCamera[cfg.Camera]; ok && old.of == cfg {
		return old.Camera, nil
	}
	c, err := onvif.New(cfg)
	if err != nil {
		return nil, err
	}
	if d.byCamera == nil {
		d.byCamera = map[string]device{}
	}
	d.byCamera[cfg.Camera] = device{cfg, c}
	return c, nil
}

// of answers a camera that gives pictures, nil if it gives none.
func (s *snapshots) of(camera string) clip.Snapshotter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byCamera[camera].Snapshotter
}

// applySnapshots follows the configuration; what did not change keeps what it
// knows of its camera. One that is not recorded is off: nothing is read from it.
func (h *hub) applySnapshots(cameras []config.Camera) {
	s := &h.snapshots
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[string]snapshotSource{}
	for _, c := range cameras {
		from := snapshotSource{from: onvif.Config{Camera: c.Name, URL: c.ONVIF, TLS: c.ONVIFTLS(), Log: h.log}}
		if c.Snapshot != "" {
			from.picture, from.from.URL, from.from.TLS = true, c.Snapshot, c.SnapshotTLS()
		}
		if c.Off() || from.from.URL == "" {
			continue
		}
		if old := s.byCamera[c.Name]; old.picture == from.picture && old.from == from.from {
			next[c.Name] = old
			continue
		}
		var err error
		if from.picture {
			from.Snapshotter, err = onvif.NewPicture(from.from)
		} else {
			from.Snapshotter, err = h.devices.open(from.from)
		}
		if err != nil { // config has checked the address
			h.log.Warn("a camera cannot be asked for pictures", "camera", c.Name, "err", err)
			continue
		}
		next[c.Name] = from
	}
	s.byCamera = next
}
