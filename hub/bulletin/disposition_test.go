package bulletin_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

func disposition(a *bulletintest.Agency) bulletin.Disposition {
	return bulletin.Disposition{
		Agency: a.Agency, Request: "019aa7b2-58c0-7000-8000-000000000001", SHA256: strings.Repeat("ab", 32), State: bulletin.Used, At: now,
	}
}

func TestDisposition(t *testing.T) {
	a, b := bulletintest.New(t, now), bulletintest.New(t, now)
	env, err := bulletin.SignDisposition(disposition(a), a.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	q, err := bulletin.OpenDisposition(env, a.VerifiedProfile)
	if err != nil || q.State != bulletin.Used || !q.At.Equal(now) {
		t.Fatalf("%+v, %v", q, err)
	}
	for name, key := range map[string]ed25519.PrivateKey{"stranger": b.Receipt, "root": a.Root, "officer": a.Officer} {
		env, err := bulletin.SignDisposition(disposition(a), key)
		if err != nil {
			t.Fatal(err)
		}
		var r *bulletin.Refusal
		if _, err := bulletin.OpenDisposition(env, a.VerifiedProfile); !errors.As(err, &r) || r.Code != bulletin.BadSignature {
			t.Errorf("signed by %s: %v", name, err)
		}
	}
	for name, edit := range map[string]func(q *bulletin.Disposition){
		"state":   func(q *bulletin.Disposition) { q.State = "lost" },
		"digest":  func(q *bulletin.Disposition) { q.SHA256 = "ab" },
		"request": func(q *bulletin.Disposition) { q.Request = "1" },
		"agency":  func(q *bulletin.Disposition) { q.Agency = "Police" },
		"time":    func(q *bulletin.Disposition) { q.At = time.Time{} },
	} {
		q := disposition(a)
		edit(&q)
		if _, err := bulletin.SignDisposition(q, a.Receipt); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

// dispositionVectors are those of testdata/vectors.
func dispositionVectors(t testing.TB, a *bulletintest.Agency) (out []vector) {
	add := func(name string, key ed25519.PrivateKey, change func(*bulletin.Disposition)) {
		q := disposition(a)
		q.Type = "gatehouse.disposition/v1"
		change(&q)
		out = append(out, vector{Name: name, Envelope: string(marshal(t, seal(t, bulletin.DispositionType, marshal(t, q), key)))})
	}
	for _, state := range []string{bulletin.Used, bulletin.Unused, bulletin.Destroyed} {
		add("valid: "+state, a.Receipt, func(q *bulletin.Disposition) { q.State = state })
	}
	add("signed by an officer", a.Officer, func(*bulletin.Disposition) {})
	add("of another agency", a.Receipt, func(q *bulletin.Disposition) { q.Agency = "sheriff.shelbyville.example" })
	add("of version 2", a.Receipt, func(q *bulletin.Disposition) { q.Type = "gatehouse.disposition/v2" })
	add("agency is no name", a.Receipt, func(q *bulletin.Disposition) { q.Agency = "police" })
	add("request is no UUID", a.Receipt, func(q *bulletin.Disposition) { q.Request = "7" })
	add("hash in upper case", a.Receipt, func(q *bulletin.Disposition) { q.SHA256 = strings.Repeat("AB", 32) })
	add("another state", a.Receipt, func(q *bulletin.Disposition) { q.State = "lost" })
	add("no time", a.Receipt, func(q *bulletin.Disposition) { q.At = time.Time{} })
	q := disposition(a)
	q.Type = "gatehouse.disposition/v1"
	unsigned := seal(t, bulletin.DispositionType, marshal(t, q), a.Receipt)
	unsigned.Signatures = unsigned.Signatures[:0]
	return append(out, vector{Name: "not signed", Envelope: string(marshal(t, unsigned))})
}

func FuzzDisposition(f *testing.F) {
	a := bulletintest.New(f, now)
	f.Add(marshal(f, disposition(a)))
	f.Add([]byte(`{"type":"gatehouse.disposition/v1","state":"used","state":"unused"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		q, err := bulletin.OpenDisposition(marshal(t, seal(t, bulletin.DispositionType, payload, a.Receipt)), a.VerifiedProfile)
		mustRefuse(t, err)
		if err == nil && (q.Agency != a.Agency || q.SHA256 == "") {
			t.Fatalf("%+v", q)
		}
		_, err = bulletin.PeekDisposition(payload)
		mustRefuse(t, err)
	})
}
