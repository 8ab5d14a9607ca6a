package agency

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
)

func (o office) publish(t *testing.T, now time.Time, envs ...[]byte) Published {
	t.Helper()
	p, err := Publish(PublishConfig{Dir: o.dir, Now: now}, envs...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// counts are a Published's numbers.
type counts struct {
	Size                 int64
	Added, Known, Active int
}

func brief(p Published) counts { return counts{p.Size, p.Added, p.Known, p.Active} }

// read verifies a published file as a hub does and returns the kinds of its lines.
func (o office) read(t *testing.T, name string) (kinds []bulletin.Kind) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(o.dir, "public", name))
	if err != nil {
		t.Fatal(err)
	}
	err = bulletin.ReadFile(data, func(l bulletin.Line) error {
		if _, err := o.policy.Verify(l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		kinds = append(kinds, l.Kind)
		return nil
	}, func(n int, r *bulletin.Refusal) { t.Errorf("%s:%d: %v", name, n, r) })
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

func (o office) checkpoint(t *testing.T) bulletin.Checkpoint {
	t.Helper()
	signed, err := os.ReadFile(filepath.Join(o.dir, "public", bulletin.CheckpointPath))
	if err != nil {
		t.Fatal(err)
	}
	c, err := o.policy.Checkpoint(signed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func epochName(at time.Time) string {
	return bulletin.EpochDir + at.UTC().Format("2006010215") + ".ghb"
}

func TestPublishWithdrawRefresh(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	env := o.signed(t, o.draft(t))
	now := time.Now()
	want := counts{Size: 2, Added: 2, Active: 2}
	if got := brief(o.publish(t, now, env)); got != want {
		t.Errorf("first: %+v", got)
	}
	kinds := []bulletin.Kind{bulletin.KindProfile, bulletin.KindRequest}
	for _, name := range []string{bulletin.ActivePath, epochName(now)} {
		if diff := cmp.Diff(kinds, o.read(t, name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	want.Added, want.Known = 0, 1
	if got := brief(o.publish(t, now, env)); got != want {
		t.Errorf("again: %+v", got)
	}

	q, err := End(env, o.profile, bulletin.StatusWithdrawn, now)
	if err != nil {
		t.Fatal(err)
	}
	later := now.Add(90 * time.Minute)
	if got := brief(o.publish(t, later, o.signed(t, q))); got != (counts{Size: 3, Added: 1, Active: 2}) {
		t.Errorf("withdrawal: %+v", got)
	}
	kinds[1] = bulletin.KindUpdate
	if diff := cmp.Diff(kinds, o.read(t, bulletin.ActivePath)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(kinds[1:], o.read(t, epochName(later))); diff != "" {
		t.Error(diff)
	}
	if c := o.checkpoint(t); c.Size != 3 || time.Since(c.Time) > time.Minute {
		t.Errorf("checkpoint %+v", c)
	}
	if got := brief(o.publish(t, q.ExpiresAt)); got != (counts{Size: 3, Active: 1}) {
		t.Errorf("after expiry: %+v", got)
	}
}

func TestPublishRefuses(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	now := time.Now()
	env := o.signed(t, o.draft(t))
	end, err := End(env, o.profile, bulletin.StatusClosed, now)
	if err != nil {
		t.Fatal(err)
	}
	closed := o.signed(t, end)
	refused := func(what, words string, envs ...[]byte) {
		t.Helper()
		if _, err := Publish(PublishConfig{Dir: o.dir, Now: now}, envs...); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("a revision without its request", "not in the log", closed)
	refused("no envelope", string(bulletin.BadEnvelope), []byte("{}"))
	o.publish(t, now, env, closed)
	end.Revision = 2
	end.Supersedes = strings.Repeat("0", 64)
	refused("a fork", "does not follow", o.signed(t, end))
	lock, err := take(filepath.Join(o.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Publish(PublishConfig{Dir: o.dir}); !errors.Is(err, errBusy) {
		t.Errorf("two at a time: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if c := o.checkpoint(t); c.Size != 3 {
		t.Errorf("refused envelopes are in the log: size %d", c.Size)
	}
}

func TestPublishMendsWhatACrashLeft(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	now := time.Now()
	o.publish(t, now)
	log := filepath.Join(o.dir, "log")

	// Killed after entries and hashes, before the checkpoint.
	hashes, err := os.ReadFile(filepath.Join(log, "hashes"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"hashes": append(hashes, make([]byte, 96)...), "entries/1": []byte("{torn")} {
		if err := os.WriteFile(filepath.Join(log, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.publish(t, now, o.signed(t, o.draft(t))); got.Size != 2 || got.Added != 1 {
		t.Errorf("after a torn append: %+v", got)
	}

	// Killed after the checkpoint, before the public files.
	if err := os.RemoveAll(filepath.Join(o.dir, "public")); err != nil {
		t.Fatal(err)
	}
	o.publish(t, now)
	if n := len(o.read(t, epochName(now))); n != 2 {
		t.Errorf("the hour has %d lines", n)
	}

	// Killed after the checkpoint, before the hour's file got its line; the hour is over since.
	hour := filepath.Join(o.dir, "public", epochName(now))
	before, err := os.ReadFile(hour)
	if err != nil {
		t.Fatal(err)
	}
	o.publish(t, now, o.signed(t, o.draft(t)))
	if err := os.WriteFile(hour, before, 0o644); err != nil {
		t.Fatal(err)
	}
	o.publish(t, now.Add(time.Hour))
	if n := len(o.read(t, epochName(now))); n != 3 {
		t.Errorf("the hour that is over has %d lines", n)
	}

	// A flipped bit is noticed, not signed.
	hashes, err = os.ReadFile(filepath.Join(log, "hashes"))
	if err != nil {
		t.Fatal(err)
	}
	hashes[64] ^= 1 // an inner node
	if err := os.WriteFile(filepath.Join(log, "hashes"), hashes, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Publish(PublishConfig{Dir: o.dir}); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("damaged hashes: %v", err)
	}
}

func TestEpochsOfMissedHoursExist(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	now := time.Now()
	o.publish(t, now)
	first, err := os.ReadFile(filepath.Join(o.dir, "public", epochName(now)))
	if err != nil {
		t.Fatal(err)
	}
	o.publish(t, now.Add(3*time.Hour))
	for h := range 3 {
		if n := len(o.read(t, epochName(now.Add(time.Duration(h+1)*time.Hour)))); n != 0 {
			t.Errorf("hour %d has %d lines", h+1, n)
		}
	}
	again, err := os.ReadFile(filepath.Join(o.dir, "public", epochName(now)))
	if err != nil || sha256.Sum256(again) != sha256.Sum256(first) {
		t.Errorf("the file of an hour that was over changed: %v", err)
	}
}

func TestDeletedTextLeavesTheLogWhole(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	now := time.Now()
	o.publish(t, now, o.signed(t, o.draft(t)), o.signed(t, o.draft(t)))
	if err := os.Remove(filepath.Join(o.dir, "log", "entries", "1")); err != nil {
		t.Fatal(err)
	}
	if got := brief(o.publish(t, now, o.signed(t, o.draft(t)))); got != (counts{Size: 4, Added: 1, Active: 3}) {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(3, len(o.read(t, bulletin.ActivePath))); diff != "" {
		t.Error(diff)
	}
}
