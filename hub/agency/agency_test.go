package agency

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

// office is an agency in a temporary folder.
type office struct {
	dir     string
	feed    Feed
	profile bulletin.VerifiedProfile
	policy  *bulletin.Policy
}

func newOffice(t *testing.T, uploadHost string) office {
	t.Helper()
	o := office{dir: filepath.Join(t.TempDir(), "pd")}
	var err error
	o.feed, err = Init(o.dir, InitConfig{
		Agency: "police.springfield.example", Name: "Springfield Police", Level: "municipal",
		Jurisdiction: bulletintest.Box(bulletintest.Centre, 0.2, 0.2), UploadHost: uploadHost,
		CallBack: "+1 916 555 0100", Roots: 3, Threshold: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.profile, err = LoadProfile(o.dir); err != nil {
		t.Fatal(err)
	}
	if o.policy, err = bulletin.NewPolicy(o.feed.Log, o.feed.Witnesses); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o office) draft(t *testing.T, change ...func(*DraftConfig)) bulletin.Request {
	t.Helper()
	from := time.Now().Add(-30 * time.Hour)
	cfg := DraftConfig{
		Case: "2026-004711", Category: "package_theft", Headline: "Parcel thefts on Elm Street",
		Window: bulletin.Window{From: from, To: from.Add(2 * time.Hour)}, Centre: bulletintest.Centre,
		Officer:    bulletin.Officer{Name: "J. Ortiz", Badge: "4411", Unit: "Property", Phone: "+1 916 555 0134", Email: "j.ortiz@pd.example"},
		Supervisor: bulletin.Officer{Name: "R. Alvarez", Badge: "207"},
	}
	for _, f := range change {
		f(&cfg)
	}
	q, err := Draft(o.profile, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// signed is the envelope of a request that both people signed, each with their own call.
func (o office) signed(t *testing.T, q bulletin.Request) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "elm.json")
	if err := WriteDraft(path, q); err != nil {
		t.Fatal(err)
	}
	for i, key := range []string{supervisorKey, officerKey} {
		s, err := Sign(SignConfig{Profile: o.profile.Envelope, In: path, Key: filepath.Join(o.dir, key)})
		if err != nil {
			t.Fatal(err)
		}
		if s.Whole != (i == 1) || s.Request.ID != q.ID {
			t.Fatalf("signature %d: whole %v of %s", i, s.Whole, s.Request.ID)
		}
		path = s.Path
	}
	env, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestInitKeepsSecretsAndRefusesToOverwrite(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	err := filepath.WalkDir(o.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if i.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, i.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(o.dir, officerKey))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Init(o.dir, InitConfig{Agency: "a.example"}); !errors.Is(err, ErrExists) {
		t.Errorf("second Init: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(o.dir, officerKey)); err != nil || string(after) != string(before) {
		t.Errorf("the officer's key changed: %v", err)
	}
	if o.profile.RootID != o.feed.Root || o.profile.Root.Threshold != 2 || len(o.profile.Root.Keys) != 3 {
		t.Errorf("root %+v, feed %+v", o.profile.Root, o.feed)
	}
}

func TestInitLeavesNothingOfABadAgency(t *testing.T) {
	parent := t.TempDir()
	_, err := Init(filepath.Join(parent, "pd"), InitConfig{Agency: "Not A Name", UploadHost: "h.example"})
	if err == nil {
		t.Fatal("a bad name was taken")
	}
	left, err := os.ReadDir(parent)
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestSignProfileWantsANewVersionAndEnoughRoots(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	if err := SignProfile(o.dir); err == nil || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("signing the same version again: %v", err)
	}
	p := o.profile.Profile
	p.Version = 2
	if err := writeJSON(filepath.Join(o.dir, profileFile), p); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"root-1.key", "root-2.key"} {
		if err := os.Rename(filepath.Join(o.dir, offlineDir, n), filepath.Join(t.TempDir(), n)); err != nil {
			t.Fatal(err)
		}
	}
	var r *bulletin.Refusal
	if err := SignProfile(o.dir); !errors.As(err, &r) || r.Code != bulletin.BadSignature {
		t.Errorf("one root of two: %v", err)
	}
	if got, err := LoadProfile(o.dir); err != nil || got.Version != 1 {
		t.Errorf("version %d, %v", got.Version, err)
	}
}

func TestSignRefuses(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	dir := t.TempDir()
	in := filepath.Join(dir, "elm.json")
	if err := WriteDraft(in, o.draft(t)); err != nil {
		t.Fatal(err)
	}
	if err := WriteDraft(in, o.draft(t)); err == nil {
		t.Error("a draft was overwritten")
	}
	sign := func(in, key string) (Signed, error) {
		return Sign(SignConfig{Profile: o.profile.Envelope, In: in, Key: filepath.Join(o.dir, key)})
	}
	if _, err := sign(in, receiptKey); !errors.Is(err, bulletin.ErrNotListed) {
		t.Errorf("the receipt key: %v", err)
	}
	if _, err := sign(in, tlsKey); err == nil {
		t.Error("an ECDSA key was taken")
	}
	half, err := sign(in, officerKey)
	if err != nil {
		t.Fatal(err)
	}
	var r *bulletin.Refusal
	if _, err := sign(half.Path, officerKey); !errors.As(err, &r) || r.Code != bulletin.DoubleRole {
		t.Errorf("the officer twice: %v", err)
	}
	if _, err := sign(in, officerKey); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("overwriting %s: %v", half.Path, err)
	}
	_, err = Sign(SignConfig{
		Profile: o.profile.Envelope, In: half.Path, Key: filepath.Join(o.dir, supervisorKey), Now: time.Now().AddDate(0, 0, 8),
	})
	if !errors.As(err, &r) || r.Code != bulletin.Expired {
		t.Errorf("an expired draft: %v", err)
	}
}

func TestDraftSaysWhichLimitItBreaks(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	q := o.draft(t)
	_, err := Draft(o.profile, DraftConfig{
		Case: q.Case.Number, Category: "package_theft", Headline: "Parcel thefts", Window: q.Window,
		Centre: bulletintest.Centre, Radius: 2000, Officer: q.AuthorisedBy.Officer, Supervisor: q.AuthorisedBy.Supervisor,
	})
	var r *bulletin.Refusal
	if !errors.As(err, &r) || r.Code != bulletin.BadArea {
		t.Errorf("12 km²: %v", err)
	}
}

func TestCircle(t *testing.T) {
	for _, c := range []bulletin.Point{{Lat: 0, Lon: 180}, {Lat: 60, Lon: -179.999}, {Lat: -45, Lon: 10}} {
		ring := Circle(c, 400)
		// A polygon of 16 sides has 0.974 of its circle's area.
		if got := bulletin.SquareKM(ring); got < 0.484 || got > 0.495 {
			t.Errorf("around %v: %.4f km²", c, got)
		}
		if !bulletin.Contains(ring, c) {
			t.Errorf("%v is not in its circle %v", c, ring)
		}
	}
}
