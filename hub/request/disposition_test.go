package request_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

func TestDispositions(t *testing.T) {
	h := newHome(t).allowed()
	ctx := t.Context()
	r := h.prepare(h.arrive(h.request(), request.Waiting))
	if _, err := h.Approve(ctx, r.ID, r.Package.Digest, "Ann", true); err != nil {
		t.Fatal(err)
	}
	publish := func(state string, key ed25519.PrivateKey, edit func(*bulletin.Disposition)) {
		t.Helper()
		d := bulletin.Disposition{Agency: h.agency.Agency, Request: r.ID, SHA256: r.Package.Digest, State: state, At: h.clock.Now()}
		if edit != nil {
			edit(&d)
		}
		env, err := bulletin.SignDisposition(d, key)
		if err != nil {
			t.Fatal(err)
		}
		h.log.Add(t, bulletin.KindDisposition, env)
		h.take()
	}
	entries := func() int {
		n := 0
		for _, k := range h.kinds(r.ID) {
			if k == ledger.Disposed {
				n++
			}
		}
		return n
	}
	is := func(want string, notes int) {
		t.Helper()
		got, err := h.house.Record(ctx, r.ID)
		if err != nil || got.Disposed != want || entries() != notes {
			t.Errorf("%q, %d entries, %v; want %q, %d", got.Disposed, entries(), err, want, notes)
		}
	}
	key := h.agency.Receipt
	publish(bulletin.Unused, key, nil)
	is("", 0) // it has not been sent; that the agency was early is forgiven
	if err := h.Delivered(ctx, r.ID, true, ""); err != nil {
		t.Fatal(err)
	}
	h.take()
	is(bulletin.Unused, 1)
	publish(bulletin.Destroyed, h.agency.Officer, nil)
	publish(bulletin.Destroyed, newAgency(h, "other.example").Receipt, func(d *bulletin.Disposition) { d.Agency = "other.example" })
	publish(bulletin.Destroyed, key, func(d *bulletin.Disposition) { d.SHA256 = strings.Repeat("ab", 32) })
	publish(bulletin.Destroyed, key, func(d *bulletin.Disposition) { d.Request = "019aa7b2-58c0-7000-8000-000000000001" })
	is(bulletin.Unused, 1)
	// A mirror may call the line what it likes.
	h.serve(h.log.Lines(t), func(l *bulletin.Line) {
		if l.Kind == bulletin.KindDisposition {
			l.Kind = bulletin.KindProfile
		}
	})
	publish(bulletin.Used, key, nil)
	is(bulletin.Used, 2)
	publish(bulletin.Unused, key, nil) // not back
	is(bulletin.Used, 2)
	publish(bulletin.Destroyed, key, nil)
	publish(bulletin.Used, key, nil)
	h.take()
	is(bulletin.Destroyed, 3)
	if kinds := h.kinds(r.ID); kinds[len(kinds)-1] != ledger.Disposed || slices.Contains(kinds, ledger.Refused) {
		t.Errorf("%v", kinds)
	}
}

// TestDispositionOfWhatWasHandedOver: what the agency says of a package that the
// owner brought is noted as of one that was sent. Said early, it waits.
func TestDispositionOfWhatWasHandedOver(t *testing.T) {
	h := newHome(t).allowed()
	ctx := t.Context()
	r := h.released(bulletin.InPerson)
	h.give(r.ID, request.Sealed)
	env, err := bulletin.SignDisposition(bulletin.Disposition{
		Agency: h.agency.Agency, Request: r.ID, SHA256: r.Package.Digest, State: bulletin.Used, At: h.clock.Now(),
	}, h.agency.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	h.log.Add(t, bulletin.KindDisposition, env)
	seen := func() bool {
		t.Helper()
		seen, err := h.house.Seen(ctx, sha256.Sum256(env))
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	h.take()
	if got := h.is(r.ID, request.Ready); got.Disposed != "" || seen() {
		t.Errorf("before the owner said that it was handed over: %q, remembered %v", got.Disposed, seen())
	}
	if _, err := h.HandedOver(ctx, r.ID, toOrtiz, "Ann"); err != nil {
		t.Fatal(err)
	}
	h.take()
	h.take()
	kinds := h.kinds(r.ID)
	if got := h.is(r.ID, request.HandedOver); got.Disposed != bulletin.Used || !seen() || kinds[len(kinds)-1] != ledger.Disposed || kinds[len(kinds)-2] != ledger.HandedOver {
		t.Errorf("%q, remembered %v, ledger %v", got.Disposed, seen(), kinds)
	}
}
