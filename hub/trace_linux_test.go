package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/control"
	"gatehouse/hub/demo"
	"gatehouse/hub/evidence"
	"gatehouse/hub/intake"
	"gatehouse/hub/request"
	footage "gatehouse/images/demo"
	"gatehouse/rtsp/rtsptest"
)

const (
	traceAsked   = 90 * time.Minute // when the request is published, since the trace began
	traceTaken   = 4 * time.Hour    // by then every hub has fetched it
	traceExpired = 20 * time.Hour
	traceEnd     = 26 * time.Hour
	traceSecret  = "correct horse battery staple"
)

// A life is what becomes of a request in a home.
type life struct {
	unpublished bool // the bulletin has no request
	elsewhere   bool // the home is outside of its area
	unlisted    bool // its agency is not allowed
	optedOut    bool
	push        bool // it is pushed on the home's network, and much else that is none
	mutation    string
	want        request.State // once it was taken in; empty: it never is
	live        func(*tracedHub)
	end         request.State // after its time
}

var lives = map[string]life{
	"not received":    {unpublished: true},
	"no match":        {elsewhere: true, want: request.Unmatched, end: request.Unmatched},
	"not allowlisted": {unlisted: true, want: request.NotListed, end: request.NotListed},
	"opted out":       {optedOut: true, want: request.Hidden, end: request.Hidden},
	"held":            {want: request.Waiting, end: request.Expired},
	"shown": {want: request.Waiting, end: request.Expired, live: func(h *tracedHub) {
		h.read("/requests", "/requests/"+h.id)
	}},
	"being read": {want: request.Waiting, end: request.Expired, live: func(h *tracedHub) {
		h.read("/requests/"+h.id, "/agencies", "/ledger")
		h.advance(traceTaken + 40*time.Minute)
		h.read("/requests/"+h.id, "/timeline", "/settings")
		h.advance(traceTaken + 2*time.Hour)
		h.read("/requests/" + h.id)
	}},
	"sealed and looked at": {want: request.Waiting, end: request.Expired, live: func(h *tracedHub) {
		if _, err := h.control.Prepare(h.t.Context(), h.id, h.clips()); err != nil {
			h.t.Error(err)
		}
		h.advance(traceTaken + time.Hour)
		h.read("/requests/" + h.id)
	}},
	"pushed":                             {unpublished: true, push: true, want: request.Waiting, end: request.Expired},
	"pushed, and opted out":              {unpublished: true, push: true, optedOut: true, want: request.Hidden, end: request.Hidden},
	"pushed, published, not allowlisted": {unlisted: true, push: true, want: request.NotListed, end: request.NotListed},
	"declined": {want: request.Waiting, end: request.Declined, live: func(h *tracedHub) {
		h.read("/requests/" + h.id)
		h.advance(traceTaken + 10*time.Minute)
		if err := h.owner.Decline(h.t.Context(), h.id); err != nil {
			h.t.Error(err)
		}
	}},
}

// TestTraceOfTheProcess runs the built program in a network of its own, from
// the same data folder and on the same clock, once for each thing that may
// become of a request. All that leaves it must be the same: which names it asks
// for, to whom it connects, each handshake and request to the byte, how it takes
// the answer, and when. Nothing else may leave it at all. Then the same program
// gives something away on purpose, in six ways, and each must be noticed.
func TestTraceOfTheProcess(t *testing.T) {
	isolated, again := inNamespace(t)
	if again {
		return
	}
	f := newTraceFixture(t, isolated)
	plain := f.trace("not received", lives["not received"], traceEnd)
	if n := len(plain); n < 4*25 || n > 10*30 {
		t.Errorf("%d events in %v:\n%s", n, traceEnd, strings.Join(plain, "\n"))
	}
	for _, fault := range f.faults(plain) {
		t.Error(fault)
	}
	for name, l := range lives {
		got := f.trace(name, l, traceEnd)
		if diff := cmp.Diff(plain, got); diff != "" {
			t.Errorf("%s leaves another trace (-not received +%s):\n%s", name, name, diff)
		}
	}
	for _, m := range []struct {
		mutation string
		life     string
		tells    bool // from the other homes; else it breaks a rule for the traffic in all of them
	}{
		{"asks only for what changed", "held", false},
		{"resumes TLS sessions", "held", false},
		{"keeps connections open", "held", false},
		{"resolves the upload host early", "held", true},
		{"sends a datagram at a match", "held", true},
		{"fetches when somebody looks", "shown", true},
	} {
		if m.mutation == "sends a datagram at a match" && !isolated {
			continue // said by inNamespace
		}
		l, until := lives[m.life], traceTaken+time.Minute
		l.mutation, l.end = m.mutation, l.want
		got := f.trace(m.mutation, l, until)
		want := slices.DeleteFunc(slices.Clone(plain), func(line string) bool { return after(t, line, until) })
		if m.tells && cmp.Equal(want, got) || !m.tells && len(f.faults(got)) == 0 {
			t.Errorf("a hub that %s is not noticed:\n%s", m.mutation, strings.Join(got, "\n"))
		}
	}
}

func after(t *testing.T, line string, until time.Duration) bool {
	at, _, _ := strings.Cut(strings.TrimPrefix(line, "+"), " ")
	d, err := time.ParseDuration(at)
	if err != nil {
		t.Errorf("no time in %s", line)
	}
	return d > until
}

// inNamespace runs the test again in a process that has a network of its own,
// if this machine allows that: isolated says that this is that process, again
// that the test was run there.
func inNamespace(t *testing.T) (isolated, again bool) {
	const mark = "GATEHOUSE_TRACE_ISOLATED"
	if os.Getenv(mark) != "" {
		return true, false
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Logf("No network namespace here (%v): on the loopback of this machine, without counting packets.", err)
		return false, false
	}
	err := cmd.Wait()
	t.Logf("%s", out.Bytes())
	if err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
		t.Errorf("in a network of its own: %v", err)
	}
	return true, true
}

// traceFixture is what all traces have in common.
type traceFixture struct {
	*traceWorld
	program  string
	data     string // the folder that every hub starts from: the schedule's seed, footage, a passphrase
	port     int    // of the console
	door     string // address of the intake
	start    time.Time
	agency   *bulletintest.Agency
	log      *bulletintest.Log
	request  bulletin.Request
	contents [2][2][]byte // checkpoint and file, without and with the request
}

func newTraceFixture(t *testing.T, isolated bool) *traceFixture {
	f := &traceFixture{traceWorld: newTraceWorld(t), data: t.TempDir(), program: filepath.Join(t.TempDir(), "gatehouse")}
	var ports [2]int
	for i := range ports {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = ln.Addr().(*net.TCPAddr).Port
		defer ln.Close() // both are taken before one is free again
	}
	f.port, f.door = ports[0], fmt.Sprint("127.0.0.1:", ports[1])
	if isolated {
		f.wire = newWire(t, f.traceWorld, ports[:])
	}
	build := exec.Command("go", "build", "-tags", "trace", "-o", f.program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	f.record()
	f.start = time.Now().UTC().Truncate(time.Second)
	f.agency, f.log = bulletintest.New(t, f.start), bulletintest.NewLog(t, 3)
	f.log.Add(t, bulletin.KindProfile, f.agency.Envelope)
	f.contents[0] = [2][]byte{f.log.Checkpoint(t), f.log.File(t)}
	f.request = f.agency.Request(t, f.start)
	f.request.Window = bulletin.Window{From: f.start.Add(-30 * time.Minute), To: f.start}
	f.request.Incident.Occurred = f.request.Window
	f.request.ExpiresAt = f.start.Add(traceExpired)
	f.log.Add(t, bulletin.KindRequest, f.agency.Sign(t, f.request))
	f.contents[1] = [2][]byte{f.log.Checkpoint(t), f.log.File(t)}
	return f
}

// record makes the folder: a hub records for some seconds.
func (f *traceFixture) record() {
	server := cameraServer(f.t, map[string]rtsptest.Camera{"porch": {FS: footage.FS, File: "porch.mp4", Loop: true}})
	v := &victim{data: f.data}
	v.configure(f.t, server.URL("porch"))
	cmd, said := v.serve(f.t)
	if v.live(time.Now().Add(time.Minute)).IsZero() {
		f.t.Errorf("does not record:\n%s", said)
	}
	if err := control.Dial(f.data).SetPassphrase(f.t.Context(), traceSecret); err != nil {
		f.t.Error(err)
	}
	time.Sleep(4 * time.Second)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		f.t.Errorf("%v:\n%s", err, said)
	}
	if err := os.Remove(filepath.Join(f.data, control.Socket)); err != nil { // cannot be copied
		f.t.Error(err)
	}
}

// faults are the lines of a trace that break a rule for the traffic.
func (f *traceFixture) faults(trace []string) (out []string) {
	for _, line := range trace {
		if !strings.Contains(line, " DNS: "+traceHost+". Type") && !f.asked(line) {
			out = append(out, "not as the rules for the traffic say: "+line)
		}
	}
	return out
}

// configure writes a home's configuration and allowlist into a copy of the folder.
func (f *traceFixture) configure(l life) (data string) {
	data = f.t.TempDir()
	if err := os.CopyFS(data, os.DirFS(f.data)); err != nil {
		f.t.Error(err)
	}
	at := bulletintest.Centre
	if l.elsewhere {
		at.Lat += 0.05
	}
	var text strings.Builder
	fmt.Fprintf(&text, "listen: 127.0.0.1:%d\nhome: {position: {lat: %v, lon: %v}, timezone: UTC}\n", f.port, at.Lat, at.Lon)
	fmt.Fprintf(&text, "storage: [{path: footage, keep: {free: 1MB}}]\ncameras: [{name: porch, url: 'rtsp://127.0.0.1:1/', record: 'off'}]\n")
	fmt.Fprintf(&text, "bulletins: [{url: 'https://%s/b/', log: '%s', witnesses: ['%s']}]\n", f.host(), f.log.Key, strings.Join(f.log.Witnesses, "', '"))
	fmt.Fprintf(&text, "sharing: {opt_out: %t}\nhomekit: {enabled: false}\nintake: {listen: '%s'}\n", l.optedOut, f.door)
	files := map[string]string{"gatehouse.yml": text.String()}
	if !l.unlisted {
		files["agencies/"+f.agency.Agency+".yml"] = fmt.Sprintf("agency: %s\nname: %s\nroot: %s\ncall_back: '%s'\nadded: %s\n",
			f.agency.Agency, f.agency.Name, f.agency.RootID, f.agency.CallBack, f.start.Format(time.RFC3339))
	}
	for name, content := range files {
		path := filepath.Join(data, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			f.t.Error(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			f.t.Error(err)
		}
	}
	return data
}

// trace is all that leaves a hub in a time.
func (f *traceFixture) trace(name string, l life, until time.Duration) []string {
	began := time.Now()
	f.begin()
	f.publish(f.contents[0][0], f.contents[0][1])
	h := startTraced(f, name, l)
	h.advance(traceAsked)
	if !l.unpublished {
		f.publish(f.contents[1][0], f.contents[1][1])
	}
	h.advance(traceTaken)
	if l.push {
		h.push()
	}
	if l.want != "" {
		h.await(l.want)
	}
	if l.live != nil {
		l.live(h)
	}
	time.Sleep(200 * time.Millisecond) // what follows from it in the background
	h.advance(until)
	if l.want != "" {
		h.await(l.end)
	}
	h.stop()
	out := f.traceWorld.trace()
	f.t.Logf("%s: %d events in %v", name, len(out), time.Since(began).Round(100*time.Millisecond))
	return out
}

// tracedHub is one run of the program.
type tracedHub struct {
	*traceFixture
	name    string
	id      string
	control *control.Client
	owner   demo.Owner
	clock   net.Conn
	answers *bufio.Scanner
	cmd     *exec.Cmd
	said    bytes.Buffer
}

func startTraced(f *traceFixture, name string, l life) *tracedHub {
	data := f.configure(l)
	h := &tracedHub{traceFixture: f, name: name, id: f.request.ID, control: control.Dial(data)}
	socket := filepath.Join(data, "clock.sock")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		f.t.Fatal(err)
	}
	defer ln.Close()
	h.cmd = exec.Command(f.program, "serve", "--data", data)
	h.cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+f.cert, "GATEHOUSE_TRACE_CLOCK="+socket, "GATEHOUSE_TRACE_NOW="+fmt.Sprint(f.start.UnixNano()),
		"GATEHOUSE_TRACE_DNS="+f.dns.LocalAddr().String(), "GATEHOUSE_TRACE_MUTATION="+l.mutation)
	h.cmd.Stdout, h.cmd.Stderr = &h.said, &h.said
	if err := h.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	_ = ln.(*net.UnixListener).SetDeadline(time.Now().Add(time.Minute))
	if h.clock, err = ln.Accept(); err != nil {
		h.fatal(err)
	}
	_ = h.clock.SetDeadline(time.Now().Add(2 * time.Minute))
	h.answers = bufio.NewScanner(h.clock)
	h.owner = demo.Owner{Console: fmt.Sprintf("http://127.0.0.1:%d", f.port), Passphrase: traceSecret}
	h.until("the console answers", func() error {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.port))
		if err == nil {
			conn.Close()
		}
		return err
	})
	return h
}

func (h *tracedHub) fatal(why any) {
	h.t.Helper()
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
	h.t.Fatalf("%s: %v\n%s", h.name, why, h.said.String())
}

func (h *tracedHub) until(what string, holds func() error) {
	h.t.Helper()
	err := holds()
	for end := time.Now().Add(30 * time.Second); err != nil; err = holds() {
		if time.Now().After(end) {
			h.fatal(fmt.Sprint(what, ": ", err))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (h *tracedHub) await(want request.State) {
	h.t.Helper()
	h.until("the request is "+string(want), func() error {
		r, err := h.control.Request(h.t.Context(), h.id)
		if err == nil && r.State != want {
			err = fmt.Errorf("it is %s: %s", r.State, r.Reason)
		}
		return err
	})
}

// traceSleepers are the goroutines that go by the clock: one for the bulletin, one for expiry.
const traceSleepers = 2

// ask sends a word to the hub's clock and returns its answer.
func (h *tracedHub) ask(word string, arg int64) (nanos int64) {
	h.t.Helper()
	if _, err := fmt.Fprintln(h.clock, word, arg); err != nil {
		h.fatal(err)
	}
	if !h.answers.Scan() {
		h.fatal(fmt.Sprint("the clock has gone: ", h.answers.Err(), io.EOF))
	}
	if _, err := fmt.Sscan(h.answers.Text(), &nanos); err != nil {
		h.fatal(err)
	}
	return nanos
}

// advance moves the clock from one waking to the next, up to a time since the
// trace began. Nothing is under way when it moves.
func (h *tracedHub) advance(to time.Duration) {
	h.t.Helper()
	for last := false; !last; {
		next := time.Unix(0, h.ask("next", traceSleepers)).Sub(h.start)
		h.quiet()
		if last = next > to; last {
			next = to
		}
		h.traceWorld.clock(next)
		h.ask("go", h.start.Add(next).UnixNano())
	}
}

// push pushes the file with the request, and then, at once, more of other
// things than the hub keeps. Every answer must be the same.
func (h *tracedHub) push() {
	h.t.Helper()
	bodies := [][]byte{h.contents[1][1], nil, []byte("garbage"), h.contents[1][0], make([]byte, intake.MaxBody+1), make([]byte, 1<<20)}
	for range 30 {
		bodies = append(bodies, h.contents[0][1])
	}
	answers := make([]string, len(bodies))
	var all sync.WaitGroup
	for i, body := range bodies {
		pushed := func() {
			conn, err := net.Dial("tcp", h.door)
			if err != nil {
				h.t.Error(err)
				return
			}
			defer conn.Close()
			go fmt.Fprintf(conn, "POST /intake HTTP/1.1\r\nHost: hub\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			began := time.Now()
			got, _ := io.ReadAll(conn) // what is not taken of a body may break off the end, after the answer
			answers[i] = fmt.Sprint(string(got), "not before a second: ", time.Since(began) > 990*time.Millisecond)
		}
		if i == 0 {
			pushed() // before the queue is full
		} else {
			all.Go(pushed)
		}
	}
	all.Wait()
	for i, got := range answers {
		if got != answers[0] || !strings.HasPrefix(got, "HTTP/1.1 202 ") || !strings.HasSuffix(got, "true") {
			h.t.Errorf("%s: push %d of %d bytes was answered with %q, the first with %q", h.name, i, len(bodies[i]), got, answers[0])
		}
	}
}

// read opens pages of the console as the owner.
func (h *tracedHub) read(pages ...string) {
	h.t.Helper()
	if err := h.owner.LogIn(h.t.Context()); err != nil {
		h.fatal(err)
	}
	for _, path := range pages {
		if err := h.owner.Read(h.t.Context(), path); err != nil {
			h.t.Errorf("%s: %v", h.name, err)
		}
	}
}

func (h *tracedHub) clips() []evidence.Selection {
	return []evidence.Selection{{Camera: "porch", From: h.request.Window.From, To: h.request.Window.To}}
}

func (h *tracedHub) stop() {
	h.t.Helper()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		h.t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = h.cmd.Process.Kill() })()
	if err := h.cmd.Wait(); err != nil {
		h.t.Errorf("%s: %v\n%s", h.name, err, h.said.String())
	}
	h.clock.Close()
}
