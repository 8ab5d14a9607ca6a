package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/account"
)

func TestConfirmedIsShortAndOfOneSession(t *testing.T) {
	a, _, c := newAccounts(t)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	who := func(token string) account.Login {
		t.Helper()
		l, ok, err := a.Who(ctx, token, "10.0.0.1")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return l
	}
	var tokens [2]string
	for i := range tokens {
		var err error
		if tokens[i], err = a.LogIn(ctx, "10.0.0.1", "b", "", secret); err != nil {
			t.Fatal(err)
		}
		if a.Confirmed(who(tokens[i])) {
			t.Error("a log-in counts as confirmed")
		}
	}
	if err := a.Confirm(ctx, who(tokens[0]), "10.0.0.1", "wrong wrong"); !errors.Is(err, account.ErrWrong) || a.Confirmed(who(tokens[0])) {
		t.Errorf("confirmed by a wrong passphrase: %v", err)
	}
	if err := a.Confirm(ctx, who(tokens[0]), "10.0.0.1", secret); err != nil || !a.Confirmed(who(tokens[0])) {
		t.Errorf("not confirmed: %v", err)
	}
	if a.Confirmed(who(tokens[1])) {
		t.Error("another session is confirmed as well")
	}
	c.add(account.ConfirmedFor - time.Second)
	if !a.Confirmed(who(tokens[0])) {
		t.Error("ended early")
	}
	c.add(time.Second)
	if a.Confirmed(who(tokens[0])) {
		t.Error("does not end")
	}
	c.add(-time.Hour) // a clock that was set back
	if a.Confirmed(who(tokens[0])) {
		t.Error("a confirmation of the future counts")
	}
}

func TestSessionsOfAPerson(t *testing.T) {
	a, h, c := newAccounts(t)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	vera, err := a.AddPerson(ctx, account.Person{Name: "vera", Role: account.Viewer, Cameras: []string{"gate"}}, "passphrase of vera")
	if err != nil {
		t.Fatal(err)
	}
	login := func(name, pass string) string {
		t.Helper()
		c.add(time.Second)
		token, err := a.LogIn(ctx, "10.0.0.1", "b", name, pass)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	alive := func(token string, want bool) {
		t.Helper()
		if _, ok, err := a.Who(ctx, token, "10.0.0.2"); ok != want || err != nil {
			t.Errorf("alive %v, %v; want %v", ok, err, want)
		}
	}
	owner, one, two := login("owner", secret), login("vera", "passphrase of vera"), login("vera", "passphrase of vera")
	l, ok, err := a.Who(ctx, two, "10.0.0.2")
	if err != nil || !ok || l.Person.Name != "vera" || !l.Person.Sees("gate") || l.Person.Sees("door") || l.Person.Decides() {
		t.Fatalf("%+v, %v, %v", l, ok, err)
	}
	list, err := a.Sessions(ctx, vera.Number)
	if err != nil || len(list) != 2 || list[0].TokenHash != l.TokenHash {
		t.Fatalf("%+v, %v", list, err)
	}
	// Nobody ends another's session.
	if err := a.EndSession(ctx, account.OwnerNumber, list[0].ID()); err != nil {
		t.Fatal(err)
	}
	alive(two, true)
	if err := a.EndSession(ctx, vera.Number, list[0].ID()); err != nil {
		t.Fatal(err)
	}
	alive(two, false)
	alive(one, true)
	c.add(10 * time.Minute)
	alive(one, true)
	if list, err = a.Sessions(ctx, vera.Number); err != nil || len(list) != 1 || list[0].Peer != "10.0.0.2" || !list[0].Seen.Equal(c.now) {
		t.Errorf("last seen: %+v, %v", list, err)
	}
	// A role holds from the next request on, without a new log-in.
	if err := a.ChangePerson(ctx, account.Person{Name: "vera", Role: account.Approver}); err != nil {
		t.Fatal(err)
	}
	if l, _, err := a.Who(ctx, one, "10.0.0.2"); err != nil || !l.Person.Decides() || !l.Person.Sees("door") {
		t.Errorf("%+v, %v", l, err)
	}
	if err := a.ChangePassphrase(ctx, l.Person, "10.0.0.2", "passphrase of vera", "another of vera"); err != nil {
		t.Fatal(err)
	}
	alive(one, false)
	alive(owner, true)
	three := login("vera", "another of vera")
	if err := a.RemovePerson(ctx, "vera"); err != nil {
		t.Fatal(err)
	}
	alive(three, false)
	if err := a.EndSessions(ctx, account.OwnerNumber); err != nil {
		t.Fatal(err)
	}
	alive(owner, false)
	if list, err := h.Sessions(ctx); len(list) != 0 || err != nil {
		t.Errorf("left over: %v, %v", list, err)
	}
}

// TestSessionsEndByThemselves: one that is used every day ends after its life,
// and one whose browser never comes back is deleted at a later log-in.
func TestSessionsEndByThemselves(t *testing.T) {
	a, h, c := newAccounts(t)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	login := func() string {
		t.Helper()
		token, err := a.LogIn(ctx, "10.0.0.1", "b", "", secret)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	used, made := login(), c.now
	for c.now.Sub(made) <= account.SessionLife {
		if _, ok, err := a.Who(ctx, used, "10.0.0.1"); !ok || err != nil {
			t.Fatalf("after %v: %v, %v", c.now.Sub(made), ok, err)
		}
		c.add(24 * time.Hour)
	}
	if list, err := a.Sessions(ctx, account.OwnerNumber); len(list) != 0 || err != nil {
		t.Errorf("listed after its end: %v, %v", list, err)
	}
	if _, ok, err := a.Who(ctx, used, "10.0.0.1"); ok || err != nil {
		t.Errorf("used for longer than its life: %v", err)
	}
	for range 3 {
		login()
	}
	c.add(15 * 24 * time.Hour)
	kept := login()
	if list, err := h.Sessions(ctx); len(list) != 1 || err != nil {
		t.Errorf("%d sessions stored, %v", len(list), err)
	}
	if _, ok, err := a.Who(ctx, kept, "10.0.0.1"); !ok || err != nil {
		t.Errorf("the new one: %v, %v", ok, err)
	}
}

func TestInvite(t *testing.T) {
	a, h, c := newAccounts(t)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	vera := account.Person{Name: "vera", Role: account.Viewer, Cameras: []string{"gate"}}
	for _, bad := range []account.Person{{Name: "owner", Role: account.Owner}, {Name: "x", Role: account.Viewer}, {Name: "x", Role: "king"}, {Name: "x", Role: account.Approver, Cameras: []string{"gate"}}} {
		if _, _, err := a.Invite(ctx, bad); !errors.Is(err, account.ErrName) && !errors.Is(err, account.ErrRole) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	old, _, err := a.Invite(ctx, vera)
	if err != nil {
		t.Fatal(err)
	}
	code, until, err := a.Invite(ctx, vera)
	if err != nil || until.Sub(c.now) != 48*time.Hour {
		t.Fatal(until, err)
	}
	if list, err := h.Invites(ctx); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	typed := strings.ToLower(strings.ReplaceAll(code, "-", " "))
	if p, err := a.Invited(ctx, typed); err != nil || p.Name != "vera" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{"", old, code + "X"} {
		if _, err := a.Accept(ctx, bad, "passphrase of vera"); !errors.Is(err, account.ErrInvite) {
			t.Errorf("code %q: %v", bad, err)
		}
	}
	if _, err := a.Accept(ctx, code, "short"); !errors.Is(err, account.ErrWeak) {
		t.Errorf("a weak passphrase: %v", err)
	}
	p, err := a.Accept(ctx, typed, "passphrase of vera")
	if err != nil || p.Number != 2 || p.Role != account.Viewer || !p.Sees("gate") {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := a.Accept(ctx, code, "passphrase of vera"); !errors.Is(err, account.ErrInvite) {
		t.Errorf("used twice: %v", err)
	}
	if _, _, err := a.Invite(ctx, vera); !errors.Is(err, account.ErrExists) {
		t.Errorf("a name that is taken: %v", err)
	}
	bo := account.Person{Name: "bo", Role: account.Approver}
	if code, _, err = a.Invite(ctx, bo); err != nil {
		t.Fatal(err)
	}
	c.add(48 * time.Hour)
	if _, err := a.Accept(ctx, code, "passphrase of bo"); !errors.Is(err, account.ErrInvite) {
		t.Errorf("too late: %v", err)
	}
	if code, _, err = a.Invite(ctx, bo); err != nil {
		t.Fatal(err)
	}
	if err := a.Uninvite(ctx, "bo"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Invited(ctx, code); !errors.Is(err, account.ErrInvite) {
		t.Errorf("taken back: %v", err)
	}
}

func TestFirstOwnerStays(t *testing.T) {
	a, _, _ := newAccounts(t)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AddPerson(ctx, account.Person{Name: "cy", Role: account.Owner}, "passphrase of cy"); err != nil {
		t.Fatal(err)
	}
	if err := a.RemovePerson(ctx, "owner"); !errors.Is(err, account.ErrFirst) {
		t.Errorf("removed: %v", err)
	}
	if err := a.ChangePerson(ctx, account.Person{Name: "owner", Role: account.Approver}); !errors.Is(err, account.ErrFirst) {
		t.Errorf("changed: %v", err)
	}
	if err := a.ChangePerson(ctx, account.Person{Name: "cy", Role: account.Viewer, Cameras: []string{"gate"}}); err != nil {
		t.Error(err)
	}
	if ok, err := a.Entitled(ctx, 2); ok || err != nil {
		t.Errorf("a viewer may approve: %v", err)
	}
}
