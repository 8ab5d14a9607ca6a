package main

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/config"
	"gatehouse/hub/control"
	"gatehouse/hub/finding"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
	"gatehouse/rtsp"
)

// archiveConfig is what serve and fsck both open.
func archiveConfig(c *config.Config, data string, index recording.Index, heads recording.HeadStore, log *slog.Logger) recording.ArchiveConfig {
	a := recording.ArchiveConfig{Index: index, Heads: heads, Log: log}
	for _, s := range c.Storage {
		a.Disks = append(a.Disks, recording.DiskConfig{
			Path: config.Folder(data, s.Path), Profile: recording.Profile(s.Profile),
			Keep: recording.Keep{Days: s.Keep.Days, Bytes: int64(s.Keep.Bytes), Free: int64(s.Keep.Free)},
		})
	}
	return a
}

func feedsOf(c *config.Config) []request.Feed {
	feeds := make([]request.Feed, len(c.Bulletins))
	for i, b := range c.Bulletins {
		u, _ := url.Parse(b.URL) // checked by config
		feeds[i] = request.Feed{Name: u.Host, URL: b.URL, Mirrors: b.Mirrors, Log: b.Log, Witnesses: b.Witnesses, Every: b.Every}
	}
	return feeds
}

// homeOf is the part of the configuration that matching follows while running.
func homeOf(c *config.Config) request.Home {
	zone, err := time.LoadLocation(c.Home.Timezone)
	if err != nil {
		zone = time.UTC // config has checked the name; only a zone database that vanished since ends here
	}
	h := request.Home{TimeZone: zone}
	if p := c.Home.Position; p != nil {
		h.Position = bulletin.Point{Lat: p.Lat, Lon: p.Lon}
	}
	for _, cam := range c.Cameras {
		h.Cameras = append(h.Cameras, request.Camera{Name: cam.Name, Exterior: cam.Outside()})
	}
	h.Rules = rulesOf(c.Rules)
	follow(&h, c.Sharing)
	h.Lock = c.HomeKit.Lock()
	return h
}

// config returns the configuration that runs.
func (h *hub) config() *config.Config {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cfg
}

func (h *hub) watchConfig(ctx context.Context) error {
	return config.Watch(ctx, h.data, h.log, func() {
		err := h.editor.Reload()
		if err != nil {
			h.log.Warn("configuration edit is not valid, the old one stays", "err", err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.badCfg = err
	})
}

// applyConfig takes over what can change while running: cameras, home, hosts,
// rules, opt-out and the consent lock, and before all else the network, so that nothing leaves
// while cameras are stopped. The rest is used at the next start, and problems
// says so. Only the editor calls it, one call after the other.
func (h *hub) applyConfig(c *config.Config) {
	h.mu.Lock()
	h.cfg = c
	h.mu.Unlock()
	h.followNetwork(c)
	h.followLock(c)
	h.archive.SetLimits(limits(c.Cameras))
	h.fleet.Apply(streams(c.Cameras, h.motions))
	h.motions.Watch(watched(c.Cameras))
	h.applySnapshots(c.Cameras)
	h.dressConsole()
	h.requests.SetHome(homeOf(c))
	h.log.Info("configuration applied")
}

// streams are what is to be recorded.
func streams(cameras []config.Camera, m recording.Motion) (list []recording.Source) {
	for _, c := range cameras {
		for _, of := range []struct{ stream, url, record string }{
			{recording.Main, c.URL, c.Record}, {recording.Sub, c.Sub, c.RecordSub},
		} {
			if of.record == "off" || of.url == "" {
				continue
			}
			s := recording.Source{Camera: c.Name, Stream: of.stream, URL: of.url, Transport: rtsp.Transport(c.Transport), TLS: c.StreamTLS(), Silent: c.Silent()}
			if of.record == "motion" {
				s.When = recording.OnMotion{Motion: m, Pre: *c.Motion.PreRoll, Post: *c.Motion.PostRoll}
			}
			list = append(list, s)
		}
	}
	return list
}

// limits are how long each stream's footage stays.
func limits(cameras []config.Camera) (list []recording.Limit) {
	for _, c := range cameras {
		list = append(list,
			recording.Limit{Camera: c.Name, Stream: recording.Main, Days: c.Keep.Days, Bytes: int64(c.Keep.Bytes)},
			recording.Limit{Camera: c.Name, Stream: recording.Sub, Days: c.KeepSub.Days, Bytes: int64(c.KeepSub.Bytes)})
	}
	return list
}

// waiting are the settings that are used at the next start.
func (h *hub) waiting() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return config.NeedRestart(h.boot, h.cfg)
}

// problems are what the owner should mend.
func (h *hub) problems() []finding.Finding {
	h.mu.Lock()
	bad, bridge, waiting, cut, unfit, cfg := h.badCfg, h.badBridge, config.NeedRestart(h.boot, h.cfg), h.cutOff, h.unfit, h.cfg
	h.mu.Unlock()
	var list []finding.Finding
	if bad != nil {
		list = append(list, finding.New("config-invalid").Quoting(bad.Error()))
	}
	switch {
	case len(waiting) > 0 && unfit.err != nil && len(config.NeedRestart(unfit.cfg, cfg)) == 0:
		list = append(list, finding.New("restart-unfit").Quoting(unfit.err.Error()))
	case len(waiting) > 0:
		list = append(list, finding.New("restart", "keys", strings.Join(waiting, ", ")))
	}
	if cut {
		list = append(list, finding.New("network-unwritten"))
	}
	if bridge != nil {
		list = append(list, finding.New("homekit-off").Quoting(bridge.Error()))
	}
	if ahead := h.clock.Ahead(); ahead > 0 {
		list = append(list, finding.New("clock-ahead", "n", int(ahead.Hours()/24)))
	}
	list = append(list, h.live.problems()...)
	list = append(list, h.archive.Troubles()...)
	list = append(list, h.archive.Crowded()...)
	if h.certs != nil {
		if t := h.certs.Trouble(); !t.IsZero() {
			list = append(list, t)
		}
	}
	list = append(list, h.motions.Problems()...)
	return append(list, h.requests.Problems()...)
}

func (h *hub) status() control.StatusConfig {
	c := control.StatusConfig{
		Version: version, Started: h.started, Console: h.console, Root: h.fingerprint, Cameras: h.fleet.Streams, Problems: h.problems, Network: h.network.On,
		Archive: h.archive, Requests: h.requests, Outbox: h.outbox, Ledger: h.ledger,
	}
	if h.homekit != nil {
		c.HomeKit = h.homekitStatus
	}
	return c
}

func (h *hub) controlServer() *control.Server {
	return control.New(control.Config{
		DataDir: h.data, Status: h.status(), Requests: h.requests, Accounts: h.accounts, Motion: h.motion, HomeKit: h.homekit, Network: h.switchNetwork, Log: h.log,
	})
}

// console is the console's address for people.
func (h *hub) console() string {
	host, port, _ := net.SplitHostPort(h.listener.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsLoopback() || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
