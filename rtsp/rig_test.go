package rtsp

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/rtsp/rtsptest"
)

// TestMain also counts goroutines: every Source, Reader and server must have
// taken all of its own with it.
func TestMain(m *testing.M) {
	// The zoo waits for real time, not for the processor.
	flag.Parse()
	fuzzing := flag.Lookup("test.fuzz").Value.String() != ""
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue && !fuzzing {
		f.Value.Set("24")
	}
	before := runtime.NumGoroutine()
	code := m.Run()
	if fuzzing {
		os.Exit(code) // the fuzzer leaves goroutines of its own
	}
	for end := time.Now().Add(3 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); code == 0 && n > before {
		fmt.Fprintf(os.Stderr, "%d goroutines before the tests, %d after\n", before, n)
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		code = 1
	}
	os.Exit(code)
}

// logs is a log that a test can read.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// messages are the messages so far, in order.
func (l *logs) messages() []string {
	var all []string
	for _, m := range logMessage.FindAllStringSubmatch(l.String(), -1) {
		all = append(all, m[1])
	}
	return all
}

var logMessage = regexp.MustCompile(`msg="([^"]*)"`)

// rig is a camera of the zoo with a Source that reads it.
type rig struct {
	t      *testing.T
	name   string
	server *rtsptest.Server
	source *Source
	reader *Reader
	logs   *logs
	ctx    context.Context
}

// serve starts a server for one camera until the test ends.
func serve(t *testing.T, name string, cam rtsptest.Camera) *rtsptest.Server {
	t.Helper()
	s, err := rtsptest.NewServer(rtsptest.Config{
		Log: slog.New(slog.DiscardHandler), Cameras: map[string]rtsptest.Camera{name: cam},
	})
	if err != nil {
		t.Fatal(err)
	}
	background(t, "server", s.Run)
	return s
}

// background runs a Run until the test ends, and checks that it then returns
// nil within two seconds.
func background(t *testing.T, what string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run of %s: %v", what, err)
			}
		case <-time.After(2 * time.Second):
			t.Errorf("Run of %s did not return within 2 s", what)
		}
	})
}

// newRig starts a script and a Source on it.
func newRig(t *testing.T, cam rtsptest.Camera, edit func(*Config)) *rig {
	t.Helper()
	name := t.Name()[strings.LastIndex(t.Name(), "/")+1:]
	r := &rig{t: t, name: name, server: serve(t, name, cam), logs: &logs{}, ctx: t.Context()}
	cfg := Config{
		Camera: name,
		URL:    r.server.URL(name),
		Log:    slog.New(slog.NewTextHandler(r.logs, nil)),
		Stall:  2 * time.Second,
		Retry:  50 * time.Millisecond,
	}
	if edit != nil {
		edit(&cfg)
	}
	r.source = NewSource(cfg)
	r.reader = r.source.Reader(64 << 20)
	background(t, "source", r.source.Run)
	return r
}

// logged wants exactly these messages in the log. The last may follow the Item
// that it is about.
func (r *rig) logged(want []string) {
	r.t.Helper()
	for end := time.Now().Add(2 * time.Second); len(r.logs.messages()) < len(want) && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if diff := cmp.Diff(want, r.logs.messages()); diff != "" {
		r.t.Errorf("log (-want +got):\n%s%s", diff, r.logs)
	}
}

// items reads until enough says so or the time is up.
func (r *rig) items(limit time.Duration, enough func([]Item) bool) []Item {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, limit)
	defer cancel()
	var items []Item
	for !enough(items) {
		item, err := r.reader.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			r.t.Fatalf("not enough after %v: %s\nstate %+v\nlogs %s", limit, describe(items), r.source.State(), r.logs)
		}
		items = append(items, item)
	}
	return items
}

// describe is a short form of items: S for a Session, digits for the number of
// Units of each track, and Breaks by reason.
func describe(items []Item) string {
	var out []string
	var units []int
	flush := func() {
		if units != nil {
			out = append(out, fmt.Sprint(units))
		}
		units = nil
	}
	for _, it := range items {
		switch {
		case it.Session != nil:
			flush()
			out = append(out, "S")
			units = make([]int, len(it.Session.Formats))
		case it.Break != nil:
			flush()
			out = append(out, string(it.Break.Reason))
		default:
			units[it.Unit.Format.Track]++
		}
	}
	flush()
	return strings.Join(out, " ")
}

// video counts Units of track 0.
func video(items []Item) int {
	n := 0
	for _, it := range items {
		if it.Unit != nil && it.Unit.Format.Track == 0 {
			n++
		}
	}
	return n
}

func videoUnits(n int) func([]Item) bool {
	return func(items []Item) bool { return video(items) >= n }
}

// reasons are the Breaks among items.
func reasons(items []Item) []Reason {
	var all []Reason
	for _, it := range items {
		if it.Break != nil {
			all = append(all, it.Break.Reason)
		}
	}
	return all
}

// check holds what a Reader gave against the contract of Item and Unit, and
// every Unit against what the camera sent: byte for byte, in order, and without
// a hole where no Break was told.
func (r *rig) check(items []Item) { r.checkWithin(items, 0) }

// checkWithin is check where UTC may be off further than usual.
func (r *rig) checkWithin(items []Item, off time.Duration) {
	r.t.Helper()
	sent := r.server.Sent(r.name)
	c := &checker{t: r.t, sent: sent, off: off, at: map[int]int{}}
	for i, it := range items {
		c.reorders = c.reorders || it.Unit != nil && it.Unit.PTS != it.Unit.DTS
		switch {
		case it.Session != nil:
			c.session(it.Session)
			rest := reasons(items[i:])
			c.holes = len(rest) > 0 && rest[0] == ReasonLost
		case it.Break != nil:
			c.pause(it.Break)
		default:
			c.unit(it.Unit)
		}
		if r.t.Failed() {
			r.t.Fatalf("items: %s", describe(items))
		}
	}
}

type checker struct {
	t     *testing.T
	sent  []rtsptest.Sent
	off   time.Duration // that UTC may be off
	at    map[int]int   // index in sent of the newest unit by track; carries over Breaks
	in    *Session
	holes bool // the Session ends with a loss: it may be of sound, before its end
	// reorders: UTC is that of the latest picture so far; it is exact at Random units
	reorders bool
	fresh    bool // no video unit since the last Session or Break
	joint    map[int]bool
	dts      map[int]int64
	utc      map[int]time.Time
	end      time.Time
}

func (c *checker) session(s *Session) {
	if c.in != nil {
		c.t.Error("Session without a Break before it")
	}
	c.in, c.fresh = s, true
	c.joint, c.dts, c.utc = map[int]bool{}, map[int]int64{}, map[int]time.Time{}
	for i, f := range s.Formats {
		if f.Track != i || f.ClockRate <= 0 {
			c.t.Errorf("format %d: %+v", i, f)
		}
		if !complete(f) {
			c.t.Errorf("incomplete format %+v", f)
		}
	}
}

func (c *checker) pause(b *Break) {
	if b.Detail == "" || strings.ContainsAny(b.Detail, "@") {
		c.t.Errorf("detail %q", b.Detail)
	}
	if b.From.Before(c.end) || b.From.Sub(c.end) > time.Second && !c.end.IsZero() {
		c.t.Errorf("break from %v, last unit at %v", b.From, c.end)
	}
	c.in = nil
}

func (c *checker) unit(u *Unit) {
	track := u.Format.Track
	if c.in == nil || c.in.Formats[track] != u.Format {
		c.t.Fatal("unit outside of its Session")
	}
	if u.Format.Video() && c.fresh && !u.Random {
		c.t.Error("first video unit is not Random")
	}
	if u.Format.Video() {
		c.fresh = false
	}
	if last, ok := c.dts[track]; ok && u.DTS <= last {
		c.t.Errorf("track %d: DTS %d after %d", track, u.DTS, last)
	}
	if u.UTC.Before(c.utc[track]) {
		c.t.Errorf("track %d: UTC %v after %v", track, u.UTC, c.utc[track])
	}
	if u.PTS < 0 || u.DTS < 0 {
		c.t.Errorf("track %d: PTS %d DTS %d", track, u.PTS, u.DTS)
	}
	c.dts[track], c.utc[track] = u.DTS, u.UTC
	if track == 0 {
		c.end = u.UTC
	}
	c.match(u)
}

// match finds the unit among what was sent after the unit before.
func (c *checker) match(u *Unit) {
	track := u.Format.Track
	i, seen := c.at[track]
	if seen {
		i++
	}
	for ; i < len(c.sent); i++ {
		s := c.sent[i]
		if int(s.Track) != c.sentTrack(track) {
			continue
		}
		// A clip that loops sends the same data again.
		if equal(s.Data, sentData(u, s)) && (c.joint[track] || u.UTC.Sub(s.Captured).Abs() < 2*time.Second) {
			break
		}
		if c.joint[track] && !(c.holes && track > 0) {
			c.t.Errorf("track %d: a unit of %d bytes is missing or changed before PTS %d", track, size(s.Data), u.PTS)
			return
		}
	}
	if i == len(c.sent) {
		c.t.Errorf("track %d: unit of %d bytes at PTS %d was never sent", track, u.Size(), u.PTS)
		return
	}
	c.at[track], c.joint[track] = i, true
	if !c.sent[i].Whole {
		c.t.Errorf("track %d: unit at PTS %d was not sent whole", track, u.PTS)
	}
	limit := 250 * time.Millisecond
	if u.Clock == ClockReport {
		limit = 55 * time.Millisecond // stayWithin and rounding; TestReportPrecision is strict
	}
	limit = max(limit, c.off)
	if d := u.UTC.Sub(c.sent[i].Captured).Abs(); d > limit && (u.Random || !c.reorders) {
		c.t.Errorf("track %d: UTC is off by %v (quality %d)", track, d, u.Clock)
	}
}

// sentTrack is the server's number of a track: the same but for a camera whose
// video was taken out of the description.
func (c *checker) sentTrack(track int) int {
	if !c.in.Formats[0].Video() {
		return 1
	}
	return track
}

// sentData is the data of a unit as its camera sent it: the header of a JPEG is
// the receiver's.
func sentData(u *Unit, s rtsptest.Sent) [][]byte {
	if u.Format.Codec == MJPEG && len(s.Data) > 0 {
		return append([][]byte{s.Data[0]}, u.Data[1:]...)
	}
	return u.Data
}

func complete(f *Format) bool {
	if !f.Video() {
		return f.SampleRate > 0 && f.Channels > 0
	}
	switch f.Codec {
	case H264, H265:
		if len(f.SPS) == 0 || len(f.PPS) == 0 {
			return false
		}
	case AV1:
		if len(f.Config) == 0 {
			return false
		}
	}
	return f.Width > 0 && f.Height > 0
}

func equal(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func size(data [][]byte) int {
	n := 0
	for _, d := range data {
		n += len(d)
	}
	return n
}
