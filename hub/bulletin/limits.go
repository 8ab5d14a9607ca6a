package bulletin

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Hard limits of a request. No setting of the owner loosens them.
const (
	MinWindow      = 15 * time.Minute
	MaxWindow      = 12 * time.Hour
	MaxAge         = 45 * 24 * time.Hour // from the window's start to the request's issue
	MaxLife        = 14 * 24 * time.Hour // from issue to expiry
	MinSquareKM    = 0.065
	MaxSquareKM    = 1.295
	MinCompactness = 0.2
	MinPoints      = 4 // of the closed ring, the repeated first included
	MaxPoints      = 33
	MaxRevision    = 3 // of an open request
)

// maxSkew is how far an agency's clock may be ahead of ours.
const maxSkew = 10 * time.Minute

// CheckLimits applies the hard limits: window, age, expiry, area, compactness, jurisdiction, targets, profile expiry.
//
// A revision that closes or withdraws a request asks for nothing and must never
// come too late, so of it only the profile and the time of issue are looked at.
func CheckLimits(r Request, p VerifiedProfile, now time.Time) error {
	var c checker
	c.profileInForce(r, p.Profile, now)
	if r.IssuedAt.After(now.Add(maxSkew)) {
		c.fail(BadWindow, "The request says that it was issued in the future.")
	}
	if r.Status != StatusOpen {
		return c.err()
	}
	c.window(r, now)
	c.life(r, now)
	c.area(r.Area.Ring, p.Jurisdiction)
	c.targets(r.Delivery, p.Profile)
	return c.err()
}

func (c *checker) profileInForce(r Request, p Profile, now time.Time) {
	if !now.Before(p.Expires) {
		c.fail(OldProfile, "The agency's profile has expired.")
	}
	if r.IssuedAt.Before(p.IssuedAt.Add(-maxSkew)) || !r.IssuedAt.Before(p.Expires) {
		c.fail(OldProfile, "The request was issued while the profile was not in force.")
	}
}

func (c *checker) window(r Request, now time.Time) {
	long := r.Window.To.Sub(r.Window.From)
	switch {
	case long < MinWindow:
		c.fail(BadWindow, "The time asked for is shorter than 15 minutes.")
	case long > MaxWindow:
		c.fail(BadWindow, "The time asked for is longer than 12 hours.")
	case r.Window.To.After(r.IssuedAt) || r.Window.To.After(now.Add(maxSkew)):
		c.fail(BadWindow, "The time asked for is not past.")
	case r.IssuedAt.Sub(r.Window.From) > MaxAge:
		c.fail(BadWindow, "The time asked for is more than 45 days old.")
	case r.Incident.Occurred.To.After(r.IssuedAt):
		c.fail(BadWindow, "The incident is not past.")
	}
}

func (c *checker) life(r Request, now time.Time) {
	switch {
	case !r.ExpiresAt.After(r.IssuedAt):
		c.fail(Expired, "The request expires before it is issued.")
	case r.ExpiresAt.Sub(r.IssuedAt) > MaxLife:
		c.fail(BadWindow, "The request is valid for more than 14 days.")
	case !now.Before(r.ExpiresAt):
		c.fail(Expired, "The request has expired.")
	}
}

func (c *checker) area(ring, jurisdiction []Point) {
	if bad := checkRing(ring, MinPoints, MaxPoints); bad != "" {
		c.fail(BadArea, "The area "+bad)
		return
	}
	switch km2 := SquareKM(ring); {
	case km2 < MinSquareKM:
		c.fail(BadArea, "The area is smaller than 0.065 km².")
	case km2 > MaxSquareKM:
		c.fail(BadArea, "The area is larger than 1.295 km².")
	case compactness(ring) < MinCompactness:
		c.fail(BadArea, "The area is a narrow strip.")
	}
	outer := unroll(jurisdiction)
	if outer == nil || !within(unroll(ring), outer) {
		c.fail(OutOfArea, "The area is not wholly inside the agency's jurisdiction.")
	}
}

func (c *checker) targets(d DeliveryTerms, p Profile) {
	listed := slices.ContainsFunc(p.Recipients, func(s string) bool { return Fingerprint(s) == d.Recipient })
	if !listed {
		c.fail(BadTarget, "The footage would be encrypted to a key that the agency's profile does not list.")
	}
	for _, t := range d.Targets {
		_, ok := t.Host()
		_, listed := p.UploadHost(t)
		if !ok || (t.Kind != InPerson && !listed) {
			c.fail(BadTarget, "A delivery target is at a host that the agency's profile does not list.")
		}
	}
}

// Fingerprint is how a request names one of its profile's age recipients: the
// hex SHA-256 of the recipient string.
func Fingerprint(recipient string) string {
	h := sha256.Sum256([]byte(recipient))
	return hex.EncodeToString(h[:])
}
