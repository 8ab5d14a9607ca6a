package evidence

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/clip"
)

// Types of what the hub signs.
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "tag:gatehouse.local,2026:evidence-package/v1"
	payloadType   = "application/vnd.in-toto+json"
)

// statement is an in-toto Statement, v1.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Manifest  `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// Manifest is what the hub says of a package and signs.
type Manifest struct {
	Package     string            `json:"package"`
	SealedAt    time.Time         `json:"sealed_at"`
	Software    string            `json:"software"`
	Binary      string            `json:"binary_sha256"`
	Hub         []byte            `json:"hub_ed25519"`            // public key that signed this
	Ledger      string            `json:"ledger_key"`             // C2SP verifier key of custody/events.jsonl
	BulletinKey string            `json:"bulletin_key,omitempty"` // of request/request.tlog-proof
	Request     RequestRef        `json:"request"`
	Saw         map[string]string `json:"owner_was_shown,omitempty"`
	Clips       []Clip            `json:"clips"`
	Gaps        []Gap             `json:"not_recorded,omitempty"` // within what the owner chose
	HubClock    *HubClock         `json:"hub_clock,omitempty"`    // nil if it is not known
}

// RequestRef names the request that a package answers.
type RequestRef struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"` // of request/request.dsse.json, or of request/unverified.json
	Agency string `json:"agency"` // for people
	// Unverified says that nobody signed it: the owner says that it was asked.
	Unverified bool `json:"unverified,omitempty"`
}

// Clip is what the manifest says of one video. Times are UTC by the clock that
// Clock tells of.
type Clip struct {
	File       string     `json:"file"`
	Bytes      int64      `json:"bytes"`
	SHA256     string     `json:"sha256"`
	Alias      string     `json:"camera"`
	From       time.Time  `json:"from"`
	To         time.Time  `json:"to"`
	Clock      string     `json:"clock"` // report suspect arrival unset; README.txt says what they mean
	ClockInfo  *ClockInfo `json:"clock_info,omitempty"`
	Chosen     *Chosen    `json:"chosen,omitempty"`
	Video      *Track     `json:"video,omitempty"`
	Audio      *Track     `json:"audio,omitempty"`
	Derivation []string   `json:"derivation"`
	Custody    string     `json:"custody"`
}

// Chosen is what the owner chose and a Clip was cut for: the parameters of its derivation.
type Chosen struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Audio bool      `json:"audio"`
}

// Track is one track of a Clip.
type Track struct {
	Codec     string  `json:"codec"` // RFC 6381
	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
	FrameRate float64 `json:"frame_rate,omitempty"` // mean
	Samples   int     `json:"samples"`
	Seconds   float64 `json:"seconds"`
	FirstPTS  int64   `json:"first_pts"` // ticks of Scale on the recording run's timeline
	LastPTS   int64   `json:"last_pts"`
	Scale     int     `json:"timescale"`
	SHA256    string  `json:"sha256"` // of all samples, in order
}

// Gap is footage that was chosen and never recorded. It ends where the choice
// ends: what the camera did at other times is not told.
type Gap struct {
	Alias  string    `json:"camera"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
}

// Steps of derivation, from what the camera sent to the file.
const (
	bitExact = "bit-exact"      // samples and fragments are those recorded
	trimmed  = "trimmed-to-GOP" // begins with the key frame at or before the chosen start
	noAudio  = "without-audio"  // audio, if there was any, is left out; the video track is unchanged by that
)

func clipOf(name, alias string, sel Selection, i clip.Info) Clip {
	c := Clip{
		File: name, Bytes: i.Bytes, SHA256: i.SHA256.String(), Alias: alias, From: i.From.UTC(), To: i.To.UTC(),
		Clock: i.Clock, ClockInfo: clockInfo(i.Clock), Chosen: &Chosen{sel.From.UTC(), sel.To.UTC(), sel.Audio},
		Derivation: []string{bitExact, trimmed}, Custody: custodyName(alias),
	}
	if !sel.Audio {
		c.Derivation = append(c.Derivation, noAudio)
	}
	if i.Video.Samples > 0 {
		c.Video = trackOf(i.Video)
	}
	if i.Audio != nil {
		c.Audio = trackOf(*i.Audio)
	}
	return c
}

func trackOf(t clip.TrackInfo) *Track {
	out := &Track{
		Codec: t.Codec, Width: t.Width, Height: t.Height, Samples: t.Samples, Seconds: t.Duration.Seconds(),
		FirstPTS: t.FirstPTS, LastPTS: t.LastPTS, Scale: t.Scale, SHA256: t.SHA256.String(),
	}
	if t.Width > 0 && t.Duration > 0 {
		out.FrameRate = float64(t.Samples) / t.Duration.Seconds()
	}
	return out
}

// hubKey signs and verifies DSSE with the hub's key. The key id is derived from
// the key, as in bulletins.
type hubKey struct {
	private ed25519.PrivateKey // nil to verify
	public  ed25519.PublicKey
}

func (k hubKey) KeyID() (string, error)   { return bulletin.PublicKey{Ed25519: k.public}.ID(), nil }
func (k hubKey) Public() crypto.PublicKey { return k.public }

func (k hubKey) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.private, data), nil
}

func (k hubKey) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(k.public, data, sig) {
		return errors.New("signature does not verify")
	}
	return nil
}

// signManifest returns the envelope of a manifest over the files given, by name.
func signManifest(ctx context.Context, key ed25519.PrivateKey, m Manifest, files []entry) ([]byte, error) {
	s := statement{Type: statementType, PredicateType: predicateType, Predicate: m}
	for _, f := range files {
		s.Subject = append(s.Subject, subject{f.name, map[string]string{"sha256": f.sum}})
	}
	payload, err := marshal(s)
	if err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(hubKey{key, key.Public().(ed25519.PublicKey)})
	if err != nil {
		return nil, err
	}
	env, err := signer.SignPayload(ctx, payloadType, payload)
	if err != nil {
		return nil, err
	}
	return marshal(env)
}

// marshal gives indented JSON for people, without HTML escapes.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	j := json.NewEncoder(&b)
	j.SetEscapeHTML(false)
	j.SetIndent("", "  ")
	err := j.Encode(v)
	return b.Bytes(), err
}

// openManifest reads an envelope of untrusted origin and verifies it by the key
// it names itself; the caller compares that key with one it trusts.
func openManifest(envelope []byte) (statement, error) {
	var env dsse.Envelope
	if err := decode(envelope, &env); err != nil {
		return statement{}, fmt.Errorf("reading envelope: %w", err)
	}
	if env.PayloadType != payloadType || len(env.Signatures) != 1 {
		return statement{}, errors.New("the envelope is not an in-toto statement with one signature")
	}
	payload, err := base64.StdEncoding.Strict().DecodeString(env.Payload)
	if err != nil {
		return statement{}, fmt.Errorf("reading payload: %w", err)
	}
	var s statement
	if err := decode(payload, &s); err != nil {
		return statement{}, fmt.Errorf("reading statement: %w", err)
	}
	if s.Type != statementType || s.PredicateType != predicateType {
		return statement{}, fmt.Errorf("the statement is of a type this version does not know: %.80q", s.PredicateType)
	}
	if len(s.Predicate.Hub) != ed25519.PublicKeySize {
		return statement{}, errors.New("the statement names no hub key")
	}
	v, err := dsse.NewEnvelopeVerifier(hubKey{public: s.Predicate.Hub})
	if err != nil {
		return statement{}, err
	}
	if _, err := v.Verify(context.Background(), &env); err != nil {
		return statement{}, errors.New("the signature does not verify")
	}
	return s, nil
}

// decode reads one JSON value strictly: no unknown member, nothing after it.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end of the JSON value")
	}
	return nil
}
