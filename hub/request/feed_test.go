package request_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/request"
	"gatehouse/rtsp/rtsptest/bubble"
)

// mirror plays a bulletin's web server and writes down what it is asked.
type mirror struct {
	t     testing.TB
	start time.Time

	mu    sync.Mutex
	asked []string
	serve func(path string) (status int, body []byte)
}

// RoundTrip implements http.RoundTripper.
func (m *mirror) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, fmt.Sprint(time.Since(m.start), " ", r.Method, " ", r.URL, " ", r.Header, " ", r.ContentLength))
	status, body := m.serve(strings.TrimPrefix(r.URL.Path, "/b/"))
	return &http.Response{
		StatusCode: status, Header: http.Header{"Set-Cookie": {"id=1"}, "Etag": {`"1"`}},
		Body: io.NopCloser(bytes.NewReader(body)), Request: r,
	}, nil
}

func (m *mirror) reset(serve func(string) (int, []byte)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.serve, m.asked = serve, nil
}

// use changes what is served and keeps what was asked.
func (m *mirror) use(serve func(string) (int, []byte)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.serve = serve
}

func (m *mirror) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.asked)
}

// sameSeed is a store of a hub whose schedule is known.
type sameSeed struct{ request.Store }

func (sameSeed) Secret(context.Context, string) ([]byte, error) { return make([]byte, 32), nil }

// arriveBy publishes a request on the mirror and gives the hub the time to fetch it.
func (h *home) arriveBy(m *mirror, q bulletin.Request) {
	h.publish(q)
	m.use(h.whole())
	time.Sleep(2 * time.Hour)
}

// whole serves the log as it is now, in active.ghb and in every hour's file.
func (h *home) whole() func(string) (int, []byte) {
	checkpoint, file := h.log.Checkpoint(h.t), h.log.File(h.t)
	return func(path string) (int, []byte) {
		if path == bulletin.CheckpointPath {
			return http.StatusOK, checkpoint
		}
		return http.StatusOK, file
	}
}

// newMirrored is a home on a test's clock that fetches from a mirror.
func newMirrored(t testing.TB, keys *bulletintest.Log, change ...func(*request.Config)) (*home, *mirror) {
	m := &mirror{t: t, start: time.Now()}
	h := newHomeOf(t, keys, append([]func(*request.Config){func(c *request.Config) {
		c.Transport, c.Now, c.Store = m, time.Now, sameSeed{c.Store}
	}}, change...)...)
	request.Unwatched(h.Service)
	m.serve = h.whole()
	return h, m
}

// TestTraceEquivalence: what leaves the home in two days is the same, to the
// nanosecond and the byte, whatever became of a request.
func TestTraceEquivalence(t *testing.T) {
	traces, keys := map[string][]string{}, bulletintest.NewLog(t, 3)
	lives := map[string]func(h *home, m *mirror, q bulletin.Request){
		"none": nil,
		"waiting": func(h *home, m *mirror, q bulletin.Request) {
			h.arriveBy(m, q)
			h.is(q.ID, request.Waiting)
		},
		"unmatched": func(h *home, m *mirror, q bulletin.Request) {
			h.arriveBy(m, q)
			h.SetHome(request.Home{})
		},
		"opted out": func(h *home, m *mirror, q bulletin.Request) {
			h.arriveBy(m, q)
			h.SetHome(request.Home{OptOut: true})
		},
		"not listed": func(h *home, m *mirror, q bulletin.Request) {
			h.arriveBy(m, q)
			if err := h.Disallow(h.t.Context(), q.Agency, "Ann"); err != nil {
				h.t.Error(err)
			}
		},
		"read and declined": func(h *home, m *mirror, q bulletin.Request) {
			h.arriveBy(m, q)
			if err := h.MarkShown(h.t.Context(), q.ID); err != nil {
				h.t.Error(err)
			}
			time.Sleep(7 * time.Minute)
			if _, err := h.Decline(h.t.Context(), q.ID, "Ann"); err != nil {
				h.t.Error(err)
			}
		},
		"entered by hand, and handed over": func(h *home, _ *mirror, _ bulletin.Request) {
			r := h.add(h.manual())
			time.Sleep(11 * time.Minute)
			r = h.prepare(r)
			if _, err := h.Approve(h.t.Context(), r.ID, r.Package.Digest, "Ann", true); err != nil {
				h.t.Error(err)
			}
			h.give(r.ID, request.Locked)
			time.Sleep(5 * time.Hour)
			if _, err := h.HandedOver(h.t.Context(), r.ID, toOrtiz, "Ann"); err != nil {
				h.t.Error(err)
			}
		},
		"waiting, then replayed": func(h *home, m *mirror, q bulletin.Request) {
			h.arriveBy(m, q)
			q.Incident.Headline = "Something else altogether"
			h.arriveBy(m, q)
			h.is(q.ID, request.Waiting)
			h.refusedAs(bulletin.Replayed)
		},
		// A revision arrives while the owner's selection is being sealed, and
		// has to wait for that; the fetches do not.
		"prepared for long": func(h *home, m *mirror, q bulletin.Request) {
			h.arriveBy(m, q)
			h.publish(h.revise(q, func(q *bulletin.Request) { q.Window.To = q.Window.To.Add(-time.Hour) }))
			m.use(h.whole())
			h.sealer.during = func() { time.Sleep(5*time.Hour + time.Minute) }
			h.prepare(h.is(q.ID, request.Waiting))
			time.Sleep(time.Minute)
			if r := h.is(q.ID, request.Waiting); r.Revision != 2 {
				h.t.Errorf("revision %d after sealing", r.Revision)
			}
		},
	}
	for name, live := range lives {
		traces[name] = trace(t, keys, live)
	}
	for _, name := range []string{
		"forged agency", "one bit flipped", "a byte too large", "expired", "area outside", "replayed",
	} {
		c := refusals[name]
		traces["refused: "+name] = trace(t, keys, func(h *home, m *mirror, q bulletin.Request) {
			h.log.Add(h.t, bulletin.KindRequest, c.env(h, q))
			m.use(h.whole())
			time.Sleep(2 * time.Hour)
			h.refusedAs(c.code)
		})
	}
	if n := len(traces["none"]); n < 2*47 || n > 3*50 {
		t.Errorf("%d GETs in two days:\n%s", n, strings.Join(traces["none"], "\n"))
	}
	for name, trace := range traces {
		if diff := cmp.Diff(traces["none"], trace); diff != "" {
			t.Errorf("%s leaves another trace (-none +%s):\n%s", name, name, diff)
		}
	}
	for _, asked := range traces["none"] {
		if !strings.Contains(asked, "map[User-Agent:["+request.UserAgent+"]] 0") {
			t.Errorf("more than the one header: %s", asked)
		}
	}
}

// trace is what a hub asks for in two days, in which a request may be published.
func trace(t *testing.T, keys *bulletintest.Log, live func(*home, *mirror, bulletin.Request)) (asked []string) {
	bubble.Test(t, func(t *testing.T) {
		h, m := newMirrored(t, keys)
		h.allowed()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(90 * time.Minute)
		if live != nil {
			live(h, m, h.request())
		}
		time.Sleep(time.Until(m.start.Add(48 * time.Hour)))
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		asked = m.asked
	})
	return asked
}

// TestNothingThatAMirrorDoesIsBelieved runs a mirror through its tricks.
func TestNothingThatAMirrorDoesIsBelieved(t *testing.T) {
	status := func(code int) func(string) (int, []byte) {
		return func(string) (int, []byte) { return code, nil }
	}
	for name, c := range map[string]struct {
		serve   func(h *home, before func(string) (int, []byte)) func(string) (int, []byte)
		problem string
	}{
		"rolls back": {func(h *home, before func(string) (int, []byte)) func(string) (int, []byte) { return before }, "smaller than it was"},
		"splits the view": {func(h *home, _ func(string) (int, []byte)) func(string) (int, []byte) {
			h.log = emptied(h.log)
			h.log.Add(h.t, bulletin.KindProfile, h.agency.Envelope)
			h.log.Add(h.t, bulletin.KindProfile, newAgency(h, "other.example").Envelope)
			return h.whole()
		}, "another log"},
		"freezes": {func(h *home, _ func(string) (int, []byte)) func(string) (int, []byte) {
			frozen := h.whole()
			time.Sleep(8 * 24 * time.Hour)
			h.publish(h.request())
			return frozen
		}, "7 days"},
		"redirects":     {func(*home, func(string) (int, []byte)) func(string) (int, []byte) { return status(http.StatusFound) }, "another address"},
		"is in trouble": {func(*home, func(string) (int, []byte)) func(string) (int, []byte) { return status(500) }, "status 500"},
		"answers too much": {func(*home, func(string) (int, []byte)) func(string) (int, []byte) {
			return func(string) (int, []byte) { return 200, make([]byte, 9<<20) }
		}, "does not answer"},
		"lacks the witnesses": {func(h *home, _ func(string) (int, []byte)) func(string) (int, []byte) {
			h.log.Signers = h.log.Signers[:2]
			return h.whole()
		}, "signature"},
		"adds an extension": {func(h *home, _ func(string) (int, []byte)) func(string) (int, []byte) {
			h.log.Extra = "tracking 1\n"
			return h.whole()
		}, "extension"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				h, m := newMirrored(t, bulletintest.NewLog(t, 3), func(c *request.Config) { c.Feeds[0].Every = 10 * time.Minute })
				before := h.whole()
				h.publish(h.request())
				m.reset(h.whole())
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- h.Run(ctx) }()
				time.Sleep(time.Hour)
				if p := h.Problems(); len(p) != 0 {
					t.Errorf("problems %q before anything is wrong", p)
				}
				n := rows(h)
				m.reset(c.serve(h, before))
				time.Sleep(time.Hour)
				if p := h.Problems(); len(p) != 1 || !strings.Contains(p[0].String(), c.problem) {
					t.Errorf("problems %q, want %q", p, c.problem)
				}
				if rows(h) != n {
					t.Errorf("%d rows became %d", n, rows(h))
				}
				if asked := m.count(); asked < 10 {
					t.Errorf("%d GETs in an hour: trouble changed the traffic", asked)
				}
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func rows(h *home) int {
	list, err := h.List(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list)
}

// TestHeadOutlivesARestart: a mirror cannot wait for one to roll back.
func TestHeadOutlivesARestart(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		h, m := newMirrored(t, bulletintest.NewLog(t, 3), func(c *request.Config) { c.Feeds[0].Every = 10 * time.Minute })
		before := h.whole()
		h.publish(h.request())
		for i, want := range []int{0, 1} {
			m.reset(before)
			if i == 0 {
				m.reset(h.whole())
			}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- h.Run(ctx) }()
			time.Sleep(time.Hour)
			if p := h.Problems(); len(p) != want {
				t.Errorf("run %d: problems %q", i, p)
			}
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			h.start(func(c *request.Config) {
				c.Transport, c.Now, c.Store, c.Feeds[0].Every = m, time.Now, sameSeed{c.Store}, 10*time.Minute
			})
			request.Unwatched(h.Service)
		}
	})
}

// TestPlainTransport looks at the wire: one connection a GET, nothing resumed,
// nothing offered, nothing kept, nothing followed.
func TestPlainTransport(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	conns := map[string]bool{}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		conns[r.RemoteAddr] = true
		seen = append(seen, fmt.Sprint(r.Proto, r.Method, r.URL, r.Header, r.TLS.DidResume))
		w.Header().Set("Set-Cookie", "id=1")
		w.Header().Set("ETag", `"1"`)
		if r.URL.Path == "/go" {
			http.Redirect(w, r, "/private", http.StatusFound)
		}
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	via := request.Transport()
	pool := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	via.TLSClientConfig.RootCAs = pool
	for range 3 {
		if _, status, err := request.Get(t.Context(), via, srv.URL+"/x", 10); status != 200 || err != nil {
			t.Fatal(status, err)
		}
	}
	if _, status, err := request.Get(t.Context(), via, srv.URL+"/go", 10); status != http.StatusFound || err != nil {
		t.Fatal(status, err)
	}
	want := "HTTP/1.1GET/x map[Connection:[close] User-Agent:[" + request.UserAgent + "]] false"
	for _, s := range seen[:3] {
		if s != want {
			t.Errorf("asked %s, want %s", s, want)
		}
	}
	if len(seen) != 4 || len(conns) != 4 {
		t.Errorf("%d requests over %d connections, want 4 and 4", len(seen), len(conns))
	}
	if via.TLSClientConfig.ClientSessionCache != nil || via.TLSClientConfig.MinVersion < tls.VersionTLS12 {
		t.Error("TLS sessions can be resumed")
	}
}

// TestSlowServerIsGivenUp: a mirror that sends a byte now and then holds nothing up for ever.
func TestSlowServerIsGivenUp(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close() //nolint:errcheck // a test's pipe
		go func() { _, _ = io.Copy(io.Discard, b) }()
		via := request.Transport()
		via.DialContext = func(context.Context, string, string) (net.Conn, error) { return a, nil }
		start := time.Now()
		_, _, err := request.Get(t.Context(), via, "http://bulletin.example/x", 10)
		if err == nil || time.Since(start) > 2*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestInbox(t *testing.T) {
	var inbox string
	h := newHome(t, func(c *request.Config) {
		inbox = filepath.Join(filepath.Dir(c.Agencies), "inbox")
		c.Inbox = inbox
	}).allowed()
	q, late := h.request(), h.request()
	h.publish(q)
	if err := os.WriteFile(filepath.Join(inbox, "before.ghb"), h.log.File(t), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := h.run()
	defer stop()
	h.eventually(q.ID, request.Waiting)
	// A file that grows slowly is left alone until it is whole.
	h.publish(late)
	data := h.log.File(t)
	f, err := os.Create(filepath.Join(inbox, "slow.ghb"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if _, err := f.Write(data[len(data)*i/4 : len(data)*(i+1)/4]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h.eventually(late.ID, request.Waiting)
	bad := map[string][]byte{"bad.ghb": []byte("no"), "note.txt": []byte("hello"), "large.ghb": make([]byte, 9<<20)}
	for name, data := range bad {
		if err := os.WriteFile(filepath.Join(inbox, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(inbox, "link.ghb")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inbox, "coming.ghb.part"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bad.ghb", "note.txt", "large.ghb", "link.ghb"} {
		h.until(func() bool {
			why, err := os.ReadFile(filepath.Join(inbox, "refused", name+".txt"))
			return err == nil && len(why) > 10
		})
	}
	for _, name := range []string{"before.ghb", "slow.ghb"} {
		if _, err := os.Stat(filepath.Join(inbox, "done", name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(inbox, "coming.ghb.part")); err != nil {
		t.Errorf("an unfinished file was touched: %v", err)
	}
	// The same name again does not replace the first.
	if err := os.WriteFile(filepath.Join(inbox, "slow.ghb"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	h.until(func() bool {
		_, err := os.Stat(filepath.Join(inbox, "done", "slow (2).ghb"))
		return err == nil
	})
}

func TestBrokenStoreEndsRun(t *testing.T) {
	h := newHome(t, func(c *request.Config) { c.Store = broken{c.Store} })
	if err := h.Run(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("run: %v, want the store's error", err)
	}
}

var errBroken = errors.New("disk gone")

type broken struct{ request.Store }

func (b broken) Records(ctx context.Context, in ...request.State) ([]request.Record, error) {
	if len(in) == 2 {
		return nil, errBroken
	}
	return b.Store.Records(ctx, in...)
}
