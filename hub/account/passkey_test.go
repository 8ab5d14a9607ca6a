package account_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/account"
)

// house has an owner and vera, both logged in and confirmed.
func house(t testing.TB) (a *account.Accounts, c *clock, owner, vera account.Login) {
	t.Helper()
	tt := t.(*testing.T)
	a, _, c = newAccounts(tt)
	ctx := t.Context()
	if err := a.SetPassphrase(ctx, secret, false); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AddPerson(ctx, account.Person{Name: "vera", Role: account.Viewer, Cameras: []string{"gate"}}, "passphrase of vera"); err != nil {
		t.Fatal(err)
	}
	return a, c, confirmed(tt, a, "owner", secret), confirmed(tt, a, "vera", "passphrase of vera")
}

func confirmed(t *testing.T, a *account.Accounts, name, pass string) account.Login {
	t.Helper()
	ctx := t.Context()
	token, err := a.LogIn(ctx, "10.0.0.1", "b", name, pass)
	if err != nil {
		t.Fatal(err)
	}
	l, _, err := a.Who(ctx, token, "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Confirm(ctx, l, "10.0.0.1", pass); err != nil {
		t.Fatal(err)
	}
	if l, _, err = a.Who(ctx, token, "10.0.0.1"); err != nil {
		t.Fatal(err)
	}
	return l
}

// enrolled makes a passkey for somebody.
func enrolled(t *testing.T, a *account.Accounts, l account.Login) *device {
	t.Helper()
	options, err := a.BeginPasskey(t.Context(), l, "10.0.0.1", home)
	if err != nil {
		t.Fatal(err)
	}
	d := newDevice(t)
	if _, err := a.AddPasskey(t.Context(), l, home, "Phone", d.create(t, options, home.Origin)); err != nil {
		t.Fatal(err)
	}
	return d
}

// challenge begins a log-in.
func challenge(t *testing.T, a *account.Accounts) string {
	t.Helper()
	options, err := a.BeginPasskeyLogIn("10.0.0.1", home)
	if err != nil {
		t.Fatal(err)
	}
	q := question(t, options)
	if q.PublicKey.UserVerification != "required" || q.PublicKey.RPID != home.Host || len(q.PublicKey.Allow) > 0 {
		t.Fatalf("asked: %s", options)
	}
	return q.PublicKey.Challenge
}

// TestPasskey: one is made by a confirmed session, logs its person in, is listed
// and removed; nothing is told of who has one.
func TestPasskey(t *testing.T) {
	a, c, owner, vera := house(t)
	ctx := t.Context()
	d := enrolled(t, a, vera)
	if has, err := a.HasPasskeys(ctx, home.Host); !has || err != nil {
		t.Errorf("%v, %v", has, err)
	}
	token, err := a.LogInPasskey(ctx, "10.0.0.5", "b", home, d.get(t, challenge(t, a), home.Host, home.Origin))
	if err != nil {
		t.Fatal(err)
	}
	l, ok, err := a.Who(ctx, token, "10.0.0.5")
	if err != nil || !ok || l.Person.Name != "vera" || a.Confirmed(l) {
		t.Fatalf("%+v, %v, %v: a log-in with a passkey confirms nothing", l, ok, err)
	}
	list, err := a.Passkeys(ctx, vera.Person.Number)
	if err != nil || len(list) != 1 || list[0].Name != "Phone" || !list[0].Used.Equal(c.now) || list[0].Host != home.Host {
		t.Fatalf("%+v, %v", list, err)
	}
	if bytes.Contains(list[0].Handle, []byte("vera")) || len(list[0].Handle) != 32 {
		t.Error("the handle tells who it is")
	}
	options, err := a.BeginPasskey(ctx, vera, "10.0.0.1", home)
	if q := question(t, options); err != nil || len(q.PublicKey.Exclude) != 1 || q.PublicKey.User.ID != b64.EncodeToString(list[0].Handle) {
		t.Errorf("a second one: %s, %v", options, err)
	}
	c.add(account.ConfirmedFor)
	if _, err := a.BeginPasskey(ctx, vera, "10.0.0.1", home); !errors.Is(err, account.ErrUnconfirmed) {
		t.Errorf("without the passphrase: %v", err)
	}
	// Nobody removes another's.
	if err := a.RemovePasskey(ctx, owner.Person.Number, list[0].Short()); err != nil {
		t.Fatal(err)
	}
	if list, _ = a.Passkeys(ctx, vera.Person.Number); len(list) != 1 {
		t.Error("the owner removed vera's passkey")
	}
	for range 2 {
		if err := a.RemovePasskey(ctx, vera.Person.Number, list[0].Short()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.LogInPasskey(ctx, "10.0.0.5", "b", home, d.get(t, challenge(t, a), home.Host, home.Origin)); !errors.Is(err, account.ErrPasskey) {
		t.Errorf("removed: %v", err)
	}
}

// TestPasskeyIsRefused: each way in which an answer can be wrong, at a log-in.
func TestPasskeyIsRefused(t *testing.T) {
	a, c, owner, vera := house(t)
	hers, his := enrolled(t, a, vera), enrolled(t, a, owner)
	strange := newDevice(t)
	strange.handle = hers.handle
	elsewhere := account.Site{Host: "localhost", Origin: "http://localhost:8443"}
	for name, try := range map[string]struct {
		answer func(challenge string) []byte
		at     account.Site
		want   error
	}{
		"as it should be":     {func(ch string) []byte { return hers.get(t, ch, home.Host, home.Origin) }, home, nil},
		"a made-up challenge": {func(string) []byte { return hers.get(t, b64.EncodeToString(make([]byte, 32)), home.Host, home.Origin) }, home, account.ErrPasskeyLate},
		"another origin":      {func(ch string) []byte { return hers.get(t, ch, home.Host, "https://evil.example") }, home, account.ErrPasskey},
		"another port":        {func(ch string) []byte { return hers.get(t, ch, home.Host, "https://hub.local") }, home, account.ErrPasskey},
		"plain HTTP":          {func(ch string) []byte { return hers.get(t, ch, home.Host, "http://hub.local:8443") }, home, account.ErrPasskey},
		"another host's hash": {func(ch string) []byte { return hers.get(t, ch, "evil.example", home.Origin) }, home, account.ErrPasskey},
		"answered elsewhere":  {func(ch string) []byte { return hers.get(t, ch, home.Host, home.Origin) }, elsewhere, account.ErrPasskeyLate},
		"a key nobody has":    {func(ch string) []byte { return strange.get(t, ch, home.Host, home.Origin) }, home, account.ErrPasskey},
		"another's id": {func(ch string) []byte {
			return (&device{his.key, hers.id, hers.handle, 0, his.flags}).get(t, ch, home.Host, home.Origin)
		}, home, account.ErrPasskey},
		"another's handle": {func(ch string) []byte {
			return (&device{hers.key, hers.id, his.handle, 0, hers.flags}).get(t, ch, home.Host, home.Origin)
		}, home, account.ErrPasskey},
		"no handle": {func(ch string) []byte {
			return (&device{hers.key, hers.id, nil, 0, hers.flags}).get(t, ch, home.Host, home.Origin)
		}, home, account.ErrPasskey},
		"the person not asked": {func(ch string) []byte {
			return (&device{hers.key, hers.id, hers.handle, 0, present}).get(t, ch, home.Host, home.Origin)
		}, home, account.ErrPasskey},
		"nobody there": {func(ch string) []byte {
			return (&device{hers.key, hers.id, hers.handle, 0, verified}).get(t, ch, home.Host, home.Origin)
		}, home, account.ErrPasskey},
		"a broken signature": {func(ch string) []byte {
			return bytes.Replace(hers.get(t, ch, home.Host, home.Origin), []byte(`"signature":"ME`), []byte(`"signature":"MD`), 1)
		}, home, account.ErrPasskey},
		"another's answer": {func(ch string) []byte {
			return bytes.ReplaceAll(his.get(t, ch, home.Host, home.Origin), []byte(b64.EncodeToString(his.handle)), []byte(b64.EncodeToString(hers.handle)))
		}, home, account.ErrPasskey},
		"no JSON": {func(string) []byte { return []byte("{") }, home, account.ErrPasskey},
		"too late": {func(ch string) []byte {
			c.add(2 * time.Minute)
			return hers.get(t, ch, home.Host, home.Origin)
		}, home, account.ErrPasskeyLate},
	} {
		answer := try.answer(challenge(t, a))
		token, err := a.LogInPasskey(t.Context(), "10.0.0.5", "b", try.at, answer)
		if !errors.Is(err, try.want) || (token != "") != (try.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
		if _, err := a.LogInPasskey(t.Context(), "10.0.0.5", "b", home, answer); !errors.Is(err, account.ErrPasskeyLate) && name != "no JSON" {
			t.Errorf("%s, sent again: %v", name, err)
		}
	}
}

// TestPasskeyIsNotMade: each way in which an answer can be wrong, when one is made.
func TestPasskeyIsNotMade(t *testing.T) {
	a, c, owner, vera := house(t)
	first := enrolled(t, a, owner)
	for name, try := range map[string]struct {
		answer func(options []byte) []byte
		by     account.Login
		title  string
		want   error
	}{
		"another's session": {func(o []byte) []byte { return newDevice(t).create(t, o, home.Origin) }, owner, "x", account.ErrPasskeyLate},
		"another origin":    {func(o []byte) []byte { return newDevice(t).create(t, o, "https://evil.example") }, vera, "x", account.ErrPasskey},
		"not verified":      {func(o []byte) []byte { d := newDevice(t); d.flags = present; return d.create(t, o, home.Origin) }, vera, "x", account.ErrPasskey},
		"another's id":      {func(o []byte) []byte { d := newDevice(t); d.id = first.id; return d.create(t, o, home.Origin) }, vera, "x", account.ErrPasskey},
		"no name":           {func(o []byte) []byte { return newDevice(t).create(t, o, home.Origin) }, vera, " \t", account.ErrPasskeyName},
		"a long name":       {func(o []byte) []byte { return newDevice(t).create(t, o, home.Origin) }, vera, strings.Repeat("é", 41), account.ErrPasskeyName},
		"a turning name":    {func(o []byte) []byte { return newDevice(t).create(t, o, home.Origin) }, vera, "a\u202eb", account.ErrPasskeyName},
		"a log-in's answer": {func([]byte) []byte { return first.get(t, challenge(t, a), home.Host, home.Origin) }, vera, "x", account.ErrPasskey},
		"a log-in's challenge": {func([]byte) []byte {
			o, err := a.BeginPasskeyLogIn("10.0.0.1", home)
			if err != nil {
				t.Fatal(err)
			}
			return newDevice(t).create(t, o, home.Origin)
		}, vera, "x", account.ErrPasskeyLate},
		"garbage": {func([]byte) []byte { return []byte(`{"id":"AA"}`) }, vera, "x", account.ErrPasskey},
	} {
		options, err := a.BeginPasskey(t.Context(), vera, "10.0.0.1", home)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.AddPasskey(t.Context(), try.by, home, try.title, try.answer(options)); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	if list, err := a.Passkeys(t.Context(), vera.Person.Number); len(list) != 0 || err != nil {
		t.Errorf("%+v, %v", list, err)
	}
	for range 16 {
		enrolled(t, a, vera)
	}
	if _, err := a.BeginPasskey(t.Context(), vera, "10.0.0.1", home); !errors.Is(err, account.ErrPasskeys) {
		t.Errorf("a 17th: %v", err)
	}
	// Where one is made and the person removed before the answer, nothing is stored.
	options, err := a.BeginPasskey(t.Context(), owner, "10.0.0.1", home)
	if err != nil {
		t.Fatal(err)
	}
	c.add(2 * time.Minute)
	if _, err := a.AddPasskey(t.Context(), owner, home, "x", newDevice(t).create(t, options, home.Origin)); !errors.Is(err, account.ErrPasskeyLate) {
		t.Errorf("too late: %v", err)
	}
}

// TestPasskeyCount: a count that goes back, or stays, is refused and says why;
// what is stored does not move.
func TestPasskeyCount(t *testing.T) {
	a, _, _, vera := house(t)
	d := enrolled(t, a, vera)
	for _, try := range []struct {
		count uint32
		want  error
	}{{0, nil}, {0, nil}, {7, nil}, {7, account.ErrPasskeyCopied}, {3, account.ErrPasskeyCopied}, {0, account.ErrPasskeyCopied}, {8, nil}} {
		d.count = try.count
		if _, err := a.LogInPasskey(t.Context(), "10.0.0.5", "b", home, d.get(t, challenge(t, a), home.Host, home.Origin)); !errors.Is(err, try.want) {
			t.Errorf("count %d: %v, want %v", try.count, err, try.want)
		}
	}
}

// TestPasskeysEndWithTheirPerson: a removal and a new passphrase, also that of
// the recovery on the device, take a person's passkeys, and nobody else's.
func TestPasskeysEndWithTheirPerson(t *testing.T) {
	for name, end := range map[string]func(*account.Accounts, account.Login) error{
		"removal": func(a *account.Accounts, _ account.Login) error { return a.RemovePerson(t.Context(), "vera") },
		"passphrase": func(a *account.Accounts, v account.Login) error {
			return a.ChangePassphrase(t.Context(), v.Person, "10.0.0.1", "passphrase of vera", "another of vera")
		},
		"recovery": func(a *account.Accounts, _ account.Login) error {
			return a.SetPassphrase(t.Context(), "another of the owner", true)
		},
	} {
		a, _, owner, vera := house(t)
		devices := map[string]*device{"owner": enrolled(t, a, owner), "vera": enrolled(t, a, vera)}
		options, err := a.BeginPasskey(t.Context(), vera, "10.0.0.1", home)
		if err != nil {
			t.Fatal(err)
		}
		if err := end(a, vera); err != nil {
			t.Fatal(err)
		}
		for who, d := range devices {
			want := error(nil)
			if (name == "recovery") == (who == "owner") {
				want = account.ErrPasskey
			}
			if _, err := a.LogInPasskey(t.Context(), "10.0.0.5", "b", home, d.get(t, challenge(t, a), home.Host, home.Origin)); !errors.Is(err, want) {
				t.Errorf("%s: %s: %v, want %v", name, who, err, want)
			}
		}
		_, err = a.AddPasskey(t.Context(), vera, home, "late", newDevice(t).create(t, options, home.Origin))
		if name == "removal" && !errors.Is(err, account.ErrNoPerson) {
			t.Errorf("one made while its person was removed: %v", err)
		}
	}
}

// TestQuestionsAreBounded: who asks again and again pushes out no question of others.
func TestQuestionsAreBounded(t *testing.T) {
	a, _, _, vera := house(t)
	d := enrolled(t, a, vera)
	mine := challenge(t, a)
	for i := range 3000 {
		if _, err := a.BeginPasskeyLogIn(fmt.Sprintf("192.168.%d.9", i%60), home); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.LogInPasskey(t.Context(), "10.0.0.1", "b", home, d.get(t, mine, home.Host, home.Origin)); err != nil {
		t.Error(err)
	}
}

// FuzzPasskey: no answer of a browser brings the hub down, or anybody in.
func FuzzPasskey(f *testing.F) {
	d := newDevice(f)
	f.Add(d.get(f, b64.EncodeToString(make([]byte, 32)), home.Host, home.Origin))
	f.Add(d.create(f, []byte(`{"publicKey":{"challenge":"AA","rp":{"id":"hub.local"},"user":{"id":"AA"}}}`), home.Origin))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		a := account.New(account.Config{})
		if _, err := a.LogInPasskey(t.Context(), "10.0.0.1", "b", home, answer); err == nil {
			t.Error("let in")
		}
		if _, err := a.AddPasskey(t.Context(), account.Login{}, home, "x", answer); err == nil {
			t.Error("made")
		}
	})
}
