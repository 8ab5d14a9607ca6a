package request_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
)

// reprofile logs the next version of the agency's profile, signed by roots; the
// next take brings it.
func (h *home) reprofile(change func(*bulletin.Profile), roots ...ed25519.PrivateKey) bulletin.VerifiedProfile {
	h.t.Helper()
	p := h.agency.Profile
	p.Version++
	change(&p)
	if len(roots) == 0 {
		roots = append(roots, h.agency.Root)
	}
	env, err := bulletin.SignProfile(p, roots...)
	if err != nil {
		h.t.Fatal(err)
	}
	v, err := bulletin.OpenProfile(env)
	if err != nil {
		h.t.Fatal(err)
	}
	h.log.Add(h.t, bulletin.KindProfile, env)
	return v
}

// cancels notes what Config.Cancel was called with.
type cancels struct {
	mu  sync.Mutex
	ids []string
}

func (c *cancels) into(cfg *request.Config) {
	cfg.Cancel = func(_ context.Context, id string) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ids = append(c.ids, id)
		return nil
	}
}

func (h *home) approve(r request.Record) request.Record {
	h.t.Helper()
	a, err := h.Approve(h.t.Context(), r.ID, r.Package.Digest, "Ann", false)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func TestWhatAnAgencyRevokesIsNotSent(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	key := []bulletin.PublicKey{bulletintest.Public(bulletintest.Key(t))}
	for name, c := range map[string]struct {
		change func(*bulletin.Profile)
		word   string // of the reason; "" if nothing is revoked
	}{
		"nothing":    {func(*bulletin.Profile) {}, ""},
		"officer":    {func(p *bulletin.Profile) { p.Officers = key }, "signed"},
		"supervisor": {func(p *bulletin.Profile) { p.Supervisors = key }, "signed"},
		"roles":      {func(p *bulletin.Profile) { p.Officers, p.Supervisors = p.Supervisors, p.Officers }, ""},
		"one role": {func(p *bulletin.Profile) {
			p.Officers, p.Supervisors = key, append(slices.Clone(p.Supervisors), p.Officers...)
		}, "signed"},
		"recipient": {func(p *bulletin.Profile) { p.Recipients = []string{id.Recipient().String()} }, "encrypted"},
		"host":      {func(p *bulletin.Profile) { p.UploadHosts[0].Host = "elsewhere.example" }, "host"},
		"pin":       {func(p *bulletin.Profile) { p.UploadHosts[0].SPKI = make([]byte, 32) }, "host"},
	} {
		t.Run(name, func(t *testing.T) {
			var cancelled cancels
			h := newHome(t, cancelled.into).allowed()
			waiting := h.arrive(h.request(), request.Waiting)
			sealed := h.prepare(h.arrive(h.request(), request.Waiting))
			approved := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
			h.reprofile(func(p *bulletin.Profile) {
				p.UploadHosts = slices.Clone(p.UploadHosts)
				c.change(p)
			})
			h.take()
			err := h.Sendable(t.Context(), approved.ID)
			if c.word == "" {
				h.is(waiting.ID, request.Waiting)
				if err != nil || len(cancelled.ids) != 0 {
					t.Errorf("%v, cancelled %v", err, cancelled.ids)
				}
				return
			}
			if !errors.Is(err, request.ErrBlocked) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("sendable: %v", err)
			}
			for _, r := range []request.Record{waiting, sealed} {
				if got := h.is(r.ID, request.Refused); got.Code != bulletin.OldProfile || !strings.Contains(got.Reason, c.word) {
					t.Errorf("%s %q", got.Code, got.Reason)
				}
			}
			if _, err := os.Stat(sealed.Package.Path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the package is still there: %v", err)
			}
			if len(h.footage.held) != 1 || !slices.Equal(cancelled.ids, []string{approved.ID}) {
				t.Errorf("held %v, cancelled %v", h.footage.held, cancelled.ids)
			}
		})
	}
}

func TestProfileThatExpiresBlocksUntilTheNext(t *testing.T) {
	h := newHome(t)
	h.agency.VerifiedProfile = h.reprofile(func(p *bulletin.Profile) { p.Expires = h.clock.Now().Add(24 * time.Hour) })
	h.allowed()
	ctx := t.Context()
	r := h.prepare(h.arrive(h.request(), request.Waiting))
	sent := h.approve(h.prepare(h.arrive(h.request(), request.Waiting)))
	if err := h.Sendable(ctx, sent.ID); err != nil {
		t.Errorf("before: %v", err)
	}
	h.clock.add(25 * time.Hour)
	_, err := h.Prepare(ctx, r.ID, h.clips(r))
	_, err2 := h.Approve(ctx, r.ID, r.Package.Digest, "Ann", true)
	for _, err := range []error{err, err2, h.Sendable(ctx, sent.ID)} {
		if !errors.Is(err, request.ErrBlocked) || !strings.Contains(err.Error(), "expired") {
			t.Errorf("by an expired profile: %v", err)
		}
	}
	h.reprofile(func(p *bulletin.Profile) { p.Expires = h.clock.Now().Add(90 * 24 * time.Hour) })
	h.take()
	h.approve(h.is(r.ID, request.Prepared))
	if err := h.Sendable(ctx, sent.ID); err != nil {
		t.Errorf("after: %v", err)
	}
	if err := h.Sendable(ctx, "absent"); !errors.Is(err, request.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
}

// TestRogueProfileBlocksNothing: somebody gets a profile with the agency's name,
// root keys of their own and the highest version there is into the log.
func TestRogueProfileBlocksNothing(t *testing.T) {
	h := newHome(t).allowed()
	first := h.arrive(h.request(), request.Waiting)
	rogue := bulletintest.New(t, h.clock.Now(), func(p *bulletin.Profile) { p.Version = 1 << 30 })
	h.log.Add(t, bulletin.KindProfile, rogue.Envelope)
	q := rogue.Request(t, h.clock.Now())
	h.log.Add(t, bulletin.KindRequest, rogue.Sign(t, q))
	h.take()
	if r := h.is(q.ID, request.Refused); r.Code != bulletin.RootChanged {
		t.Errorf("the rogue's request is refused as %s", r.Code)
	}
	h.agency.VerifiedProfile = h.reprofile(func(p *bulletin.Profile) { p.CallBack = "+1 916 555 0101" })
	h.arrive(h.request(), request.Waiting) // under the next version of the pinned root
	h.start()
	h.arrive(h.request(), request.Waiting)
	h.approve(h.prepare(first))
	if p := h.Problems(); len(p) != 1 || !strings.Contains(p[0].String(), h.Allowlist()[0].CallBack) {
		t.Errorf("problems %q", p)
	}
}

// TestRogueRequestMakesWay: the rogue's request claims the id of the agency's
// and arrives first.
func TestRogueRequestMakesWay(t *testing.T) {
	h := newHome(t).allowed()
	q := h.request()
	for _, rogue := range []*bulletintest.Agency{
		bulletintest.New(t, h.clock.Now(), func(p *bulletin.Profile) { p.Version = 1 << 30 }), // of the same name
		newAgency(h, "other.example"),
	} {
		h.log.Add(t, bulletin.KindProfile, rogue.Envelope)
		for _, status := range []bulletin.Status{bulletin.StatusOpen, bulletin.StatusWithdrawn} {
			stolen := rogue.Request(t, h.clock.Now())
			stolen.ID, stolen.Status = q.ID, status
			h.log.Add(t, bulletin.KindRequest, rogue.Sign(t, stolen))
		}
	}
	h.take()
	if r := h.arrive(q, request.Waiting); r.Agency != h.agency.Agency || len(h.footage.held) != 1 {
		t.Errorf("%s, held %v", r.Agency, h.footage.held)
	}
	h.start()
	h.take()
	h.approve(h.prepare(h.is(q.ID, request.Waiting)))
	// What made way is kept as refused.
	list, err := h.ListIn(t.Context(), request.Refused)
	if err != nil || len(list) == 0 || slices.ContainsFunc(list, func(r request.Record) bool { return r.ID == q.ID || r.Reason == "" }) {
		t.Errorf("refused %v, %v", list, err)
	}
}

// TestRotatedRootIsFollowed: the old root keys have signed for the new ones.
func TestRotatedRootIsFollowed(t *testing.T) {
	h := newHome(t).allowed()
	before := h.Allowlist()[0]
	waiting := h.arrive(h.request(), request.Waiting)
	for range 20 { // others who use the name must not be in the way
		h.log.Add(t, bulletin.KindProfile, bulletintest.New(t, h.clock.Now()).Envelope)
	}
	h.take()
	root := bulletintest.Key(t)
	renew := func(p *bulletin.Profile) {
		p.Root.Keys = []bulletin.PublicKey{bulletintest.Public(root)}
		p.CallBack = "+1 900 555 0666"
	}
	next := h.reprofile(renew, root, h.agency.Root)
	h.take()
	want := before
	want.Root = next.RootID
	if list := h.Allowlist(); len(list) != 1 || list[0] != want {
		t.Errorf("allowed %+v, want %+v", list, want)
	}
	if len(h.Problems()) != 0 {
		t.Errorf("problems %q", h.Problems())
	}
	h.approve(h.prepare(h.is(waiting.ID, request.Waiting)))
	h.start() // the file carries it
	h.agency.VerifiedProfile = next
	q := h.request()
	q.Profile = hex.EncodeToString(next.Hash[:])
	h.arrive(q, request.Waiting)
	// The old root keys' word counts no more.
	old := h.agency.Root
	h.agency.Version = 7
	h.reprofile(func(p *bulletin.Profile) { p.Root.Keys = []bulletin.PublicKey{bulletintest.Public(old)} })
	h.take()
	if list := h.Allowlist(); list[0] != want {
		t.Errorf("allowed %+v, want %+v", list, want)
	}
}
