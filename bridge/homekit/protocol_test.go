package homekit

import (
	"bufio"
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// wire is a controller's connection that can misbehave.
type wire struct {
	t   testing.TB
	nc  net.Conn
	in  *secureReader
	br  *bufio.Reader
	out *framer
}

func dial(t testing.TB, addr string) *wire {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newWire(t, nc)
}

func newWire(t testing.TB, nc net.Conn) *wire {
	t.Cleanup(func() { nc.Close() })
	return wireOn(t, nc)
}

// wireOn is newWire whose connection the caller closes.
func wireOn(t testing.TB, nc net.Conn) *wire {
	nc.SetDeadline(time.Now().Add(time.Minute))
	in := &secureReader{src: bufio.NewReader(nc), budget: 1 << 30}
	return &wire{t: t, nc: nc, in: in, br: bufio.NewReader(in)}
}

// send writes raw bytes, encrypted after pair-verify.
func (w *wire) send(b []byte) {
	w.t.Helper()
	if w.out != nil {
		b = w.out.seal(b)
	}
	if _, err := w.nc.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

// ask sends a request and returns the answer's status and body.
func (w *wire) ask(method, path string, body []byte, head ...string) (int, []byte) {
	w.t.Helper()
	lines := append([]string{fmt.Sprintf("%s %s HTTP/1.1", method, path), "Host: x", fmt.Sprintf("Content-Length: %d", len(body))}, head...)
	w.send(append([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), body...))
	return w.answer()
}

func (w *wire) answer() (int, []byte) {
	w.t.Helper()
	res, err := http.ReadResponse(w.br, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, b
}

// pair sends a pairing message and returns the items of the answer.
func (w *wire) pair(path string, items ...tlv) []tlv {
	w.t.Helper()
	var b []byte
	for _, it := range items {
		b = appendTLV(b, it.tag, it.val)
	}
	status, body := w.ask("POST", path, b)
	if status != http.StatusOK {
		w.t.Fatalf("%s: status %d", path, status)
	}
	got, err := parseTLV(body)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

func state(n byte) tlv { return tlv{tagState, []byte{n}} }

func wantError(t testing.TB, what string, items []tlv, code byte) {
	t.Helper()
	if got := findByte(items, tagError); got != code {
		t.Errorf("%s: error %d, want %d", what, got, code)
	}
}

// verify opens a session for a controller with this key.
func (w *wire) verify(id string, key ed25519.PrivateKey) []tlv {
	w.t.Helper()
	mine, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	m2 := w.pair("/pair-verify", state(1), tlv{tagPublicKey, mine.PublicKey().Bytes()})
	raw, _ := find(m2, tagPublicKey)
	peer, err := ecdh.X25519().NewPublicKey(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	shared, err := mine.ECDH(peer)
	if err != nil {
		w.t.Fatal(err)
	}
	k, _ := deriveKey(shared, "Pair-Verify-Encrypt-Salt", "Pair-Verify-Encrypt-Info")
	sig := ed25519.Sign(key, join(mine.PublicKey().Bytes(), []byte(id), raw))
	sealed, _ := seal(k, "PV-Msg03", appendTLV(appendTLV(nil, tagIdentifier, []byte(id)), tagSignature, sig))
	m4 := w.pair("/pair-verify", state(3), tlv{tagEncrypted, sealed})
	if findByte(m4, tagError) == 0 {
		w.in.frames, _ = newFramer(shared, "Control-Read-Encryption-Key")
		w.out, _ = newFramer(shared, "Control-Write-Encryption-Key")
	}
	return m4
}

// paired adds a controller to the doorbell and returns its key.
func paired(t testing.TB, b *Bridge, id string, admin bool) ed25519.PrivateKey {
	t.Helper()
	return pairedWith(t, b.bell, id, admin)
}

// pairedWith adds a controller to an accessory and returns its key.
func pairedWith(t testing.TB, s *server, id string, admin bool) ed25519.PrivateKey {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.add(Controller{ID: id, Key: pub, Admin: admin}); err != nil {
		t.Fatal(err)
	}
	return key
}

// forgedM5 is a message M5 that is right in all but that its sender never proved
// the code.
func forgedM5(t *testing.T, secret []byte) tlv {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := deriveKey(secret, "Pair-Setup-Controller-Sign-Salt", "Pair-Setup-Controller-Sign-Info")
	k, _ := deriveKey(secret, "Pair-Setup-Encrypt-Salt", "Pair-Setup-Encrypt-Info")
	b := appendTLV(nil, tagIdentifier, []byte("thief"))
	b = appendTLV(b, tagPublicKey, pub)
	b = appendTLV(b, tagSignature, ed25519.Sign(key, join(x, []byte("thief"), pub)))
	sealed, err := seal(k, "PS-Msg05", b)
	if err != nil {
		t.Fatal(err)
	}
	return tlv{tagEncrypted, sealed}
}

func TestPairingNeedsTheCode(t *testing.T) {
	b := startBridge(t, Config{})
	for name, secret := range map[string][]byte{
		"no key": nil, "zero key": make([]byte, 64), "zero short key": make([]byte, 32),
	} {
		w := dial(t, b.Addr())
		wantError(t, name+" M5 first", w.pair("/pair-setup", state(5), forgedM5(t, secret)), pairAuthentication)
		w.pair("/pair-setup", state(1))
		wantError(t, name+" M1 M5", w.pair("/pair-setup", state(5), forgedM5(t, secret)), pairAuthentication)
		w.pair("/pair-setup", state(1))
		bad := w.pair("/pair-setup", state(3), tlv{tagPublicKey, []byte{1}}, tlv{tagProof, make([]byte, 64)})
		wantError(t, name+" M3", bad, pairAuthentication)
		wantError(t, name+" M1 M3 M5", w.pair("/pair-setup", state(5), forgedM5(t, secret)), pairAuthentication)
		w.nc.Close()
	}
	// A public key that is a multiple of the prime makes the secret zero for all.
	zero := srpHash(make([]byte, srpSize))
	for _, k := range []int64{0, 1} {
		A := new(big.Int).Mul(srpPrime, big.NewInt(k))
		w := dial(t, b.Addr())
		m2 := w.pair("/pair-setup", state(1))
		proof := zeroProof(m2, srpPad(A), zero)
		got := w.pair("/pair-setup", state(3), tlv{tagPublicKey, srpPad(A)}, tlv{tagProof, proof})
		wantError(t, fmt.Sprintf("public key %d times the prime", k), got, pairAuthentication)
		wantError(t, "M5 after it", w.pair("/pair-setup", state(5), forgedM5(t, zero)), pairAuthentication)
		w.nc.Close()
	}
	if b.Status().Paired {
		t.Fatal("paired without the code")
	}
}

// zeroProof is the proof of someone who knows that the secret is zero.
func zeroProof(m2 []tlv, a, key []byte) []byte {
	salt, _ := find(m2, tagSalt)
	public, _ := find(m2, tagPublicKey)
	mix, g := srpHash(srpPrime.Bytes()), srpHash(srpG.Bytes())
	for i := range mix {
		mix[i] ^= g[i]
	}
	return srpHash(mix, srpHash([]byte(srpUser)), salt, a, public, key)
}

func TestPairingClosesAfterHundredWrongCodes(t *testing.T) {
	keep := &memory{}
	b, stop := runBridge(t, Config{Store: keep})
	defer stop()
	if err := b.bell.store.setTries(triesMax - 2); err != nil {
		t.Fatal(err)
	}
	w := dial(t, b.Addr())
	for _, want := range []byte{pairAuthentication, pairAuthentication} {
		w.pair("/pair-setup", state(1))
		got := w.pair("/pair-setup", state(3), tlv{tagPublicKey, []byte{2}}, tlv{tagProof, make([]byte, 64)})
		wantError(t, "wrong code", got, want)
	}
	wantError(t, "one more", w.pair("/pair-setup", state(1)), pairMaxTries)
	stop()
	b = startBridge(t, Config{Store: keep})
	wantError(t, "after a restart", dial(t, b.Addr()).pair("/pair-setup", state(1)), pairMaxTries)
}

func TestPairingOneAtATime(t *testing.T) {
	b := startBridge(t, Config{})
	idle := dial(t, b.Addr()) // says nothing, and keeps nobody out
	first, second := dial(t, b.Addr()), dial(t, b.Addr())
	first.pair("/pair-setup", state(1))
	wantError(t, "second", second.pair("/pair-setup", state(1)), pairBusy)
	wantError(t, "second, out of turn", second.pair("/pair-setup", state(3), tlv{tagProof, []byte{1}}), pairBusy)
	first.nc.Close()
	ok := false
	for range 100 {
		if ok = findByte(second.pair("/pair-setup", state(1)), tagError) == 0; ok {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !ok {
		t.Error("a controller that left still keeps others out")
	}
	paired(t, b, "someone", true)
	wantError(t, "already paired", idle.pair("/pair-setup", state(1)), pairUnavailable)
}

func TestVerifyRefusesStrangers(t *testing.T) {
	b := startBridge(t, Config{})
	key := paired(t, b, "me", true)
	_, other, _ := ed25519.GenerateKey(nil)
	wantError(t, "unknown controller", dial(t, b.Addr()).verify("you", key), pairAuthentication)
	wantError(t, "wrong key", dial(t, b.Addr()).verify("me", other), pairAuthentication)
	w := dial(t, b.Addr())
	wantError(t, "M3 first", w.pair("/pair-verify", state(3), tlv{tagEncrypted, make([]byte, 40)}), pairAuthentication)
	wantError(t, "zero key", w.pair("/pair-verify", state(1), tlv{tagPublicKey, make([]byte, 32)}), pairAuthentication)
	wantError(t, "short key", w.pair("/pair-verify", state(1), tlv{tagPublicKey, make([]byte, 5)}), pairAuthentication)
	for _, path := range []string{"/accessories", "/characteristics?id=1.1", "/nothing"} {
		if status, _ := w.ask("GET", path, nil); status != statusUnverified {
			t.Errorf("GET %s unverified: %d", path, status)
		}
	}
	if status, body := w.ask("POST", "/resource", []byte(`{"resource-type":"image","image-width":640,"image-height":360}`)); status != statusUnverified {
		t.Errorf("POST /resource unverified: %d, %d bytes", status, len(body))
	}
	if status, _ := w.ask("POST", "/identify", nil); status != http.StatusBadRequest {
		t.Errorf("POST /identify on a paired accessory: %d", status)
	}
}

func TestRequestsOfAnyLengthAreAnswered(t *testing.T) {
	b := startBridge(t, Config{})
	key := paired(t, b, "me", true)
	w := dial(t, b.Addr())
	if m4 := w.verify("me", key); findByte(m4, tagError) != 0 {
		t.Fatal("not verified")
	}
	base := "GET /characteristics?id=1.2 HTTP/1.1\r\nHost: x\r\nX-Fill: \r\n\r\n"
	for _, n := range []int{1023, 1024, 1025, 2048, 4096} {
		fill := strings.Repeat("a", n-len(base))
		w.send([]byte(strings.Replace(base, "X-Fill: ", "X-Fill: "+fill, 1)))
		if status, _ := w.answer(); status != http.StatusMultiStatus && status != http.StatusOK {
			t.Errorf("request of %d bytes: status %d", n, status)
		}
	}
	one := []byte(strings.Replace(base, "X-Fill: ", "X: 1", 1))
	w.send(append(append([]byte{}, one...), one...)) // two at once
	for range 2 {
		w.answer()
	}
	if status, _ := w.ask("PUT", "/characteristics", bytes.Repeat([]byte(" "), bodyMax+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("long body: status %d", status)
	}
	for name, raw := range map[string]string{
		"endless head": "GET / HTTP/1.1\r\n" + strings.Repeat("X: 1234567890\r\n", 10000),
		"no HTTP":      "\x00\x01\x02\r\n\r\n",
	} {
		s := dial(t, b.Addr())
		s.nc.Write([]byte(raw)) // the end of the connection may come first
		if n, err := s.nc.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: %d bytes answered", name, n)
		}
	}
}

func TestPairingsAreTheAdministrators(t *testing.T) {
	b := startBridge(t, Config{})
	admin, guest := paired(t, b, "admin", true), paired(t, b, "guest", false)
	w, g := dial(t, b.Addr()), dial(t, b.Addr())
	w.verify("admin", admin)
	g.verify("guest", guest)
	wantError(t, "guest lists", g.pair("/pairings", state(1), tlv{tagMethod, []byte{methodList}}), pairAuthentication)
	list := w.pair("/pairings", state(1), tlv{tagMethod, []byte{methodList}})
	var names []string
	for _, it := range list {
		if it.tag == tagIdentifier {
			names = append(names, string(it.val))
		}
	}
	if strings.Join(names, " ") != "admin guest" {
		t.Errorf("listed %q", names)
	}
	remove := func(id string) []tlv {
		return w.pair("/pairings", state(1), tlv{tagMethod, []byte{methodRemove}}, tlv{tagIdentifier, []byte(id)})
	}
	wantError(t, "removing nobody", remove("nobody"), 0)
	wantError(t, "removing the guest", remove("guest"), 0)
	if _, err := g.nc.Read(make([]byte, 1)); err == nil {
		t.Error("a removed controller keeps its connection")
	}
	add := func(id string, n int) []tlv {
		return w.pair("/pairings", state(1), tlv{tagMethod, []byte{methodAdd}}, tlv{tagIdentifier, []byte(id)},
			tlv{tagPublicKey, make([]byte, n)}, tlv{tagPermissions, []byte{0}})
	}
	wantError(t, "adding with a short key", add("x", 31), pairUnknown)
	for i := 1; i < controllersMax; i++ {
		wantError(t, "adding", add(fmt.Sprint("c", i), 32), 0)
	}
	wantError(t, "adding too many", add("one more", 32), pairMaxPeers)
	wantError(t, "removing the last administrator", remove("admin"), 0)
	if n := len(b.Status().Controllers); n != 0 {
		t.Errorf("%d controllers left without an administrator", n)
	}
}

func TestTimedWrites(t *testing.T) {
	b := startBridge(t, Config{})
	w := dial(t, b.Addr())
	w.verify("me", paired(t, b, "me", true))
	mute := b.doorbell.acc.Ss[len(b.doorbell.acc.Ss)-1].Cs[0]
	write := func(pid string) int {
		body := fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":true}]%s}`, mute.Id, pid)
		status, b := w.ask("PUT", "/characteristics", []byte(body))
		if status == http.StatusNoContent {
			return codeDone
		}
		var a struct {
			Characteristics []struct {
				Status int `json:"status"`
			} `json:"characteristics"`
		}
		if err := json.Unmarshal(b, &a); err != nil {
			t.Fatal(err)
		}
		return a.Characteristics[0].Status
	}
	if got := write(`,"pid":7`); got != codeInvalid {
		t.Errorf("timed write that was not prepared: %d", got)
	}
	w.ask("PUT", "/prepare", []byte(`{"ttl":5000,"pid":7}`))
	if got := write(`,"pid":8`); got != codeInvalid {
		t.Errorf("timed write with another id: %d", got)
	}
	w.ask("PUT", "/prepare", []byte(`{"ttl":5000,"pid":7}`))
	if got := write(`,"pid":7`); got != codeDone {
		t.Errorf("timed write: %d", got)
	}
	w.ask("PUT", "/prepare", []byte(`{"ttl":1,"pid":7}`))
	time.Sleep(20 * time.Millisecond)
	if got := write(`,"pid":7`); got != codeInvalid {
		t.Errorf("timed write that came too late: %d", got)
	}
	if got := write(""); got != codeDone {
		t.Errorf("plain write: %d", got)
	}
}
