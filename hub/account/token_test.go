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

// TestTokensEndWithTheirMaker: a new passphrase, another role and a removal end
// the tokens that a person made, and nobody else's.
func TestTokensEndWithTheirMaker(t *testing.T) {
	for name, end := range map[string]func(a *account.Accounts, cy account.Person) error{
		"passphrase": func(a *account.Accounts, cy account.Person) error {
			return a.ChangePassphrase(t.Context(), cy, "10.0.0.1", "passphrase of cy", "another of cy")
		},
		"role": func(a *account.Accounts, _ account.Person) error {
			return a.ChangePerson(t.Context(), account.Person{Name: "cy", Role: account.Approver})
		},
		"removal":     func(a *account.Accounts, _ account.Person) error { return a.RemovePerson(t.Context(), "cy") },
		"the owner's": func(a *account.Accounts, _ account.Person) error { return a.SetPassphrase(t.Context(), secret, true) },
		"no other role": func(a *account.Accounts, _ account.Person) error {
			return a.ChangePerson(t.Context(), account.Person{Name: "cy", Role: account.Owner})
		},
		"another person": func(a *account.Accounts, _ account.Person) error { return a.RemovePerson(t.Context(), "di") },
	} {
		t.Run(name, func(t *testing.T) {
			a, _, _ := newAccounts(t)
			ctx := t.Context()
			if err := a.SetPassphrase(ctx, secret, false); err != nil {
				t.Fatal(err)
			}
			cy, err := a.AddPerson(ctx, account.Person{Name: "cy", Role: account.Owner}, "passphrase of cy")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.AddPerson(ctx, account.Person{Name: "di", Role: account.Owner}, "passphrase of di"); err != nil {
				t.Fatal(err)
			}
			secrets := map[string]string{}
			for made, by := range map[string]int64{"owners": account.OwnerNumber, "cys": cy.Number} {
				_, s, err := a.AddToken(ctx, account.Token{Name: made, Scopes: account.Scopes(), Maker: by}, 24*time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				secrets[made] = s
			}
			if err := end(a, cy); err != nil {
				t.Fatal(err)
			}
			cysEnd := name == "passphrase" || name == "role" || name == "removal"
			for made, want := range map[string]bool{"owners": name != "the owner's", "cys": !cysEnd} {
				if _, ok, err := a.Bearer(ctx, secrets[made]); ok != want || err != nil {
					t.Errorf("%s lives %v, %v; want %v", made, ok, err, want)
				}
			}
		})
	}
}
