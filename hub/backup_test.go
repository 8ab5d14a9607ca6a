package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/backup"
	"gatehouse/hub/ledger"
	"gatehouse/hub/sqlite"
)

const backupPass = "five plain old words here"

// backedUp is a home that ran with all that leaves files in the data folder, its
// backup, made while it ran, and what HomeKit then said of itself.
func backedUp(t *testing.T) (data, file string, bridge homekit.Kept) {
	t.Helper()
	data, file = filepath.Join(t.TempDir(), "hub"), filepath.Join(t.TempDir(), "home.backup")
	writeConfig(t, data, "# mine\nlisten: 127.0.0.1:0\nhomekit: {enabled: true, listen: \"127.0.0.1:0\"}\nintake: {listen: \"127.0.0.1:0\"}\n")
	if code, _, errs := gatehouse("correct horse\n", "passwd", "--data", data); code != 0 {
		t.Fatal(errs)
	}
	pair(t, data)
	t.Run("running", func(t *testing.T) {
		h := startHub(t, data)
		if err := os.WriteFile(filepath.Join(data, "agencies", "police.example.yml"), []byte("agency: police.example\nname: Lakeside Police\n"+
			"root: "+strings.Repeat("ab", 32)+"\ncall_back: +1 231 555 0148\nadded: 2026-11-01T10:00:00Z\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the agency", func() bool { return len(h.requests.Allowlist()) == 1 })
		for _, kind := range []ledger.Kind{ledger.OwnerMade, ledger.Shown} {
			if _, err := h.ledger.Append(t.Context(), ledger.Entry{Time: time.Now(), Kind: kind, Text: "The owner did something."}); err != nil {
				t.Fatal(err)
			}
		}
		bridge = paired(t, h)
		code, out, errs := gatehouse(backupPass+"\n", "backup", "--data", data, file)
		if code != 0 || !strings.Contains(out, "read back, and whole") || strings.Contains(out, "left out") {
			t.Fatalf("exit %d\n%s%s", code, out, errs)
		}
	})
	return data, file, bridge
}

// pair has a controller paired with the doorbell before the hub's first start.
func pair(t *testing.T, data string) {
	t.Helper()
	key := bytes.Repeat([]byte{7}, 32)
	err := withHouse(t.Context(), data, func(h *sqlite.House) error {
		return h.KeepHomeKit(t.Context(), homekit.Kept{Code: "246-80-135", Rung: []string{"019aa7b2-58c0-7000-8000-000000000001"}, Accessories: []homekit.Identity{{
			Accessory: "doorbell", DeviceID: "11:22:33:44:55:66", SetupID: "BELL", Seed: key, Version: 9,
			Controllers: []homekit.Controller{{ID: "my telephone", Key: key, Admin: true, Added: time.Now().Truncate(time.Second).UTC()}},
		}}}, 10)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// paired is what the Home app knows a hub by: its ids and keys, its
// accessories' shapes, and who is paired.
func paired(t *testing.T, h *hub) homekit.Kept {
	t.Helper()
	s := h.homekit.Status()
	k, err := h.house.HomeKit(t.Context())
	if err != nil || !s.Paired || s.DeviceID != "11:22:33:44:55:66" || len(k.Accessories) < 2 {
		t.Fatalf("%+v, %+v, %v", s, k, err)
	}
	return k
}

// tree is every file below a folder, with its bytes.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBackupAndRestore: the home that comes back is the home that was, says in
// its ledger that it came back, and nobody is logged in.
func TestBackupAndRestore(t *testing.T) {
	data, file, bridge := backedUp(t)
	sealed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Lakeside", "listen:", "SQLite", "AGE-SECRET"} {
		if bytes.Contains(sealed, []byte(secret)) {
			t.Errorf("the backup shows %q", secret)
		}
	}
	if code, _, errs := gatehouse(backupPass+"\n", "backup", "--data", data, file); code != exitInput || !strings.Contains(errs, "there already") {
		t.Errorf("writing over a backup: exit %d, %s", code, errs)
	}
	if code, _, errs := gatehouse("too short\n", "backup", "--data", data, file+"2"); code != exitInput || !strings.Contains(errs, "at least 12") {
		t.Errorf("a weak passphrase: exit %d, %s", code, errs)
	}
	if _, err := os.Stat(file + "2"); err == nil {
		t.Error("a refused backup left a file")
	}
	to := filepath.Join(t.TempDir(), "new", "hub")
	code, out, errs := gatehouse(backupPass+"\n", "restore", "--data", to, file)
	if code != 0 || !strings.Contains(out, "NEVER run this hub and the one") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	was, is := tree(t, data), tree(t, to)
	for name := range was {
		if strings.HasPrefix(name, "index.db") || strings.HasPrefix(name, "house.db") || name == checkpointFile || name == "lock" || name == "clock" || strings.HasPrefix(name, "inbox") || strings.HasPrefix(name, "footage") {
			delete(was, name)
			delete(is, name)
		}
	}
	if diff := cmp.Diff(was, is); diff != "" || len(was) < 6 {
		t.Errorf("%d files (-was +is):\n%s", len(was), diff)
	}
	again := startHub(t, to)
	if diff := cmp.Diff(bridge, paired(t, again)); diff != "" {
		t.Errorf("the Home app finds another hub (-was +is):\n%s", diff)
	}
	entries, err := again.ledger.Entries(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	restored := 0
	for _, e := range entries {
		if e.Kind == ledger.Restored && strings.Contains(e.Text, "is not in this ledger") {
			restored++
		}
	}
	if restored != 1 || len(entries) < 3 || len(again.requests.Allowlist()) != 1 {
		t.Errorf("%d of %d entries say that it was restored", restored, len(entries))
	}
	if err := again.accounts.Check(t.Context(), "test", "correct horse"); err != nil {
		t.Errorf("the owner's passphrase: %v", err)
	}
}

// TestBadBackupChangesNothing: a wrong passphrase, a cut, a changed bit and a
// folder that has files each say so and leave the folder as it was.
func TestBadBackupChangesNothing(t *testing.T) {
	_, file, _ := backedUp(t)
	sealed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(name, pass string, text []byte, full bool, want string) {
		t.Helper()
		dir := t.TempDir()
		bad, to := filepath.Join(dir, "bad"), filepath.Join(dir, "hub")
		if err := os.WriteFile(bad, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if full {
			writeConfig(t, to, "listen: 127.0.0.1:0\n")
		}
		code, out, errs := gatehouse(pass+"\n", "restore", "--data", to, bad)
		if code != exitInput || !strings.Contains(errs, want) || !strings.Contains(errs, "nothing was changed") || out != "" {
			t.Errorf("%s: exit %d\n%s%s", name, code, out, errs)
		}
		left, _ := os.ReadDir(to)
		if full != (len(left) == 1) || !full && len(left) != 0 {
			t.Errorf("%s: the folder has %v", name, left)
		}
	}
	flipped := func(at int) []byte {
		text := bytes.Clone(sealed)
		text[at] ^= 4
		return text
	}
	refuse("another passphrase", "five plain new words here", sealed, false, "the passphrase is not that of this backup")
	refuse("no backup", backupPass, []byte("hello"), false, backup.ErrDamaged.Error())
	refuse("empty", backupPass, nil, false, backup.ErrDamaged.Error())
	refuse("the last byte is missing", backupPass, sealed[:len(sealed)-1], false, backup.ErrDamaged.Error())
	refuse("half of it", backupPass, sealed[:len(sealed)/2], false, backup.ErrDamaged.Error())
	refuse("a bit in the middle", backupPass, flipped(len(sealed)/2), false, backup.ErrDamaged.Error())
	refuse("the last bit", backupPass, flipped(len(sealed)-1), false, backup.ErrDamaged.Error())
	refuse("something behind it", backupPass, append(bytes.Clone(sealed), 0), false, backup.ErrDamaged.Error())
	refuse("a folder with files", backupPass, sealed, true, "is not empty")
}
