package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/label"
	"gatehouse/rtsp"
)

var cameraName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$`)

// check reports every value that decodes but cannot work.
func (c *Config) check(d *decoder) {
	if c.Network != On && c.Network != Off {
		d.at("network", "should be on or off")
	}
	c.checkHome(d)
	checkAddr(d, "listen", c.Listen)
	checkHTTPS(d, c.HTTPS)
	if c.Intake.Listen != "" {
		checkAddr(d, "intake.listen", c.Intake.Listen)
	}
	checkLive(d, c.Live)
	paths := map[string]bool{}
	for i, s := range c.Storage {
		key := fmt.Sprintf("storage[%d]", i)
		checkStorage(d, key, s)
		if p := filepath.Clean(s.Path); paths[p] {
			d.at(key+".path", "is the folder of another store as well")
		} else {
			paths[p] = true
		}
	}
	seen := map[string]bool{}
	for i, cam := range c.Cameras {
		key := fmt.Sprintf("cameras[%d]", i)
		checkCamera(d, key, cam)
		if seen[cam.Name] {
			d.at(key+".name", "two cameras are called %q", cam.Name)
		}
		seen[cam.Name] = true
	}
	c.checkLabels(d)
	logs := map[string]bool{}
	for i, b := range c.Bulletins {
		key := fmt.Sprintf("bulletins[%d]", i)
		checkBulletin(d, key, b)
		if logs[b.Log] && b.Log != "" {
			d.at(key+".log", "stands in two bulletins")
		}
		logs[b.Log] = true
	}
	checkRules(d, c.Rules)
	checkSharing(d, c.Sharing)
	if c.HomeKit.Enabled {
		c.checkHomeKit(d)
	}
}

func (c *Config) checkHome(d *decoder) {
	if _, err := time.LoadLocation(c.Home.Timezone); err != nil {
		d.at("home.timezone", "unknown time zone; write for example Europe/Berlin")
	}
	p := c.Home.Position
	if p == nil {
		if len(c.Bulletins) > 0 {
			d.at("home.position", "is needed to match requests; it never leaves the hub")
		}
		return
	}
	for _, key := range []string{"home.position.lat", "home.position.lon"} {
		if _, given := d.lines[key]; !given {
			d.at(key, "is missing")
		}
	}
	if p.Lat < -90 || p.Lat > 90 {
		d.at("home.position.lat", "should be between -90 and 90")
	}
	if p.Lon < -180 || p.Lon > 180 {
		d.at("home.position.lon", "should be between -180 and 180")
	}
}

func checkAddr(d *decoder, key, addr string) {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		d.at(key, "should be host:port, for example 0.0.0.0:8080")
	}
}

func checkHTTPS(d *decoder, h HTTPS) {
	if h.Mode != "auto" && h.Mode != "off" {
		d.at("https.mode", "should be auto or off")
	}
	if (h.Certificate == "") != (h.Key == "") {
		d.at("https", "certificate and key belong together")
	}
	for key, path := range map[string]string{"https.certificate": h.Certificate, "https.key": h.Key} {
		if path != "" && !filepath.IsAbs(path) {
			d.at(key, "should be an absolute path")
		}
	}
}

func checkLive(d *decoder, l Live) {
	if l.Port < 0 || l.Port > 65535 {
		d.at("live.port", "should be a port: 1 to 65535")
	}
	for i, a := range l.Addresses {
		if _, err := netip.ParseAddr(a); err != nil {
			d.at(fmt.Sprintf("live.addresses[%d]", i), "should be an IP address")
		}
	}
	if len(l.Addresses) > 0 && l.Port == 0 {
		d.at("live.addresses", "needs a port beside it")
	}
}

func checkStorage(d *decoder, key string, s Storage) {
	if s.Path == "" {
		d.at(key+".path", "is missing")
	}
	if s.Profile != "disk" && s.Profile != "sd" {
		d.at(key+".profile", "should be disk or sd")
	}
	if s.Keep.Days < 0 {
		d.at(key+".keep.days", "should not be negative")
	}
}

func checkCamera(d *decoder, key string, c Camera) {
	if !cameraName.MatchString(c.Name) {
		d.at(key+".name", "should be 1 to 32 of a-z, 0-9 and -")
	}
	secure := checkRTSP(d, key+".url", c.URL)
	if c.Sub != "" && checkRTSP(d, key+".sub", c.Sub) != secure {
		d.at(key+".sub", "should be rtsps:// if url is, and rtsp:// if url is")
	}
	switch {
	case c.Transport != "tcp" && c.Transport != "udp":
		d.at(key+".transport", "should be tcp or udp")
	case c.Transport == "udp" && secure:
		d.at(key+".transport", "should be tcp with rtsps://: what comes by udp is not encrypted")
	}
	secureWeb := c.ONVIF != "" && checkWeb(d, key+".onvif", c.ONVIF, "")
	if c.Snapshot != "" && checkWeb(d, key+".snapshot", c.Snapshot, "/path") {
		secureWeb = true
	}
	_, pinned := rtsp.ParsePin(c.TLS)
	switch {
	case c.TLS == "":
	case !pinned:
		d.at(key+".tls", "should be sha256: and the 64 hexadecimal digits of the certificate's fingerprint")
	case !secure && !secureWeb:
		d.at(key+".tls", "stands beside plain addresses; encrypted are rtsps:// and, for onvif and snapshot, https://")
	}
	checkRecord(d, key, c)
	if !slices.Contains([]string{HomeKitOff, HomeKitSnapshots, HomeKitLive}, c.HomeKit) {
		d.at(key+".homekit", "should be off, snapshots or live")
	}
	checkMotion(d, key+".motion", c.Motion)
	if c.Motion.From == "onvif" && c.ONVIF == "" {
		d.at(key+".motion.from", "needs the camera's onvif address")
	}
	if c.Keep.Days < 0 {
		d.at(key+".keep.days", "should not be negative")
	}
	if c.KeepSub.Days < 0 {
		d.at(key+".keep_sub.days", "should not be negative")
	}
}

// checkLabels wants each camera to be told from every other by what people read of it.
func (c *Config) checkLabels(d *decoder) {
	called := map[string]bool{}
	for _, cam := range c.Cameras {
		called[cam.Name] = true
	}
	for i, cam := range c.Cameras {
		key := fmt.Sprintf("cameras[%d].label", i)
		if _, given := d.lines[key]; !given || cam.Label == cam.Name {
			continue
		}
		if wrong := label.Check(cam.Label); wrong != "" {
			d.at(key, "%s", wrong)
		} else if called[cam.Label] {
			d.at(key, "another camera is called so")
		}
		called[cam.Label] = true
	}
}

func checkRecord(d *decoder, key string, c Camera) {
	known := []string{"always", "motion", "off"}
	for _, r := range []struct{ key, value string }{{key + ".record", c.Record}, {key + ".record_sub", c.RecordSub}} {
		switch {
		case !slices.Contains(known, r.value):
			d.at(r.key, "should be always, motion or off")
			return // record_sub is record by default
		case r.value == "motion" && c.MotionFrom() == "":
			d.at(r.key, "needs motion.from: onvif, pictures, or off if a script of yours calls gatehouse motion")
			return
		}
	}
}

// Bounds of a camera's motion. Pre-roll waits in memory.
const (
	maxPreRoll  = 30 * time.Second
	maxPostRoll = 10 * time.Minute
	maxZones    = 32
	maxCorners  = 64
)

func checkMotion(d *decoder, key string, m Motion) {
	if !slices.Contains([]string{"", "onvif", "pictures", "off"}, m.From) {
		d.at(key+".from", "should be onvif, pictures or off")
	}
	if m.Sensitivity < 1 || m.Sensitivity > 10 {
		d.at(key+".sensitivity", "should be 1 to 10")
	}
	if *m.PreRoll < 0 || *m.PreRoll > maxPreRoll {
		d.at(key+".pre_roll", "should be 0s to 30s")
	}
	if *m.PostRoll < 0 || *m.PostRoll > maxPostRoll {
		d.at(key+".post_roll", "should be 0s to 10m")
	}
	if len(m.Zones) > maxZones {
		d.at(key+".zones", "should be at most %d", maxZones)
	}
	for i, z := range m.Zones {
		area := fmt.Sprintf("%s.zones[%d].area", key, i)
		if len(z.Area) < 3 || len(z.Area) > maxCorners {
			d.at(area, "should have 3 to %d corners", maxCorners)
		}
		for _, p := range z.Area {
			if len(p) != 2 || p[0] < 0 || p[0] > 1 || p[1] < 0 || p[1] > 1 {
				d.at(area, "should have corners such as [0.25, 1], from [0, 0] at the top left to [1, 1]")
				break
			}
		}
	}
}

// checkRTSP reports whether the address is of an encrypted stream. It never
// repeats the address: it holds a password.
func checkRTSP(d *decoder, key, raw string) (secure bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "rtsp" && u.Scheme != "rtsps" || u.Host == "" || u.Hostname() == "" {
		d.at(key, "should be rtsp://[user:password@]host[:port]/path, or rtsps://, with @ : / in the password written as %%40 %%3A %%2F")
		return false
	}
	return u.Scheme == "rtsps"
}

// checkWeb reports whether the address is encrypted. It never repeats it. path
// stands for one that must be there.
func checkWeb(d *decoder, key, raw, path string) (secure bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" || path != "" && len(u.Path) < 2 {
		d.at(key, "should be http://[user:password@]host[:port]%s, or https://, with @ : / in the password written as %%40 %%3A %%2F", path)
		return false
	}
	return u.Scheme == "https"
}

func checkBase(d *decoder, key, base string) {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.User != nil:
		d.at(key, "should be an address such as https://bulletin.example/")
	case u.Scheme == "http" && !onThisMachine(u.Hostname()):
		d.at(key, "should be https; plain http only on this machine")
	case u.Scheme != "https" && u.Scheme != "http":
		d.at(key, "should be https")
	}
}

func checkBulletin(d *decoder, key string, b Bulletin) {
	checkBase(d, key+".url", b.URL)
	bases := map[string]bool{strings.TrimSuffix(b.URL, "/"): true}
	for i, m := range b.Mirrors {
		at := fmt.Sprintf("%s.mirrors[%d]", key, i)
		checkBase(d, at, m)
		if m = strings.TrimSuffix(m, "/"); bases[m] {
			d.at(at, "stands here twice")
		}
		bases[strings.TrimSuffix(m, "/")] = true
	}
	if _, err := bulletin.NewPolicy(b.Log, nil); err != nil {
		d.at(key+".log", "should be the log's C2SP verifier key, such as bulletin.example+1c0ffee5+AZ…")
	} else {
		for i, w := range b.Witnesses {
			if _, err := bulletin.NewPolicy(b.Log, []string{w}); err != nil {
				d.at(fmt.Sprintf("%s.witnesses[%d]", key, i), "should be a C2SP cosignature key, and not the log's own")
			}
		}
		if _, err := bulletin.NewPolicy(b.Log, b.Witnesses); err != nil {
			d.at(key+".witnesses", "cannot be used together: one stands here twice")
		}
	}
	if b.Every < time.Second {
		d.at(key+".every", "should be at least 1s")
	}
}

func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (c *Config) checkHomeKit(d *decoder) {
	if _, err := netip.ParseAddrPort(c.HomeKit.Listen); err != nil {
		d.at("homekit.listen", "should be ip:port, for example 192.168.1.20:51826")
	}
	if c.HomeKit.ConsentLock && c.HomeKit.Neutral {
		d.at("homekit.consent_lock", "cannot be used with neutral: the picture has to say what the lock approves")
	}
	if !slices.Contains(Languages, c.HomeKit.Language) {
		d.at("homekit.language", "should be one of %s", strings.Join(Languages, ", "))
	}
	if len(c.HomeKit.Name) > 60 {
		d.at("homekit.name", "should be at most 60 bytes")
	}
}
