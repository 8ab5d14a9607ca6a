package homekit

import (
	"context"
	"time"
)

// Controller is a paired controller.
type Controller struct {
	ID    string // what it calls itself, usually a UUID
	Key   []byte // Ed25519 public key
	Admin bool
	Added time.Time // zero if it was paired before this was noted
	Seen  time.Time // when it last proved its key, at most an hour before it really did; zero if never
	Peer  string    // the address that it came from then
}

// Identity is what makes an accessory the same one after a restart: its id, its
// key, who is paired, and how often a wrong code was tried.
type Identity struct {
	Accessory   string // "doorbell", "sensor", or "camera-" and the camera's name
	DeviceID    string // in the form of a MAC address
	SetupID     string // four characters that tie a QR code to it
	Seed        []byte // Ed25519 private key
	Version     uint16 // HAP's configuration number, 1 to 65535
	Shape       []byte // hash of the services, to see when Version must change; nil before the first start
	Tries       int    // wrong codes since the last pairing
	Controllers []Controller
}

// Kept is what survives a restart.
type Kept struct {
	Code        string // "123-45-678"; empty as long as nothing was ever kept
	Accessories []Identity
	Rung        []string // ids of requests that have rung, oldest first
}

// Store keeps identities and pairings. A change is whole or not made, also if
// the process or the power ends in its middle, and durable when nil is returned.
type Store interface {
	// HomeKit returns all that is kept.
	HomeKit(ctx context.Context) (Kept, error)
	// KeepHomeKit replaces the code unless k has none, replaces every identity in
	// k with its controllers, leaves the others, and adds k.Rung to the end of
	// those kept, of which the last rungMost stay.
	KeepHomeKit(ctx context.Context, k Kept, rungMost int) error
}
