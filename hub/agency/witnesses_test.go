package agency

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	_ "modernc.org/sqlite"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/witness"
)

// litewitness runs torchwood's witness, which takes its key from an ssh-agent
// and its logs from a database, and returns its key and address.
func litewitness(t *testing.T, feed Feed) (vkey, url string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := torchwood.NewCosignatureSigner("watchdog.example/w1", key)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "lw") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", filepath.Join(dir, "agent"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		for {
			c, err := socket.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keys, c) }()
		}
	}()
	sshKey, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	cmd := exec.Command("litewitness", "-name", "watchdog.example/w1", "-db", filepath.Join(dir, "db"),
		"-ssh-agent", socket.Addr().String(), "-listen", addr, "-key", ssh.FingerprintSHA256(sshKey))
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make test installs it)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("litewitness: %s", said.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	tellLitewitness(t, filepath.Join(dir, "db"), feed.Log)
	return s.Verifier().String(), "http://" + addr
}

// tellLitewitness does what witnessctl add-log and add-key do.
func tellLitewitness(t *testing.T, name, log string) {
	t.Helper()
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	const empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" // SHA-256 of nothing
	_, err1 := db.Exec("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", nameOf(log), empty)
	_, err2 := db.Exec("INSERT INTO key (origin, key) VALUES (?, ?)", nameOf(log), log)
	if err := errors.Join(err1, err2, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// fileWitness is a witness without a server.
func fileWitness(t *testing.T, name string) (dir, vkey string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "w")
	if vkey, err = witness.Init(dir, name, key); err != nil {
		t.Fatal(err)
	}
	return dir, vkey
}

func (o *office) addWitness(t *testing.T, w Witness) {
	t.Helper()
	var err error
	if o.feed, err = SetWitness(o.dir, w); err != nil {
		t.Fatal(err)
	}
	if o.policy, err = bulletin.NewPolicy(o.feed.Log, o.feed.Witnesses); err != nil {
		t.Fatal(err)
	}
}

// answer carries the only ask to a witness and returns what it sends back.
func (o office) answer(t *testing.T, dir string) []byte {
	t.Helper()
	asks, err := filepath.Glob(filepath.Join(o.dir, AskDir, "*.ask"))
	if err != nil || len(asks) != 1 {
		t.Fatalf("asks %v, %v", asks, err)
	}
	ask, err := os.ReadFile(asks[0])
	if err != nil {
		t.Fatal(err)
	}
	s, err := witness.Cosign(dir, ask, o.feed.Log)
	if err != nil {
		t.Fatal(err)
	}
	return s.Cosignature
}

// TestRealWitness runs an agency with three witnesses: torchwood's litewitness,
// one that is asked by files, and one that does not answer. Two of three are a majority.
func TestRealWitness(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	key, url := litewitness(t, o.feed)
	dir, byFile := fileWitness(t, "paper.example/w2")
	_, dead := fileWitness(t, "gone.example/w3")
	o.addWitness(t, Witness{Key: key, URL: url})
	o.addWitness(t, Witness{Key: byFile})
	o.addWitness(t, Witness{Key: dead, URL: "http://127.0.0.1:1"})
	now := time.Now()
	env := o.signed(t, o.draft(t))
	p := o.publish(t, now, env)
	if !p.Waiting || p.Size != 2 || len(p.Asked) != 3 || p.Asked[0].Signed.IsZero() || !p.Asked[1].Signed.IsZero() || p.Asked[2].Err == nil {
		t.Fatalf("one of three: %+v", p)
	}
	if fileThere(t, filepath.Join(o.dir, "public", bulletin.CheckpointPath)) {
		t.Fatal("something became public without a quorum")
	}
	// The answer comes by mail two hours later: that is the hour in which homes read of it.
	later := now.Add(2 * time.Hour)
	first := o.answer(t, dir)
	p, err := Publish(PublishConfig{Dir: o.dir, Now: later, Cosignatures: [][]byte{first}})
	if err != nil || p.Waiting || p.Active != 2 {
		t.Fatalf("two of three: %+v, %v", p, err)
	}
	if c := o.checkpoint(t); c.Size != 2 {
		t.Errorf("public checkpoint %+v", c)
	}
	if n := len(o.read(t, epochName(later))); n != 2 {
		t.Errorf("%d lines in the hour of publication", n)
	}
	if n := len(o.read(t, epochName(now))); n != 0 {
		t.Errorf("%d lines in the hour of signing", n)
	}
	// The log grows; an answer for the tree before it is refused in words, one for it is not.
	q, err := End(env, o.profile, bulletin.StatusWithdrawn, now)
	if err != nil {
		t.Fatal(err)
	}
	if p = o.publish(t, later, o.signed(t, q)); !p.Waiting || o.checkpoint(t).Size != 2 {
		t.Fatalf("grown: %+v", p)
	}
	if _, err := Publish(PublishConfig{Dir: o.dir, Now: later, Cosignatures: [][]byte{first}}); err == nil || !strings.Contains(err.Error(), "tree of 3 entries") {
		t.Errorf("an old answer: %v", err)
	}
	second := o.answer(t, dir)
	if p, err = Publish(PublishConfig{Dir: o.dir, Now: later, Cosignatures: [][]byte{second}}); err != nil || p.Waiting || o.checkpoint(t).Size != 3 {
		t.Errorf("grown and signed: %+v, %v", p, err)
	}
	// What a witness saw last was forgotten: it says so, and is asked again.
	o.addWitness(t, Witness{Key: key, URL: url})
	if p = o.publish(t, later); p.Waiting || p.Asked[0].Err != nil {
		t.Errorf("asked from another tree: %+v", p)
	}
	o.wantPrefix(t, o.checkpoint(t))
}

func fileThere(t *testing.T, name string) bool {
	t.Helper()
	there, err := exists(name)
	if err != nil {
		t.Fatal(err)
	}
	return there
}

func TestWitnessesChange(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	own := o.feed.Witnesses[0]
	_, key := fileWitness(t, "paper.example/w2")
	for _, bad := range []string{"", "paper.example/w2", o.feed.Log, own} {
		if _, err := SetWitness(o.dir, Witness{Key: bad}); err == nil {
			t.Errorf("%q became a witness", bad)
		}
	}
	o.addWitness(t, Witness{Key: key})
	if fmt.Sprint(o.feed.Witnesses) != fmt.Sprint([]string{key}) {
		t.Errorf("homes want %v: the agency's own key must not count", o.feed.Witnesses)
	}
	if p := o.publish(t, time.Now()); !p.Waiting {
		t.Errorf("%+v", p)
	}
	feed, err := RemoveWitness(o.dir, "paper.example/w2")
	if err != nil || fmt.Sprint(feed.Witnesses) != fmt.Sprint([]string{own}) {
		t.Errorf("%+v, %v", feed, err)
	}
	if _, err := RemoveWitness(o.dir, "paper.example/w2"); err == nil {
		t.Error("a witness was removed twice")
	}
	if p := o.publish(t, time.Now()); p.Waiting {
		t.Errorf("%+v", p)
	}
}
