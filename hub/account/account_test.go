package account_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/sqlite"
)

const secret = "correct horse battery"

type clock struct{ now time.Time }

func (c *clock) add(d time.Duration) { c.now = c.now.Add(d) }

func newAccounts(t *testing.T) (*account.Accounts, *sqlite.House, *clock) {
	t.Helper()
	h, err := sqlite.OpenHouse(t.Context(), filepath.Join(t.TempDir(), "house.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &clock{time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)}
	return account.Cheap(account.New(account.Config{Store: h, Now: func() time.Time { return c.now }})), h, c
}

// TestPassphrase hashes as the product does, the other tests cheaply.
func TestPassphrase(t *testing.T) {
	_, h, c := newAccounts(t)
	a := account.New(account.Config{Store: h, Now: func() time.Time { return c.now }})
	ctx := t.Context()
	if err := a.Check(ctx, "10.0.0.1", secret); !errors.Is(err, account.ErrNoOwner) {
		t.Errorf("check before there is an owner: %v", err)
	}
	for pass, want := range map[string]error{"seven77": account.ErrWeak, strings.Repeat("x", 5000): account.ErrLong} {
		if err := a.SetPassphrase(ctx, pass, false); !errors.Is(err, want) {
			t.Errorf("passphrase of %d bytes: %v, want %v", len(pass), err, want)
		}
	}
	// Eight characters are enough, however many bytes; the same letters typed
	// composed and decomposed are the same.
	if err := a.SetPassphrase(ctx, "Grüße1é!", false); err != nil {
		t.Fatal(err)
	}
	if err := a.Check(ctx, "10.0.0.1", "Gru\u0308ße1e\u0301!"); err != nil {
		t.Errorf("decomposed letters: %v", err)
	}
	if err := a.SetPassphrase(ctx, secret, false); !errors.Is(err, account.ErrExists) {
		t.Errorf("a second owner: %v", err)
	}
	token, err := a.LogIn(ctx, "10.0.0.1", "browser", "", "Grüße1é!")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetPassphrase(ctx, secret, true); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := a.Who(ctx, token, "10.0.0.1"); ok || err != nil {
		t.Errorf("a session outlived the passphrase it was made with: %v", err)
	}
	hash, err := h.Owner(ctx)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=4$") || strings.Contains(hash, secret) {
		t.Errorf("stored hash %q, %v", hash, err)
	}
}

func TestBrokenHashLetsNobodyIn(t *testing.T) {
	a, h, c := newAccounts(t)
	for _, hash := range []string{
		"", "$", "$argon2id$v=19$m=65536,t=3,p=4$$", "$argon2i$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$a2V5",
		"$argon2id$v=19$m=4294967295,t=3,p=4$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=65536,t=0,p=4$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		if err := h.SetOwner(t.Context(), hash, true); err != nil {
			t.Fatal(err)
		}
		c.add(time.Hour)
		if err := a.Check(t.Context(), "10.0.0.1", secret); err == nil || errors.Is(err, account.ErrWrong) {
			t.Errorf("hash %q: %v, want an error of its own", hash, err)
		}
	}
}

func TestSessionLife(t *testing.T) {
	a, h, c := newAccounts(t)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	if _, err := a.LogIn(ctx, "10.0.0.1", "b", "", "wrong wrong wrong"); !errors.Is(err, account.ErrWrong) {
		t.Fatalf("wrong passphrase: %v", err)
	}
	token, err := a.LogIn(ctx, "10.0.0.1", strings.Repeat("é", 200), "", secret)
	if err != nil {
		t.Fatal(err)
	}
	valid := func(token string, want bool) {
		t.Helper()
		if _, ok, err := a.Who(ctx, token, "10.0.0.1"); ok != want || err != nil {
			t.Errorf("valid %v, %v; want %v", ok, err, want)
		}
	}
	valid(token, true)
	valid("", false)
	valid(token+"x", false)
	valid(strings.Repeat("x", 1<<20), false)
	c.add(13 * 24 * time.Hour)
	valid(token, true) // and seen now
	c.add(13 * 24 * time.Hour)
	valid(token, true)
	c.add(15 * 24 * time.Hour)
	valid(token, false)
	if list, err := h.Sessions(ctx); len(list) != 0 || err != nil {
		t.Errorf("an idle session is still stored: %v, %v", list, err)
	}
	token, err = a.LogIn(ctx, "10.0.0.1", "b", "", secret)
	if err != nil {
		t.Fatal(err)
	}
	list, err := h.Sessions(ctx)
	if err != nil || len(list) != 1 || strings.Contains(fmt.Sprintf("%+v %q", list, list[0].Agent+list[0].Peer), token) {
		t.Errorf("stored sessions %v, %v", list, err)
	}
	for range 2 {
		if err := a.LogOut(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	valid(token, false)
}

func TestThrottledTriesAreNotLookedAt(t *testing.T) {
	a, _, c := newAccounts(t)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{account.ErrWrong, account.ErrWrong, account.ErrWrong, account.ErrThrottled} {
		if err := a.Check(ctx, "10.0.0.1:4242", "wrong wrong"); !errors.Is(err, want) {
			t.Fatalf("wrong passphrase: %v, want %v", err, want)
		}
	}
	if err := a.Check(ctx, "10.0.0.1", secret); !errors.Is(err, account.ErrThrottled) {
		t.Errorf("the right passphrase, too soon: %v", err)
	}
	c.add(time.Second)
	if err := a.Check(ctx, "10.0.0.1", secret); err != nil {
		t.Errorf("the right passphrase, in time: %v", err)
	}
}
