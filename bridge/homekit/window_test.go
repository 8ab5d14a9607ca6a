package homekit

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// prove sends M1 and M3 with a code and returns the items of M4 and the secret.
func (w *wire) prove(code string) (m4 []tlv, secret []byte) {
	w.t.Helper()
	m2 := w.pair("/pair-setup", state(1))
	if findByte(m2, tagError) != 0 {
		return m2, nil
	}
	return w.proveTo(m2, code)
}

// proveTo is the controller's side of SRP, from M2 on.
func (w *wire) proveTo(m2 []tlv, code string) (m4 []tlv, secret []byte) {
	w.t.Helper()
	salt, _ := find(m2, tagSalt)
	public, _ := find(m2, tagPublicKey)
	raw := make([]byte, 32)
	rand.Read(raw)
	a, B := new(big.Int).SetBytes(raw), new(big.Int).SetBytes(public)
	A := new(big.Int).Exp(srpG, a, srpPrime)
	x := new(big.Int).SetBytes(srpHash(salt, srpHash([]byte(srpUser+":"+code))))
	k := new(big.Int).SetBytes(srpHash(srpPad(srpPrime), srpPad(srpG)))
	u := new(big.Int).SetBytes(srpHash(srpPad(A), srpPad(B)))
	v := new(big.Int).Exp(srpG, x, srpPrime)
	base := new(big.Int).Sub(B, k.Mul(k, v))
	S := base.Mod(base, srpPrime).Exp(base, a.Add(a, u.Mul(u, x)), srpPrime)
	key := srpHash(srpPad(S))
	proof := zeroProof(m2, srpPad(A), key)
	return w.pair("/pair-setup", state(3), tlv{tagPublicKey, srpPad(A)}, tlv{tagProof, proof}), key
}

// exchange sends M5 of a controller and returns the items of M6.
func (w *wire) exchange(secret []byte, id string, key ed25519.PrivateKey) []tlv {
	w.t.Helper()
	x, _ := deriveKey(secret, "Pair-Setup-Controller-Sign-Salt", "Pair-Setup-Controller-Sign-Info")
	k, _ := deriveKey(secret, "Pair-Setup-Encrypt-Salt", "Pair-Setup-Encrypt-Info")
	pub := key.Public().(ed25519.PublicKey)
	b := appendTLV(nil, tagIdentifier, []byte(id))
	b = appendTLV(b, tagPublicKey, pub)
	b = appendTLV(b, tagSignature, ed25519.Sign(key, join(x, []byte(id), pub)))
	sealed, err := seal(k, "PS-Msg05", b)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.pair("/pair-setup", state(5), tlv{tagEncrypted, sealed})
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// clock is a time that a test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// TestPairingIsClosedUntilTheOwnerOpensIt: every message of pair-setup is
// refused while the window is closed, wherever a pairing stands (HAP R2, 5.6).
func TestPairingIsClosedUntilTheOwnerOpensIt(t *testing.T) {
	b := startBridge(t, Config{})
	b.ClosePairing()
	if st := b.Status(); st.Code != "" || st.SetupURI != "" || st.Sensor.SetupURI != "" || !st.Until.IsZero() {
		t.Errorf("a closed window tells the code: %+v", st)
	}
	w := dial(t, b.Addr())
	for _, n := range []byte{1, 3, 5} {
		m := w.pair("/pair-setup", state(n))
		wantError(t, fmt.Sprint("closed, M", n), m, pairUnavailable)
		if findByte(m, tagState) != n+1 {
			t.Errorf("M%d answered as M%d", n, findByte(m, tagState))
		}
	}
	if status, _ := w.ask("POST", "/identify", nil); status != http.StatusNoContent {
		t.Errorf("identify while unpaired: %d", status)
	}
	if b.bell.txt()["sf"] != "1" {
		t.Error("an accessory that is not paired says that it is")
	}
	open := func() {
		t.Helper()
		if _, err := b.OpenPairing(); err != nil {
			t.Fatal(err)
		}
	}
	open()
	m2 := w.pair("/pair-setup", state(1))
	b.ClosePairing()
	m4, _ := w.proveTo(m2, b.Code())
	wantError(t, "closed between M2 and M3", m4, pairUnavailable)
	open()
	m4, secret := w.prove(b.Code())
	wantError(t, "the right code", m4, 0)
	b.ClosePairing()
	wantError(t, "closed between M4 and M5", w.exchange(secret, "me", newKey(t)), pairUnavailable)
	if b.Status().Paired || b.Status().Tries != 0 {
		t.Fatalf("%+v", b.Status())
	}
	open()
	m4, secret = w.prove(b.Code())
	wantError(t, "once more", m4, 0)
	key := newKey(t)
	wantError(t, "M5", w.exchange(secret, "me", key), 0)
	if st := b.Status(); !st.Paired || st.Code != "" || st.Sensor.Code == "" || b.bell.txt()["sf"] != "0" {
		t.Errorf("after pairing one of two: %+v", st)
	}
	wantError(t, "paired already", dial(t, b.Addr()).pair("/pair-setup", state(1)), pairUnavailable)
	wantError(t, "verify", w.verify("me", key), 0)
}

// TestPairingEndsByItself: after its time, and when nothing is left to pair.
func TestPairingEndsByItself(t *testing.T) {
	c := &clock{time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	b, err := New(t.Context(), Config{Store: &memory{}, Now: c.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	isOpen := func() bool { _, _, ok := b.window.open(); return ok }
	if isOpen() {
		t.Error("open at the start")
	}
	until, err := b.OpenPairing()
	if err != nil || !until.Equal(c.t.Add(15*time.Minute)) || b.Status().Until != until {
		t.Errorf("open until %v, %v", until, err)
	}
	c.t = until.Add(-time.Nanosecond)
	if !isOpen() {
		t.Error("closed too early")
	}
	if c.t = until; isOpen() || b.Status().Code != "" {
		t.Error("open too long")
	}
	if _, err := b.OpenPairing(); err != nil {
		t.Fatal(err)
	}
	for i, s := range b.servers() {
		if !isOpen() {
			t.Errorf("closed with %d accessories left", len(b.servers())-i)
		}
		pairedWith(t, s, "me", true)
		s.pairingsChanged()
	}
	if isOpen() {
		t.Error("open with nothing to pair")
	}
	if _, err := b.OpenPairing(); !errors.Is(err, ErrPaired) {
		t.Errorf("opening with nothing to pair: %v", err)
	}
	if err := errors.Join(b.RemoveController("sensor", "me"), b.eye.store.setTries(triesMax)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.OpenPairing(); !errors.Is(err, ErrTries) || !b.Status().Sensor.Locked {
		t.Errorf("opening with only a locked accessory left: %v", err)
	}
}

// TestWrongCodesAreForgottenOnlyByPairingOrReset.
func TestWrongCodesAreForgottenOnlyByPairingOrReset(t *testing.T) {
	b := startBridge(t, Config{})
	w := dial(t, b.Addr())
	for range 2 {
		m4, _ := w.prove("000-00-001")
		wantError(t, "wrong code", m4, pairAuthentication)
	}
	if n := b.Status().Tries; n != 2 {
		t.Errorf("%d tries counted", n)
	}
	b.ClosePairing()
	w.prove("000-00-001")
	if _, err := b.OpenPairing(); err != nil || b.Status().Tries != 2 {
		t.Errorf("tries after closing and opening: %d, %v", b.Status().Tries, err)
	}
	m4, secret := w.prove(b.Code())
	wantError(t, "right code", m4, 0)
	if b.Status().Tries != 2 {
		t.Error("a proof without a pairing forgets the wrong codes")
	}
	wantError(t, "M5", w.exchange(secret, "me", newKey(t)), 0)
	if b.Status().Tries != 0 {
		t.Error("a pairing does not forget the wrong codes")
	}
	if err := errors.Join(b.eye.store.setTries(triesMax), b.Reset("sensor")); err != nil || b.Status().Sensor.Locked {
		t.Errorf("a reset leaves the accessory locked: %v", err)
	}
}

// TestPairingIsKeptOrRefused: a pairing that cannot be kept is not answered with M6.
func TestPairingIsKeptOrRefused(t *testing.T) {
	keep := &memory{}
	b := startBridge(t, Config{Store: keep})
	w := dial(t, b.Addr())
	m4, secret := w.prove(b.Code())
	wantError(t, "M3", m4, 0)
	keep.mu.Lock()
	keep.full = errDisk
	keep.mu.Unlock()
	wantError(t, "M5 on a full disk", w.exchange(secret, "me", newKey(t)), pairUnknown)
	m4, _ = w.prove("000-00-001")
	wantError(t, "a wrong code that cannot be counted", m4, pairUnavailable)
	before := b.Status()
	if err := b.Reset(""); !errors.Is(err, errDisk) || b.Status().DeviceID != before.DeviceID {
		t.Errorf("reset on a full disk: %v", err)
	}
	if b.Status().Paired {
		t.Error("paired, and not kept")
	}
}

// TestOwnerRemovesControllers: what is removed loses its connection at once, and
// with the last administrator all are (HAP R2, 5.11).
func TestOwnerRemovesControllers(t *testing.T) {
	b := startBridge(t, Config{})
	conns := map[string]*wire{}
	for id, admin := range map[string]bool{"admin": true, "guest": false, "child": false} {
		conns[id] = dial(t, b.Addr())
		wantError(t, id, conns[id].verify(id, paired(t, b, id, admin)), 0)
	}
	gone := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			if _, err := conns[id].nc.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s keeps the connection", id)
			}
		}
	}
	if err := errors.Join(b.RemoveController("doorbell", "nobody"), b.RemoveController("doorbell", "child")); err != nil {
		t.Fatal(err)
	}
	gone("child")
	if n := len(b.Status().Controllers); n != 2 {
		t.Errorf("%d controllers", n)
	}
	if err := b.RemoveController("doorbell", "admin"); err != nil {
		t.Fatal(err)
	}
	gone("admin", "guest")
	if st := b.Status(); st.Paired || b.bell.txt()["sf"] != "1" {
		t.Errorf("%+v", st)
	}
	for _, do := range []func(string) error{b.Reset, func(a string) error { return b.RemoveController(a, "x") }} {
		if err := do("toaster"); !errors.Is(err, ErrNoAccessory) {
			t.Errorf("an accessory that is not there: %v", err)
		}
	}
}

// TestStatusKnowsWhoIsHere: when a controller came and from where is kept.
func TestStatusKnowsWhoIsHere(t *testing.T) {
	keep := &memory{}
	b, stop := runBridge(t, Config{Store: keep})
	defer stop()
	w := dial(t, b.Addr())
	wantError(t, "verify", w.verify("me", paired(t, b, "me", true)), 0)
	w.ask("GET", "/accessories", nil) // answered after it was noted
	got := b.Status().Controllers
	if len(got) != 1 || got[0].Peer != "127.0.0.1" || got[0].Seen.IsZero() || !got[0].Connected || !got[0].Admin {
		t.Errorf("%+v", got)
	}
	stop()
	b = startBridge(t, Config{Store: keep})
	if now := b.Status().Controllers; now[0].Connected || !now[0].Seen.Equal(got[0].Seen) {
		t.Errorf("after a restart %+v", now)
	}
}

// TestResetMakesStrangers: nothing of an accessory that was reset is as before,
// and the others keep all but the code.
func TestResetMakesStrangers(t *testing.T) {
	keep := &memory{}
	b, stop := runBridge(t, Config{Store: keep})
	defer stop()
	key, eyeKey := paired(t, b, "me", true), pairedWith(t, b.eye, "me", true)
	w, half := dial(t, b.Addr()), dial(t, b.Status().Sensor.Addr)
	wantError(t, "verify", w.verify("me", key), 0)
	before, eyeBefore, code, record := b.bell.store.get(), b.eye.store.get(), b.Code(), b.bell.txt()
	if err := b.Reset("doorbell"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.nc.Read(make([]byte, 1)); err == nil {
		t.Error("a controller of before keeps its connection")
	}
	after := b.bell.store.get()
	if after.DeviceID == before.DeviceID || after.SetupID == before.SetupID || string(after.Seed) == string(before.Seed) ||
		len(after.Controllers) != 0 || after.Version != 1 || b.Code() == code {
		t.Errorf("reset left %+v", after)
	}
	if now := b.bell.txt(); now["id"] == record["id"] || now["sh"] == record["sh"] || now["sf"] != "1" {
		t.Errorf("announced %v, before %v", now, record)
	}
	if d := cmp.Diff(eyeBefore, b.eye.store.get()); d != "" {
		t.Errorf("the other accessory changed:\n%s", d)
	}
	wantError(t, "the other accessory", half.verify("me", eyeKey), 0)
	wantError(t, "pairing after a reset", dial(t, b.Addr()).pair("/pair-setup", state(1)), pairUnavailable)
	if _, err := b.OpenPairing(); err != nil {
		t.Fatal(err)
	}
	w = dial(t, b.Addr())
	wantError(t, "the old pairing", w.verify("me", key), pairAuthentication)
	m4, _ := w.prove(code)
	wantError(t, "the old code", m4, pairAuthentication)
	m4, secret := w.prove(b.Code())
	wantError(t, "the new code", m4, 0)
	if err := b.Reset(""); err != nil { // while a controller pairs
		t.Fatal(err)
	}
	w = dial(t, b.Addr())
	if _, err := b.OpenPairing(); err != nil {
		t.Fatal(err)
	}
	wantError(t, "a pairing that a reset came into", w.exchange(secret, "me", newKey(t)), pairAuthentication)
	if b.Status().Paired || b.Status().Sensor.Paired {
		t.Error("paired after a reset of all")
	}
	wantKept(t, b, keep)
	stop()
	again := startBridge(t, Config{Store: keep})
	if d := cmp.Diff(b.bell.store.get(), again.bell.store.get()); d != "" || again.Code() != b.Code() {
		t.Errorf("after a restart:\n%s", d)
	}
}

// wantKept compares what runs with what is kept.
func wantKept(t *testing.T, b *Bridge, keep Store) {
	t.Helper()
	k, err := keep.HomeKit(t.Context())
	if err != nil || k.Code != b.Code() {
		t.Errorf("code %q kept, %q runs, %v", k.Code, b.Code(), err)
	}
	for i, s := range b.servers() {
		if d := cmp.Diff(s.store.get(), k.Accessories[i]); d != "" {
			t.Errorf("kept (-runs +kept):\n%s", d)
		}
	}
}

// TestControllerMeetsAnotherAccessoryAfterReset: multicast tells the new id.
func TestControllerMeetsAnotherAccessoryAfterReset(t *testing.T) {
	eachPeer(t, controllerMeetsAnotherAccessoryAfterReset)
}

func controllerMeetsAnotherAccessoryAfterReset(t *testing.T, p *peer) {
	b := startBridge(t, Config{})
	p.do(at(b.Status(), b.Code(), m{"do": "pair", "as": "bell"}), nil)
	if err := b.Reset(""); err != nil {
		t.Fatal(err)
	}
	var got struct {
		ID   string `json:"id"`
		Free bool   `json:"availableToPair"`
	}
	p.do(at(b.Status(), "", m{"do": "discover", "iface": loopback(t), "within": 30000}), &got)
	if got.ID != b.Status().DeviceID || !got.Free {
		t.Errorf("found %+v", got)
	}
	if l := p.try(at(b.Status(), b.Code(), m{"do": "pair", "as": "early"})); l.Error == "" {
		t.Error("paired while pairing was closed")
	}
	if _, err := b.OpenPairing(); err != nil {
		t.Fatal(err)
	}
	p.do(at(b.Status(), b.Code(), m{"do": "pair", "as": "new"}), nil)
	p.do(at(*b.Status().Sensor, b.Code(), m{"do": "pair", "as": "eye"}), nil)
	for range 600 { // it closes after the answer is sent
		if _, _, ok := b.window.open(); !ok {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("pairing is open with nothing left to pair")
}
