package agency

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
)

// received puts a package for a request among those the receiver has, with its receipt.
func (o office) received(t *testing.T, env []byte) (path, digest string) {
	t.Helper()
	sealed := o.sealed(t, member{"GH-7Q3M-K2XD/request/request.dsse.json", byte(tar.TypeReg), string(env)})
	digest, err := digestOf(sealed)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(o.dir, "received", "GH-7Q3M-K2XD-"+digest[:16]+".ghe")
	key, err := LoadKey(filepath.Join(o.dir, receiptKey))
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := bulletin.SignReceipt(bulletin.Receipt{Agency: o.profile.Agency, SHA256: digest, Bytes: 1, ReceivedAt: time.Now().UTC()}, key)
	err1 := os.Mkdir(filepath.Join(o.dir, "received"), 0o700)
	err2 := os.Mkdir(filepath.Join(o.dir, "receipts"), 0o700)
	err3 := os.Rename(sealed, path)
	err4 := os.WriteFile(filepath.Join(o.dir, "receipts", digest+signedEnd), receipt, 0o600)
	if err := errors.Join(err, err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return path, digest
}

func TestDispose(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	q := o.draft(t)
	env := o.signed(t, q)
	o.publish(t, time.Now(), env)
	path, digest := o.received(t, env)
	ids, err := LoadIdentities(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	dispose := func(c DisposeConfig) (bulletin.Disposition, []byte, error) {
		c.Dir = o.dir
		return Dispose(c)
	}
	if _, _, err := dispose(DisposeConfig{Package: strings.Repeat("ab", 32), State: bulletin.Used, Request: q.ID}); !errors.Is(err, ErrNotOurs) {
		t.Errorf("a package that never came: %v", err)
	}
	if _, _, err := dispose(DisposeConfig{Package: path, State: bulletin.Used}); !errors.Is(err, ErrWhich) {
		t.Errorf("without its key: %v", err)
	}
	if _, _, err := dispose(DisposeConfig{Package: path, State: "lost", Request: q.ID}); err == nil {
		t.Error("an unknown state was signed")
	}
	d, used, err := dispose(DisposeConfig{Package: path, State: bulletin.Used, Identities: ids})
	if err != nil || d.Request != q.ID || d.SHA256 != digest {
		t.Fatalf("%+v, %v", d, err)
	}
	if p := o.publish(t, time.Now(), used); p.Added != 1 || p.Active != 3 {
		t.Errorf("%+v", p)
	}
	want := []bulletin.Kind{bulletin.KindProfile, bulletin.KindRequest, bulletin.KindDisposition}
	if diff := cmp.Diff(want, o.read(t, bulletin.ActivePath)); diff != "" {
		t.Error(diff)
	}
	if _, _, err := dispose(DisposeConfig{Package: path, State: bulletin.Destroyed}); !errors.Is(err, ErrStillThere) {
		t.Errorf("destroyed and there: %v", err)
	}
	// The key that opens it is not needed any more: the log has said which request it is for.
	d, gone, err := dispose(DisposeConfig{Package: digest, State: bulletin.Destroyed, Delete: true})
	if err != nil || d.Request != q.ID || fileThere(t, path) {
		t.Fatalf("%+v, %v", d, err)
	}
	o.publish(t, time.Now(), gone)
	if p := o.publish(t, time.Now().Add(lateWord+time.Hour)); p.Active != 1 {
		t.Errorf("two months later %d lines are active", p.Active)
	}
}

func TestDispositionsInOrder(t *testing.T) {
	o := newOffice(t, "evidence.springfield.example")
	env := o.signed(t, o.draft(t))
	path, _ := o.received(t, env)
	ids, err := LoadIdentities(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	say := func(state string, at time.Time) error {
		_, word, err := Dispose(DisposeConfig{Dir: o.dir, Package: path, State: state, Identities: ids, Now: at})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Publish(PublishConfig{Dir: o.dir}, word)
		if err == nil {
			if again := o.publish(t, time.Now(), word); again.Known != 1 || again.Size != p.Size {
				t.Errorf("the same word twice: %+v", again)
			}
		}
		return err
	}
	for i, c := range []struct {
		state string
		taken bool
	}{{bulletin.Unused, true}, {bulletin.Unused, false}, {bulletin.Used, true}, {bulletin.Unused, false}} {
		if err := say(c.state, time.Now().Add(time.Duration(i)*time.Second)); (err == nil) != c.taken {
			t.Errorf("%s: %v", c.state, err)
		}
	}
}
