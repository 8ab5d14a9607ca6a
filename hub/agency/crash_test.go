package agency

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

// publishDir, in a child process of the tests, is an agency to publish for
// without end.
const publishDir = "GATEHOUSE_TEST_PUBLISH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(publishDir); dir != "" {
		fmt.Fprintln(os.Stderr, publishForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func publishForever(dir string) error {
	p, err := LoadProfile(dir)
	if err != nil {
		return err
	}
	for {
		from := time.Now().Add(-30 * time.Hour)
		q, err := Draft(p, DraftConfig{
			Case: "2026-004711", Category: "burglary", Headline: "Broken window", Centre: bulletintest.Centre,
			Window:     bulletin.Window{From: from, To: from.Add(time.Hour)},
			Officer:    bulletin.Officer{Name: "J. Ortiz", Badge: "4411", Unit: "Property", Phone: "+1 916 555 0134", Email: "j.ortiz@pd.example"},
			Supervisor: bulletin.Officer{Name: "R. Alvarez", Badge: "207"},
		})
		if err != nil {
			return err
		}
		env, err := bulletin.NewRequest(q)
		for _, file := range []string{officerKey, supervisorKey} {
			key, kerr := LoadKey(filepath.Join(dir, file))
			if err == nil && kerr == nil {
				env, err = bulletin.SignRequest(env, key, p)
			}
			err = errors.Join(err, kerr)
		}
		if err != nil {
			return err
		}
		if _, err := Publish(PublishConfig{Dir: dir}, env); err != nil {
			return err
		}
	}
}

// TestPublishSurvivesKill kills a publishing process at any moment, again and
// again: what the public has seen must stay a prefix of the log, and the next
// Publish must mend the rest.
func TestPublishSurvivesKill(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	o.publish(t, time.Now())
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		before := o.checkpoint(t)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), publishDir+"="+o.dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50*time.Millisecond + rand.N(150*time.Millisecond))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("the child ended by itself: %v", err)
		}
		seen := o.checkpoint(t) // what a hub may have fetched just now
		if seen.Size < before.Size {
			t.Fatalf("the public log went from %d to %d entries", before.Size, seen.Size)
		}
		p := o.publish(t, time.Now())
		if p.Size < seen.Size || int64(p.Active) != p.Size {
			t.Fatalf("after %d entries seen: %+v", seen.Size, p)
		}
		o.wantPrefix(t, seen)
		o.read(t, bulletin.ActivePath)
	}
	if c := o.checkpoint(t); c.Size < 2 {
		t.Errorf("nothing was published in %d rounds", rounds)
	}
}

// wantPrefix audits the public tiles: the tree of an older checkpoint is a prefix of today's.
func (o office) wantPrefix(t *testing.T, old bulletin.Checkpoint) {
	t.Helper()
	newest := o.checkpoint(t)
	tree := tlog.Tree{N: newest.Size, Hash: newest.Hash}
	fs, err := torchwood.NewTileFS(os.DirFS(filepath.Join(o.dir, "public", "gatehouse", "v1")))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := tlog.ProveTree(newest.Size, old.Size, torchwood.TileHashReaderWithContext(t.Context(), tree, fs))
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckTree(proof, newest.Size, newest.Hash, old.Size, old.Hash); err != nil {
		t.Fatal(err)
	}
}

func TestTilesHoldTheEntries(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	envs := [][]byte{o.profile.Envelope, o.signed(t, o.draft(t)), o.signed(t, o.draft(t))}
	o.publish(t, time.Now(), envs[1:]...)
	c := o.checkpoint(t)
	fs, err := torchwood.NewTileFS(os.DirFS(filepath.Join(o.dir, "public", "gatehouse", "v1")))
	if err != nil {
		t.Fatal(err)
	}
	client, err := torchwood.NewClient(fs)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, got := range client.AllEntries(t.Context(), tlog.Tree{N: c.Size, Hash: c.Hash}, 0) {
		if want := bulletin.LogEntry(envs[i]); string(got) != string(want[:]) {
			t.Errorf("entry %d is %x", i, got)
		}
		n++
	}
	if err := client.Err(); err != nil || n != len(envs) {
		t.Errorf("%d entries, %v", n, err)
	}
}
