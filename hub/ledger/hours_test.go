package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/ledger"
	"gatehouse/hub/ledger/ledgertest"
)

var morning = time.Date(2026, 11, 21, 6, 20, 0, 0, time.UTC)

// told seals what a home tells of request "r0" at noon: it came at half past
// six. others more were received and declined in the hours around.
func told(t testing.TB, others int) (lines, vkey string, l *ledger.Log, m *ledgertest.Memory) {
	t.Helper()
	s, vkey := signer(t, origin)
	m = &ledgertest.Memory{}
	l = ledger.New(m, s)
	add := func(at time.Time, kind ledger.Kind, request string) {
		t.Helper()
		if _, err := l.Append(t.Context(), ledger.Entry{Time: at, Kind: kind, Request: request, Text: "It arrived."}); err != nil {
			t.Fatal(err)
		}
	}
	for at := morning; at.Before(morning.Add(6 * time.Hour)); at = at.Add(time.Hour) {
		if err := m.AddHours(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		for i := range others / 6 {
			add(at.Add(time.Minute), ledger.Received, fmt.Sprint("other", at, i))
			add(at.Add(2*time.Minute), ledger.Declined, fmt.Sprint("other", at, i))
		}
		if at == morning {
			add(at.Add(10*time.Minute), ledger.Received, "r0")
			add(at.Add(10*time.Minute), ledger.Held, "r0")
			add(at.Add(11*time.Minute), ledger.Shown, "r0")
		}
	}
	indexes, err := l.OfRequest(t.Context(), "r0", ledger.Received, ledger.Held)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := l.Tell(t.Context(), indexes)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := ledger.WriteLines(&b, entries); err != nil {
		t.Fatal(err)
	}
	return b.String(), vkey, l, m
}

func TestLines(t *testing.T) {
	lines, vkey, l, _ := told(t, 60)
	if err := l.Check(t.Context(), nil); err != nil {
		t.Error(err)
	}
	got, err := ledger.ReadLines(strings.NewReader(lines), vkey)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []ledger.Kind
	for _, e := range got {
		kinds = append(kinds, e.Kind)
		if e.Request != "r0" || e.Index != 0 {
			t.Errorf("%+v", e)
		}
	}
	if diff := cmp.Diff([]ledger.Kind{ledger.Received, ledger.Held}, kinds); diff != "" {
		t.Error(diff)
	}
	first := strings.SplitAfter(lines, "\n")[0]
	_, other, _, _ := told(t, 0)
	for name, bad := range map[string]string{
		"twice":         first + first,
		"changed":       strings.Replace(lines, "arrived", "arriveD", 1),
		"another hour":  strings.Replace(lines, `"hour":"2026-11-21T07:00:00Z"`, `"hour":"2026-11-21T08:00:00Z"`, 1),
		"odd hour":      strings.Replace(lines, `"hour":"2026-11-21T07:00:00Z"`, `"hour":"2026-11-21T07:00:00.1Z"`, 1),
		"without slot":  regexp.MustCompile(`"slot":\{.*?\},`).ReplaceAllString(lines, ""),
		"another slot":  regexp.MustCompile(`"slot":\d+`).ReplaceAllString(lines, `"slot":256`),
		"unknown field": strings.Replace(lines, `"proof"`, `"note":1,"proof"`, 1),
	} {
		if bad == lines {
			t.Fatalf("%s: nothing was changed in %s", name, lines)
		}
		if _, err := ledger.ReadLines(strings.NewReader(bad), vkey); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := ledger.ReadLines(strings.NewReader(lines), other); err == nil {
		t.Error("another hub's key is accepted")
	}
}

// random is what differs between any two homes: hashes, salts, signatures, and
// the slot that a seed gives.
var random = regexp.MustCompile(`[0-9a-f]{64}|[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86,}={0,2}|"salt":"[^"]*"|"slot":\d+`)

// What a home tells of one request is the same whether it was asked for nothing
// else or a hundred times: nobody learns from a package what else was received,
// declined or sent.
func TestToldOfOneRequestTellsOfNoOther(t *testing.T) {
	quiet, _, _, _ := told(t, 0)
	want := random.ReplaceAllString(quiet, "#")
	for _, others := range []int{6, 60, 600} {
		busy, _, _, _ := told(t, others)
		if diff := cmp.Diff(want, random.ReplaceAllString(busy, "#")); diff != "" {
			t.Errorf("with %d others:\n%s", others, diff)
		}
	}
	if strings.Count(want, "\n") != 2 {
		t.Errorf("told of\n%s", want)
	}
	// The test can fail: a proof against the ledger itself tells.
	if a, b := proofShape(t, 0), proofShape(t, 60); a == b {
		t.Error("the masked proofs against the ledger are the same: the comparison is blind")
	}
}

func proofShape(t *testing.T, others int) string {
	t.Helper()
	_, _, l, _ := told(t, others)
	p, err := l.Prove(t.Context(), "r0")
	if err != nil {
		t.Fatal(err)
	}
	return random.ReplaceAllString(string(p[0].Proof), "#")
}

func TestHours(t *testing.T) {
	l, m, _ := filled(t, 600)
	now := morning
	hours := func() []ledger.Hour {
		t.Helper()
		if err := m.AddHours(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		all, err := m.Hours(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Check(t.Context(), nil); err != nil {
			t.Error(err)
		}
		return all
	}
	now = time.Unix(1000, 0) // a clock that was never set
	if n := len(hours()); n != 0 {
		t.Errorf("%d hours before the clock was set", n)
	}
	now = morning
	if all := hours(); len(all) != 1 || all[0].From != 0 || all[0].To != 256 || !all[0].End.Equal(morning.Truncate(time.Hour)) {
		t.Errorf("%+v", all)
	}
	now = morning.Add(-3 * time.Hour) // the clock was set back
	if n := len(hours()); n != 1 {
		t.Errorf("%d hours", n)
	}
	now = morning.Add(5 * time.Hour) // the hub was off
	all := hours()
	if len(all) != 6 || all[1].To != 512 || all[2].To != 600 || all[5].To != 600 {
		t.Errorf("%+v", all)
	}
	if err := m.AddHours(t.Context(), now.AddDate(100, 0, 0)); !errors.Is(err, ledger.ErrClock) {
		t.Errorf("a clock of the next century: %v", err)
	}
	// An entry of the hour that has not ended is not told.
	if _, err := l.Append(t.Context(), ledger.Entry{Time: now, Kind: ledger.Received, Request: "new", Text: "x"}); err != nil {
		t.Fatal(err)
	}
	list, err := l.OfRequest(t.Context(), "new", ledger.Received)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := l.Tell(t.Context(), list); len(got) != 0 || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTellRefusesDamage(t *testing.T) {
	_, _, l, m := told(t, 6)
	m.Corrupt(func(leaves [][]byte, hashes []tlog.Hash) ([][]byte, []tlog.Hash) {
		leaves[0] = bytes.Replace(leaves[0], []byte("arrived"), []byte("arriveD"), 1)
		return leaves, hashes
	})
	list, err := l.OfRequest(t.Context(), "r0", ledger.Held)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Tell(t.Context(), list); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("%v", err)
	}
}

func FuzzReadLines(f *testing.F) {
	lines, vkey, l, _ := told(f, 6)
	f.Add([]byte(lines))
	f.Add([]byte(strings.Replace(lines, `"slot"`, `"Slot"`, 1)))
	p, err := l.Prove(f.Context(), "r0")
	if err != nil {
		f.Fatal(err)
	}
	old, err := json.Marshal(map[string]any{"entry": json.RawMessage(p[0].Leaf), "proof": string(p[0].Proof)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(old, '\n'))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := ledger.ReadLines(bytes.NewReader(b), vkey)
		if err != nil {
			return
		}
		for _, e := range entries {
			if e.Request != "r0" && e.Kind != ledger.Declined && e.Kind != ledger.Received {
				t.Fatalf("an entry never appended verified: %+v", e)
			}
		}
	})
}
