// Package config is gatehouse.yml: its structure, its checks and its watcher.
//
// The field comments below are the owner's manual of the file.
package config

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/hub/label"
)

// File is the name of the configuration in the data folder.
const File = "gatehouse.yml"

// Config is the whole file.
type Config struct {
	Network   string     `yaml:"network"` // on, or off: no bulletin is fetched and no package sent, also if it was approved; default on
	Home      Home       `yaml:"home"`
	Listen    string     `yaml:"listen"` // address of the console, host:port; default 127.0.0.1:8080
	HTTPS     HTTPS      `yaml:"https"`
	Hosts     []string   `yaml:"hosts"`     // names the console answers to, besides addresses, localhost and *.local
	Storage   []Storage  `yaml:"storage"`   // the first folder is recorded to, the next when it fails; default ./footage in the data folder
	Cameras   []Camera   `yaml:"cameras"`   // the owner's cameras
	Bulletins []Bulletin `yaml:"bulletins"` // where requests are published
	Rules     []Rule     `yaml:"rules"`     // what happens to a request that matches; the first that applies wins
	Sharing   Sharing    `yaml:"sharing"`
	HomeKit   HomeKit    `yaml:"homekit"`
	Intake    Intake     `yaml:"intake"`
	Live      Live       `yaml:"live"`
}

// Live is about live view by WebRTC. Browsers find the hub without it, except
// in a container whose network is not the host's.
type Live struct {
	Port      int      `yaml:"port"`      // UDP port of all viewers; default one of its own for each
	Addresses []string `yaml:"addresses"` // by which browsers reach the port, beside the one they reach the console by
}

// HTTPS is the console's encryption, on the same address.
type HTTPS struct {
	Mode        string `yaml:"mode"`        // auto, or off behind a proxy that encrypts; default auto: other machines are sent on to HTTPS once there is an owner
	Certificate string `yaml:"certificate"` // PEM file of your own chain, absolute; default: a certificate authority of this home alone makes one
	Key         string `yaml:"key"`         // PEM file of its key
}

// Intake is a door on the home's network for bulletin files.
type Intake struct {
	Listen string `yaml:"listen"` // host:port of its own, with POST /intake and nothing else; default: there is no such door
}

// Home is where the hub stands. It never leaves the hub.
type Home struct {
	Name     string    `yaml:"name"`     // shown in the console
	Position *Position `yaml:"position"` // needed once there is a bulletin: requests are matched against it
	Timezone string    `yaml:"timezone"` // IANA name; default the machine's
}

// Position is in WGS 84 degrees.
type Position struct {
	Lat float64 `yaml:"lat"`
	Lon float64 `yaml:"lon"`
}

// Storage is a folder on one disk.
type Storage struct {
	Path    string `yaml:"path"`    // absolute, or below the data folder
	Profile string `yaml:"profile"` // disk (SSD, HDD, NAS: at most about 2 s and a group of pictures lost) or sd (10 s; wears the card); default disk
	Keep    Keep   `yaml:"keep"`
}

// Keep limits how long footage stays; the oldest goes first, never what is held.
type Keep struct {
	Days  int  `yaml:"days"`  // 0: no limit by age
	Bytes Size `yaml:"bytes"` // such as 500GB; 0: no limit
	Free  Size `yaml:"free"`  // left free on the disk; default 1GB
}

// Camera is one camera.
type Camera struct {
	Name      string `yaml:"name"`       // a-z, 0-9 and -, at most 32; the folder of its footage
	Label     string `yaml:"label"`      // what people read in its place, 1 to 64 characters of any script; default the name. It stays at home
	URL       string `yaml:"url"`        // rtsp://user:password@host/path of the main stream, or rtsps://; escape @ : / in the password as %40 %3A %2F
	Sub       string `yaml:"sub"`        // the same of the sub stream, if there is one
	Transport string `yaml:"transport"`  // tcp, or udp for a camera that does not send over TCP: what is lost is lost; default tcp
	TLS       string `yaml:"tls"`        // rtsps and https: sha256: and the fingerprint of the camera's certificate; needed unless the machine trusts the certificate
	ONVIF     string `yaml:"onvif"`      // http://user:password@host[:port] of the camera's ONVIF service, or https://, for snapshots and motion; default none
	Snapshot  string `yaml:"snapshot"`   // http://user:password@host/path of a JPEG picture, or https://, for cameras without ONVIF; default what onvif tells
	Exterior  *bool  `yaml:"exterior"`   // requests can only ever touch exterior cameras; default true
	Record    string `yaml:"record"`     // the main stream: always, motion or off; default always
	RecordSub string `yaml:"record_sub"` // the sub stream; default as record
	Sound     *bool  `yaml:"sound"`      // what the camera's microphone hears is recorded and played; false: it is never asked for; default true
	HomeKit   string `yaml:"homekit"`    // what HomeKit shows of it, as an accessory of its own: off, snapshots or live; default off
	Paused    bool   `yaml:"paused"`     // nothing is read from the camera; record says what comes after
	Motion    Motion `yaml:"motion"`
	Keep      Limit  `yaml:"keep"`     // of the main stream, instead of the storage's days and within its bytes
	KeepSub   Limit  `yaml:"keep_sub"` // the same of the sub stream
}

// Called is what people read of the camera.
func (c Camera) Called() string { return cmp.Or(c.Label, c.Name) }

// What HomeKit shows of a camera.
const (
	HomeKitOff       = "off"
	HomeKitSnapshots = "snapshots"
	HomeKitLive      = "live"
)

// Motion is how a camera's motion is known, and what is recorded around it.
type Motion struct {
	From        string         `yaml:"from"`        // onvif, pictures (compared by the hub; needs ffmpeg) or off (gatehouse motion only); default onvif if the camera has its address, else off
	Channel     string         `yaml:"channel"`     // onvif: token of the video source that counts, for recorders with many; default all
	Sensitivity int            `yaml:"sensitivity"` // pictures: 1 to 10; default 5
	Zones       []Zone         `yaml:"zones"`       // pictures: where motion counts; default everywhere
	PreRoll     *time.Duration `yaml:"pre_roll"`    // record: motion: kept from before it, in memory; default 10s
	PostRoll    *time.Duration `yaml:"post_roll"`   // record: motion: kept from after it; default 30s
}

// Zone is a part of the picture.
type Zone struct {
	Area   [][]float64 `yaml:"area"`   // corners, [x, y] each: [0, 0] is top left, [1, 1] bottom right
	Ignore bool        `yaml:"ignore"` // what moves here does not count
}

// MotionFrom is where the camera's motion is known from; empty if the file does not say.
func (c Camera) MotionFrom() string {
	if c.Motion.From == "" && c.ONVIF != "" {
		return "onvif"
	}
	return c.Motion.From
}

// Limit limits how long footage of one stream stays, on all storage together.
type Limit struct {
	Days  int  `yaml:"days"`  // 0: as the storage says
	Bytes Size `yaml:"bytes"` // 0: no limit of its own
}

// StreamTLS is the pinned certificate for the camera's streams, if they are encrypted.
func (c Camera) StreamTLS() string { return c.pinFor(c.URL) }

// ONVIFTLS is the pinned certificate for the camera's ONVIF service, if that is encrypted.
func (c Camera) ONVIFTLS() string { return c.pinFor(c.ONVIF) }

// SnapshotTLS is the pinned certificate for the snapshot's address, if that is encrypted.
func (c Camera) SnapshotTLS() string { return c.pinFor(c.Snapshot) }

// pinFor is empty for a plain address: a pin that protects nothing is an error there.
func (c Camera) pinFor(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "rtsps" && u.Scheme != "https" {
		return ""
	}
	return c.TLS
}

// Off reports whether nothing of the camera is recorded; then nothing is read from it.
func (c Camera) Off() bool { return c.Record == "off" && (c.RecordSub == "off" || c.Sub == "") }

// Outside reports whether requests may touch the camera.
func (c Camera) Outside() bool { return c.Exterior == nil || *c.Exterior }

// Silent reports whether the camera is not asked for sound.
func (c Camera) Silent() bool { return c.Sound != nil && !*c.Sound }

// Bulletin is one public log of requests.
type Bulletin struct {
	URL       string        `yaml:"url"`       // base address; https, or http on this machine
	Mirrors   []string      `yaml:"mirrors"`   // other base addresses of the same files; each fetch draws one of all
	Log       string        `yaml:"log"`       // C2SP verifier key of the log
	Witnesses []string      `yaml:"witnesses"` // C2SP cosignature keys; a majority must have signed
	Every     time.Duration `yaml:"every"`     // between fetches; default 1h. The same whatever arrives
}

// Sharing is about all requests.
type Sharing struct {
	OptOut    bool     `yaml:"opt_out"`     // hide every request; the hub's traffic stays the same
	CoolDown  CoolDown `yaml:"cool_down"`   // between approval and upload
	Digest    Clock    `yaml:"digest"`      // when the day's requests are told of, in the home's zone; default 18:00
	Quiet     []Hours  `yaml:"quiet_hours"` // when nothing rings; what would have, rings after
	Rings     int      `yaml:"rings"`       // at most so many rings a day for one agency, the others are in the digest; default 3
	Approvals int      `yaml:"approvals"`   // so many different people must approve before anything is sent; require_two makes it two at least; default 1
	PerCase   PerCase  `yaml:"per_case"`    // limits of all requests of one case together
	HoldQuota Quota    `yaml:"hold_quota"`  // of footage held for requests, as 10% of the disks or 50GB; default 10%
}

// PerCase limits what all requests and revisions of one case number of one
// agency ask for together. The defaults are the limits of one request.
type PerCase struct {
	Time time.Duration `yaml:"time"` // of all windows together; default 12h
	KM2  float64       `yaml:"km2"`  // of all areas together; default 1.295
}

// CoolDown is a random time between Min and Max. It hides when the owner
// decided and leaves time to cancel.
type CoolDown struct {
	Min *time.Duration `yaml:"min"` // default 5m
	Max *time.Duration `yaml:"max"` // default 55m over min; equal to min only if both are 0s, which is no cool-down
}

// Languages are those that the hub speaks without a browser that asks for one (BCP 47).
var Languages = []string{"en", "es"}

// HomeKit is the request doorbell.
type HomeKit struct {
	Enabled    bool     `yaml:"enabled"`
	Listen     string   `yaml:"listen"`     // ip:port; default 127.0.0.1:0. Give the hub's LAN address to open pairing
	Interfaces []string `yaml:"interfaces"` // for mDNS; default all but container bridges
	Neutral    bool     `yaml:"neutral"`    // the picture says only that a request waits
	Name       string   `yaml:"name"`       // default Video request
	Language   string   `yaml:"language"`   // of the picture, one of Languages; default en

	// ConsentLock puts a lock on the doorbell that gives approvals left to it.
	ConsentLock bool `yaml:"consent_lock"`
}

// Lock reports whether the consent lock may give approvals.
func (h HomeKit) Lock() bool { return h.Enabled && h.ConsentLock && !h.Neutral }

// Folder is a storage path of the file: a relative one is in the data folder.
func Folder(data, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(data, path)
}

// Problem is one thing wrong with the file.
type Problem struct {
	Line   int    `json:"line"` // from 1
	Column int    `json:"column"`
	Key    string `json:"key"`
	Text   string `json:"text"`
	// Form is the sentence without its arguments, as fmt.Sprintf takes it: one
	// that never differs for what is wrong, for those who say it in another language.
	Form string `json:"-"`
	Args []any  `json:"-"`
}

// String is the place and what is wrong there.
func (p Problem) String() string {
	return fmt.Sprintf("%d:%d: %s: %s", p.Line, p.Column, p.Key, p.Text)
}

// Problems are all things wrong with the file, by line. It is the error of
// Parse and Load for a file that could be read.
type Problems []Problem

// Error lists every problem on a line of its own.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = File + ":" + x.String()
	}
	return strings.Join(lines, "\n")
}

// Parse reads and checks a configuration. All problems are reported at once,
// as Problems.
func Parse(data []byte) (*Config, error) {
	d := decoder{lines: map[string]place{}}
	c := &Config{}
	d.document(data, c)
	if !d.broken {
		c.defaults()
		c.check(&d)
	}
	if err := d.sorted(); err != nil {
		return nil, err
	}
	return c, nil
}

// Load reads the configuration in a data folder. A missing file is an error
// that satisfies os.IsNotExist.
func Load(dataDir string) (*Config, error) {
	data, err := os.ReadFile(filepath.Join(dataDir, File))
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

// Values of Network.
const (
	On  = "on"
	Off = "off"
)

// NetworkOn reports whether the hub may fetch and send.
func (c *Config) NetworkOn() bool { return c.Network != Off }

func (c *Config) defaults() {
	if c.Network == "" {
		c.Network = On
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8080"
	}
	if c.HTTPS.Mode == "" {
		c.HTTPS.Mode = "auto"
	}
	if c.Home.Name == "" {
		c.Home.Name = "Home"
	}
	if c.Home.Timezone == "" {
		c.Home.Timezone = "Local"
	}
	if len(c.Storage) == 0 {
		c.Storage = []Storage{{Path: "footage"}}
	}
	for i := range c.Storage {
		s := &c.Storage[i]
		if s.Profile == "" {
			s.Profile = "disk"
		}
		if s.Keep.Free == 0 {
			s.Keep.Free = 1e9
		}
	}
	for i := range c.Cameras {
		c.Cameras[i].defaults()
	}
	for i := range c.Bulletins {
		if c.Bulletins[i].Every == 0 {
			c.Bulletins[i].Every = time.Hour
		}
	}
	c.Sharing.defaults()
	c.HomeKit.defaults()
}

func (h *HomeKit) defaults() {
	if h.Listen == "" {
		h.Listen = "127.0.0.1:0"
	}
	if h.Name == "" {
		h.Name = "Video request"
	}
	if h.Language == "" {
		h.Language = Languages[0]
	}
}

func (c *Camera) defaults() {
	c.Label = label.Clean(c.Label)
	if c.Record == "" {
		c.Record = "always"
	}
	if c.RecordSub == "" {
		c.RecordSub = c.Record
	}
	if c.HomeKit == "" {
		c.HomeKit = HomeKitOff
	}
	if c.Paused {
		c.Record, c.RecordSub = "off", "off"
	}
	c.Motion.defaults()
	if c.Transport == "" {
		c.Transport = "tcp"
	}
}

func (s *Sharing) defaults() {
	if s.CoolDown.Min == nil {
		s.CoolDown.Min = ptr(5 * time.Minute)
	}
	if s.CoolDown.Max == nil {
		s.CoolDown.Max = ptr(*s.CoolDown.Min + 55*time.Minute)
	}
	if s.Digest == "" {
		s.Digest = "18:00"
	}
	if s.Rings == 0 {
		s.Rings = 3
	}
	if s.Approvals == 0 {
		s.Approvals = 1
	}
	if s.PerCase.Time == 0 {
		s.PerCase.Time = 12 * time.Hour
	}
	if s.PerCase.KM2 == 0 {
		s.PerCase.KM2 = 1.295
	}
	if s.HoldQuota == (Quota{}) {
		s.HoldQuota.Percent = 10
	}
}

func (m *Motion) defaults() {
	if m.Sensitivity == 0 {
		m.Sensitivity = 5
	}
	if m.PreRoll == nil {
		m.PreRoll = ptr(10 * time.Second)
	}
	if m.PostRoll == nil {
		m.PostRoll = ptr(30 * time.Second)
	}
}

func ptr[T any](v T) *T { return &v }
