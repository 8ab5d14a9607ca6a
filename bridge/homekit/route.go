package homekit

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
)

// statusUnverified answers a request that needs pair-verify first (HAP R2, 6.5.1).
const statusUnverified = 470

// Status codes of characteristics (HAP R2, table 6-11).
const (
	codeDone      = 0
	codeForbidden = -70401
	codeReadOnly  = -70404
	codeWriteOnly = -70405
	codeNoEvents  = -70406
	codeUnknown   = -70409
	codeInvalid   = -70410
	codeRefused   = -70412 // not allowed in the current state
)

func jsonAnswer(status int, v any) answer {
	b, err := json.Marshal(v)
	if err != nil {
		return answer{status: http.StatusInternalServerError}
	}
	return answer{status: status, kind: kindJSON, body: b}
}

func jsonStatus(status, code int) answer {
	return jsonAnswer(status, map[string]int{"status": code})
}

// route answers one request.
func (s *server) route(c *conn, req *http.Request, body []byte) answer {
	at := req.Method + " " + req.URL.Path
	switch at {
	case "POST /pair-setup":
		return withTLV(body, func(items []tlv) answer { return s.pairSetup(c, items) })
	case "POST /pair-verify":
		return withTLV(body, func(items []tlv) answer { return s.pairVerify(c, items) })
	case "POST /identify":
		return s.identify(req)
	}
	if c.session == nil {
		return jsonStatus(statusUnverified, codeForbidden)
	}
	switch at {
	case "POST /pairings":
		return withTLV(body, func(items []tlv) answer { return s.pairings(c, items) })
	case "GET /accessories":
		return jsonAnswer(http.StatusOK, map[string][]*accessory.A{"accessories": {s.live.Load()}})
	case "GET /characteristics":
		return s.read(c, req)
	case "PUT /characteristics":
		return s.writeAll(c, req, body)
	case "PUT /prepare":
		return s.prepare(c, body)
	case "POST /resource":
		return s.resource(req.Context(), body)
	default:
		return answer{status: http.StatusNotFound}
	}
}

func withTLV(body []byte, f func([]tlv) answer) answer {
	items, err := parseTLV(body)
	if err != nil {
		return answer{status: http.StatusBadRequest, close: true}
	}
	return f(items)
}

// identify is for an accessory that is not paired; a paired one is identified
// through its characteristic.
func (s *server) identify(req *http.Request) answer {
	if s.store.paired() {
		return jsonStatus(http.StatusBadRequest, codeForbidden)
	}
	s.log.Info("homekit accessory identified", "peer", req.RemoteAddr)
	return answer{status: http.StatusNoContent}
}

// find returns the characteristic, or nil.
func (s *server) find(aid, iid uint64) *characteristic.C {
	acc := s.live.Load()
	if aid != acc.Id {
		return nil
	}
	for _, svc := range acc.Ss {
		for _, ch := range svc.Cs {
			if ch.Id == iid {
				return ch
			}
		}
	}
	return nil
}

// resource answers with the snapshot in the size asked (HAP R2, 11.5).
func (s *server) resource(ctx context.Context, body []byte) answer {
	var ask struct {
		Type   string `json:"resource-type"`
		Width  int    `json:"image-width"`
		Height int    `json:"image-height"`
	}
	if err := json.Unmarshal(body, &ask); err != nil {
		return jsonStatus(http.StatusBadRequest, codeInvalid)
	}
	if s.snapshot == nil || ask.Type != "image" {
		return jsonStatus(http.StatusNotFound, codeUnknown)
	}
	return answer{status: http.StatusOK, kind: kindJPEG, body: s.snapshot(ctx, ask.Width, ask.Height)}
}

// flag reports whether a query parameter asks for something to be added.
func flag(q url.Values, name string) bool { return q.Get(name) == "1" || q.Get(name) == "true" }
