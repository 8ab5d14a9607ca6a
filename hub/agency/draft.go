package agency

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"gatehouse/hub/bulletin"
)

// DraftConfig has the few things that differ between requests.
type DraftConfig struct {
	Case         string // number
	OpenedOn     string // YYYY-MM-DD; default the day the window begins
	Attestation  string // default a sentence with the supervisor's name
	Category     string // one of bulletin.Categories
	Statute      string
	Headline     string
	Summary      string // default the headline
	Occurred     bulletin.Window
	NotRelatedTo []string // of bulletin.Attestations

	Window      bulletin.Window
	Ring        []bulletin.Point // or Centre and Radius
	Centre      bulletin.Point
	Radius      float64 // metres; default 400
	Description string  // of the area; default made of the radius

	Officer    bulletin.Officer
	Supervisor bulletin.Officer // name and badge
	Valid      time.Duration    // default 7 days
	Targets    []bulletin.Target
	Handling   bulletin.Handling // default: kept 730 days, unused deleted after 60, not passed on
	Now        time.Time
}

// Draft makes a request that keeps to all limits now, or says which it breaks.
func Draft(p bulletin.VerifiedProfile, cfg DraftConfig) (bulletin.Request, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return bulletin.Request{}, fmt.Errorf("making request: %w", err)
	}
	cfg.defaults(p)
	q := bulletin.Request{
		Type: "gatehouse.request/v1", ID: id.String(), Revision: 1, Status: bulletin.StatusOpen,
		Agency: p.Agency, Profile: hex.EncodeToString(p.Hash[:]),
		Case: bulletin.Case{Number: cfg.Case, OpenedOn: cfg.OpenedOn, State: "active", Attestation: cfg.Attestation},
		Incident: bulletin.Incident{
			Category: cfg.Category, Statute: cfg.Statute, Occurred: cfg.Occurred,
			Headline: cfg.Headline, Summary: cfg.Summary, NotRelatedTo: append([]string{}, cfg.NotRelatedTo...),
		},
		Window: cfg.Window, Area: bulletin.Area{Ring: cfg.Ring, Description: cfg.Description},
		Cameras: "exterior", Basis: "voluntary",
		AuthorisedBy: bulletin.Authorised{Officer: cfg.Officer, Supervisor: cfg.Supervisor},
		IssuedAt:     cfg.Now, ExpiresAt: cfg.Now.Add(cfg.Valid),
		Delivery: bulletin.DeliveryTerms{Recipient: bulletin.Fingerprint(p.Recipients[0]), Targets: cfg.Targets},
		Handling: cfg.Handling,
	}
	return q, check(q, p, cfg.Now)
}

func (c *DraftConfig) defaults(p bulletin.VerifiedProfile) {
	utc := func(w bulletin.Window) bulletin.Window {
		return bulletin.Window{From: w.From.UTC().Truncate(time.Second), To: w.To.UTC().Truncate(time.Second)}
	}
	c.Now, c.Window = now(c.Now), utc(c.Window)
	if c.Occurred = utc(c.Occurred); c.Occurred.From.IsZero() {
		c.Occurred = c.Window
	}
	if c.OpenedOn == "" {
		c.OpenedOn = c.Window.From.Format(time.DateOnly)
	}
	if c.Attestation == "" {
		c.Attestation = c.Supervisor.Name + " attests that this case is under active investigation"
	}
	if c.Summary == "" {
		c.Summary = c.Headline
	}
	if c.Radius == 0 {
		c.Radius = 400
	}
	if c.Ring == nil {
		c.Ring = Circle(c.Centre, c.Radius)
	}
	if c.Description == "" {
		c.Description = fmt.Sprintf("Within about %.0f metres", c.Radius)
	}
	if c.Valid == 0 {
		c.Valid = 7 * 24 * time.Hour
	}
	if c.Targets == nil && len(p.UploadHosts) > 0 {
		c.Targets = []bulletin.Target{{Kind: bulletin.Tus, URL: "https://" + p.UploadHosts[0].Host + FilesPath}}
	}
	if c.Handling.RetentionDays == 0 {
		c.Handling = bulletin.Handling{RetentionDays: 730, UnusedDeleteDays: 60, DeletionContact: c.Officer.Email}
	}
}

func now(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UTC().Truncate(time.Second)
}

// check applies all that a hub will apply but for the signatures.
func check(q bulletin.Request, p bulletin.VerifiedProfile, now time.Time) error {
	if _, err := bulletin.NewRequest(q); err != nil {
		return err
	}
	if err := bulletin.CheckLimits(q, p, now); err != nil {
		return fmt.Errorf("checking limits: %w", err)
	}
	return nil
}

// Circle is a closed ring of sixteen sides around a point, the radius in metres.
func Circle(c bulletin.Point, radius float64) []bulletin.Point {
	const (
		sides      = 16
		perDegree  = 111_320.0 // metres of latitude, within 0.6 %
		halfCircle = 180
	)
	ring := make([]bulletin.Point, 0, sides+1)
	for i := range sides {
		a := 2 * math.Pi * float64(i) / sides
		lon := c.Lon + radius*math.Cos(a)/(perDegree*math.Cos(c.Lat*math.Pi/halfCircle))
		lon = math.Mod(lon+3*halfCircle, 2*halfCircle) - halfCircle
		ring = append(ring, bulletin.Round(bulletin.Point{Lat: c.Lat + radius*math.Sin(a)/perDegree, Lon: lon}))
	}
	return append(ring, ring[0])
}

// End is the revision that closes or withdraws a published request.
func End(envelope []byte, p bulletin.VerifiedProfile, status bulletin.Status, at time.Time) (bulletin.Request, error) {
	q, err := next(envelope, p, at)
	if err != nil {
		return q, err
	}
	q.Status = status
	return q, check(q, p, q.IssuedAt)
}

var errEnded = errors.New("the request has been closed or withdrawn")

// Change is what a revision asks for otherwise; zero members stay as they were.
type Change struct {
	Window            bulletin.Window
	Centre            bulletin.Point // with Radius
	Radius            float64        // metres
	Description       string         // of the area
	Headline, Summary string
	Valid             time.Duration // from now
	Now               time.Time
}

// Revise is the next revision of a published request. There are at most
// [bulletin.MaxRevision] of an open one.
func Revise(envelope []byte, p bulletin.VerifiedProfile, c Change) (bulletin.Request, error) {
	q, err := next(envelope, p, c.Now)
	if err != nil {
		return q, err
	}
	if q.Status != bulletin.StatusOpen {
		return q, errEnded
	}
	set := func(v *string, to string) {
		if to != "" {
			*v = to
		}
	}
	set(&q.Incident.Headline, c.Headline)
	set(&q.Incident.Summary, c.Summary)
	set(&q.Area.Description, c.Description)
	if !c.Window.From.IsZero() {
		q.Window.From = c.Window.From.UTC().Truncate(time.Second)
	}
	if !c.Window.To.IsZero() {
		q.Window.To = c.Window.To.UTC().Truncate(time.Second)
	}
	if c.Radius != 0 {
		q.Area.Ring = Circle(c.Centre, c.Radius)
	}
	if c.Valid != 0 {
		q.ExpiresAt = q.IssuedAt.Add(c.Valid)
	}
	return q, check(q, p, q.IssuedAt)
}

// next is the revision after a published one, made under the profile in force.
// One that was made under an earlier profile is only read: the log has it, and
// takes no revision that does not name what it supersedes.
func next(envelope []byte, p bulletin.VerifiedProfile, at time.Time) (bulletin.Request, error) {
	envelope = bytes.TrimSpace(envelope)
	q, err := bulletin.ReadRequest(envelope)
	if err == nil && q.Profile == hex.EncodeToString(p.Hash[:]) {
		q, err = bulletin.OpenRequest(envelope, p)
	}
	if err != nil {
		return q, fmt.Errorf("opening request: %w", err)
	}
	if q.Agency != p.Agency {
		return q, fmt.Errorf("opening request: it is of %s", q.Agency)
	}
	h := sha256.Sum256(envelope)
	q.Revision, q.Supersedes, q.IssuedAt = q.Revision+1, hex.EncodeToString(h[:]), now(at)
	q.Profile = hex.EncodeToString(p.Hash[:])
	return q, nil
}
