package request_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
)

// refusals are arrivals that are in the log and must go nowhere, each made of
// a request that would wait if it came as it is.
var refusals = map[string]struct {
	code bulletin.Code
	env  func(h *home, q bulletin.Request) []byte
}{
	"forged agency": {bulletin.BadSignature, func(h *home, q bulletin.Request) []byte { // of the same name, with its own keys
		fake := bulletintest.New(h.t, h.clock.Now())
		q.Profile = hex.EncodeToString(fake.Hash[:])
		return fake.Sign(h.t, q)
	}},
	"unknown agency": {bulletin.UnknownAgency, func(h *home, _ bulletin.Request) []byte {
		a := bulletintest.New(h.t, h.clock.Now(), func(p *bulletin.Profile) { p.Agency = "other.example" })
		return a.Sign(h.t, a.Request(h.t, h.clock.Now()))
	}},
	"another profile": {bulletin.OldProfile, func(h *home, q bulletin.Request) []byte {
		q.Profile = hexHash([]byte("another"))
		return h.signed(encoded(h.t, q))
	}},
	"one signature": {bulletin.MissingRole, func(h *home, q bulletin.Request) []byte {
		env, err := bulletin.NewRequest(q)
		if err == nil {
			env, err = bulletin.SignRequest(env, h.agency.Officer, h.agency.VerifiedProfile)
		}
		if err != nil {
			h.t.Fatal(err)
		}
		return env
	}},
	"one bit flipped": {bulletin.BadSignature, func(h *home, q bulletin.Request) []byte {
		var e dsse.Envelope
		err := json.Unmarshal(h.agency.Sign(h.t, q), &e)
		if err != nil {
			h.t.Fatal(err)
		}
		text, err := base64.StdEncoding.DecodeString(e.Payload)
		if err != nil {
			h.t.Fatal(err)
		}
		at := bytes.Index(text, []byte("Elm Street"))
		text[at] ^= 1 // to Dlm Street
		e.Payload = base64.StdEncoding.EncodeToString(text)
		return encoded(h.t, e)
	}},
	"not an envelope": {bulletin.UnknownAgency, func(*home, bulletin.Request) []byte { return []byte(`{"payload":"x"}`) }},
	"an unknown member": {bulletin.BadSchema, func(h *home, q bulletin.Request) []byte {
		text := encoded(h.t, q)
		return h.signed(append(text[:len(text)-1], `,"warrant":true}`...))
	}},
	"a byte too large": {bulletin.TooLarge, func(h *home, q bulletin.Request) []byte {
		return h.signed(padded(encoded(h.t, q), 8<<10+1))
	}},
	"an hour too long": {bulletin.BadWindow, func(h *home, q bulletin.Request) []byte {
		q.Window.To = q.Window.From.Add(13 * time.Hour)
		return h.agency.Sign(h.t, q)
	}},
	"a square kilometre too large": {bulletin.BadArea, func(h *home, q bulletin.Request) []byte {
		q.Area.Ring = bulletintest.Box(bulletintest.Centre, 0.014, 0.017)
		if km2 := bulletin.SquareKM(q.Area.Ring); km2 < 2.2 || km2 > 2.4 {
			h.t.Fatalf("%v km²", km2)
		}
		return h.agency.Sign(h.t, q)
	}},
	"area outside": {bulletin.OutOfArea, func(h *home, q bulletin.Request) []byte {
		q.Area.Ring = bulletintest.Box(bulletin.Point{Lat: 40, Lon: -121}, 0.007, 0.0089)
		return h.agency.Sign(h.t, q)
	}},
	"expired": {bulletin.Expired, func(h *home, q bulletin.Request) []byte {
		q.IssuedAt, q.ExpiresAt = q.IssuedAt.Add(-48*time.Hour), q.IssuedAt.Add(-time.Hour)
		return h.agency.Sign(h.t, q)
	}},
	"unknown upload host": {bulletin.BadTarget, func(h *home, q bulletin.Request) []byte {
		q.Delivery.Targets[0].URL = "https://elsewhere.example/files/"
		return h.agency.Sign(h.t, q)
	}},
	// The agency closed it before this home heard of it, and it comes back as open.
	"replayed": {bulletin.Replayed, func(h *home, q bulletin.Request) []byte {
		open := h.agency.Sign(h.t, q)
		q.Status = bulletin.StatusClosed
		h.publish(q)
		return open
	}},
}

// signed is signed by both of the agency's people whatever it says.
func (h *home) signed(payload []byte) []byte {
	h.t.Helper()
	e := dsse.Envelope{PayloadType: bulletin.RequestType, Payload: base64.StdEncoding.EncodeToString(payload)}
	for _, k := range []ed25519.PrivateKey{h.agency.Officer, h.agency.Supervisor} {
		sig := ed25519.Sign(k, dsse.PAE(e.PayloadType, payload))
		e.Signatures = append(e.Signatures, dsse.Signature{
			KeyID: bulletintest.Public(k).ID(), Sig: base64.StdEncoding.EncodeToString(sig),
		})
	}
	return encoded(h.t, e)
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// padded ends in as many spaces as make it n bytes long.
func padded(text []byte, n int) []byte {
	return append(text, bytes.Repeat([]byte(" "), n-len(text))...)
}

func TestRefusals(t *testing.T) {
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			h := newHome(t).allowed()
			env := c.env(h, h.request())
			h.log.Add(t, bulletin.KindRequest, env)
			for range 3 {
				h.take()
			}
			r := h.refusedAs(c.code)
			if r.Request == nil && r.ID != "sha256:"+hexHash(env) {
				t.Errorf("id of what could not be verified: %s", r.ID)
			}
			if r.Matches != nil || !r.HeldUntil.IsZero() || !r.Shown.IsZero() {
				t.Errorf("a refused request has %+v", r)
			}
			if len(h.notes) != 0 || len(h.footage.held) != 0 || len(h.sealer.orders) != 0 {
				t.Errorf("a refused request did something: %v %v %v", h.notes, h.footage.held, h.sealer.orders)
			}
		})
	}
}

// TestLargestRequestWaits: what is padded and signed as the refusals are is no
// reason by itself.
func TestLargestRequestWaits(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	h.log.Add(t, bulletin.KindRequest, h.signed(padded(encoded(t, q), 8<<10)))
	h.take()
	h.is(q.ID, request.Waiting)
}
