// Package bulletintest makes agencies, requests and bulletins for tests.
package bulletintest

import (
	"crypto/ed25519"
	"encoding/hex"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"

	"gatehouse/hub/bulletin"
)

// Agency is an agency with one key a role.
type Agency struct {
	bulletin.VerifiedProfile
	Root, Officer, Supervisor, Receipt ed25519.PrivateKey
	Identity                           *age.X25519Identity
}

// Centre is where the agency's requests are about: the middle of its jurisdiction, 0.2° wide.
var Centre = bulletin.Point{Lat: 38.58157, Lon: -121.4944}

// Key makes an Ed25519 key.
func Key(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Public is a key as a profile lists it.
func Public(k ed25519.PrivateKey) bulletin.PublicKey {
	return bulletin.PublicKey{Ed25519: k.Public().(ed25519.PublicKey)}
}

// New makes an agency whose profile is in force at now; change may edit the profile before it is signed.
func New(t testing.TB, now time.Time, change ...func(*bulletin.Profile)) *Agency {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	a := &Agency{Root: Key(t), Officer: Key(t), Supervisor: Key(t), Receipt: Key(t), Identity: id}
	now = now.UTC().Truncate(time.Second)
	p := bulletin.Profile{
		Agency: "police.springfield.example", Name: "Springfield Police Department", Version: 1,
		IssuedAt: now.Add(-90 * 24 * time.Hour), Expires: now.Add(200 * 24 * time.Hour), Level: "municipal",
		Jurisdiction: Box(Centre, 0.2, 0.2),
		Root:         bulletin.KeySet{Threshold: 1, Keys: []bulletin.PublicKey{Public(a.Root)}},
		Officers:     []bulletin.PublicKey{Public(a.Officer)},
		Supervisors:  []bulletin.PublicKey{Public(a.Supervisor)},
		Receipts:     []bulletin.PublicKey{Public(a.Receipt)},
		Recipients:   []string{id.Recipient().String()},
		UploadHosts:  []bulletin.UploadHost{{Host: "evidence.springfield.example"}},
		CallBack:     "+1 916 555 0100", Policy: "Requests are voluntary.", Oversight: "City auditor, +1 916 555 0199",
	}
	for _, f := range change {
		f(&p)
	}
	env, err := bulletin.SignProfile(p, a.Root)
	if err != nil {
		t.Fatal(err)
	}
	if a.VerifiedProfile, err = bulletin.OpenProfile(env); err != nil {
		t.Fatal(err)
	}
	return a
}

// Box is a closed ring of that many degrees around a point.
func Box(c bulletin.Point, lat, lon float64) []bulletin.Point {
	n, s, w, e := c.Lat+lat/2, c.Lat-lat/2, c.Lon-lon/2, c.Lon+lon/2
	ring := []bulletin.Point{{Lat: s, Lon: w}, {Lat: s, Lon: e}, {Lat: n, Lon: e}, {Lat: n, Lon: w}, {Lat: s, Lon: w}}
	for i, p := range ring {
		ring[i] = bulletin.Round(p)
	}
	return ring
}

// Request is a valid request issued at now: the evening before yesterday, 0.6 km² around Centre.
func (a *Agency) Request(t testing.TB, now time.Time) bulletin.Request {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	now = now.UTC().Truncate(time.Second)
	from := now.Add(-50 * time.Hour)
	return bulletin.Request{
		Type: "gatehouse.request/v1", ID: id.String(), Revision: 1, Status: bulletin.StatusOpen,
		Agency: a.Agency, Profile: hex.EncodeToString(a.Hash[:]),
		Case: bulletin.Case{
			Number: "2026-004711", OpenedOn: now.AddDate(0, 0, -2).Format(time.DateOnly), State: "active",
			Attestation: "Sgt. R. Alvarez attests that this case is under active investigation.",
		},
		Incident: bulletin.Incident{
			Category: "package_theft", Statute: "Penal Code 484",
			Occurred: bulletin.Window{From: from, To: from.Add(time.Hour)},
			Headline: "Parcel thefts on Elm Street", Summary: "Several parcels were taken from porches by a person on a red bicycle.",
			NotRelatedTo: []string{"protest", "immigration"},
		},
		Window:  bulletin.Window{From: from, To: from.Add(2 * time.Hour)},
		Area:    bulletin.Area{Ring: Box(Centre, 0.007, 0.0089), Description: "Elm Street between First and Ninth"},
		Cameras: "exterior", Basis: "voluntary",
		AuthorisedBy: bulletin.Authorised{
			Officer: bulletin.Officer{
				Name: "J. Ortiz", Badge: "4411", Unit: "Property Crimes",
				Phone: "+1 916 555 0134", Email: "j.ortiz@police.springfield.example",
			},
			Supervisor: bulletin.Officer{Name: "R. Alvarez", Badge: "207"},
		},
		IssuedAt: now, ExpiresAt: now.Add(7 * 24 * time.Hour),
		Delivery: bulletin.DeliveryTerms{
			Recipient: bulletin.Fingerprint(a.Recipients[0]),
			Targets:   []bulletin.Target{{Kind: bulletin.Tus, URL: "https://" + a.UploadHosts[0].Host + "/files/"}},
		},
		Handling: bulletin.Handling{
			RetentionDays: 730, UnusedDeleteDays: 60, DeletionContact: "records@police.springfield.example",
		},
	}
}

// Sign returns the request's envelope, signed by officer and supervisor.
func (a *Agency) Sign(t testing.TB, q bulletin.Request) []byte {
	t.Helper()
	env, err := bulletin.NewRequest(q)
	for _, k := range []ed25519.PrivateKey{a.Officer, a.Supervisor} {
		if err == nil {
			env, err = bulletin.SignRequest(env, k, a.VerifiedProfile)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return env
}
