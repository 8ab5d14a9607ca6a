package onviftest

import "time"

// Quirks are a device's departures from the specifications, or its choices
// within them. The zero value is a usual device that logs in by token.
type Quirks struct {
	Login       string        // one of the Login constants; default token
	Bare401     bool          // refuses a token with HTTP 401 and no body
	Skew        time.Duration // the device's clock is off
	TellsTime   time.Duration // what it says its UTC is, is off by this from its clock
	LockedClock bool          // the time needs a login too

	Host          string // the host, or host:port, that it calls itself by
	PlainXAddrs   bool   // calls itself http:// though it serves https://
	NoGetServices bool   // knows GetCapabilities alone
	Media2        string // empty: none; "works"; "broken": named but not answered
	LoginInURI    bool   // puts a maker's login into stream addresses
	BareAmpersand bool   // does not escape & in addresses

	Prefixes  bool // other namespace prefixes
	Latin1    bool // answers in ISO 8859-1
	Chunked   bool // answers in small chunks
	OldFaults bool // faults of SOAP 1.1
	TLS       bool // https, with a certificate that nobody signed
	Redirect  string
	Raw       string // answers this to everything
	Endless   bool   // answers without an end

	NoSnapshot    bool
	SnapshotLogin string // digest (the default), basic or none

	NoEvents      bool
	Reference     string // of a subscription: "" an address of its own, "empty", "urn" or "parameters"
	Grants        time.Duration
	Slots         int // how many subscriptions there may be
	NoInitialTime bool
	NoRenew       bool
	NoSynchronize bool
	NoWait        bool          // answers polls at once
	CloseIdle     bool          // closes the connection when there is nothing to tell
	MaxTimeout    time.Duration // refuses longer polls
	Topic, Item   string        // of motion
	Numbers       bool          // 1 and 0 for true and false
	SlashTopic    bool          // "//." behind topics
	NoOperation   bool          // no PropertyOperation
	MessageTime   time.Duration // the times of messages are off from its clock
	ZeroTime      bool          // messages are of 0000-00-00
}
