package homekit

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/brutella/hap/characteristic"
)

// readsMax bounds the characteristics one request may name.
const readsMax = 256

// read answers GET /characteristics (HAP R2, 6.7.4).
func (s *server) read(c *conn, req *http.Request) answer {
	q := req.URL.Query()
	ids := strings.Split(q.Get("id"), ",")
	if len(ids) > readsMax {
		return jsonStatus(http.StatusBadRequest, codeInvalid)
	}
	failed := false
	items := make([]map[string]any, 0, len(ids))
	for _, id := range ids {
		aid, iid, ok := splitID(id)
		if !ok {
			return jsonStatus(http.StatusBadRequest, codeInvalid)
		}
		item := map[string]any{"aid": aid, "iid": iid}
		ch := s.find(aid, iid)
		code := readInto(item, ch, req)
		failed = failed || code != codeDone
		item["status"] = code
		if ch != nil {
			describe(item, ch, flag(q, "meta"), flag(q, "perms"), flag(q, "type"))
			if flag(q, "ev") {
				item["ev"] = c.mail.subscribed(ch)
			}
		}
		items = append(items, item)
	}
	if failed {
		return jsonAnswer(http.StatusMultiStatus, map[string]any{"characteristics": items})
	}
	for _, item := range items {
		delete(item, "status")
	}
	return jsonAnswer(http.StatusOK, map[string]any{"characteristics": items})
}

func readInto(item map[string]any, ch *characteristic.C, req *http.Request) int {
	switch {
	case ch == nil:
		return codeUnknown
	case !ch.IsReadable():
		return codeWriteOnly
	}
	v, code := ch.ValueRequest(req)
	if code == codeDone {
		item["value"] = v
	}
	return code
}

func describe(item map[string]any, ch *characteristic.C, meta, perms, typ bool) {
	if perms {
		item["perms"] = ch.Permissions
	}
	if typ {
		item["type"] = ch.Type
	}
	if !meta {
		return
	}
	item["format"] = ch.Format
	for key, v := range map[string]any{"minValue": ch.MinVal, "maxValue": ch.MaxVal, "minStep": ch.StepVal} {
		if v != nil {
			item[key] = v
		}
	}
	if ch.Unit != "" {
		item["unit"] = ch.Unit
	}
	if ch.MaxLen > 0 {
		item["maxLen"] = ch.MaxLen
	}
}

func splitID(s string) (aid, iid uint64, ok bool) {
	a, b, found := strings.Cut(s, ".")
	aid, err1 := strconv.ParseUint(a, 10, 64)
	iid, err2 := strconv.ParseUint(b, 10, 64)
	return aid, iid, found && err1 == nil && err2 == nil
}

// timedWrite is what PUT /prepare announced.
type timedWrite struct {
	pid   uint64
	until time.Time
}

// prepare begins a timed write (HAP R2, 6.7.2.4).
func (s *server) prepare(c *conn, body []byte) answer {
	var ask struct {
		TTL uint64 `json:"ttl"` // milliseconds
		PID uint64 `json:"pid"`
	}
	if json.Unmarshal(body, &ask) != nil || ask.TTL == 0 || ask.PID == 0 {
		return jsonStatus(http.StatusOK, codeInvalid)
	}
	ttl := time.Duration(min(ask.TTL, 60_000)) * time.Millisecond
	c.timed = timedWrite{pid: ask.PID, until: s.now().Add(ttl)}
	return jsonStatus(http.StatusOK, codeDone)
}

// writing is one characteristic of PUT /characteristics.
type writing struct {
	AID   uint64          `json:"aid"`
	IID   uint64          `json:"iid"`
	Value json.RawMessage `json:"value"`
	Event *bool           `json:"ev"`
	Reply bool            `json:"r"`
}

// writeAll answers PUT /characteristics (HAP R2, 6.7.2).
func (s *server) writeAll(c *conn, req *http.Request, body []byte) answer {
	var ask struct {
		Items []writing `json:"characteristics"`
		PID   *uint64   `json:"pid"`
	}
	if err := json.Unmarshal(body, &ask); err != nil || len(ask.Items) > readsMax {
		return jsonStatus(http.StatusBadRequest, codeInvalid)
	}
	timed := ask.PID != nil && *ask.PID == c.timed.pid && s.now().Before(c.timed.until)
	c.timed = timedWrite{}
	if ask.PID != nil && !timed {
		return s.refuseAll(ask.Items)
	}
	plain := true
	items := make([]map[string]any, 0, len(ask.Items))
	for _, w := range ask.Items {
		item := map[string]any{"aid": w.AID, "iid": w.IID}
		code, value := s.writeOne(c, req, w, timed)
		item["status"] = code
		if value != nil {
			item["value"] = value
		}
		plain = plain && code == codeDone && value == nil
		items = append(items, item)
	}
	if plain {
		return answer{status: http.StatusNoContent}
	}
	return jsonAnswer(http.StatusMultiStatus, map[string]any{"characteristics": items})
}

// refuseAll answers a timed write that came too late or was never prepared.
func (s *server) refuseAll(ws []writing) answer {
	items := make([]map[string]any, 0, len(ws))
	for _, w := range ws {
		items = append(items, map[string]any{"aid": w.AID, "iid": w.IID, "status": codeInvalid})
	}
	return jsonAnswer(http.StatusMultiStatus, map[string]any{"characteristics": items})
}

// writeOne writes a value, switches events, or both. The value returned is what
// a write with response asked for.
func (s *server) writeOne(c *conn, req *http.Request, w writing, timed bool) (int, any) {
	ch := s.find(w.AID, w.IID)
	if ch == nil {
		return codeUnknown, nil
	}
	if w.Event != nil {
		if !ch.IsObservable() {
			return codeNoEvents, nil
		}
		c.mail.subscribe(ch, *w.Event)
	}
	if len(w.Value) == 0 {
		return codeDone, nil
	}
	if !ch.IsWritable() {
		return codeReadOnly, nil
	}
	if ch.RequiresTimedWrite() && !timed {
		return codeInvalid, nil
	}
	v, ok := convert(ch, w.Value)
	if !ok {
		return codeInvalid, nil
	}
	if code := set(ch, v, req); code != codeDone {
		return code, nil
	}
	if w.Reply && ch.IsReadable() {
		v, code := ch.ValueRequest(req)
		return code, v
	}
	return codeDone, nil
}

// set hands a value on. One that says what to do goes to its handler directly:
// the library leaves out what is the same as before, and a second wish may be.
func set(ch *characteristic.C, v any, req *http.Request) int {
	if ch.SetValueRequestFunc != nil {
		_, code := ch.SetValueRequestFunc(v, req)
		return code
	}
	_, code := ch.SetValueRequest(v, req)
	return code
}

// convert turns a JSON value into the Go value of the characteristic's format.
func convert(ch *characteristic.C, raw json.RawMessage) (any, bool) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil, false
	}
	n, isNumber := v.(float64)
	switch ch.Format {
	case characteristic.FormatBool:
		if isNumber && (n == 0 || n == 1) { // some controllers write bools as numbers
			return n == 1, true
		}
		b, ok := v.(bool)
		return b, ok
	case characteristic.FormatUInt8, characteristic.FormatUInt16, characteristic.FormatUInt32, characteristic.FormatInt32:
		whole := n == math.Trunc(n) && math.Abs(n) <= math.MaxUint32
		return int(n), isNumber && whole
	case characteristic.FormatString, characteristic.FormatTLV8, characteristic.FormatData:
		str, ok := v.(string)
		return str, ok
	default:
		return nil, false
	}
}
