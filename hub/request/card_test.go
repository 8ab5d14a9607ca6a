package request_test

import (
	"errors"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
)

// TestKeyCard: a profile that came as a file is as good as one of a bulletin.
func TestKeyCard(t *testing.T) {
	h := newHome(t)
	card := h.agency.Envelope
	p, err := h.TakeCard(t.Context(), card)
	if err != nil || p.RootID != h.agency.RootID {
		t.Fatalf("%v, %v", p, err)
	}
	if len(h.Allowlist()) != 0 {
		t.Error("a card allowed its agency")
	}
	if _, err := h.Allow(t.Context(), h.agency.Agency, p.RootID, "Ann"); err != nil {
		t.Fatal(err)
	}
	h.arrive(h.request(), request.Waiting)
	if _, err := h.TakeCard(t.Context(), card); err != nil {
		t.Errorf("the same again: %v", err)
	}
}

// TestKeyCardOfOthers: a card under a listed agency's name displaces nothing.
func TestKeyCardOfOthers(t *testing.T) {
	h := newHome(t).allowed()
	r := h.arrive(h.request(), request.Waiting)
	rogue := bulletintest.New(t, h.clock.Now(), func(p *bulletin.Profile) { p.Version = 9 })
	if _, err := h.TakeCard(t.Context(), rogue.Envelope); err != nil {
		t.Fatal(err)
	}
	h.is(r.ID, request.Waiting)
	if got := h.Allowlist(); len(got) != 1 || got[0].Root != h.agency.RootID {
		t.Errorf("allowlist %v", got)
	}
}

func TestBadKeyCards(t *testing.T) {
	h := newHome(t)
	q := h.request()
	old := bulletintest.New(t, h.clock.Now().AddDate(0, -3, 0), func(p *bulletin.Profile) { p.Expires = h.clock.Now().Add(-time.Hour) })
	for name, data := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("hello"), "a request": h.agency.Sign(t, q),
		"expired": old.Envelope, "cut short": h.agency.Envelope[:len(h.agency.Envelope)-9],
	} {
		var refusal *bulletin.Refusal
		if _, err := h.TakeCard(t.Context(), data); !errors.As(err, &refusal) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if known, _ := h.Known(t.Context()); len(known) != 0 {
		t.Errorf("known: %v", known)
	}
}
