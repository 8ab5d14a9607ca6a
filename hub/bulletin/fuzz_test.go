package bulletin_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

// mustRefuse fails on an error that is no refusal: rows and the owner's words are made of them.
func mustRefuse(t *testing.T, err error) {
	t.Helper()
	var r *bulletin.Refusal
	if err != nil && !errors.As(err, &r) {
		t.Fatalf("%T: %v", err, err)
	}
}

// mustBeFrugal fails if reading n bytes of input allocates more than ten times
// as much in all, beside what reading anything needs.
func mustBeFrugal(t *testing.T, n int, read func()) {
	t.Helper()
	const anyway = 512 << 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(10*n+anyway) {
		t.Fatalf("%d bytes allocated for %d", used, n)
	}
}

// inflated is how many bytes a file is made of, at most one more than may be.
func inflated(data []byte) int {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return 0
	}
	n, err := io.Copy(io.Discard, io.LimitReader(z, bulletin.MaxInflated+1))
	if err != nil {
		return int(n) // up to the damage
	}
	return int(n)
}

func FuzzReadFile(f *testing.F) {
	l := filled(f, 1, 3)
	f.Add(l.File(f))
	f.Add(gz(f, "{\"kind\":\"request\",\"env\":{},\"proof\":\"p\"}\n\n{"))
	p := l.Policy(f)
	f.Add(gz(f, strings.Repeat(" ", 4<<20)))
	f.Add(gz(f, strings.Repeat("\n", bulletin.MaxLines+1)))
	f.Add(gz(f, `{"kind":"request","env":{"a":`+strings.Repeat("[", 60<<10)))
	f.Fuzz(func(t *testing.T, data []byte) {
		mustBeFrugal(t, len(data)+inflated(data), func() {
			err := bulletin.ReadFile(data, func(bulletin.Line) error { return nil }, nil)
			mustRefuse(t, err)
		})
		var lines []bulletin.Line
		err := bulletin.ReadFile(data, func(l bulletin.Line) error {
			lines = append(lines, l)
			_, err := p.Verify(l)
			mustRefuse(t, err)
			return nil
		}, func(n int, r *bulletin.Refusal) {
			if n < 1 || r == nil {
				t.Fatal("a bad line without place or reason")
			}
		})
		mustRefuse(t, err)
		if _, err := bulletin.WriteFile(lines); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

func FuzzOpenRequest(f *testing.F) {
	a := bulletintest.New(f, now)
	// Keys differ from run to run and inputs do not, so they name them by place holders.
	hash, recipient := hex.EncodeToString(a.Hash[:]), bulletin.Fingerprint(a.Recipients[0])
	outward := strings.NewReplacer(hash, "HASH", recipient, "RECIPIENT")
	inward := strings.NewReplacer("HASH", hash, "RECIPIENT", recipient)
	q := a.Request(f, now)
	f.Add(outward.Replace(string(marshal(f, q))))
	q.Lang = []bulletin.Translation{{Tag: "es", Headline: "abc", Summary: "abc", Area: "abc"}}
	q.Handling.Onward, q.Handling.OnwardTo = true, []string{"District attorney"}
	f.Add(outward.Replace(string(marshal(f, q))))
	f.Add(`{"area":{"ring":[]},"type":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		payload := []byte(inward.Replace(text))
		// The payload is what varies: no changed envelope would survive the signatures.
		env := marshal(t, seal(t, bulletin.RequestType, payload, a.Officer, a.Supervisor))
		var q bulletin.Request
		var err error
		mustBeFrugal(t, len(env), func() { q, err = bulletin.OpenRequest(env, a.VerifiedProfile) })
		mustRefuse(t, err)
		mustBeFrugal(t, len(env), func() { bulletin.PeekRequest(env) })
		bulletin.PeekRequest(payload)
		_, err = bulletin.OpenRequest(payload, a.VerifiedProfile)
		mustRefuse(t, err)
		if q.ID == "" {
			return
		}
		mustRefuse(t, bulletin.CheckLimits(q, a.VerifiedProfile, now))
		if _, err := bulletin.NewRequest(q); err != nil {
			t.Fatalf("%s cannot be written again: %v", payload, err)
		}
	})
}

func FuzzOpenProfile(f *testing.F) {
	a := bulletintest.New(f, now)
	f.Add(marshal(f, a.Profile))
	f.Add([]byte(`{"root":{"keys":[],"threshold":-1}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		env := marshal(t, seal(t, bulletin.ProfileType, payload, a.Root))
		var err error
		mustBeFrugal(t, len(env), func() { _, err = bulletin.OpenProfile(env) })
		mustRefuse(t, err)
		_, err = bulletin.OpenProfile(payload)
		mustRefuse(t, err)
		env = marshal(t, seal(t, bulletin.ReceiptType, payload, a.Receipt))
		mustBeFrugal(t, len(env), func() { _, err = bulletin.OpenReceipt(env, a.VerifiedProfile) })
		mustRefuse(t, err)
	})
}

func FuzzCheckpoint(f *testing.F) {
	l := filled(f, 2, 3)
	p := l.Policy(f)
	f.Add(l.Checkpoint(f))
	l.Extra = "extension\n"
	f.Add(l.Checkpoint(f))
	f.Fuzz(func(t *testing.T, signed []byte) {
		var c bulletin.Checkpoint
		var err error
		mustBeFrugal(t, len(signed), func() { c, err = p.Checkpoint(signed) })
		mustRefuse(t, err)
		if err == nil && c.Size != 3 {
			t.Fatalf("a checkpoint that was never signed: %+v", c)
		}
	})
}

func FuzzVerify(f *testing.F) {
	l := filled(f, 1, 3)
	p := l.Policy(f)
	for _, line := range l.Lines(f) {
		f.Add(line.Envelope, line.Proof)
	}
	f.Fuzz(func(t *testing.T, env, proof []byte) {
		var e bulletin.Entry
		var err error
		mustBeFrugal(t, len(env)+len(proof), func() {
			e, err = p.Verify(bulletin.Line{Kind: bulletin.KindRequest, Envelope: env, Proof: proof})
		})
		mustRefuse(t, err)
		if err == nil && string(env) != string([]byte{'{', '"', 'n', '"', ':', byte('0' + e.Index), '}'}) {
			t.Fatalf("%q was never in the log", env)
		}
	})
}

func FuzzRing(f *testing.F) {
	f.Add(38.5, -121.4, 38.6, -121.3, 38.55, -121.2, 38.52, -121.35)
	f.Add(89.9, 179.0, 89.8, -179.0, 89.7, 0.0, -90.0, 180.0)
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i float64) {
		ring := []bulletin.Point{{Lat: a, Lon: b}, {Lat: c, Lon: d}, {Lat: e, Lon: g}, {Lat: a, Lon: b}}
		p := bulletin.Point{Lat: h, Lon: i}
		in := bulletin.Contains(ring, p)
		for k := range ring { // neither where the ring begins nor its direction matters
			turned := append(append([]bulletin.Point{}, ring[k%3:3]...), ring[:k%3]...)
			turned = append(turned, turned[0])
			if bulletin.Contains(turned, p) != in {
				t.Fatalf("%v in %v: %v, not so begun at %d", p, ring, in, k)
			}
		}
		back := []bulletin.Point{ring[0], ring[2], ring[1], ring[0]}
		if bulletin.Contains(back, p) != in {
			t.Fatalf("%v in %v: %v, not so backwards", p, ring, in)
		}
		if km := bulletin.SquareKM(ring); !(km >= 0 && km < 5.2e8) {
			t.Fatalf("%v has %f km²", ring, km)
		}
	})
}
