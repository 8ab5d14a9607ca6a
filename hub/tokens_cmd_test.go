package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/control"
	"gatehouse/hub/sqlite"
)

// TestTokensCommands makes, lists and ends a token as a person at the device
// does, and sees what refuses them.
func TestTokensCommands(t *testing.T) {
	dir := t.TempDir()
	store, err := sqlite.OpenHouse(t.Context(), filepath.Join(dir, houseDB))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	accounts := account.New(account.Config{Store: store})
	const pass = "correct horse battery"
	if err := accounts.SetPassphrase(t.Context(), pass, false); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- control.New(control.Config{DataDir: dir, Accounts: accounts, Log: slog.New(slog.DiscardHandler)}).Run(ctx)
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, control.Socket)); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no control socket")
		}
	}
	tokens := func(stdin string, args ...string) (int, string, string) {
		return gatehouse(stdin, append(append([]string{"tokens"}, args...), "--data", dir)...)
	}
	for _, bad := range []struct {
		stdin, says string
		args        []string
	}{
		{"wrong wrong\n", "wrong passphrase", []string{"add", "panel", "--scopes", "cameras"}},
		{"", "standard input", []string{"add", "panel", "--scopes", "cameras"}},
		{pass + "\n", "scope", []string{"add", "panel", "--scopes", "approve"}},
		{pass + "\n", "scopes", []string{"add", "panel"}},
		{pass + "\n", "1 to 366", []string{"add", "panel", "--scopes", "cameras", "--days", "400"}},
		{pass + "\n", "a-z", []string{"add", "Wall panel", "--scopes", "cameras"}},
		{"", "no token", []string{"revoke", "panel"}},
	} {
		if code, out, errs := tokens(bad.stdin, bad.args...); code == 0 || out != "" || !strings.Contains(errs, bad.says) {
			t.Errorf("%v: exit %d\n%s%s", bad.args, code, out, errs)
		}
	}
	code, out, errs := tokens(pass+"\n", "add", "panel", "--scopes", "cameras,clips", "--cameras", "Driveway", "--days", "30")
	secret := regexp.MustCompile(`gatehouse_\w+`).FindString(out)
	if code != 0 || secret == "" || !strings.Contains(out, "cameras clips") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	got, ok, err := accounts.Bearer(t.Context(), secret)
	if err != nil || !ok || got.Maker != account.OwnerNumber || !got.Sees("Driveway") || got.Sees("Hall") || got.May(account.ScopeRequests) {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if code, out, _ := tokens("", "list"); code != 0 || !regexp.MustCompile(`^panel\s+cameras clips\s+Driveway\s+until .* used \d`).MatchString(out) || strings.Contains(out, secret) {
		t.Errorf("exit %d\n%s", code, out)
	}
	code, out, _ = tokens("", "list", "--json")
	var list []account.Token
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list) != 1 || list[0].Name != "panel" {
		t.Errorf("exit %d, %v\n%s", code, err, out)
	}
	if code, out, errs := tokens("", "revoke", "panel"); code != 0 || !regexp.MustCompile(`^revoked\s+panel`).MatchString(out) {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if _, ok, err := accounts.Bearer(t.Context(), secret); ok || err != nil {
		t.Errorf("after its end: %v, %v", ok, err)
	}
	// The recovery on the device ends what the first owner made.
	if code, _, errs := tokens(pass+"\n", "add", "panel", "--scopes", "cameras"); code != 0 {
		t.Fatal(errs)
	}
	if code, _, errs := gatehouse("another passphrase\n", "passwd", "--data", dir); code != 0 {
		t.Fatal(errs)
	}
	if left, err := accounts.Tokens(t.Context()); len(left) != 0 || err != nil {
		t.Errorf("%+v, %v", left, err)
	}
}
