package homekit

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brutella/hap/characteristic"
	"github.com/google/go-cmp/cmp"

	"gatehouse/rtsp/rtsptest/bubble"
)

// lines is a network in memory, for tests whose time is not the clock's.
type lines struct {
	waits  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newLines() *lines { return &lines{waits: make(chan net.Conn), closed: make(chan struct{})} }

func (l *lines) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	case nc := <-l.waits:
		return nc, nil
	}
}

func (l *lines) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *lines) Addr() net.Addr { return &net.UnixAddr{Name: "lines", Net: "unix"} }

func (l *lines) dial(t testing.TB) *wire {
	here, there := net.Pipe()
	l.waits <- there
	w := newWire(t, here)
	here.SetDeadline(time.Now().Add(24 * time.Hour))
	return w
}

// serveLines runs the doorbell on a network in memory until the test ends.
func serveLines(t *testing.T) (*Bridge, *lines) {
	t.Helper()
	b, err := New(t.Context(), Config{Store: &memory{}})
	if err != nil {
		t.Fatal(err)
	}
	l := newLines()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.bell.run(ctx, l); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return b, l
}

// next reads an answer or an event, and says which of both and what is in it.
func (w *wire) next() (event bool, status int, body []byte) {
	w.t.Helper()
	first, err := w.br.Peek(5)
	if err != nil {
		w.t.Fatal(err)
	}
	if string(first) != "EVENT" {
		status, body = w.answer()
		return false, status, body
	}
	text := textproto.NewReader(w.br)
	if _, err := text.ReadLine(); err != nil {
		w.t.Fatal(err)
	}
	head, err := text.ReadMIMEHeader()
	if err != nil {
		w.t.Fatal(err)
	}
	n, _ := strconv.Atoi(head.Get("Content-Length"))
	body = make([]byte, n)
	if _, err := io.ReadFull(w.br, body); err != nil {
		w.t.Fatal(err)
	}
	return true, http.StatusOK, body
}

// told reads an event and returns its values by instance id.
func (w *wire) told() map[uint64]any {
	w.t.Helper()
	event, _, body := w.next()
	var a struct {
		Characteristics []struct {
			IID   uint64
			Value any
		}
	}
	if err := json.Unmarshal(body, &a); err != nil || !event {
		w.t.Fatalf("an event %v: %s", event, body)
	}
	got := map[uint64]any{}
	for _, c := range a.Characteristics {
		got[c.IID] = c.Value
	}
	return got
}

// listens subscribes to characteristics.
func (w *wire) listens(chs ...*characteristic.C) {
	w.t.Helper()
	var items []m
	for _, ch := range chs {
		items = append(items, m{"aid": 1, "iid": ch.Id, "ev": true})
	}
	body, _ := json.Marshal(m{"characteristics": items})
	if status, b := w.ask("PUT", "/characteristics", body); status != http.StatusNoContent {
		w.t.Fatalf("subscribing: %d %s", status, b)
	}
}

// mutes are two ordinary characteristics of the doorbell.
func mutes(b *Bridge) (x, y *characteristic.C) {
	all := b.doorbell.acc.Ss
	return all[len(all)-2].Cs[1], all[len(all)-1].Cs[0]
}

// TestEventsAreCoalesced holds ordinary events to one message a second with the
// newest values, and rings to none.
func TestEventsAreCoalesced(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, l := serveLines(t)
		w := l.dial(t)
		w.verify("me", paired(t, b, "me", true))
		x, y := mutes(b)
		w.listens(x, y, b.doorbell.press.C)
		begun := time.Now()
		expect := func(at time.Duration, want map[uint64]any) {
			t.Helper()
			if got := w.told(); !cmp.Equal(got, want) || time.Since(begun) != at {
				t.Errorf("%v after %v, want %v after %v", got, time.Since(begun), want, at)
			}
		}
		x.SetValueRequest(true, nil)
		expect(0, map[uint64]any{x.Id: true})
		time.Sleep(100 * time.Millisecond)
		y.SetValueRequest(true, nil)
		x.SetValueRequest(false, nil)
		time.Sleep(100 * time.Millisecond)
		y.SetValueRequest(false, nil)
		b.doorbell.press.SetValue(singlePress)
		expect(200*time.Millisecond, map[uint64]any{b.doorbell.press.Id: float64(singlePress)})
		expect(time.Second, map[uint64]any{x.Id: false, y.Id: false})
		time.Sleep(10 * time.Second)
		x.SetValueRequest(true, nil)
		expect(11*time.Second, map[uint64]any{x.Id: true})
		for range 30 { // none is lost and none is joined to another
			b.doorbell.press.SetValue(singlePress)
		}
		for range 30 {
			expect(11*time.Second, map[uint64]any{b.doorbell.press.Id: float64(singlePress)})
		}
	})
}

// TestEventsStandBetweenAnswers rings while a picture is awaited.
func TestEventsStandBetweenAnswers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, l := serveLines(t)
		ready := make(chan struct{})
		b.bell.snapshot = func(context.Context, int, int) []byte { <-ready; return make([]byte, 5000) }
		w := l.dial(t)
		w.verify("me", paired(t, b, "me", true))
		x, _ := mutes(b)
		w.listens(x, b.doorbell.press.C)
		w.send([]byte("POST /resource HTTP/1.1\r\nHost: x\r\nContent-Length: 25\r\n\r\n{\"resource-type\":\"image\"}"))
		synctest.Wait()
		b.doorbell.press.SetValue(singlePress)
		x.SetValueRequest(true, nil)
		time.Sleep(5 * time.Second)
		close(ready)
		if event, status, body := w.next(); event || status != http.StatusOK || len(body) != 5000 {
			t.Fatalf("event %v, status %d, %d bytes before the answer", event, status, len(body))
		}
		w.told()
		w.told()
	})
}

// TestNobodyWaitsForTheDeaf rings while one controller reads nothing of what it
// asked for.
func TestNobodyWaitsForTheDeaf(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, l := serveLines(t)
		key := paired(t, b, "me", true)
		deaf, w := l.dial(t), l.dial(t)
		for _, c := range []*wire{deaf, w} {
			c.verify("me", key)
			c.listens(b.doorbell.press.C)
		}
		deaf.send([]byte("GET /accessories HTTP/1.1\r\nHost: x\r\n\r\n"))
		synctest.Wait()
		begun := time.Now()
		b.doorbell.press.SetValue(singlePress)
		w.told()
		late := l.dial(t)
		late.verify("me", key)
		if d := time.Since(begun); d != 0 {
			t.Errorf("others waited %v", d)
		}
		time.Sleep(2 * writeFor)
		synctest.Wait()
		if n := len(b.bell.all()); n != 2 {
			t.Errorf("%d connections, want the two that read", n)
		}
	})
}

// TestFullHouse fills the house with strangers and then with controllers that
// have vanished: a controller that comes is served, and who spoke last stays.
func TestFullHouse(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, l := serveLines(t)
		key := paired(t, b, "me", true)
		var all []*wire
		enter := func() *wire {
			time.Sleep(time.Millisecond)
			w := l.dial(t)
			if m4 := w.verify("me", key); findByte(m4, tagError) != 0 {
				t.Fatal("not verified")
			}
			return w
		}
		for range 100 {
			time.Sleep(time.Millisecond)
			l.dial(t)
		}
		for range connsMax {
			all = append(all, enter())
		}
		time.Sleep(time.Millisecond)
		if status, _ := all[0].ask("GET", "/accessories", nil); status != http.StatusOK {
			t.Errorf("the first of a full house: %d", status)
		}
		all = append(all, enter())
		synctest.Wait()
		for i, w := range all {
			w.nc.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := w.nc.Read(make([]byte, 1))
			if gone := err == io.EOF; gone != (i == 1) {
				t.Errorf("controller %d: %v", i, err)
			}
		}
	})
}

// TestRequestStraightAfterVerify asks as soon as the last message of pair-verify
// is there, 200 times.
func TestRequestStraightAfterVerify(t *testing.T) {
	b := startBridge(t, Config{})
	key := paired(t, b, "me", true)
	for n := range 200 {
		w := dial(t, b.Addr())
		w.verify("me", key)
		if status, _ := w.ask("GET", "/characteristics?id=1.3", nil); status != http.StatusOK {
			t.Fatalf("request %d: %d", n, status)
		}
		w.nc.Close()
	}
}

// TestRingAgainstAPicture rings at a random moment of a large answer, 200 times:
// both arrive whole.
func TestRingAgainstAPicture(t *testing.T) {
	b, err := New(t.Context(), Config{Store: &memory{}})
	if err != nil {
		t.Fatal(err)
	}
	picture := make([]byte, 300_000)
	b.bell.snapshot = func(context.Context, int, int) []byte { return picture }
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { _ = b.bell.run(ctx, ln) })
	t.Cleanup(func() { stop(); serving.Wait() })
	w := dial(t, ln.Addr().String())
	w.verify("me", paired(t, b, "me", true))
	w.listens(b.doorbell.press.C)
	for n := range 200 {
		serving.Go(func() {
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			b.doorbell.press.SetValue(singlePress)
		})
		w.send([]byte("POST /resource HTTP/1.1\r\nHost: x\r\nContent-Length: 25\r\n\r\n{\"resource-type\":\"image\"}"))
		rings, pictures := 0, 0
		for range 2 {
			if event, status, body := w.next(); event {
				rings++
			} else if status == http.StatusOK && len(body) == len(picture) {
				pictures++
			}
		}
		if rings != 1 || pictures != 1 {
			t.Fatalf("round %d: %d rings and %d pictures", n, rings, pictures)
		}
	}
}

// TestHostsOfControllers has 33 controllers at once that all hear all rings and
// see pictures, beside others that do all they should not.
func TestHostsOfControllers(t *testing.T) {
	b := startBridge(t, Config{})
	key := paired(t, b, "me", true)
	var good []*wire
	for range 33 {
		w := dial(t, b.Addr())
		w.verify("me", key)
		w.listens(b.doorbell.press.C)
		good = append(good, w)
	}
	var all sync.WaitGroup
	for n := range 4 {
		for name, misbehave := range unruly {
			all.Go(func() {
				w := dial(t, b.Addr())
				if n%2 == 0 {
					w.verify("me", key)
				}
				misbehave(w)
				t.Log(name, "is over")
			})
		}
	}
	const rings = 30
	all.Go(func() {
		for range rings {
			b.doorbell.press.SetValue(singlePress)
			time.Sleep(time.Millisecond)
		}
	})
	for _, w := range good {
		all.Go(func() {
			w.send([]byte("POST /resource HTTP/1.1\r\nHost: x\r\nContent-Length: 25\r\n\r\n{\"resource-type\":\"image\"}"))
			heard, seen := 0, 0
			for heard < rings || seen < 1 {
				if event, status, _ := w.next(); event {
					heard++
				} else if status == http.StatusOK {
					seen++
				}
			}
		})
	}
	all.Wait()
}

// unruly are what a controller must not do; each waits for the end of its
// connection or vanishes.
var unruly = map[string]func(w *wire){
	"10 MB of body": func(w *wire) {
		w.flood("PUT /characteristics HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n", strings.Repeat("x", 1000), 10_000)
	},
	"10 MB in chunks": func(w *wire) {
		w.flood("POST /pair-setup HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "3e8\r\n"+strings.Repeat("x", 1000)+"\r\n", 10_000)
	},
	"an endless head": func(w *wire) {
		w.flood("GET /accessories HTTP/1.1\r\n", "X: "+strings.Repeat("x", 997)+"\r\n", 10_000)
	},
	"noise": func(w *wire) {
		w.out = nil
		w.flood("", string([]byte{7, 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, '\r', '\n'}), 100)
	},
	"half a request and a reset": func(w *wire) {
		w.send([]byte("PUT /characteristics HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"))
		w.reset()
	},
	"half a frame and a reset": func(w *wire) {
		w.nc.Write([]byte{0, 4, 1, 2, 3})
		w.reset()
	},
	"a reset before the answers": func(w *wire) {
		for range 20 {
			w.send([]byte("GET /accessories HTTP/1.1\r\nHost: x\r\n\r\n"))
		}
		w.reset()
	},
}

// flood writes until the other end has had enough, and waits for its end.
func (w *wire) flood(head, more string, times int) {
	write := func(s string) error {
		b := []byte(s)
		if w.out != nil {
			b = w.out.seal(b)
		}
		_, err := w.nc.Write(b)
		return err
	}
	err := write(head)
	for n := 0; err == nil && n < times; n++ {
		err = write(more)
	}
	if t, ok := w.nc.(*net.TCPConn); ok {
		t.CloseWrite()
	}
	n, _ := io.Copy(io.Discard, bufio.NewReader(w.nc))
	if n > 1000 {
		w.t.Errorf("%q was answered with %d bytes", fmt.Sprintf("%.20s", head), n)
	}
}

func (w *wire) reset() {
	w.nc.(*net.TCPConn).SetLinger(0)
	w.nc.Close()
}
