// Package bulletin is the public request format that both sides share: agency
// profiles and requests as strict JSON in DSSE envelopes, their hard limits,
// the transparency log that lists them, and the files a bulletin is made of.
package bulletin

import (
	"time"
)

// Paths of a bulletin below its base URL.
const (
	CheckpointPath = "gatehouse/v1/checkpoint"
	ActivePath     = "gatehouse/v1/active.ghb"
	EpochDir       = "gatehouse/v1/epoch/" // + YYYYMMDDHH.ghb
)

// Payload types of the DSSE envelopes.
const (
	ProfileType = "application/vnd.gatehouse.profile.v1+json"
	RequestType = "application/vnd.gatehouse.request.v1+json"
	ReceiptType = "application/vnd.gatehouse.receipt.v1+json"
)

// Kind is the kind of a bulletin line.
type Kind string

// Kinds of lines.
const (
	KindProfile     Kind = "profile"
	KindRequest     Kind = "request"
	KindUpdate      Kind = "update" // a later revision of a request, its closing or withdrawal included
	KindDisposition Kind = "disposition"
)

// Line is one line of a .ghb file as it stands there, unverified.
type Line struct {
	Kind     Kind
	Envelope []byte // the DSSE envelope's exact JSON bytes; what the log hashes
	Proof    []byte // C2SP tlog-proof
}

// Point is a WGS 84 position in degrees.
type Point struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Area is a closed simple ring: the last point equals the first.
type Area struct {
	Ring        []Point `json:"ring"`
	Description string  `json:"description"`
}

// Profile is what an agency says of itself, signed by its root keys.
type Profile struct {
	Type         string       `json:"type"`   // "gatehouse.profile/v1"
	Agency       string       `json:"agency"` // DNS name
	Name         string       `json:"name"`
	Version      int          `json:"version"`
	IssuedAt     time.Time    `json:"issued_at"`
	Expires      time.Time    `json:"expires"` // at most a year after IssuedAt
	Level        string       `json:"level"`   // municipal county state federal fire other
	Jurisdiction []Point      `json:"jurisdiction"`
	Root         KeySet       `json:"root"` // offline keys that sign profiles, Threshold of them
	Officers     []PublicKey  `json:"officers"`
	Supervisors  []PublicKey  `json:"supervisors"`
	Receipts     []PublicKey  `json:"receipts"`   // sign upload receipts
	Recipients   []string     `json:"recipients"` // age recipients
	UploadHosts  []UploadHost `json:"upload_hosts"`
	CallBack     string       `json:"call_back"` // telephone number
	Policy       string       `json:"policy"`    // plain words, no link
	Oversight    string       `json:"oversight"`
}

// KeySet is n keys of which Threshold must sign.
type KeySet struct {
	Threshold int         `json:"threshold"`
	Keys      []PublicKey `json:"keys"`
}

// PublicKey is an Ed25519 public key. Its id is derived from it, never stated.
type PublicKey struct {
	Ed25519 []byte `json:"ed25519"` // 32 bytes, base64 in JSON
}

// UploadHost is a host that an agency may name in a delivery target. One with
// an SSHKey takes SFTP and nothing else.
type UploadHost struct {
	Host    string `json:"host"`               // DNS name or IP, with :port unless 443
	SPKI    []byte `json:"spki,omitempty"`     // SHA-256 of the certificate's SubjectPublicKeyInfo
	SSHKey  []byte `json:"ssh_key,omitempty"`  // the host's key as its .pub file has it (RFC 4253, 6.6), Ed25519 or ECDSA
	SSHUser string `json:"ssh_user,omitempty"` // whom to log in as
}

// Status of a request.
type Status string

// Statuses.
const (
	StatusOpen      Status = "open"
	StatusClosed    Status = "closed"
	StatusWithdrawn Status = "withdrawn"
)

// Request asks for footage. Field rules: docs/design/requests.md.
type Request struct {
	Type         string        `json:"type"` // "gatehouse.request/v1"
	ID           string        `json:"id"`   // UUIDv7
	Revision     int           `json:"revision"`
	Supersedes   string        `json:"supersedes,omitempty"` // hex SHA-256 of the envelope it replaces
	Status       Status        `json:"status"`
	Agency       string        `json:"agency"`
	Profile      string        `json:"profile"` // hex SHA-256 of the profile's envelope
	Case         Case          `json:"case"`
	Incident     Incident      `json:"incident"`
	Window       Window        `json:"window"`
	Area         Area          `json:"area"`
	Cameras      string        `json:"cameras"` // "exterior"
	Basis        string        `json:"basis"`   // "voluntary"
	AuthorisedBy Authorised    `json:"authorised_by"`
	IssuedAt     time.Time     `json:"issued_at"`
	ExpiresAt    time.Time     `json:"expires_at"`
	Delivery     DeliveryTerms `json:"delivery"`
	Handling     Handling      `json:"handling"`
	Lang         []Translation `json:"lang,omitempty"`
}

// Case ties requests together.
type Case struct {
	Number      string `json:"number"`
	OpenedOn    string `json:"opened_on"` // YYYY-MM-DD
	State       string `json:"state"`     // "active"
	Attestation string `json:"attestation"`
}

// Incident is what happened, in the agency's words.
type Incident struct {
	Category     string   `json:"category"`
	Statute      string   `json:"statute,omitempty"`
	Occurred     Window   `json:"occurred"`
	Headline     string   `json:"headline"`
	Summary      string   `json:"summary"`
	NotRelatedTo []string `json:"not_related_to"`
}

// Window is a span of time, [From, To).
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Authorised names the two people who signed.
type Authorised struct {
	Officer    Officer `json:"officer"`
	Supervisor Officer `json:"supervisor"`
}

// Officer is one of them. Unit, Phone and Email are empty for a supervisor.
type Officer struct {
	Name  string `json:"name"`
	Badge string `json:"badge"`
	Unit  string `json:"unit,omitempty"`
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
}

// DeliveryTerms say to whom and where footage would go.
type DeliveryTerms struct {
	Recipient string   `json:"recipient"` // hex SHA-256 of the age recipient string, one of the profile's
	Targets   []Target `json:"targets"`
}

// Target is one way of delivery.
type Target struct {
	Kind string `json:"kind"`          // tus https_put sftp webdav portal in_person
	URL  string `json:"url,omitempty"` // its host is in the profile's UploadHosts
}

// Handling is what the agency promises to do with footage.
type Handling struct {
	RetentionDays    int      `json:"retention_days"`
	UnusedDeleteDays int      `json:"unused_delete_days"`
	Onward           bool     `json:"onward"`
	OnwardTo         []string `json:"onward_to,omitempty"`
	FaceRecognition  bool     `json:"face_recognition"`
	DeletionContact  string   `json:"deletion_contact"`
}

// Translation of the texts into another language.
type Translation struct {
	Tag      string `json:"tag"` // BCP 47
	Headline string `json:"headline"`
	Summary  string `json:"summary"`
	Area     string `json:"area"`
}

// Receipt is what a receiver signs once it has a whole package.
type Receipt struct {
	Type       string    `json:"type"` // "gatehouse.receipt/v1"
	Agency     string    `json:"agency"`
	SHA256     string    `json:"sha256"` // hex, of the sealed package as received
	Bytes      int64     `json:"bytes"`
	ReceivedAt time.Time `json:"received_at"`
}

// Code says why something was refused; stored in rows and shown in words.
type Code string

// Codes.
const (
	BadFile       Code = "bad-file"       // not a .ghb file, too large, or a bomb
	BadProof      Code = "bad-proof"      // not in the log, or the log's signature or quorum is missing
	Stale         Code = "stale"          // the bulletin has not been refreshed for too long
	RolledBack    Code = "rolled-back"    // the log is smaller than it was, or another log
	BadEnvelope   Code = "bad-envelope"   // not a DSSE envelope of the right type
	BadSignature  Code = "bad-signature"  // a signature is wrong
	MissingRole   Code = "missing-role"   // officer or supervisor signature is missing
	DoubleRole    Code = "double-role"    // one key in two roles
	BadSchema     Code = "bad-schema"     // unknown, duplicate, missing or malformed member
	TooLarge      Code = "too-large"      // over 8 KiB
	UnknownAgency Code = "unknown-agency" // no profile in the bulletin
	OldProfile    Code = "old-profile"    // refers to a profile that is not in force, or it expired
	RootChanged   Code = "root-changed"   // the agency's root is not the one the owner pinned
	BadWindow     Code = "bad-window"     // length, age or order
	BadArea       Code = "bad-area"       // not a simple ring, size, compactness
	OutOfArea     Code = "out-of-jurisdiction"
	BadTarget     Code = "bad-target" // a delivery target outside the profile
	Expired       Code = "expired"
	Replayed      Code = "replayed"    // an older revision, or one seen before under another hash
	NotAllowed    Code = "not-allowed" // the agency is not on the owner's allowlist
)

// Refusal is the error of every check in this package: typed, for rows.
type Refusal struct {
	Code   Code
	Detail string // one plain sentence for the owner; no untrusted text in it
}

// Error implements error.
func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Detail }
