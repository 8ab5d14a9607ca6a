package delivery_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

const signature = "sp=c&sv=2024-11-04&sig=a%2Fb%3D"

// realTargets are the kinds beside tus, at servers that are in use.
var realTargets = map[string]func(t testing.TB) (*peer, bulletin.Target){
	"SFTP to OpenSSH":  func(t testing.TB) (*peer, bulletin.Target) { p := openSSH(t); return p, p.target(bulletin.SFTP) },
	"WebDAV to nginx":  func(t testing.TB) (*peer, bulletin.Target) { p := nginx(t); return p, p.target(bulletin.WebDAV) },
	"WebDAV to Apache": func(t testing.TB) (*peer, bulletin.Target) { p := apache(t, ""); return p, p.target(bulletin.WebDAV) },
	"PUT to nginx":     func(t testing.TB) (*peer, bulletin.Target) { p := nginx(t); return p, p.target(bulletin.HTTPSPut) },
	"signed PUT to Apache": func(t testing.TB) (*peer, bulletin.Target) {
		p := apache(t, signature)
		to := p.target(bulletin.HTTPSPut)
		to.URL += "?" + signature
		return p, to
	},
}

// at makes a hub of an agency that also receives at a peer.
func at(t testing.TB, p *peer) *hub {
	return newHub(t, func(of *bulletin.Profile) { of.UploadHosts = append(of.UploadHosts, p.host) })
}

func sendTo(to bulletin.Target) func(*request.Outbox) {
	return func(o *request.Outbox) { o.Target = to }
}

// arrived checks that one whole package is with a peer and that the ledger says so.
func (h *hub) arrived(p *peer, j delivery.Job) {
	h.t.Helper()
	want, err := os.ReadFile(j.Path)
	if err != nil {
		h.t.Fatal(err)
	}
	files := p.files()
	if got, ok := files[j.Digest+".ghe"]; !ok || !bytes.Equal(got, want) {
		h.t.Errorf("the package has not arrived whole")
	}
	for name := range files {
		if strings.HasSuffix(name, ".part") {
			h.t.Errorf("%s is left", name)
		}
	}
	h.wantKinds(j, ledger.Sent)
	if j.Offset != j.Bytes || j.Error != "" || j.Finished.IsZero() || len(j.Receipt) != 0 {
		h.t.Errorf("finished as %+v", j)
	}
}

func TestDeliversToRealServers(t *testing.T) {
	for name, start := range realTargets {
		t.Run(name, func(t *testing.T) {
			p, to := start(t)
			h := at(t, p)
			defer h.run()()
			for _, size := range []int64{1, 5*chunk + 7} {
				h.arrived(p, h.until(h.approve(size, sendTo(to)).ID, in(delivery.Done)))
			}
			if n := len(p.files()); n != 2 {
				t.Errorf("%d files at the receiver, want 2", n)
			}
			if h.recv.contacts() != 0 {
				t.Error("another host of the agency was contacted")
			}
		})
	}
}

// losing is a store that is lost at the moment a delivery ends.
type losing struct{ delivery.Store }

var errLost = errors.New("power cut")

func (losing) FinishJob(context.Context, delivery.Job, ...ledger.Entry) error { return errLost }

// TestNothingIsSentTwice ends the hub between the last byte and its note of it,
// then looks again; the receiver may have taken the file away meanwhile.
func TestNothingIsSentTwice(t *testing.T) {
	for name, start := range realTargets {
		t.Run(name, func(t *testing.T) {
			p, to := start(t)
			h := at(t, p)
			for _, taken := range []bool{false, true} {
				h.restart(func(c *delivery.Config) { c.Store = losing{h.house} })
				j := h.approve(3*chunk, sendTo(to))
				ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
				if err := h.Run(ctx); !errors.Is(err, errLost) {
					t.Fatalf("run: %v", err)
				}
				stop()
				file := filepath.Join(p.folder, j.Digest+".ghe")
				before, err := os.Stat(file)
				if err != nil {
					t.Fatal(err)
				}
				if taken {
					if err := os.Remove(file); err != nil {
						t.Fatal(err)
					}
				}
				h.restart()
				end := h.run()
				j = h.until(j.ID, in(delivery.Done))
				end()
				h.wantKinds(j, ledger.Sent)
				after, err := os.Stat(file)
				if taken && !os.IsNotExist(err) || !taken && (err != nil || !os.SameFile(before, after) || before.ModTime() != after.ModTime()) {
					t.Errorf("it was sent again: %v", err)
				}
			}
		})
	}
}

// TestSentBeforeByAnotherJob: a delivery that failed and is approved again finds
// what the first one brought over.
func TestSentBeforeByAnotherJob(t *testing.T) {
	for name, start := range realTargets {
		t.Run(name, func(t *testing.T) {
			p, to := start(t)
			h := at(t, p)
			j := h.approve(3*chunk, sendTo(to))
			data, err := os.ReadFile(j.Path)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(p.folder, j.Digest+".ghe")
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
			before, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			defer h.run()()
			h.arrived(p, h.until(j.ID, in(delivery.Done)))
			if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) || before.ModTime() != after.ModTime() {
				t.Errorf("it was sent again: %v", err)
			}
		})
	}
}

// TestRealServersThatDoNotFit: not a byte leaves, and the reason is said.
func TestRealServersThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		start  func(t testing.TB) *peer
		kind   string
		change func(*peer, *request.Outbox)
		words  string
		state  delivery.State
	}{
		"another SSH key": {start: func(t testing.TB) *peer {
			p := openSSH(t)
			p.host.SSHKey = openSSH(t).host.SSHKey
			return p
		}, kind: bulletin.SFTP, words: "key is not the one", state: delivery.Retrying},
		"SSH key of another kind": {start: func(t testing.TB) *peer {
			p := openSSH(t)
			p.host.SSHKey = ecdsaKey(t)
			return p
		}, kind: bulletin.SFTP, words: "pinned kind", state: delivery.Retrying},
		"SSH log-in refused": {
			start: func(t testing.TB) *peer { return openSSH(t, "AuthorizedKeysCommand none") },
			kind:  bulletin.SFTP, words: "log in", state: delivery.Retrying,
		},
		"SSH with old encryption": {
			start: func(t testing.TB) *peer {
				return openSSH(t, "KexAlgorithms diffie-hellman-group14-sha256", "Ciphers aes256-ctr")
			},
			kind: bulletin.SFTP, words: "encryption", state: delivery.Retrying,
		},
		"SFTP at a private address": {
			start: func(t testing.TB) *peer { return openSSH(t) }, kind: bulletin.SFTP,
			change: func(_ *peer, o *request.Outbox) { o.Private = false }, words: "private network", state: delivery.Retrying,
		},
		"SFTP folder missing": {
			start: func(t testing.TB) *peer { return openSSH(t) }, kind: bulletin.SFTP,
			change: func(_ *peer, o *request.Outbox) { o.Target.URL += "/none" }, words: "folder", state: delivery.Retrying,
		},
		"SFTP name taken": {
			start: func(t testing.TB) *peer { return openSSH(t) }, kind: bulletin.SFTP, words: "another file", state: delivery.Failed,
			change: func(p *peer, o *request.Outbox) {
				if err := os.WriteFile(filepath.Join(p.folder, o.Digest+".ghe"), []byte("another"), 0o644); err != nil {
					t.Error(err)
				}
			},
		},
		"SFTP to a web server": {start: func(t testing.TB) *peer {
			p := nginx(t)
			p.host.SPKI, p.host.SSHUser, p.host.SSHKey = nil, "drop", ecdsaKey(t)
			return p
		}, kind: bulletin.SFTP, words: "does not answer", state: delivery.Retrying},
		"PUT without its signature": {
			start: func(t testing.TB) *peer { return apache(t, signature) }, kind: bulletin.HTTPSPut, words: "403", state: delivery.Retrying,
		},
		"PUT over another's object": {
			start: func(t testing.TB) *peer { return apache(t, "") }, kind: bulletin.HTTPSPut, words: "another file", state: delivery.Failed,
			change: func(p *peer, o *request.Outbox) {
				o.Target.URL += "object"
				if err := os.WriteFile(filepath.Join(p.folder, "object"), []byte("another"), 0o644); err != nil {
					t.Error(err)
				}
			},
		},
		"WebDAV folder missing": {
			start: func(t testing.TB) *peer { return apache(t, "") }, kind: bulletin.WebDAV,
			change: func(_ *peer, o *request.Outbox) { o.Target.URL += "none/" }, words: "busy", state: delivery.Retrying,
		},
		"path upwards": {
			start: func(t testing.TB) *peer { return nginx(t) }, kind: bulletin.WebDAV,
			change: func(_ *peer, o *request.Outbox) { o.Target.URL += "../../" }, words: "no upload address", state: delivery.Failed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.start(t)
			h := at(t, p)
			defer h.run()()
			j := h.approve(3*chunk, sendTo(p.target(c.kind)), func(o *request.Outbox) {
				if c.change != nil {
					c.change(p, o)
				}
			})
			j = h.until(j.ID, func(j delivery.Job) bool { return j.State == c.state && j.Error != "" })
			if !strings.Contains(j.Error, c.words) {
				t.Errorf("%q, want %q in it", j.Error, c.words)
			}
			for name, data := range p.files() {
				if string(data) != "another" {
					t.Errorf("%s of %d bytes arrived", name, len(data))
				}
			}
		})
	}
}

// TestCancelStopsEveryKind: no byte after it, and no file that looks whole.
func TestCancelStopsEveryKind(t *testing.T) {
	for name, start := range realTargets {
		t.Run(name, func(t *testing.T) {
			p, to := start(t)
			h := at(t, p)
			defer h.run()()
			j := h.approve(96<<20, sendTo(to))
			h.until(j.ID, func(j delivery.Job) bool { return j.Offset > chunk })
			if err := h.Cancel(t.Context(), j.ID); err != nil {
				t.Fatal(err)
			}
			h.until(j.ID, in(delivery.Cancelled))
			h.wantKinds(j, ledger.Cancelled)
			time.Sleep(100 * time.Millisecond)
			if data, ok := p.files()[j.Digest+".ghe"]; ok && int64(len(data)) == j.Bytes {
				t.Error("the whole package arrived all the same")
			}
		})
	}
}

func ecdsaKey(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return k.Marshal()
}
