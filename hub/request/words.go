package request

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// The ledger's entries about a request travel to the agency inside a package.
// So none of them names a camera, counts any, or repeats the request's text.

func (s *Service) entry(r Record, kind ledger.Kind, data map[string]any, format string, args ...any) ledger.Entry {
	e := ledger.Entry{
		Time: s.cfg.Now(), Kind: kind, Request: r.ID, Agency: r.Agency, Text: fmt.Sprintf(format, args...),
	}
	if data != nil {
		e.Data, _ = json.Marshal(data) // strings and numbers always marshal
	}
	return e
}

// agencyName is who asks. Of an unverified requester it is what the owner says, and says so.
func (r Record) agencyName() string {
	if r.Manual != nil {
		return r.Manual.Who + " (unverified)"
	}
	if r.AgencyName != "" {
		return r.AgencyName
	}
	return r.Agency
}

func utc(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

func envelopeHash(envelope []byte) string { return hexOf(sha256.Sum256(envelope)) }

func hexOf(hash [32]byte) string { return hex.EncodeToString(hash[:]) }

// judgedEntries are what the ledger says of a verdict. What was never for this
// home (not listed, not matching, refused of an agency that is not allowed) is a
// row only: the bulletin is public and the ledger would fill with strangers'
// requests. Nor does it hear of what changed out of the owner's sight.
func (s *Service) judgedEntries(r, old Record) []ledger.Entry {
	if old.ID != "" && judgedAgain(old.State) && judgedAgain(r.State) {
		return nil
	}
	data := map[string]any{"envelope": envelopeHash(r.Envelope), "revision": r.Revision}
	received := func(format string, args ...any) ledger.Entry {
		return s.entry(r, ledger.Received, data, "A request of %s arrived"+format, append([]any{r.agencyName()}, args...)...)
	}
	switch r.State {
	case Waiting:
		list := []ledger.Entry{received(" and concerns this home.")}
		if r.HoldRefused == "" {
			list = append(list, s.heldEntry(r))
		}
		return list
	case Hidden:
		return []ledger.Entry{received("; the owner's settings keep it out of sight.")}
	case Declined:
		return []ledger.Entry{
			received("."),
			s.entry(r, ledger.Declined, nil, "A rule of the owner declined it. Nobody was told."),
		}
	case Refused:
		if _, err := s.pinned(r.Agency); err != nil {
			return nil
		}
		data["code"] = string(r.Code)
		return []ledger.Entry{s.entry(r, ledger.Refused, data, "A request of %s was refused: %s", r.agencyName(), r.Reason)}
	}
	return nil
}

// saw is what the owner was shown of the agency's promises, in words.
func saw(q bulletin.Request) map[string]string {
	h := q.Handling
	m := map[string]string{
		"basis":           "The request is voluntary. It is no warrant and no emergency.",
		"retention":       fmt.Sprintf("The agency promises to keep the footage for at most %d days.", h.RetentionDays),
		"unused":          fmt.Sprintf("The agency promises to delete unused footage after %d days.", h.UnusedDeleteDays),
		"onward":          "The agency promises to pass it to nobody.",
		"faceRecognition": "The agency promises not to use face recognition on it.",
		"deletionContact": h.DeletionContact,
	}
	if h.Onward {
		m["onward"] = "The agency says that it may pass the footage on."
		if len(h.OnwardTo) > 0 {
			m["onward"] = fmt.Sprintf("The agency says that it may pass the footage on to: %s.", strings.Join(h.OnwardTo, ", "))
		}
	}
	if h.FaceRecognition {
		m["faceRecognition"] = "The agency says that it may use face recognition on it."
	}
	return m
}
