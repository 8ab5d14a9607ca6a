package request_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/evidence"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

func TestByHandNeedsItsApproval(t *testing.T) {
	pkg, hand := &evidence.Package{ID: "GH-AAAA-AAAA"}, &request.ByHand{}
	for _, s := range []request.State{
		request.Waiting, request.Prepared, request.Declined, request.Expired, request.Withdrawn, request.Refused, request.Failed,
		request.NotListed, request.Unmatched, request.Hidden, request.Approved, request.Sent, request.Ready, request.HandedOver,
	} {
		want := request.ErrState
		switch s {
		case request.Ready, request.HandedOver:
			want = nil
		case request.Approved, request.Sent:
			want = request.ErrNotByHand
		}
		if err := (request.Record{State: s, Package: pkg, ByHand: hand}).MayGive(); !errors.Is(err, want) {
			t.Errorf("%s: %v", s, err)
		}
	}
	for name, r := range map[string]request.Record{
		"withdrawn since": {State: request.Ready, Package: pkg, ByHand: hand, Ended: "The agency withdrew it."},
		"no package":      {State: request.Ready, ByHand: hand},
		"no approval":     {State: request.Ready, Package: pkg},
	} {
		if err := r.MayGive(); !errors.Is(err, request.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// byHandTo changes a request so that a person takes the package.
func byHandTo(kind string) func(h *home, q bulletin.Request) bulletin.Request {
	return func(h *home, q bulletin.Request) bulletin.Request {
		q.Delivery.Targets = []bulletin.Target{{Kind: kind}}
		if kind == bulletin.Portal {
			q.Delivery.Targets[0].URL = "https://" + h.agency.UploadHosts[0].Host + "/case?id=7"
		}
		return q
	}
}

// released is a request whose package is approved to be handed over.
func (h *home) released(kind string) request.Record {
	h.t.Helper()
	r := h.prepare(h.arrive(byHandTo(kind)(h, h.request()), request.Waiting))
	r, err := h.Approve(h.t.Context(), r.ID, r.Package.Digest, "Ann", false)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.is(r.ID, request.Ready)
}

func (h *home) give(id string, form request.Form) request.Record {
	h.t.Helper()
	r, err := h.Give(h.t.Context(), id, form, false)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

var toOrtiz = request.Handed{To: "J. Ortiz", Way: request.InPerson}

// TestHandedOver: what leaves by hand is approved as all else, no outbox row is
// made for it, and each step stands in the ledger.
func TestHandedOver(t *testing.T) {
	for kind, forms := range map[string][]request.Form{
		bulletin.Portal:   {request.Plain, request.Sealed},
		bulletin.InPerson: {request.Sealed, request.Plain},
	} {
		t.Run(kind, func(t *testing.T) {
			h := newHome(t).allowed()
			ctx := t.Context()
			r := h.released(kind)
			if diff := cmp.Diff(forms, r.Forms()); diff != "" || r.ByHand.Target.Kind != kind {
				t.Errorf("%+v\n%s", r.ByHand, diff)
			}
			if jobs, err := h.house.Jobs(ctx); err != nil || len(jobs) != 0 {
				t.Errorf("outbox %v, %v", jobs, err)
			}
			if _, err := h.HandedOver(ctx, r.ID, toOrtiz, "Ann"); !errors.Is(err, request.ErrNotGiven) {
				t.Errorf("handed over what nobody took out: %v", err)
			}
			if _, err := h.Give(ctx, r.ID, request.Locked, false); !errors.Is(err, request.ErrForm) {
				t.Errorf("locked for an agency with a key: %v", err)
			}
			h.give(r.ID, forms[0])
			if h.holds() != "*" {
				t.Error("the footage is not held until it was handed over")
			}
			var field *request.FieldError
			for _, bad := range []request.Handed{
				{To: "J", Way: request.InPerson},
				{To: "J. Ortiz", Way: "pigeon"},
				{To: "J. Ortiz \u202e", Way: request.InPerson},
				{To: "J. Ortiz", Way: request.ByPost, At: h.clock.Now().Add(time.Hour)},
				{To: "J. Ortiz", Way: request.ByPost, At: r.Received.Add(-time.Hour)},
				{To: "J. Ortiz", Way: request.ByPost, Note: strings.Repeat("x", 501)},
			} {
				if _, err := h.HandedOver(ctx, r.ID, bad, "Ann"); !errors.As(err, &field) {
					t.Errorf("%+v: %v", bad, err)
				}
			}
			if _, err := h.NoteReceipt(ctx, r.ID, "R-77", "Ann"); !errors.Is(err, request.ErrState) {
				t.Errorf("a receipt before it was handed over: %v", err)
			}
			h.clock.add(time.Hour)
			if _, err := h.HandedOver(ctx, r.ID, toOrtiz, "Ann"); err != nil {
				t.Fatal(err)
			}
			got := h.is(r.ID, request.HandedOver)
			if got.ByHand.To != "J. Ortiz" || !got.ByHand.At.Equal(h.clock.Now()) || !got.HeldUntil.IsZero() || h.holds() != "" {
				t.Errorf("%+v, held until %s", got.ByHand, got.HeldUntil)
			}
			for _, n := range []string{"R-77", "R-78"} {
				if _, err := h.NoteReceipt(ctx, r.ID, n, "Ann"); err != nil {
					t.Error(err)
				}
			}
			if got := h.is(r.ID, request.HandedOver); got.ByHand.Receipt != "R-78" {
				t.Errorf("%+v", got.ByHand)
			}
			want := []ledger.Kind{
				ledger.Received, ledger.Held, ledger.Prepared, ledger.Approved, ledger.Given, ledger.HandedOver, ledger.Noted, ledger.Noted,
			}
			if diff := cmp.Diff(want, h.kinds(r.ID)); diff != "" {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNothingIsGivenTwiceUnsaid: the ledger tells of each time, and after the
// hand-over a person has to say so with their passphrase.
func TestNothingIsGivenTwiceUnsaid(t *testing.T) {
	h := newHome(t).allowed()
	ctx := t.Context()
	r := h.released(bulletin.Portal)
	h.give(r.ID, request.Plain)
	h.give(r.ID, request.Plain)
	if _, err := h.HandedOver(ctx, r.ID, toOrtiz, "Ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.HandedOver(ctx, r.ID, toOrtiz, "Ann"); !errors.Is(err, request.ErrState) {
		t.Errorf("handed over twice: %v", err)
	}
	if _, err := h.Give(ctx, r.ID, request.Plain, false); !errors.Is(err, request.ErrAgain) {
		t.Errorf("taken out after the hand-over: %v", err)
	}
	if _, err := h.CancelHandOver(ctx, r.ID, "Ann"); !errors.Is(err, request.ErrState) {
		t.Errorf("cancelled after it took place: %v", err)
	}
	if got, err := h.Give(ctx, r.ID, request.Sealed, true); err != nil || got.ByHand.Times != 3 || got.State != request.HandedOver {
		t.Errorf("%+v, %v", got.ByHand, err)
	}
	var said []string
	for _, e := range h.entries(r.ID) {
		if e.Kind == ledger.Given {
			said = append(said, e.Text)
		}
	}
	want := []string{
		"The files of package GH-TEST-1 were taken out at home, to be handed over.",
		"The files of package GH-TEST-1 were taken out once more.",
		"The files of package GH-TEST-1 were taken out once more, after they had been handed over.",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}

// TestSwappedFileIsNotGiven: the file is another than was approved.
func TestSwappedFileIsNotGiven(t *testing.T) {
	h := newHome(t).allowed()
	r := h.released(bulletin.InPerson)
	if err := os.WriteFile(r.Package.Path, []byte("another film"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := len(h.kinds(r.ID))
	if _, err := h.Give(t.Context(), r.ID, request.Sealed, false); !errors.Is(err, request.ErrDigest) {
		t.Errorf("%v", err)
	}
	if got := h.is(r.ID, request.Ready); got.ByHand.Times != 0 || len(h.kinds(r.ID)) != before {
		t.Errorf("%+v", got.ByHand)
	}
}

// TestHandOverExpires: nothing is given after the expiry. What was taken out
// before may have been handed over, and the owner has the last word.
func TestHandOverExpires(t *testing.T) {
	h := newHome(t).allowed()
	request.Unwatched(h.Service)
	never, taken := h.released(bulletin.InPerson), h.released(bulletin.InPerson)
	h.give(taken.ID, request.Plain)
	h.clock.add(never.Expires().Sub(h.clock.Now()))
	for _, r := range []request.Record{never, taken} {
		if _, err := h.Give(t.Context(), r.ID, request.Plain, true); !errors.Is(err, request.ErrState) {
			t.Errorf("given after the expiry: %v", err)
		}
	}
	stop := h.run()
	h.eventually(never.ID, request.Expired)
	stop()
	if _, err := os.Stat(never.Package.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its package is kept: %v", err)
	}
	h.is(taken.ID, request.Ready)
	if _, err := h.HandedOver(t.Context(), taken.ID, request.Handed{To: "J. Ortiz", Way: request.ByPost, At: h.clock.Now().Add(-time.Hour)}, "Ann"); err != nil {
		t.Error(err)
	}
	h.is(taken.ID, request.HandedOver)
}

// TestWithdrawnByHand: a withdrawal ends what was not taken out, and stays on
// the record of what was; no more of it is given.
func TestWithdrawnByHand(t *testing.T) {
	for name, c := range map[string]struct {
		given, done bool
		want        request.State
	}{
		"before": {false, false, request.Withdrawn},
		"taken":  {true, false, request.Ready},
		"after":  {true, true, request.HandedOver},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t).allowed()
			ctx := t.Context()
			r := h.released(bulletin.InPerson)
			if c.given {
				h.give(r.ID, request.Sealed)
			}
			if c.done {
				if _, err := h.HandedOver(ctx, r.ID, toOrtiz, "Ann"); err != nil {
					t.Fatal(err)
				}
			}
			h.publish(h.revise(*r.Request, func(q *bulletin.Request) { q.Status = bulletin.StatusWithdrawn }))
			h.take()
			got := h.is(r.ID, c.want)
			if kinds := h.kinds(r.ID); kinds[len(kinds)-1] != ledger.Withdrawn {
				t.Errorf("%v", kinds)
			}
			if (got.Ended != "") != c.given || c.want == request.Withdrawn && (h.holds() != "" || !got.HeldUntil.IsZero()) {
				t.Errorf("%q, held until %s", got.Ended, got.HeldUntil)
			}
			if _, err := h.Give(ctx, r.ID, request.Sealed, true); !errors.Is(err, request.ErrState) {
				t.Errorf("given after the withdrawal: %v", err)
			}
			if c.want != request.Ready {
				return
			}
			if _, err := h.CancelHandOver(ctx, r.ID, "Ann"); err != nil {
				t.Fatal(err)
			}
			if h.is(r.ID, request.Withdrawn).Package != nil || h.holds() != "" {
				t.Error("package or hold is kept")
			}
		})
	}
}

// TestCancelledHandOver may be approved again, and remembers what was taken out.
func TestCancelledHandOver(t *testing.T) {
	h := newHome(t).allowed()
	ctx := t.Context()
	r := h.released(bulletin.InPerson)
	h.give(r.ID, request.Plain)
	if _, err := h.CancelHandOver(ctx, r.ID, "Ann"); err != nil {
		t.Fatal(err)
	}
	h.is(r.ID, request.Failed)
	if _, err := h.Give(ctx, r.ID, request.Plain, true); !errors.Is(err, request.ErrState) {
		t.Errorf("given after it was cancelled: %v", err)
	}
	if _, err := h.Approve(ctx, r.ID, r.Package.Digest, "Ann", false); err != nil {
		t.Fatal(err)
	}
	if got := h.give(r.ID, request.Plain); got.ByHand.Times != 2 {
		t.Errorf("%+v", got.ByHand)
	}
}

// TestWithdrawnAfterItWasCancelled: that files were taken out stays on the record.
func TestWithdrawnAfterItWasCancelled(t *testing.T) {
	h := newHome(t).allowed()
	r := h.released(bulletin.InPerson)
	h.give(r.ID, request.Plain)
	if _, err := h.CancelHandOver(t.Context(), r.ID, "Ann"); err != nil {
		t.Fatal(err)
	}
	h.withdraw(*r.Request)
	if got := h.is(r.ID, request.Withdrawn); got.ByHand == nil || got.ByHand.Times != 1 || got.ByHand.Form != request.Plain {
		t.Errorf("%+v", got.ByHand)
	}
}

// TestCancelledHandOverComesToAnEnd: it may be declined, and expires; the ledger
// says what went before.
func TestCancelledHandOverComesToAnEnd(t *testing.T) {
	h := newHome(t).allowed()
	request.Unwatched(h.Service)
	ctx := t.Context()
	said := func(r request.Record, want string) {
		t.Helper()
		list := h.entries(r.ID)
		if got := list[len(list)-1].Text; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if _, err := os.Stat(r.Package.Path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its package is kept: %v", err)
		}
	}
	cancelled := func(r request.Record, given bool) request.Record {
		t.Helper()
		p, err := h.Approve(ctx, r.ID, h.prepare(r).Package.Digest, "Ann", false)
		if err != nil {
			t.Fatal(err)
		}
		if given {
			h.give(r.ID, p.Forms()[0])
		}
		if _, err := h.CancelHandOver(ctx, r.ID, "Ann"); err != nil {
			t.Fatal(err)
		}
		return h.is(r.ID, request.Failed)
	}
	over := cancelled(h.add(h.manual()), false)
	if _, err := h.Decline(ctx, over.ID, "Ann"); err != nil || h.holds() != "" {
		t.Errorf("%v, holds %s", err, h.holds())
	}
	h.is(over.ID, request.Declined)
	said(over, "Ann declined the request after a hand-over that did not take place. Nobody was told.")

	given := cancelled(h.add(h.manual()), true)
	upload := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
	if err := h.Delivered(ctx, upload.ID, false, "The receiver is gone."); err != nil {
		t.Fatal(err)
	}
	h.clock.add(max(given.Expires().Sub(h.clock.Now()), upload.Expires().Sub(h.clock.Now())))
	stop := h.run()
	h.eventually(given.ID, request.Expired)
	h.eventually(upload.ID, request.Expired)
	stop()
	said(given, "The request expired after a hand-over that did not take place, for which its files had been taken out.")
	said(upload, "The request expired after a delivery that was not completed.")
}

// TestRemovedAgencyGetsNothingByHand: a hand-over that was not begun ends with
// the agency's place on the list; one that was begun gets no more.
func TestRemovedAgencyGetsNothingByHand(t *testing.T) {
	h := newHome(t).allowed()
	ctx := t.Context()
	r, begun := h.released(bulletin.InPerson), h.released(bulletin.InPerson)
	h.give(begun.ID, request.Plain)
	if err := h.Disallow(ctx, r.Agency, "Ann"); err != nil {
		t.Fatal(err)
	}
	h.is(r.ID, request.Failed)
	h.is(begun.ID, request.Ready)
	if _, err := h.Give(ctx, begun.ID, request.Plain, true); !errors.Is(err, request.ErrBlocked) {
		t.Errorf("given: %v", err)
	}
}

// TestTargetsInTheirOrder: the first target that a hub uploads to is taken, in
// the order of the request; a person goes only where none is.
func TestTargetsInTheirOrder(t *testing.T) {
	sftpKey := func(t *testing.T) []byte {
		k, err := ssh.NewPublicKey(bulletintest.Key(t).Public())
		if err != nil {
			t.Fatal(err)
		}
		return k.Marshal()
	}
	host := "drop.springfield.example"
	all := map[string]bulletin.Target{
		bulletin.Tus:      {Kind: bulletin.Tus, URL: "https://" + host + "/files/"},
		bulletin.HTTPSPut: {Kind: bulletin.HTTPSPut, URL: "https://" + host + "/put/?sig=1"},
		bulletin.WebDAV:   {Kind: bulletin.WebDAV, URL: "https://" + host + "/dav/"},
		bulletin.SFTP:     {Kind: bulletin.SFTP, URL: "sftp://ssh." + host + "/in/"},
		bulletin.Portal:   {Kind: bulletin.Portal, URL: "https://" + host + "/portal"},
		bulletin.InPerson: {Kind: bulletin.InPerson},
	}
	for order, want := range map[string]string{
		"sftp webdav https_put":    bulletin.SFTP,
		"webdav sftp https_put":    bulletin.WebDAV,
		"https_put webdav tus":     bulletin.HTTPSPut,
		"tus sftp":                 bulletin.Tus,
		"in_person portal sftp":    bulletin.SFTP,
		"portal in_person webdav":  bulletin.WebDAV,
		"in_person https_put sftp": bulletin.HTTPSPut,
		"portal in_person":         bulletin.Portal,
		"in_person portal":         bulletin.InPerson,
	} {
		t.Run(order, func(t *testing.T) {
			h := newHome(t)
			h.agency = bulletintest.New(t, h.clock.Now(), func(p *bulletin.Profile) {
				p.Agency = "drop.example"
				p.UploadHosts = []bulletin.UploadHost{{Host: host}, {Host: "ssh." + host + ":22", SSHKey: sftpKey(t), SSHUser: "drop"}}
			})
			h.log.Add(t, bulletin.KindProfile, h.agency.Envelope)
			h.allowed()
			q := h.request()
			q.Delivery.Targets = nil
			for _, kind := range strings.Fields(order) {
				q.Delivery.Targets = append(q.Delivery.Targets, all[kind])
			}
			r := h.prepare(h.arrive(q, request.Waiting))
			r, err := h.Approve(t.Context(), r.ID, r.Package.Digest, "Ann", true)
			if err != nil {
				t.Fatal(err)
			}
			jobs, err := h.house.Jobs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if all[want].Kind == bulletin.Portal || all[want].Kind == bulletin.InPerson {
				if r.State != request.Ready || r.ByHand.Target != all[want] || len(jobs) != 0 {
					t.Errorf("%s, %+v, %d jobs", r.State, r.ByHand, len(jobs))
				}
				return
			}
			if r.State != request.Approved || len(jobs) != 1 || jobs[0].Target != all[want] {
				t.Errorf("%s, %+v", r.State, jobs)
			}
		})
	}
}

func (h *home) entries(id string) (out []ledger.Entry) {
	h.t.Helper()
	index, err := h.house.ByRequest(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, i := range index {
		e, err := h.ledger.Entries(h.t.Context(), i, 1)
		if err != nil {
			h.t.Fatal(err)
		}
		out = append(out, e...)
	}
	return out
}
