// Package onviftest is a scripted ONVIF device, made from the published
// specifications: ONVIF Core, Media and Media2, WS-Discovery (April 2005),
// WS-BaseNotification 1.3 and the WS-Security UsernameToken Profile 1.0.
//
// A [Device] answers over real sockets; [Quirks] make it misbehave as devices
// of known makers do, and [Scripts] are these misbehaviours by name. It checks
// what it is sent as strictly as the strictest device.
package onviftest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Config configures a Device.
type Config struct {
	Addr     string // host:port to listen on; default 127.0.0.1:0
	User     string // default owner
	Password string // default s3cret&"<p@ss>
	Quirks   Quirks
}

// Defaults of Config: a password that must be escaped everywhere.
const (
	User     = "owner"
	Password = `s3cret&"<p@ss>`
)

// Device is a scripted device.
type Device struct {
	cfg         Config
	listener    net.Listener
	second      net.Listener // of the pull points, if they are elsewhere
	fingerprint string
	// Media is what the device serves as its profiles; set it before Run.
	Media []Profile
	// StreamPort is the port of the profiles' rtsp:// addresses; 554 unless set before Run.
	StreamPort string

	mu      sync.Mutex
	state   map[string]Property // by topic and source
	subs    map[string]*pullPoint
	lastSub int
	calls   []Call
	nonces  map[string]bool // of tokens that were used
	skew    time.Duration   // changed by SetClock
	still   []byte
	down    bool
	changed chan struct{} // closed when anything above changes
}

// Call is one request that reached the device.
type Call struct {
	Name   string // of the operation, or GET
	Path   string
	Login  string // token, digest, digest+token, basic or none
	Status int
	At     time.Time
	Body   string
}

// Profile is one media profile of the device.
type Profile struct {
	Token, Name, Source, Encoding string
	Width, Height, FPS, Kbit      int
	Stream                        string // path and query of the stream's address
}

// Property is the state of a topic.
type Property struct {
	Topic  string // with prefixes
	Source string // token of the video source configuration
	Name   string // of the data item
	Value  string
	At     time.Time // by the world's clock
}

// Profiles are what a usual camera has.
func Profiles() []Profile {
	return []Profile{
		{"Profile_1", "mainStream", "VideoSource_1", "H264", 2560, 1440, 25, 4096, "/Streaming/Channels/101?transportmode=unicast&profile=Profile_1"},
		{"Profile_2", "subStream", "VideoSource_1", "H264", 640, 360, 15, 512, "/Streaming/Channels/102?transportmode=unicast&profile=Profile_2"},
		{"Profile_3", "thirdStream", "VideoSource_1", "JPEG", 320, 240, 5, 256, "/Streaming/Channels/103"},
	}
}

// New begins to listen. Nobody is answered before Run.
func New(cfg Config) (*Device, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.User == "" {
		cfg.User, cfg.Password = User, Password
	}
	d := &Device{
		cfg: cfg, Media: Profiles(), StreamPort: "554", state: map[string]Property{}, subs: map[string]*pullPoint{}, nonces: map[string]bool{},
		changed: make(chan struct{}), still: picture(),
	}
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening for ONVIF: %w", err)
	}
	if cfg.Quirks.SecondPort {
		if d.second, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("listening for pull points: %w", err)
		}
	}
	if cfg.Quirks.TLS {
		cert, sum, err := certificate()
		if err != nil {
			return nil, err
		}
		d.fingerprint = "sha256:" + sum
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
	}
	d.listener = l
	return d, nil
}

// Addr is the host:port that answers HTTP.
func (d *Device) Addr() string { return d.listener.Addr().String() }

// Fingerprint is "sha256:" and that of the device's certificate; empty without TLS.
func (d *Device) Fingerprint() string { return d.fingerprint }

// URL is the address of the device service, without credentials.
func (d *Device) URL() string { return d.scheme() + "://" + d.Addr() + "/onvif/device_service" }

func (d *Device) scheme() string {
	if d.cfg.Quirks.TLS {
		return "https"
	}
	return "http"
}

// Run answers until ctx ends.
func (d *Device) Run(ctx context.Context) error {
	srv := &http.Server{
		Handler: http.HandlerFunc(d.serve), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // what clients do wrong is for the tests to see
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if d.second != nil {
		go srv.Serve(d.second) //nolint:errcheck // ends with srv
	}
	err := srv.Serve(d.listener)
	if ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Set changes a property and tells every subscriber.
func (d *Device) Set(p Property) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.At.IsZero() {
		p.At = time.Now()
	}
	d.state[p.Topic+" "+p.Source] = p
	for _, s := range d.subs {
		s.queue = append(s.queue, notification{p, "Changed"})
	}
	d.wake()
}

// Motion starts or stops motion as the quirks have it; by default
// tns1:RuleEngine/CellMotionDetector/Motion with IsMotion.
func (d *Device) Motion(on bool) {
	p := Property{Topic: "tns1:RuleEngine/CellMotionDetector/Motion", Source: "VideoSourceToken_1", Name: "IsMotion", Value: fmt.Sprint(on)}
	if q := d.cfg.Quirks; q.Topic != "" {
		p.Topic, p.Name = q.Topic, q.Item
	}
	if d.cfg.Quirks.Numbers {
		p.Value = map[bool]string{true: "1", false: "0"}[on]
	}
	d.Set(p)
}

// wake tells everybody who waits. d.mu is held.
func (d *Device) wake() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Calls are the requests so far, oldest first.
func (d *Device) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Count is how many requests of an operation were answered with success.
func (d *Device) Count(name string) (n int) {
	for _, c := range d.Calls() {
		if c.Name == name && c.Status/100 == 2 {
			n++
		}
	}
	return n
}

// Subscriptions is how many pull points there are now.
func (d *Device) Subscriptions() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep()
	return len(d.subs)
}

// SetClock sets the device's clock to be off by skew, as a reboot does.
func (d *Device) SetClock(skew time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skew = skew
}

// Reboot forgets every subscription and drops who waits.
func (d *Device) Reboot() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.subs)
	d.wake()
}

// SetDown makes the device answer nothing but errors.
func (d *Device) SetDown(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
	d.wake()
}

// SetSnapshot replaces the picture that is served as the snapshot.
func (d *Device) SetSnapshot(b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.still = b
}

// now is the device's clock. d.mu is held.
func (d *Device) now() time.Time { return time.Now().Add(d.cfg.Quirks.Skew + d.skew).UTC() }
