package main

import (
	"slices"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/control"
	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/hub/motion"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
	"gatehouse/rtsp/onvif"
)

func (h *hub) motionConfig() motion.Config {
	return motion.Config{
		Store: h.index, Log: h.log, FFmpeg: ffmpeg.Find(), Reader: h.pictures, Oldest: h.archive.Oldest, Notify: h.moved,
		Device: h.devices.open,
	}
}

// watched are the cameras whose motion is looked for. One that is not recorded
// is off: nothing is read from it.
func watched(cameras []config.Camera) (list []motion.Camera) {
	for _, c := range cameras {
		if c.Off() {
			continue
		}
		m := motion.Camera{Name: c.Name, Channel: c.Motion.Channel, Sensitivity: c.Motion.Sensitivity}
		switch c.MotionFrom() {
		case "onvif":
			m.From = motion.ONVIF
			m.ONVIF = onvif.Config{URL: c.ONVIF, TLS: c.ONVIFTLS()}
		case "pictures":
			m.From = motion.Pictures
			for _, z := range c.Motion.Zones {
				zone := motion.Zone{Ignore: z.Ignore}
				for _, p := range z.Area {
					zone.Area = append(zone.Area, motion.Point{X: p[0], Y: p[1]})
				}
				m.Zones = append(m.Zones, zone)
			}
		}
		list = append(list, m)
	}
	return list
}

// pictures are those motion is looked for in: the smaller ones if there are two streams.
func (h *hub) pictures(camera string, maxBytes int) *rtsp.Reader {
	if r := h.fleet.Reader(camera, recording.Sub, maxBytes); r != nil {
		return r
	}
	return h.fleet.Reader(camera, recording.Main, maxBytes)
}

// motion takes what a script of the owner reports.
func (h *hub) motion(camera string, d time.Duration) error {
	if !slices.ContainsFunc(h.config().Cameras, func(c config.Camera) bool { return c.Name == camera }) {
		return control.ErrNoCamera
	}
	h.motions.Report(camera, d)
	return nil
}
