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
	Forbids     string        // an operation that the user has no right to

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
	SecondPort    bool   // pull points are at a port of their own
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

// ClockReset is how far a clock that began anew is behind.
const ClockReset = 26 * 365 * 24 * time.Hour

// Script is a misbehaviour, or a rare behaviour, of real devices.
type Script struct {
	Name   string
	Doc    string // one sentence, with the makers it was seen at
	Quirks Quirks
}

// Scripts are the device zoo.
func Scripts() []Script {
	return append(loginScripts(), append(addressScripts(), append(documentScripts(), append(eventScripts(), topicScripts()...)...)...)...)
}

func loginScripts() []Script {
	return []Script{
		{"usual", "Nothing is wrong.", Quirks{}},
		{"open", "No login is needed.", Quirks{Login: LoginNone, SnapshotLogin: LoginNone}},
		{"digest-only", "Tokens are not accepted, HTTP Digest is (Hikvision, Annke).", Quirks{Login: LoginDigest}},
		{"digest-sha256", "HTTP Digest with SHA-256 is wanted, and offered after MD5.", Quirks{Login: LoginSHA256}},
		{"digest-and-token", "HTTP wants Digest, and SOAP a token.", Quirks{Login: LoginBoth}},
		{"bare-401", "A token is refused with HTTP 401 and nothing else.", Quirks{Bare401: true, LockedClock: true}},
		{"clock-behind", "The clock is an hour behind.", Quirks{Skew: -time.Hour}},
		{"clock-reset", "The clock began anew decades ago after a power cut.", Quirks{Skew: -ClockReset}},
		{"local-as-utc", "It tells its local time as UTC, and dates tokens by the right one (OpenIPC).", Quirks{TellsTime: 10 * time.Hour}},
		{"locked-clock", "The time needs a login as well.", Quirks{LockedClock: true, Login: LoginDigest}},
		{"snapshot-basic", "Snapshots want HTTP Basic.", Quirks{SnapshotLogin: "basic"}},
		{"https", "It serves https with a certificate of its own.", Quirks{TLS: true}},
		{"https-plain-addresses", "It serves https and calls itself http.", Quirks{TLS: true, PlainXAddrs: true}},
	}
}

func addressScripts() []Script {
	return []Script{
		{"wrong-host", "It calls itself by an address of another network (two interfaces, stale DHCP).", Quirks{Host: "192.0.2.77"}},
		{"unusable-host", "It calls itself 0.0.0.0.", Quirks{Host: "0.0.0.0"}},
		{"behind-translation", "It is behind a port forwarding and calls itself by the inner port.", Quirks{Host: "192.0.2.77:80"}},
		{"second-port", "Pull points are at another port.", Quirks{SecondPort: true}},
		{"second-port-wrong-host", "Pull points are at another port of another host.", Quirks{SecondPort: true, Host: "192.0.2.77"}},
		{"capabilities-only", "It has no GetServices (before ONVIF 2.1).", Quirks{NoGetServices: true}},
		{"media2", "It has Media2 as well.", Quirks{Media2: "works"}},
		{"media2-broken", "It names a Media2 that it does not have.", Quirks{Media2: "broken"}},
		{"login-in-address", "Stream addresses carry a login.", Quirks{LoginInURI: true}},
		{"no-snapshot", "It has no snapshots.", Quirks{NoSnapshot: true}},
	}
}

func documentScripts() []Script {
	return []Script{
		{"bare-ampersand", "Addresses have a bare & in them.", Quirks{BareAmpersand: true}},
		{"other-prefixes", "Namespaces have other prefixes.", Quirks{Prefixes: true}},
		{"latin1", "It answers in ISO 8859-1.", Quirks{Latin1: true}},
		{"chunked", "It answers in small chunks.", Quirks{Chunked: true}},
		{"old-faults", "Its faults are those of SOAP 1.1.", Quirks{OldFaults: true, NoGetServices: true, NoSynchronize: true, NoInitialTime: true}},
	}
}

func eventScripts() []Script {
	return []Script{
		{"no-events", "It has no event service.", Quirks{NoEvents: true}},
		{"empty-reference", "A subscription has no address (OMNY).", Quirks{Reference: "empty"}},
		{"urn-reference", "A subscription's address is a name.", Quirks{Reference: "urn"}},
		{"reference-parameters", "A subscription is told by reference parameters alone (Axis).", Quirks{Reference: "parameters"}},
		{"short-grants", "It grants four seconds whatever it is asked for.", Quirks{Grants: 4 * time.Second}},
		{"no-initial-time", "It refuses to be asked for a time.", Quirks{NoInitialTime: true}},
		{"no-renew", "It does not renew (Reolink).", Quirks{NoRenew: true, Grants: 4 * time.Second}},
		{"no-renew-one-slot", "It does not renew, and has room for one subscription.", Quirks{NoRenew: true, Grants: 4 * time.Second, Slots: 1}},
		{"no-synchronize", "It does not tell its state when asked.", Quirks{NoSynchronize: true}},
		{"no-wait", "It answers polls at once.", Quirks{NoWait: true}},
		{"closes-idle", "It closes the connection when there is nothing to tell (Tapo).", Quirks{CloseIdle: true, Grants: 6 * time.Second}},
		{"max-timeout", "It refuses polls of more than five seconds.", Quirks{MaxTimeout: 5 * time.Second}},
		{"late-messages", "Messages are dated an hour ahead of its clock (Tapo, daylight saving).", Quirks{MessageTime: time.Hour}},
		{"zero-times", "Messages are of the year 0 (Hikvision).", Quirks{ZeroTime: true}},
	}
}

func topicScripts() []Script {
	of := func(topic, item string) Quirks { return Quirks{Topic: topic, Item: item} }
	region := of("tns1:RuleEngine/MotionRegionDetector/Motion", "State")
	region.Numbers = true
	return []Script{
		{"motion-alarm", "Motion is VideoSource/MotionAlarm with State.", of("tns1:VideoSource/MotionAlarm", "State")},
		{"motion-region", "Motion is of a region, as 1 and 0.", region},
		{"field-detector", "Motion is ObjectsInside with IsInside.", of("tns1:RuleEngine/FieldDetector/ObjectsInside", "IsInside")},
		{"people-reolink", "People are a rule of the maker's (Reolink).", of("tns1:RuleEngine/MyRuleDetector/PeopleDetect", "State")},
		{"vehicle-reolink", "Vehicles are a rule of the maker's (Reolink).", of("tns1:RuleEngine/MyRuleDetector/VehicleDetect", "State")},
		{"people-tapo", "People are told by IsPeople (Tapo).", of("tns1:RuleEngine/PeopleDetector/People", "IsPeople")},
		{"smart-tapo", "All kinds are one topic (Tapo).", of("tns1:RuleEngine/TPSmartEventDetector/TPSmartEvent", "IsVehicle")},
		{"vmd-axis", "Motion is an application of the maker's, with active as 1 and 0 (Axis).", Quirks{
			Topic: "tnsaxis:CameraApplicationPlatform/VMD/Camera1ProfileANY", Item: "active", Numbers: true,
		}},
		{"person-unknown-name", "The only item has a name of its own.", of("tns1:UserAlarm/IVA/HumanShapeDetect", "Detected")},
		{"slash-topic", "Topics end in //. (Dahua).", Quirks{SlashTopic: true}},
		{"no-operation", "Messages do not tell what kind of change they are.", Quirks{NoOperation: true}},
		{"line-crossed", "A line is crossed, which has no end.", of("tns1:RuleEngine/LineDetector/Crossed", "")},
		{"tamper", "Tampering is no motion.", of("tns1:RuleEngine/CellMotionDetector/Tamper", "IsTamper")},
		{"bell", "A visitor at the bell is no motion (Reolink).", of("tns1:RuleEngine/MyRuleDetector/Visitor", "State")},
		{"digital-input", "An input is no motion.", of("tns1:Device/Trigger/DigitalInput", "LogicalState")},
	}
}
