package account_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/hub/account"
)

func TestTokens(t *testing.T) {
	a, _, c := newAccounts(t)
	ctx, day := t.Context(), 24*time.Hour
	good := account.Token{Name: "panel", Scopes: []account.Scope{account.ScopeStatus}, Cameras: []string{"porch"}}
	for _, bad := range []struct {
		name   string
		scopes []account.Scope
		valid  time.Duration
		want   error
	}{
		{"A b", good.Scopes, day, account.ErrTokenName},
		{"x", nil, day, account.ErrScope},
		{"x", []account.Scope{"approve"}, day, account.ErrScope},
		{"x", good.Scopes, time.Hour, account.ErrExpiry},
		{"x", good.Scopes, 367 * day, account.ErrExpiry},
	} {
		if _, _, err := a.AddToken(ctx, account.Token{Name: bad.name, Scopes: bad.scopes}, bad.valid); !errors.Is(err, bad.want) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	_, secret, err := a.AddToken(ctx, good, day)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.AddToken(ctx, good, day); !errors.Is(err, account.ErrTokenExists) {
		t.Errorf("a second one of the name: %v", err)
	}
	got, ok, err := a.Bearer(ctx, secret)
	if err != nil || !ok || !got.May(account.ScopeStatus) || got.May(account.ScopeClips) || !got.Sees("porch") || got.Sees("hall") {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if list, err := a.Tokens(ctx); err != nil || len(list) != 1 || !list[0].Used.Equal(c.now) {
		t.Errorf("%+v, %v", list, err)
	}
	if _, ok, err := a.Bearer(ctx, secret+"x"); ok || err != nil {
		t.Errorf("another secret: %v, %v", ok, err)
	}
	c.add(day)
	if _, ok, err := a.Bearer(ctx, secret); ok || err != nil {
		t.Errorf("after its end: %v, %v", ok, err)
	}
	if err := a.RevokeToken(ctx, "panel"); err != nil {
		t.Error(err)
	}
	if err := a.RevokeToken(ctx, "panel"); !errors.Is(err, account.ErrNoToken) {
		t.Errorf("twice: %v", err)
	}
	for i := range 65 {
		good.Name = fmt.Sprint("t", i)
		if _, _, err = a.AddToken(ctx, good, day); err != nil {
			break
		}
	}
	if !errors.Is(err, account.ErrTokens) {
		t.Errorf("a 65th token: %v", err)
	}
}
