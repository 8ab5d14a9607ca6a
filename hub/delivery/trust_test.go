package delivery_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/delivery"
	"gatehouse/hub/request"
)

// replaced restarts the receiver with something in front of it.
func (h *hub) replaced(change func(http.Handler) http.Handler) {
	h.t.Helper()
	h.recv.kill()
	h.recv.change = change
	h.recv.start()
}

func answering(status int, header ...string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("short")) // at which tusgo alone would panic
		})
	}
}

// TestWhatIsNotTrustedGetsNothing: the job waits with a reason in plain words,
// and not a byte of the package leaves.
func TestWhatIsNotTrustedGetsNothing(t *testing.T) {
	other := sha256.Sum256([]byte("another key"))
	for name, c := range map[string]struct {
		profile func(*bulletin.Profile)
		outbox  func(*hub) func(*request.Outbox)
		server  func(*hub)
		words   string
		state   delivery.State
	}{
		"wrong pin": {profile: func(p *bulletin.Profile) { p.UploadHosts[0].SPKI = other[:] }, words: "key is not the one", state: delivery.Retrying},
		"no pin, unknown issuer": {
			profile: func(p *bulletin.Profile) { p.UploadHosts[0].SPKI = nil }, words: "certificate", state: delivery.Retrying,
		},
		"private address": {outbox: func(*hub) func(*request.Outbox) {
			return func(o *request.Outbox) { o.Private = false }
		}, words: "private network", state: delivery.Retrying},
		"name of a private address": {
			profile: func(p *bulletin.Profile) {
				p.UploadHosts[0].Host = strings.Replace(p.UploadHosts[0].Host, "127.0.0.1", "localhost", 1)
			},
			outbox: func(*hub) func(*request.Outbox) {
				return func(o *request.Outbox) {
					o.Private = false
					o.Target.URL = strings.Replace(o.Target.URL, "127.0.0.1", "localhost", 1)
				}
			}, words: "private network", state: delivery.Retrying,
		},
		"host outside the profile": {outbox: func(*hub) func(*request.Outbox) {
			return func(o *request.Outbox) { o.Target.URL = "https://elsewhere.example/files/" }
		}, words: "not in the agency's signed profile", state: delivery.Retrying},
		"plain HTTP": {outbox: func(h *hub) func(*request.Outbox) {
			return func(o *request.Outbox) { o.Target.URL = "http://" + h.recv.host() + "/files/" }
		}, words: "no upload address", state: delivery.Failed},
		"profile of somebody": {outbox: func(*hub) func(*request.Outbox) {
			return func(o *request.Outbox) { o.Profile = []byte("{}") }
		}, words: "profile", state: delivery.Failed},
		"redirect": {server: func(h *hub) {
			h.replaced(answering(http.StatusTemporaryRedirect, "Location", "https://169.254.169.254/files/"))
		}, words: "another address", state: delivery.Retrying},
		"upload elsewhere": {server: func(h *hub) {
			h.replaced(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					if q.Method == http.MethodPost {
						w.Header().Set("Location", "https://169.254.169.254/files/1")
						w.WriteHeader(http.StatusCreated)
						return
					}
					next.ServeHTTP(w, q)
				})
			})
		}, words: "not in the agency's signed profile", state: delivery.Retrying},
		"too large":    {server: func(h *hub) { h.replaced(answering(413)) }, words: "larger", state: delivery.Failed},
		"bad request":  {server: func(h *hub) { h.replaced(answering(400)) }, words: "refuses", state: delivery.Failed},
		"unauthorised": {server: func(h *hub) { h.replaced(answering(401)) }, words: "401", state: delivery.Retrying},
		"in trouble":   {server: func(h *hub) { h.replaced(answering(500)) }, words: "500", state: delivery.Retrying},
		"no answer":    {server: func(h *hub) { h.recv.kill() }, words: "does not answer", state: delivery.Retrying},
		"forged receipt": {server: func(h *hub) {
			h.recv.agency = bulletintest.New(h.t, time.Now())
			h.recv.sums["x"] = nil
			h.replaced(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					env, err := bulletin.SignReceipt(bulletin.Receipt{
						Agency: h.agency.Agency, SHA256: strings.TrimPrefix(q.URL.Path, "/receipts/"), Bytes: 3 * chunk,
						ReceivedAt: time.Now().UTC().Truncate(time.Second),
					}, h.recv.agency.Receipt)
					if err != nil {
						h.t.Error(err)
					}
					_, _ = w.Write(env)
				})
			})
		}, words: "receipt", state: delivery.Retrying},
		"endless receipt": {server: func(h *hub) {
			h.replaced(func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					for range 1000 {
						if _, err := w.Write(make([]byte, 1<<10)); err != nil {
							return
						}
					}
				})
			})
		}, words: "receipt", state: delivery.Retrying},
	} {
		t.Run(name, func(t *testing.T) {
			var change []func(*bulletin.Profile)
			if c.profile != nil {
				change = append(change, c.profile)
			}
			h := newHub(t, change...)
			if c.server != nil {
				c.server(h)
			}
			var edit []func(*request.Outbox)
			if c.outbox != nil {
				edit = append(edit, c.outbox(h))
			}
			defer h.run()()
			j := h.until(h.approve(3*chunk, edit...).ID, func(j delivery.Job) bool { return j.State == c.state && j.Error != "" })
			if !strings.Contains(j.Error, c.words) {
				t.Errorf("%s: %q, want %q in it", j.State, j.Error, c.words)
			}
			if n := h.recv.bytes(); n != 0 || j.Offset != 0 {
				t.Errorf("%d bytes of the package left the hub", n)
			}
		})
	}
}

// TestReceiverThatLies acknowledges what was not sent, or other uploads.
func TestReceiverThatLies(t *testing.T) {
	for name, c := range map[string]struct{ offset, words string }{
		"nothing taken": {"0", "answer"}, "too much": {"999999999", "no sense"}, "negative": {"-5", "answer"}, "no number": {"x", "no sense"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			h.replaced(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					if q.Method != http.MethodPatch {
						next.ServeHTTP(w, q)
						return
					}
					rec := httptest.NewRecorder()
					next.ServeHTTP(rec, q)
					w.Header().Set("Upload-Offset", c.offset)
					w.WriteHeader(http.StatusNoContent)
				})
			})
			defer h.run()()
			j := h.until(h.approve(2*chunk).ID, func(j delivery.Job) bool { return j.Attempts > 0 })
			if j.State == delivery.Done || !strings.Contains(j.Error, c.words) || j.Offset > 2*chunk {
				t.Errorf("%s %q, offset %d", j.State, j.Error, j.Offset)
			}
			if n := h.recv.bytes(); n > 2*chunk {
				t.Errorf("%d bytes were sent", n)
			}
		})
	}
}

func TestOnlyTLS13(t *testing.T) {
	h := newHub(t)
	h.recv.kill()
	h.recv.oldTLS = true
	h.recv.start()
	defer h.run()()
	h.until(h.approve(100).ID, in(delivery.Retrying))
	if h.recv.contacts() != 0 {
		t.Error("an exchange over TLS 1.2 took place")
	}
}

// TestNoProxyNoNetrc: the environment does not decide where a package goes.
func TestNoProxyNoNetrc(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("NETRC", "/dev/null")
	h := newHub(t)
	defer h.run()()
	h.delivered(h.until(h.approve(100).ID, in(delivery.Done)))
}

func TestOneStuckReceiverStopsNoOther(t *testing.T) {
	h := newHub(t)
	stuck := newReceiver(t)
	release := make(chan struct{})
	stuck.kill()
	stuck.change = func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })
	}
	stuck.start()
	slow := bulletintest.New(t, time.Now(), func(p *bulletin.Profile) {
		p.Agency = "slow.example"
		p.UploadHosts = []bulletin.UploadHost{{Host: stuck.host(), SPKI: stuck.pin()}}
	})
	stop := h.run()
	for range 2 {
		h.approve(100, func(o *request.Outbox) {
			o.Target.URL = fmt.Sprintf("https://%s/files/", stuck.host())
			o.Profile, o.Agency = slow.Envelope, slow.Agency
		})
	}
	h.delivered(h.until(h.approve(100).ID, in(delivery.Done)))
	stop()
	close(release)
}

func TestMissingFileIsSaid(t *testing.T) {
	h := newHub(t)
	j := h.approve(100)
	if err := os.Remove(j.Path); err != nil {
		t.Fatal(err)
	}
	defer h.run()()
	if j = h.until(j.ID, in(delivery.Retrying)); !strings.Contains(j.Error, "cannot be read") {
		t.Errorf("%q", j.Error)
	}
}
