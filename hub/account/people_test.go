package account_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/account"
)

func TestPeople(t *testing.T) {
	a, _, _ := newAccounts(t)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"": account.ErrName, "owner": account.ErrName, "Bo": account.ErrName, "a b": account.ErrName} {
		if _, err := a.AddPerson(ctx, account.Person{Name: name, Role: account.Approver}, "long enough"); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := a.AddPerson(ctx, account.Person{Name: "bo", Role: account.Approver}, "short"); !errors.Is(err, account.ErrWeak) {
		t.Errorf("%v", err)
	}
	bo, err := a.AddPerson(ctx, account.Person{Name: "bo", Role: account.Approver}, "passphrase of bo")
	if err != nil || bo.Number != 2 || bo.Name != "bo" || bo.Role != account.Approver || bo.Words() != "Approver 2" {
		t.Fatalf("%+v, %v", bo, err)
	}
	if _, err := a.AddPerson(ctx, account.Person{Name: "bo", Role: account.Approver}, "another one"); !errors.Is(err, account.ErrExists) {
		t.Errorf("a second bo: %v", err)
	}
	for _, c := range []struct {
		name, pass string
		want       int64
		err        error
	}{
		{"bo", "passphrase of bo", 2, nil},
		{"", secret, 1, nil},
		{"owner", secret, 1, nil},
		{"bo", secret, 0, account.ErrWrong}, // nobody approves for another
		{"", "passphrase of bo", 0, account.ErrWrong},
		{"cy", "passphrase of bo", 0, account.ErrWrong},
		{"cy", secret, 0, account.ErrWrong},
	} {
		p, err := a.CheckPerson(ctx, "10.0.0.9:1", c.name, c.pass)
		if !errors.Is(err, c.err) || err == nil && p.Number != c.want {
			t.Errorf("%q: %+v, %v", c.name, p, err)
		}
	}
	entitled := func(n int64) bool {
		t.Helper()
		ok, err := a.Entitled(ctx, n)
		if err != nil {
			t.Error(err)
		}
		return ok
	}
	if !entitled(1) || !entitled(2) || entitled(3) {
		t.Error("the wrong people are entitled")
	}
	if err := errors.Join(a.RemovePerson(ctx, "bo")); err != nil || entitled(2) {
		t.Errorf("removed: %v", err)
	}
	if err := a.RemovePerson(ctx, "bo"); !errors.Is(err, account.ErrNoPerson) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := a.CheckPerson(ctx, "10.0.0.8:1", "bo", "passphrase of bo"); !errors.Is(err, account.ErrWrong) {
		t.Errorf("gone: %v", err)
	}
	if again, err := a.AddPerson(ctx, account.Person{Name: "bo", Role: account.Approver}, "passphrase of bo"); err != nil || again.Number != 3 {
		t.Errorf("a number was given twice: %+v, %v", again, err)
	}
	list, err := a.People(ctx)
	if diff := cmp.Diff([]account.Person{{Number: 1, Name: "owner", Role: account.Owner}, {Number: 3, Name: "bo", Role: account.Approver}}, list); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// TestNamesAreThrottled: a name that nobody has does not get more tries.
func TestNamesAreThrottled(t *testing.T) {
	a, _, _ := newAccounts(t)
	if err := a.SetPassphrase(t.Context(), secret, false); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if _, err := a.CheckPerson(t.Context(), "10.0.0.7:1", "nobody", "guess guess"); errors.Is(err, account.ErrThrottled) {
			return
		}
	}
	t.Error("thirty tries were let through")
}

// TestPeopleAreCalled: a label belongs to a person until it is taken away; it
// comes with an invitation and outlives roles and passphrases.
func TestPeopleAreCalled(t *testing.T) {
	a, _, _ := newAccounts(t)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	code, _, err := a.Invite(ctx, account.Person{Name: "maria", Label: " Mari\u0301a ", Role: account.Approver})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Accept(ctx, code, "passphrase of maria"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AddPerson(ctx, account.Person{Name: "bo", Label: "b\u202eo", Role: account.Approver}, "passphrase of bo"); !errors.Is(err, account.ErrLabel) {
		t.Errorf("added: %v", err)
	}
	called := func(want ...string) {
		t.Helper()
		people, err := a.People(ctx)
		var got []string
		for _, p := range people {
			got = append(got, p.Called())
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	called("owner", "María")
	if err := errors.Join(
		a.Label(ctx, "owner", "Grandma 👵🏼"), a.ChangePerson(ctx, account.Person{Name: "maria", Role: account.Owner}), a.SetPassphrase(ctx, secret+"!", true),
	); err != nil {
		t.Error(err)
	}
	called("Grandma 👵🏼", "María")
	if err := errors.Join(a.Label(ctx, "owner", ""), a.Label(ctx, "maria", " ")); err != nil {
		t.Error(err)
	}
	called("owner", "maria")
	for name, want := range map[string]error{"maria": account.ErrLabel, "cy": account.ErrNoPerson} {
		text := map[string]string{"maria": "x\ny", "cy": "Cy"}[name]
		if err := a.Label(ctx, name, text); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
