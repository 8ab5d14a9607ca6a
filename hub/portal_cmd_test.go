package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
	"gatehouse/hub/identity"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
	"gatehouse/hub/sqlite"
)

// TestRequestsPortal has one package approved for a portal, and one for an upload.
func TestRequestsPortal(t *testing.T) {
	data := t.TempDir()
	id, err := identity.Open(data, true)
	if err != nil {
		t.Fatal(err)
	}
	house, err := sqlite.OpenHouse(t.Context(), filepath.Join(data, houseDB))
	if err != nil {
		t.Fatal(err)
	}
	defer house.Close()
	pkg := sealedAgain(t, data, id.Owner)
	now := time.Now()
	for request1, kind := range map[string]string{"by-hand": bulletin.Portal, "by-hub": bulletin.Tus, "not-yet": ""} {
		r := request.Record{ID: request1, Agency: "police.example", State: request.Prepared, Received: now, Updated: now, Package: &pkg}
		if err := house.PutRecord(t.Context(), r, ""); err != nil {
			t.Fatal(err)
		}
		if kind == "" {
			continue
		}
		r.State = request.Approved
		_, err := house.Approve(t.Context(), r, ledger.Entry{Time: now, Kind: ledger.Approved, Request: r.ID, Text: "It was approved."}, request.Outbox{
			Request: r.ID, PackageID: pkg.ID, Path: pkg.Path, Digest: pkg.Digest, Bytes: pkg.Bytes, NotBefore: now,
			Target: bulletin.Target{Kind: kind, URL: "https://a.example/"}, Profile: []byte("x"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	command := func(id, to string) (int, string) {
		var said bytes.Buffer
		code := run([]string{"requests", "portal", "--data", data, id, to}, strings.NewReader(""), &said, &said)
		return code, said.String()
	}
	to := filepath.Join(t.TempDir(), "upload")
	for id, says := range map[string]string{"not-yet": "state", "by-hub": "in person", "nobody": "no such request"} {
		code, said := command(id, to)
		if _, err := os.Stat(to); code != exitInput || !strings.Contains(said, says) || err == nil {
			t.Errorf("%s: exit %d: %s", id, code, said)
		}
	}
	if code, said := command("by-hand", to); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	cmd := exec.Command("sha256sum", "--strict", "-c", "SHA256SUMS")
	cmd.Dir = to
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	var said bytes.Buffer
	if code := run([]string{"verify", to}, strings.NewReader(""), &said, &said); code != 0 {
		t.Errorf("exit %d: %s", code, said.String())
	}
	if code, said := command("by-hand", to); code != exitInput || !strings.Contains(said, "already") {
		t.Errorf("again: exit %d: %s", code, said)
	}
	// The file is no longer the one that was approved.
	path := filepath.Join(data, sealedDir, pkg.ID+".ghe")
	if err := os.WriteFile(path, []byte("another film"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if code, said := command("by-hand", other); code != exitFault || !strings.Contains(said, "digest") {
		t.Errorf("another file: exit %d: %s", code, said)
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("something of another file was written")
	}
}

// sealedAgain is the package of the tests of evidence, encrypted to an owner.
func sealedAgain(t *testing.T, data string, owner *age.X25519Identity) evidence.Package {
	t.Helper()
	plain, err := os.ReadFile("evidence/testdata/package-v1.tar")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, owner.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, bytes.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(string(plain[:100]), "/")
	p := evidence.Package{ID: id, Path: filepath.Join(data, sealedDir, id+".ghe"), Bytes: int64(b.Len())}
	sum := sha256.Sum256(b.Bytes())
	p.Digest = hex.EncodeToString(sum[:])
	if err := os.MkdirAll(filepath.Dir(p.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}
