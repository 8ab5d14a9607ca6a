package agency

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/rtsp/rtsptest/bubble"
)

// keyOf makes a key on a machine of its own.
func keyOf(t *testing.T, role Role, holder string) (key string, p Public) {
	t.Helper()
	path := filepath.Join(t.TempDir(), strings.ToLower(holder))
	made, err := MakeKey(path, role, holder)
	if err != nil {
		t.Fatal(err)
	}
	p, err = LoadPublic(path+publicEnd, role)
	if err != nil || p.Words() != made.Words() || p.Holder != holder {
		t.Fatalf("%+v became %+v, %v", made, p, err)
	}
	return path + ".key", p
}

// team is an agency whose people have machines of their own.
type team struct {
	office
	roots               []string // key files
	people              []Public
	officer, supervisor string
}

func newTeam(t *testing.T) team {
	t.Helper()
	m := team{roots: make([]string, 3), people: make([]Public, 6)}
	for i := range m.roots {
		m.roots[i], m.people[i] = keyOf(t, Root, "Root")
	}
	m.officer, m.people[3] = keyOf(t, Officer, "Dana")
	m.supervisor, m.people[4] = keyOf(t, Supervisor, "Luis")
	_, m.people[5] = keyOf(t, Recipient, "Mara")
	m.dir = filepath.Join(t.TempDir(), "pd")
	_, err := Init(m.dir, InitConfig{
		Agency: "police.springfield.example", Name: "Springfield Police", Level: "municipal",
		Jurisdiction: bulletintest.Box(bulletintest.Centre, 0.2, 0.2), UploadHost: "evidence.springfield.example",
		CallBack: "+1 916 555 0100", People: m.people, Threshold: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sign lets roots sign profile.json one after the other; the last must make it whole.
func (m *team) sign(t *testing.T, old []byte, keys ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, profileFile))
	if err != nil {
		t.Fatal(err)
	}
	in := filepath.Join(t.TempDir(), profileFile)
	if err := os.WriteFile(in, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, key := range keys {
		s, err := SignProfileFile(ProfileSignConfig{In: in, Key: key, Old: old})
		if err != nil {
			t.Fatal(err)
		}
		if s.Whole() != (i == len(keys)-1) {
			t.Fatalf("after %d signatures: %+v", i+1, s)
		}
		in = s.Path
	}
	return in
}

func (m *team) install(t *testing.T, path string) {
	t.Helper()
	env, err := os.ReadFile(path)
	if err == nil {
		m.profile, err = InstallProfile(m.dir, env, false)
	}
	if err == nil {
		m.feed, err = LoadFeed(m.dir)
	}
	if err == nil {
		m.policy, err = bulletin.NewPolicy(m.feed.Log, m.feed.Witnesses)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeysByRole(t *testing.T) {
	key, p := keyOf(t, Officer, "Dana")
	for path, want := range map[string]string{
		strings.TrimSuffix(key, ".key") + publicEnd: "is a key for the role officer, not supervisor",
		key: "should be the line that",
	} {
		if _, err := LoadPublic(path, Supervisor); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := MakeKey(strings.TrimSuffix(key, ".key"), Officer, "Dana"); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("a second key of one name: %v", err)
	}
	if _, err := ParsePublic(strings.Replace(p.line(), "Dana", "Da\x1b[2Jna", 1)); err == nil {
		t.Error("a name moves the terminal's cursor")
	}
	if st, err := os.Stat(key); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if strings.Contains(p.line(), "PRIVATE") || strings.Count(p.line(), "\n") != 1 {
		t.Errorf("public line %q", p.line())
	}
}

// FuzzPublicKey holds that a line that is read is written again as it was meant.
func FuzzPublicKey(f *testing.F) {
	f.Add("gatehouse-officer " + base64.StdEncoding.EncodeToString(make([]byte, 32)) + " Dana Whitfield\n")
	f.Add("gatehouse-recipient age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj Mara")
	f.Add("-----BEGIN PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePublic(text)
		if err != nil {
			return
		}
		again, err := ParsePublic(p.line())
		if err != nil || again.line() != p.line() || again.Words() != p.Words() {
			t.Errorf("%q became %+v and then %+v, %v", text, p, again, err)
		}
	})
}

func TestRootsSignOneAfterTheOther(t *testing.T) {
	m := newTeam(t)
	if _, err := Publish(PublishConfig{Dir: m.dir}); !errors.Is(err, ErrNoProfile) {
		t.Errorf("publishing without a profile: %v", err)
	}
	if fileThere(t, filepath.Join(m.dir, offlineDir)) {
		t.Error("the office has a folder for roots")
	}
	in := filepath.Join(m.dir, profileFile)
	if _, err := SignProfileFile(ProfileSignConfig{In: in, Key: m.officer}); !errors.Is(err, bulletin.ErrNotListed) {
		t.Errorf("an officer signs the profile: %v", err)
	}
	half, err := SignProfileFile(ProfileSignConfig{In: in, Key: m.roots[0]})
	if err != nil || half.Whole() || half.Missing != 1 {
		t.Fatalf("one of two: %+v, %v", half, err)
	}
	if _, err := SignProfileFile(ProfileSignConfig{In: half.Path, Key: m.roots[0]}); !errors.Is(err, bulletin.ErrSignedAlready) {
		t.Errorf("one root twice: %v", err)
	}
	env, err := os.ReadFile(half.Path)
	if err != nil {
		t.Fatal(err)
	}
	var r *bulletin.Refusal
	if _, err := InstallProfile(m.dir, env, false); !errors.As(err, &r) || r.Code != bulletin.BadSignature {
		t.Errorf("installing a half: %v", err)
	}
	if err := os.Remove(half.Path); err != nil {
		t.Fatal(err)
	}
	m.install(t, m.sign(t, nil, m.roots[2], m.roots[0]))
	if got := m.publish(t, time.Now()); got.Waiting || got.Size != 1 {
		t.Errorf("%+v", got)
	}
	other := newTeam(t)
	other.install(t, other.sign(t, nil, other.roots[0], other.roots[1]))
	if _, err := InstallProfile(m.dir, other.profile.Envelope, true); err == nil || !strings.Contains(err.Error(), "receipt key") && !strings.Contains(err.Error(), "version 1") {
		t.Errorf("another office's profile: %v", err)
	}
}

func TestRootsAreReplaced(t *testing.T) {
	m := newTeam(t)
	m.install(t, m.sign(t, nil, m.roots[0], m.roots[1]))
	was := m.profile
	key4, pub4 := keyOf(t, Root, "New")
	key5, pub5 := keyOf(t, Root, "New")
	if _, err := EditProfile(m.dir, ProfileEdit{Add: []Public{pub4, pub5}, Remove: []string{"ffffffff"}}); err == nil {
		t.Error("a key that is not there was removed")
	}
	p, err := EditProfile(m.dir, ProfileEdit{Add: []Public{pub4, pub5}})
	if err != nil || p.Version != 2 || p.Root.Threshold != 2 {
		t.Fatalf("%+v, %v", p.Root, err)
	}
	// Signed by the new roots alone, every owner would have to confirm.
	alone, err := os.ReadFile(m.sign(t, nil, key4, key5))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := InstallProfile(m.dir, alone, false); !errors.Is(err, ErrRootsReplaced) {
		t.Errorf("without the old roots: %v", err)
	}
	m.install(t, m.sign(t, was.Envelope, m.roots[0], key4, m.roots[1], key5))
	if err := m.profile.RotatedFrom(was); err != nil {
		t.Error(err)
	}
	if _, err := InstallProfile(m.dir, was.Envelope, false); err == nil || !strings.Contains(err.Error(), "version 2 is in force") {
		t.Errorf("going back: %v", err)
	}
	if got := m.publish(t, time.Now()); got.Active != 1 {
		t.Errorf("%+v", got)
	}
}

// TestReviseOverAnotherProfile revises a request three times and ends it after
// the officer who signed it has left.
func TestReviseOverAnotherProfile(t *testing.T) {
	m := newTeam(t)
	m.install(t, m.sign(t, nil, m.roots[0], m.roots[1]))
	q := m.draft(t)
	env := m.signedBy(t, q, m.officer)
	m.publish(t, time.Now(), env)
	key, pub := keyOf(t, Officer, "Ada")
	if _, err := EditProfile(m.dir, ProfileEdit{Add: []Public{pub}, Remove: []string{m.people[3].Words()}}); err != nil {
		t.Fatal(err)
	}
	m.install(t, m.sign(t, nil, m.roots[0], m.roots[2]))
	for revision := 2; revision <= bulletin.MaxRevision; revision++ {
		from := q.Window.From.Add(time.Duration(revision) * time.Minute)
		q, err := Revise(env, m.profile, Change{Window: bulletin.Window{From: from}, Headline: "Parcel thefts, corrected"})
		if err != nil || q.Revision != revision || !q.Window.From.Equal(from) {
			t.Fatalf("revision %d: %+v, %v", revision, q, err)
		}
		env = m.signedBy(t, q, key)
		if got := m.publish(t, time.Now(), env); got.Added == 0 {
			t.Fatalf("revision %d: %+v", revision, got)
		}
	}
	var r *bulletin.Refusal
	if _, err := Revise(env, m.profile, Change{Headline: "Once more"}); !errors.As(err, &r) {
		t.Errorf("a fourth revision: %v", err)
	}
	q, err := End(env, m.profile, bulletin.StatusWithdrawn, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	gone := m.signedBy(t, q, key)
	m.publish(t, time.Now(), gone)
	if _, err := Revise(gone, m.profile, Change{}); !errors.Is(err, errEnded) {
		t.Errorf("revising what was withdrawn: %v", err)
	}
}

func (m team) signedBy(t *testing.T, q bulletin.Request, officer string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "elm.json")
	if err := WriteDraft(path, q); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{officer, m.supervisor} {
		s, err := Sign(SignConfig{Profile: m.profile.Envelope, In: path, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		path = s.Path
	}
	env, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// TestTamperedOnTheWay changes what the second person gets.
func TestTamperedOnTheWay(t *testing.T) {
	m := newTeam(t)
	m.install(t, m.sign(t, nil, m.roots[0], m.roots[1]))
	path := filepath.Join(t.TempDir(), "elm.json")
	if err := WriteDraft(path, m.draft(t)); err != nil {
		t.Fatal(err)
	}
	half, err := Sign(SignConfig{Profile: m.profile.Envelope, In: path, Key: m.officer})
	if err != nil {
		t.Fatal(err)
	}
	read, err := Read(m.profile, half.Path)
	if err != nil || len(read.By) != 1 || read.By[0] != Officer {
		t.Fatalf("%+v, %v", read, err)
	}
	words := RequestWords(read.Request, m.profile)
	for _, want := range []string{"Parcel thefts on Elm Street", "2h0m0s", "km² around", "2026-004711", "not passed on", m.people[5].Age} {
		if !strings.Contains(words, want) {
			t.Errorf("the words lack %q:\n%s", want, words)
		}
	}
	text, err := os.ReadFile(half.Path)
	if err != nil {
		t.Fatal(err)
	}
	var e dsse.Envelope
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		t.Fatal(err)
	}
	e.Payload = base64.StdEncoding.EncodeToString(bytes.Replace(payload, []byte("Elm Street"), []byte("Oak Street"), 1))
	tampered, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"another street": {tampered, "bad-signature: A signature does not verify."},
		"cut":            {text[:len(text)/2], "bad-envelope"},
		"empty":          {nil, "bad-envelope"},
		"not JSON":       {[]byte("Dear Luis, please sign"), "bad-envelope"},
	} {
		if err := os.WriteFile(half.Path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Sign(SignConfig{Profile: m.profile.Envelope, In: half.Path, Key: m.supervisor}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExpiredProfile(t *testing.T) {
	m := newTeam(t)
	m.install(t, m.sign(t, nil, m.roots[0], m.roots[1]))
	_, err := Draft(m.profile, DraftConfig{
		Case: "2026-004711", Category: "burglary", Headline: "Broken window", Centre: bulletintest.Centre,
		Window:  bulletin.Window{From: m.profile.Expires.Add(-3 * time.Hour), To: m.profile.Expires.Add(-time.Hour)},
		Officer: bulletin.Officer{Name: "J. Ortiz", Badge: "4411", Unit: "Property", Phone: "+1 916 555 0134", Email: "j.ortiz@pd.example"},
		Now:     m.profile.Expires.Add(time.Hour), Supervisor: bulletin.Officer{Name: "R. Alvarez", Badge: "207"},
	})
	if err == nil || !strings.Contains(err.Error(), "The agency's profile has expired.") {
		t.Error(err)
	}
}

func TestOnePublisherAFolder(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	o.publish(t, time.Now())
	other, err := openTree(o.dir, o.profile.Agency)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if _, err := Publish(PublishConfig{Dir: o.dir}); !errors.Is(err, errBusy) {
		t.Error(err)
	}
}

// TestClockThatWentBack publishes today, and again on a machine that woke up in the year 2000.
func TestClockThatWentBack(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	o.publish(t, time.Now())
	bubble.Test(t, func(t *testing.T) {
		if _, err := Publish(PublishConfig{Dir: o.dir}); err == nil || !strings.Contains(err.Error(), "clock says 2000-01-01") {
			t.Error(err)
		}
	})
}
