package steady

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// machine is a computer whose clock can be set.
type machine struct {
	t     *testing.T
	path  string
	at    time.Time
	since time.Duration
	clock *Clock
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, path: filepath.Join(t.TempDir(), "clock"), at: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
	m.start()
	return m
}

func (m *machine) start() {
	m.t.Helper()
	var err error
	if m.clock, err = open(m.path, func() time.Time { return m.at }, func() time.Duration { return m.since }); err != nil {
		m.t.Fatal(err)
	}
}

// restart is a machine that was off for so long.
func (m *machine) restart(off time.Duration) {
	m.t.Helper()
	if err := m.clock.save(); err != nil {
		m.t.Fatal(err)
	}
	m.at, m.since = m.at.Add(off), 0
	m.start()
}

// pass lets time pass as the program sees it, which asks every hour.
func (m *machine) pass(d time.Duration) {
	for ; d > 0; d -= time.Hour {
		m.at, m.since = m.at.Add(min(d, time.Hour)), m.since+min(d, time.Hour)
		m.clock.Now()
	}
}

func (m *machine) is(what string, want time.Time) {
	m.t.Helper()
	if got := m.clock.Now(); !got.Equal(want) {
		m.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func TestLeaps(t *testing.T) {
	const years = 30 * 365 * 24 * time.Hour
	m := newMachine(t)
	m.pass(100 * time.Hour)
	m.is("a clock that goes", m.at)
	m.at = m.at.Add(20 * time.Hour)
	m.is("a step of hours", m.at)
	right := m.at
	m.at = m.at.Add(years)
	m.is("a leap", right)
	if got := m.clock.Ahead(); got != years {
		t.Errorf("ahead by %s", got)
	}
	m.pass(10 * time.Hour)
	m.is("ten hours after a leap", right.Add(10*time.Hour))
	m.restart(time.Minute)
	m.is("a restart does not make it right", right.Add(10*time.Hour))
	m.pass(10 * time.Hour)
	m.at = m.at.Add(-years)
	m.is("put right again", m.at)
	if m.clock.Ahead() != 0 || m.clock.Leapt != 0 {
		t.Errorf("%+v", m.clock.state)
	}
	m.restart(90 * 24 * time.Hour)
	m.is("off for three months", m.at.Add(-90*24*time.Hour))
	m.pass(12 * time.Hour)
	m.restart(time.Hour)
	m.pass(11 * time.Hour)
	if m.clock.Ahead() == 0 {
		t.Error("believed before a day of running")
	}
	m.pass(time.Hour)
	m.is("believed after a day of running, whatever was between", m.at)
}

// TestBehind: a small computer begins in 1970 and learns the time later.
func TestBehind(t *testing.T) {
	m := newMachine(t)
	m.pass(time.Hour)
	right := m.at
	m.restart(time.Hour)
	m.at = time.Unix(60, 0)
	m.is("1970: nothing is old", m.at)
	m.pass(time.Hour)
	m.at = right.Add(2 * time.Hour)
	m.is("the time is known again, and believed at once", m.at)
	m.at = time.Unix(60, 0)
	m.pass(25 * time.Hour)
	m.at = right
	if m.clock.Ahead() == 0 {
		t.Error("a clock that stood for a day somewhere is what is believed")
	}
}

func TestDamagedFile(t *testing.T) {
	for _, text := range []string{"", "{", `{"time":"yesterday"}`, `{"time":"2026-11-24T00:00:00Z","leapt":-1}`, `[]`} {
		m := newMachine(t)
		if err := os.WriteFile(m.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m.at = m.at.Add(1000 * time.Hour)
		m.start()
		m.is(text, m.at)
	}
}
