// Package onvif speaks with the ONVIF side of cameras: it finds them, asks what
// streams they have, fetches snapshots and hears of motion.
//
// What a device answers is not trusted: documents, times and numbers are
// bounded, credentials go to the host the owner named and to no other, and a
// certificate is verified or pinned. What is not understood is left out.
package onvif

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"gatehouse/rtsp"
)

// Config configures a Camera.
type Config struct {
	Camera string       // name for logs
	URL    string       // http[s]://[user:password@]host[:port][/path]; without a path, /onvif/device_service
	TLS    string       // https: "sha256:" and the fingerprint of the device's certificate; without it the certificate must be good for the host by this machine's roots
	Log    *slog.Logger // required
	// Retry is the first delay before events are subscribed to again; default
	// 1 s, doubled with jitter up to 60 s.
	Retry time.Duration
	// Stuck is how long an alarm may last without a repeat; default 120 s.
	Stuck time.Duration
}

// Phase is what a Camera's events are doing.
type Phase string

// Phases of a Camera.
const (
	PhaseIdle       Phase = "idle" // Run does not run
	PhaseConnecting Phase = "connecting"
	PhaseLive       Phase = "live" // subscribed to events
	PhaseOffline    Phase = "offline"
)

// State is a snapshot of a Camera for people.
type State struct {
	Phase  Phase
	Since  time.Time  // of Phase
	Reason Reason     // why not live; empty when live
	Cause  rtsp.Cause // the same more exactly; none when live
	// Offset is the device's clock minus this machine's, to about half a
	// second: devices tell their time in whole seconds. ClockKnown tells whether
	// the device has told it since the Camera was made.
	Offset     time.Duration
	ClockKnown bool
}

// Camera is the ONVIF side of one camera. Its methods may be called from
// several goroutines at once.
type Camera struct {
	cfg        Config
	base       *url.URL // of the device service, without credentials
	user, pass string
	http       *http.Client

	mu        sync.Mutex // guards the rest
	state     State
	known     *link                // what the device said of itself; nil before the first answer
	still     *url.URL             // of the last snapshot
	stillless time.Time            // when the device last had no snapshot
	refused   map[string]time.Time // when the login was last refused, by action
}

const (
	defaultRetry = time.Second
	retryFactor  = 60 // the longest delay, in first delays
	defaultStuck = 120 * time.Second
)

// New returns a Camera that has not been spoken to. Its errors do not quote the
// address, which holds a password.
func New(cfg Config) (*Camera, error) {
	u, user, pass, err := parseAddress(cfg.URL)
	if err != nil {
		return nil, err
	}
	pin, err := parsePin(cfg.TLS)
	if err != nil {
		return nil, err
	}
	if pin != nil && u.Scheme != "https" {
		return nil, fmt.Errorf("a certificate is pinned, but the address is not https://")
	}
	if cfg.Retry <= 0 {
		cfg.Retry = defaultRetry
	}
	if cfg.Stuck <= 0 {
		cfg.Stuck = defaultStuck
	}
	return &Camera{
		cfg: cfg, base: u, user: user, pass: pass, http: newClient(pin), refused: map[string]time.Time{},
		state: State{Phase: PhaseIdle, Since: time.Now()},
	}, nil
}

// State returns what is known now.
func (c *Camera) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Info is what a device says of itself.
type Info struct {
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Firmware     string `json:"firmware"`
	Serial       string `json:"serial"`
	Hardware     string `json:"hardware"`
}

// Info asks for the device's make and model (GetDeviceInformation, Core 8.2.1).
func (c *Camera) Info(ctx context.Context) (Info, error) {
	l, err := c.link(ctx)
	if err != nil {
		return Info{}, c.explain(err)
	}
	n, err := c.call(ctx, l, request{
		to: c.base, action: nsDevice + "/GetDeviceInformation", body: `<GetDeviceInformation xmlns="` + nsDevice + `"/>`,
	})
	if err != nil {
		return Info{}, c.explain(fmt.Errorf("asking for the device information: %w", err))
	}
	text := func(name string) string { return plain(n.value(name), maxText) }
	return Info{
		Manufacturer: text("Manufacturer"), Model: text("Model"), Firmware: text("FirmwareVersion"),
		Serial: text("SerialNumber"), Hardware: text("HardwareId"),
	}, nil
}

// maxText bounds names and the like that come from a device.
const maxText = 128
