// Package homekit shows a waiting request as a HomeKit video doorbell whose
// snapshot is the request, drawn at home, and motion as a motion sensor.
package homekit

import (
	"context"
	"log/slog"
	"time"
)

// Card is what the doorbell's picture says. Texts are untrusted plain text.
type Card struct {
	Request  string // id; the same id never rings twice
	Agency   string
	Case     string
	Area     string
	Window   string // in the home's time zone, in words
	Deadline string
	Hash     string // short hash words of the envelope
	Index    int    // 1 of Total
	Total    int
}

// Config configures a Bridge.
type Config struct {
	Dir        string   // pairings and keys, 0700
	Name       string   // "Video request"
	Addr       string   // ip:port to listen on; port 0 picks one
	Interfaces []string // mDNS interfaces; empty means all but container bridges
	Code       string   // setup code "123-45-678"; empty makes and keeps a random one
	Neutral    bool     // the card shows only that a request waits
	Log        *slog.Logger
	Now        func() time.Time
}

// Bridge is the HomeKit accessory server.
type Bridge struct{}

// New opens or makes the accessory's identity. It does not listen yet.
func New(cfg Config) (*Bridge, error) { panic("not built") }

// Run serves HAP until ctx ends.
func (b *Bridge) Run(ctx context.Context) error { panic("not built") }

// Code returns the setup code.
func (b *Bridge) Code() string { panic("not built") }

// Addr returns the address listened on, once Run has started; Ready is closed then.
func (b *Bridge) Addr() string { panic("not built") }

// Ready is closed when Run listens.
func (b *Bridge) Ready() <-chan struct{} { panic("not built") }

// Show draws the cards that wait (first is on display) and rings once for each request id not rung before;
// an empty list shows the idle card.
func (b *Bridge) Show(cards []Card) { panic("not built") }

// Motion reports motion for the given time.
func (b *Bridge) Motion(d time.Duration) { panic("not built") }

// Status describes the bridge for the pairing page and the command line.
func (b *Bridge) Status() Status { panic("not built") }

// Status of a Bridge.
type Status struct {
	Name        string `json:"name"`
	DeviceID    string `json:"device_id"`
	Addr        string `json:"addr"`
	Category    int    `json:"category"`
	Paired      bool   `json:"paired"`
	Controllers int    `json:"controllers"`
	Code        string `json:"code,omitempty"`      // only while not paired
	SetupURI    string `json:"setup_uri,omitempty"` // X-HM://
}
