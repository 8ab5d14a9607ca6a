package homekit

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type m = map[string]any

var sample = Card{
	Request: "req-1", Agency: "Lakeside Police Department", Case: "2026-04417",
	Area:   "Harbour Street between Mill Lane and the old ferry quay",
	Window: "Tue 12 May, 21:40 to 22:15", Deadline: "Fri 15 May, 18:00",
	Hash: "anchor velvet 7f3a", Index: 1, Total: 3,
}

// shapeOf is what a controller sees of an accessory.
type shapeOf struct {
	Accessories []struct {
		AID      int `json:"aid"`
		Services []struct {
			IID             int    `json:"iid"`
			Type            string `json:"type"`
			Primary         bool   `json:"primary"`
			Characteristics []struct {
				IID   int      `json:"iid"`
				Type  string   `json:"type"`
				Perms []string `json:"perms"`
				Value any      `json:"value"`
			} `json:"characteristics"`
		} `json:"services"`
	} `json:"accessories"`
}

// ids returns the "aid.iid" of every characteristic of a type.
func (s shapeOf) ids(t testing.TB, typ string) []string {
	t.Helper()
	var ids []string
	for _, a := range s.Accessories {
		for _, svc := range a.Services {
			for _, c := range svc.Characteristics {
				if short(c.Type) == typ {
					ids = append(ids, fmt.Sprintf("%d.%d", a.AID, c.IID))
				}
			}
		}
	}
	if len(ids) == 0 {
		t.Fatalf("no characteristic of type %s", typ)
	}
	return ids
}

// short undoes the controller's expansion of HomeKit's types.
func short(typ string) string {
	base, ok := strings.CutSuffix(typ, "-0000-1000-8000-0026BB765291")
	if !ok {
		return typ
	}
	return strings.TrimLeft(base, "0")
}

const (
	typeSwitchEvent = "73"
	typeMotion      = "22"
	typeSetup       = "118"
	typeSelected    = "117"
	typeMute        = "11A"
)

func TestControllerRingsAndSees(t *testing.T) { eachPeer(t, controllerRingsAndSees) }

func controllerRingsAndSees(t *testing.T, p *peer) {
	b := startBridge(t, Config{Name: "Video request"})
	st := b.Status()

	p.do(at(st, "", m{"do": "identify", "as": "bell"}), nil)
	if l := p.try(at(st, "111-22-333", m{"do": "pair", "as": "bell"})); l.Error == "" {
		t.Fatal("paired with a wrong code")
	}
	if b.Status().Paired {
		t.Fatal("a wrong code left a pairing")
	}
	p.do(at(st, b.Code(), m{"do": "pair", "as": "bell"}), nil)
	if st := b.Status(); !st.Paired || st.Code != "" || st.SetupURI != "" {
		t.Errorf("status after pairing = %+v", st)
	}

	var shape shapeOf
	p.do(m{"do": "accessories", "as": "bell"}, &shape)
	checkDoorbell(t, shape)
	bell := shape.ids(t, typeSwitchEvent)
	p.do(m{"do": "subscribe", "as": "bell", "ids": bell}, nil)

	b.Show([]Card{sample})
	as, iid, v, ok := p.hear(10 * time.Second)
	if !ok || as != "bell" || fmt.Sprintf("1.%d", iid) != bell[0] || v != float64(singlePress) {
		t.Fatalf("heard %q %d %v %v, want a single press", as, iid, v, ok)
	}
	b.Show([]Card{sample})
	if _, _, v, ok := p.hear(300 * time.Millisecond); ok {
		t.Errorf("the same request rang twice: %v", v)
	}
	for _, s := range append([]size{{600, 400}, {1, 1}}, usual...) {
		checkPicture(t, p, b, s)
	}
}

// checkDoorbell checks what makes iOS take the accessory for a video doorbell.
func checkDoorbell(t *testing.T, shape shapeOf) {
	t.Helper()
	if len(shape.Accessories) != 1 || shape.Accessories[0].AID != 1 {
		t.Fatalf("%d accessories, want one that stands alone", len(shape.Accessories))
	}
	count, primary := map[string]int{}, ""
	for _, s := range shape.Accessories[0].Services {
		count[short(s.Type)]++
		if s.Primary {
			primary += short(s.Type)
		}
	}
	want := map[string]int{"3E": 1, "A2": 1, "121": 1, "110": 2, "112": 1, "113": 1}
	if d := cmp.Diff(want, count); d != "" {
		t.Errorf("services (-want +got):\n%s", d)
	}
	if primary != "121" {
		t.Errorf("primary service %q, want the doorbell", primary)
	}
}

// checkPicture compares what the controller fetched with what was drawn.
func checkPicture(t *testing.T, p *peer, b *Bridge, s size) {
	t.Helper()
	var got struct {
		Bytes  int    `json:"bytes"`
		Start  string `json:"start"`
		SHA256 string `json:"sha256"`
	}
	p.do(m{"do": "image", "as": "bell", "width": s.w, "height": s.h}, &got)
	want := b.snapshot(t.Context(), s.w, s.h)
	if got.Start != "ffd8ff" || got.SHA256 != digest(want) || got.Bytes != len(want) {
		t.Errorf("%v: controller got %+v, drawn were %d bytes", s, got, len(want))
	}
}

func TestControllerSeesMotion(t *testing.T) { eachPeer(t, controllerSeesMotion) }

func controllerSeesMotion(t *testing.T, p *peer) {
	b := startBridge(t, Config{})
	eye := *b.Status().Sensor
	if eye.Category != categorySensor || eye.DeviceID == b.Status().DeviceID {
		t.Fatalf("sensor status = %+v", eye)
	}
	p.do(at(eye, b.Code(), m{"do": "pair", "as": "eye"}), nil)
	var shape shapeOf
	p.do(m{"do": "accessories", "as": "eye"}, &shape)
	ids := shape.ids(t, typeMotion)
	p.do(m{"do": "subscribe", "as": "eye", "ids": ids}, nil)
	b.Motion(300 * time.Millisecond)
	for _, want := range []bool{true, false} {
		if _, _, v, ok := p.hear(10 * time.Second); !ok || v != want {
			t.Fatalf("heard %v %v, want motion %v", v, ok, want)
		}
	}
	if l := p.try(m{"do": "image", "as": "eye", "width": 640, "height": 360}); l.Error == "" {
		t.Error("the motion sensor has a picture")
	}
}

// TestControllerStreamIsRefused asks without saying where the pictures should go.
func TestControllerStreamIsRefused(t *testing.T) {
	p := startPeer(t, "hap-controller")
	b := startBridge(t, Config{})
	p.do(at(b.Status(), b.Code(), m{"do": "pair", "as": "bell"}), nil)
	var shape shapeOf
	p.do(m{"do": "accessories", "as": "bell"}, &shape)
	setups := shape.ids(t, typeSetup)
	id := []byte("0123456789abcdef")
	ask := appendTLV(nil, 1, id)
	p.do(m{"do": "write", "as": "bell", "values": m{setups[1]: base64.StdEncoding.EncodeToString(ask)}}, nil)

	var got struct {
		Characteristics []struct {
			Value string `json:"value"`
		} `json:"characteristics"`
	}
	p.do(m{"do": "read", "as": "bell", "ids": setups}, &got)
	want := appendTLV(appendTLV(nil, 1, id), 2, []byte{sessionError})
	if v := got.Characteristics[1].Value; v != base64.StdEncoding.EncodeToString(want) {
		t.Errorf("answer to setup = %q", v)
	}
	if v := got.Characteristics[0].Value; v != "" {
		t.Errorf("the other slot answers too: %q", v)
	}

	start := appendTLV(nil, 1, appendTLV(appendTLV(nil, 1, id), 2, []byte{1}))
	end := appendTLV(nil, 1, appendTLV(appendTLV(nil, 1, id), 2, []byte{commandEnd}))
	selected := shape.ids(t, typeSelected)[1]
	for name, c := range map[string]struct {
		value  any
		status int
	}{
		"start": {base64.StdEncoding.EncodeToString(start), codeUnknown},
		"end":   {base64.StdEncoding.EncodeToString(end), codeDone},
		"text":  {"not base64!", codeInvalid},
		"type":  {17, codeInvalid},
	} {
		l := p.try(m{"do": "write", "as": "bell", "values": m{selected: c.value}})
		if got := statusOf(t, l); got != c.status {
			t.Errorf("%s: status %d, want %d", name, got, c.status)
		}
	}
	mute := shape.ids(t, typeMute)[0]
	if got := statusOf(t, p.try(m{"do": "write", "as": "bell", "values": m{mute: true}})); got != codeDone {
		t.Errorf("muting: status %d", got)
	}
}

// statusOf returns the status of the single characteristic of an answer.
func statusOf(t *testing.T, l peerLine) int {
	t.Helper()
	var a struct {
		Characteristics []struct {
			Status int `json:"status"`
		} `json:"characteristics"`
	}
	if l.Error != "" || json.Unmarshal(l.Result, &a) != nil {
		t.Fatalf("answer %+v", l)
	}
	if len(a.Characteristics) == 0 {
		return codeDone
	}
	return a.Characteristics[0].Status
}

func TestControllerSurvivesRestart(t *testing.T) { eachPeer(t, controllerSurvivesRestart) }

func controllerSurvivesRestart(t *testing.T, p *peer) {
	keep := &memory{}
	b, stop := runBridge(t, Config{Store: keep})
	defer stop()
	var keys m
	p.do(at(b.Status(), b.Code(), m{"do": "pair", "as": "bell"}), &keys)
	b.Show([]Card{sample})
	waitRung(t, b, sample.Request)
	stop()

	b = startBridge(t, Config{Store: keep})
	p.do(at(b.Status(), "", m{"do": "again", "as": "new", "pairing": keys}), nil)
	var shape shapeOf
	p.do(m{"do": "accessories", "as": "new"}, &shape)
	p.do(m{"do": "subscribe", "as": "new", "ids": shape.ids(t, typeSwitchEvent)}, nil)
	second := sample
	second.Request, second.Agency = "req-2", "Ström Polis"
	b.Show([]Card{sample, second})
	if _, _, v, ok := p.hear(400 * time.Millisecond); ok {
		t.Errorf("a request rang again after a restart: %v", v)
	}
	b.Show([]Card{second}) // the first was decided
	if _, _, _, ok := p.hear(10 * time.Second); !ok {
		t.Error("the next request does not ring")
	}

	var answered struct{ Answered int }
	verify := at(b.Status(), "", m{"do": "verify", "pairing": keys, "times": 200, "ids": shape.ids(t, typeSwitchEvent)})
	p.do(verify, &answered)
	if answered.Answered != 200 {
		t.Errorf("%d of 200 requests right after pair-verify answered", answered.Answered)
	}

	var list m
	p.do(m{"do": "pairings", "as": "new"}, &list)
	if len(list) == 0 {
		t.Error("no pairings listed")
	}
	p.do(m{"do": "unpair", "as": "new"}, nil)
	if st := b.Status(); st.Paired || st.SetupURI == "" || b.bell.txt()["sf"] != "1" {
		t.Errorf("status after the last controller left = %+v", st)
	}
}

// waitRung waits until the ring of a request is on disk.
func waitRung(t *testing.T, b *Bridge, id string) {
	t.Helper()
	for range 500 {
		b.mu.Lock()
		ok := b.rung.has(id)
		b.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s never rang", id)
}

func TestControllerHearsEveryRingDuringPictures(t *testing.T) {
	eachPeer(t, controllerHearsEveryRingDuringPictures)
}

func controllerHearsEveryRingDuringPictures(t *testing.T, p *peer) {
	b := startBridge(t, Config{})
	p.do(at(b.Status(), b.Code(), m{"do": "pair", "as": "bell"}), nil)
	var shape shapeOf
	p.do(m{"do": "accessories", "as": "bell"}, &shape)
	p.do(m{"do": "subscribe", "as": "bell", "ids": shape.ids(t, typeSwitchEvent)}, nil)
	const rings = 60
	go func() {
		for range rings {
			b.doorbell.press.SetValue(singlePress)
			time.Sleep(7 * time.Millisecond)
		}
	}()
	for range 15 {
		checkPicture(t, p, b, size{1280, 720})
	}
	for i := range rings {
		if _, _, _, ok := p.hear(5 * time.Second); !ok {
			t.Fatalf("heard %d of %d rings", i, rings)
		}
	}
}

// TestControllerWritesInTime writes as Home Assistant does what was announced,
// and what was not, and what comes too late.
func TestControllerWritesInTime(t *testing.T) {
	p := startPeer(t, "aiohomekit")
	b := startBridge(t, Config{})
	p.do(at(b.Status(), b.Code(), m{"do": "pair", "as": "bell"}), nil)
	x, _ := mutes(b)
	write := func(more m) m {
		cmd := m{"do": "timed", "as": "bell", "prepare": true, "ttl": 60_000, "pid": 11, "values": m{fmt.Sprint("1.", x.Id): true}}
		for k, v := range more {
			cmd[k] = v
		}
		return cmd
	}
	for name, c := range map[string]struct {
		cmd    m
		status int
	}{
		"announced":     {write(nil), codeDone},
		"not announced": {write(m{"prepare": false}), codeInvalid},
		"too late":      {write(m{"ttl": 1, "pause": 100}), codeInvalid},
	} {
		if got := statusOf(t, p.try(c.cmd)); got != c.status {
			t.Errorf("%s: status %d, want %d", name, got, c.status)
		}
	}
}
