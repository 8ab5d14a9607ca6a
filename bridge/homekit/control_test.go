package homekit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bellUnderTest is a doorbell that the same tests hold, whoever wrote it.
type bellUnderTest struct {
	Status
	ring    func()
	picture []byte
}

// TestControl holds our doorbell and one of hap-nodejs to the same: what we ask
// of ours is what HomeKit accessories do.
func TestControl(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) bellUnderTest{"gatehouse": ourBell, "hap-nodejs": theirBell} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			for who := range peers {
				t.Run(who, func(t *testing.T) { rightControllers(t, startPeer(t, who), b) })
			}
			t.Run("wire", func(t *testing.T) { wrongControllers(t, startPeer(t, "hap-controller"), b) })
		})
	}
}

func ourBell(t *testing.T) bellUnderTest {
	b := startBridge(t, Config{})
	ring := func() { b.doorbell.press.SetValue(singlePress) }
	return bellUnderTest{b.Status(), ring, b.snapshot(t.Context(), 640, 360)}
}

// theirBell runs hap-nodejs.
func theirBell(t *testing.T) bellUnderTest {
	dir := t.TempDir()
	picture := drawNotice("Control", "A picture", size{640, 360})
	if err := os.WriteFile(filepath.Join(dir, "picture.jpg"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
	st := Status{DeviceID: newDeviceID(), Code: newCode()}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	cmd := exec.CommandContext(ctx, "node", "testdata/accessory/accessory.mjs", dir, st.DeviceID, st.Code)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); stop(); _ = cmd.Wait() })
	first, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal("make tools installs what is missing: ", err)
	}
	var at struct{ Port int }
	if err := json.Unmarshal(first, &at); err != nil {
		t.Fatalf("%s: %v", first, err)
	}
	st.Addr = fmt.Sprint("127.0.0.1:", at.Port)
	return bellUnderTest{st, func() { fmt.Fprintln(in, "ring") }, picture}
}

// rightControllers does what a home app does, from pairing to leaving.
func rightControllers(t *testing.T, p *peer, b bellUnderTest) {
	if l := p.try(at(b.Status, "111-22-333", m{"do": "pair", "as": "bell"})); l.Error == "" {
		t.Fatal("paired with a wrong code")
	}
	p.do(at(b.Status, b.Code, m{"do": "pair", "as": "bell"}), nil)
	if l := p.try(at(b.Status, b.Code, m{"do": "pair", "as": "another"})); l.Error == "" {
		t.Fatal("paired though it was paired")
	}
	var shape shapeOf
	p.do(m{"do": "accessories", "as": "bell"}, &shape)
	press := shape.ids(t, typeSwitchEvent)
	p.do(m{"do": "subscribe", "as": "bell", "ids": press}, nil)
	for n := range 30 {
		b.ring()
		if _, iid, v, ok := p.hear(20 * time.Second); !ok || fmt.Sprintf("1.%d", iid) != press[0] || v != float64(singlePress) {
			t.Fatalf("ring %d: heard %d %v %v", n, iid, v, ok)
		}
	}
	var got struct {
		SHA256 string `json:"sha256"`
	}
	p.do(m{"do": "image", "as": "bell", "width": 640, "height": 360}, &got)
	if got.SHA256 != digest(b.picture) {
		t.Error("another picture")
	}
	p.do(m{"do": "pairings", "as": "bell"}, nil)
	p.do(m{"do": "unpair", "as": "bell"}, nil)
}

// wrongControllers does what no home app does.
func wrongControllers(t *testing.T, p *peer, b bellUnderTest) {
	w := dial(t, b.Addr)
	w.pair("/pair-setup", state(1), tlv{tagMethod, []byte{0}})
	m5 := appendTLV(appendTLV(nil, tagState, []byte{5}), tagEncrypted, forgedM5(t, make([]byte, 64)).val)
	status, m6 := w.ask("POST", "/pair-setup", m5, "Content-Type: "+kindTLV)
	if items, _ := parseTLV(m6); status == http.StatusOK && findByte(items, tagError) == 0 {
		t.Error("paired without the code")
	}
	w.nc.Close()

	var keys struct {
		Key string `json:"iOSDeviceLTSK"`
		ID  string `json:"iOSDevicePairingID"`
	}
	p.do(at(b.Status, b.Code, m{"do": "pair", "as": "bell"}), &keys)
	var shape shapeOf
	p.do(m{"do": "accessories", "as": "bell"}, &shape)
	press := shape.ids(t, typeSwitchEvent)[0]
	key, err := hex.DecodeString(keys.Key)
	if err != nil {
		t.Fatal(err)
	}
	id, err := hex.DecodeString(keys.ID)
	if err != nil {
		t.Fatal(err)
	}
	verified := func() *wire {
		w := dial(t, b.Addr)
		if m4 := w.verify(string(id), ed25519.PrivateKey(key)); findByte(m4, tagError) != 0 {
			t.Fatal("not verified")
		}
		return w
	}
	if status, _ := dial(t, b.Addr).ask("GET", "/accessories", nil); status < 400 {
		t.Errorf("a stranger reads: %d", status)
	}
	_, other, _ := ed25519.GenerateKey(nil)
	wantError(t, "another key", dial(t, b.Addr).verify(string(id), other), pairAuthentication)

	for range 50 {
		w := verified()
		if status, _ := w.ask("GET", "/characteristics?id=1.3", nil); status != http.StatusOK {
			t.Fatalf("straight after verify: %d", status)
		}
		w.nc.Close()
	}
	w = verified()
	head := "GET /characteristics?id=1.3 HTTP/1.1\r\nHost: x\r\nX-Fill: "
	for _, n := range []int{1023, 1024, 1025, 2048} {
		w.send([]byte(head + strings.Repeat("a", n-len(head)-4) + "\r\n\r\n"))
		if status, _ := w.answer(); status != http.StatusOK {
			t.Errorf("request of %d bytes: %d", n, status)
		}
	}
	var iid int
	fmt.Sscanf(press, "1.%d", &iid)
	sub := fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"ev":true}]}`, iid)
	if status, _ := w.ask("PUT", "/characteristics", []byte(sub)); status != http.StatusNoContent {
		t.Fatalf("subscribing: %d", status)
	}
	body := `{"resource-type":"image","image-width":640,"image-height":360}`
	for n := range 50 {
		b.ring()
		w.send(fmt.Appendf(nil, "POST /resource HTTP/1.1\r\nHost: x\r\nContent-Type: application/hap+json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		rings, pictures := 0, 0
		for rings+pictures < 2 {
			if event, status, got := w.next(); event {
				rings++
			} else if bytes.Equal(got, b.picture) {
				pictures++
			} else {
				t.Fatalf("round %d: %d rings, then status %d: %q", n, rings, status, got)
			}
		}
		if rings != 1 {
			t.Fatalf("round %d: %d rings", n, rings)
		}
	}
	bad := w.out.seal([]byte("GET /accessories HTTP/1.1\r\nHost: x\r\n\r\n"))
	bad[5] ^= 1
	w.nc.Write(bad)
	if n, err := w.nc.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes answer a frame that was changed", n)
	}
	p.do(m{"do": "unpair", "as": "bell"}, nil)
}
