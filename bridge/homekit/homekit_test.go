package homekit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSetupCodes(t *testing.T) {
	for _, bad := range []string{
		"", "12345678", "123-45-6789", "123-456-78", "abc-de-fgh", "000-00-000", "111-11-111", "999-99-999",
		"123-45-678", "876-54-321", "１２３-45-678",
	} {
		if validCode(bad) {
			t.Errorf("validCode(%q)", bad)
		}
	}
	seen := map[string]bool{}
	for range 200 {
		c := newCode()
		if !validCode(c) || seen[c] {
			t.Fatalf("newCode() = %q", c)
		}
		seen[c] = true
	}
}

func TestSetupURI(t *testing.T) {
	for range 100 {
		code, id := newCode(), newSetupID()
		category := 1 + rand.IntN(32)
		rest, ok := strings.CutPrefix(setupURI(category, code, id), "X-HM://")
		if !ok || len(rest) != 13 || rest[9:] != id {
			t.Fatalf("setupURI = %q", rest)
		}
		n, err := strconv.ParseUint(rest[:9], 36, 64)
		if err != nil {
			t.Fatal(err)
		}
		want := []uint64{uint64(category), 2}
		if got := []uint64{n >> 31, n >> 27 & 15}; !cmp.Equal(want, got) {
			t.Errorf("category and flags = %d, want %d", got, want)
		}
		if got := fmt.Sprintf("%08d", n&(1<<27-1)); got != digits(code) {
			t.Errorf("code in URI = %s, want %s", got, code)
		}
	}
}

func TestVersionCountsChangesOfServices(t *testing.T) {
	s, err := openStore(&memory{}, nil, "doorbell")
	if err != nil {
		t.Fatal(err)
	}
	for i, shape := range []string{"a", "a", "b"} {
		if err := s.setShape([]byte(shape)); err != nil {
			t.Fatal(err)
		}
		if want := []uint16{1, 1, 2}[i]; s.get().Version != want {
			t.Errorf("version %d after change %d, want %d", s.get().Version, i, want)
		}
	}
	s.id.Version = 65535
	if err := s.setShape([]byte("c")); err != nil || s.get().Version != 1 {
		t.Errorf("version after 65535 = %d, %v", s.get().Version, err)
	}
}

func TestRungIsKeptAndBounded(t *testing.T) {
	keep := &memory{}
	r := openRung(keep, nil)
	for i := range rungMax {
		id := fmt.Sprint("old", i)
		r.ids, r.set[id] = append(r.ids, id), struct{}{}
	}
	keep.kept.Rung = slices.Clone(r.ids)
	if err := r.add("new"); err != nil {
		t.Fatal(err)
	}
	r = openRung(keep, keep.kept.Rung)
	if len(r.ids) != rungMax || r.has("old0") || !r.has("old1") || !r.has("new") {
		t.Errorf("kept %d ids, oldest %q", len(r.ids), r.ids[0])
	}
}

// card returns a card of a request.
func card(id, agency string) Card { return Card{Request: id, Agency: agency, Total: 1, Index: 1} }

func TestDeckFreezesWhatRang(t *testing.T) {
	var d deck
	rang := map[string]bool{"old": true}
	has := func(id string) bool { return rang[id] }
	show := func(what string, want string, cards ...Card) {
		t.Helper()
		if got, _ := d.show(cards); got.Request+" "+got.Agency != want {
			t.Errorf("%s: on display %q, want %q", what, got.Request+" "+got.Agency, want)
		}
	}
	show("nothing", " ")
	show("no id", " ", card("", "nobody"))
	show("first", "a A", card("a", "A"), card("b", "B"))
	show("not rung, may change", "a A2", card("b", "B"), card("a", "A2"))
	if id, due := d.due(has, time.Time{}); !due || id != "a" {
		t.Errorf("due = %q, %v", id, due)
	}
	d.freeze(time.Time{})
	show("rung, may not change", "a A2", card("b", "B"), card("a", "A3"))
	if _, due := d.due(has, time.Time{}); due {
		t.Error("rings twice")
	}
	revised := card("a", "A4")
	revised.Version = "2"
	d.look(d.shown, time.Time{}, "phone")
	show("revised", "a A4", card("b", "B"), revised)
	if _, due := d.due(func(id string) bool { return id == "a" || has(id) }, time.Time{}.Add(time.Hour)); due {
		t.Error("rings for a revision")
	}
	d.look(revised, time.Time{}.Add(time.Minute), "phone") // asked for before it was on display
	if !d.frozen || len(d.seen) != 0 {
		t.Errorf("after a revision frozen is %v, seen by %v", d.frozen, d.seen)
	}
	show("revised, may not change", "a A4", func() Card { c := revised; c.Agency = "A5"; return c }())
	show("decided", "b B", card("b", "B"))
	if id, due := d.due(has, time.Time{}); !due || id != "b" {
		t.Errorf("after a decision due = %q, %v", id, due)
	}
	show("on display, stays first", "b B", card("old", "O"), card("b", "B"))
	show("rung before a restart", "old O", card("old", "O"))
	if id, due := d.due(has, time.Time{}); due {
		t.Errorf("%q is due again after a restart", id)
	}
	show("rung before a restart, may not change", "old O", card("old", "O2"))
	silent := card("c", "C")
	silent.Silent = true
	show("told of with another", "c C", silent)
	if id, due := d.due(has, time.Time{}); due {
		t.Errorf("%q rings though it is silent", id)
	}
	show("all decided", " ")
}

func TestRingWaitsForAController(t *testing.T) {
	b := startBridge(t, Config{})
	b.Show([]Card{sample})
	before := b.snapshot(t.Context(), 640, 360)
	time.Sleep(100 * time.Millisecond)
	b.mu.Lock()
	if b.rung.has(sample.Request) {
		t.Error("rang though nobody could hear it")
	}
	b.mu.Unlock()
	if err := b.bell.store.add(Controller{ID: "me", Key: make([]byte, 32), Admin: true}); err != nil {
		t.Fatal(err)
	}
	b.bell.pairingsChanged()
	waitRung(t, b, sample.Request)
	changed := sample
	changed.Agency = "Someone else"
	b.Show([]Card{changed})
	if !cmp.Equal(before, b.snapshot(t.Context(), 640, 360)) {
		t.Error("the card changed after it rang")
	}
}

func TestRunEndsAndLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	b, stop := runBridge(t, Config{})
	w := dial(t, b.Addr())
	w.pair("/pair-setup", state(1))
	if err := b.Run(context.Background()); err == nil {
		t.Error("Run runs twice")
	}
	start := time.Now()
	stop()
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("Run took %v to end", d)
	}
	// The multicast library sends its announcements a second time after a second.
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines left:\n%s", runtime.NumGoroutine()-before, buf[:runtime.Stack(buf, true)])
}

func TestRunTellsOfABusyPort(t *testing.T) {
	b := startBridge(t, Config{})
	other, err := New(t.Context(), Config{Store: &memory{}, Addr: b.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "listening for homekit") {
		t.Errorf("Run = %v", err)
	}
	for _, addr := range []string{"127.0.0.1", "127.0.0.1:port", "::1:80"} {
		if _, err := New(t.Context(), Config{Store: &memory{}, Addr: addr}); err == nil {
			t.Errorf("New takes the address %q", addr)
		}
	}
}

func TestAccessoryName(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "Video request",
		"!!!":                   "Video request",
		"  Anna's (front) door": "Anna's front door",
		"'x'":                   "x",
		"Büro\x00\u202e":        "Büro",
		"Front door 🚪":          "Front door",
		"مَدخل":                 "مَدخل",
		"दरवाज़ा 2":             "दरवाज़ा 2",
		"🚪\u0301":               "Video request",
		strings.Repeat("ä", 60): strings.Repeat("ä", 31),
	} {
		if got := accessoryName(in); got != want {
			t.Errorf("accessoryName(%q) = %q, want %q", in, got, want)
		}
	}
}
