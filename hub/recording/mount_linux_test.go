package recording_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// alone runs a test again in a process whose mounts are its own, and reports
// whether this is that process.
func alone(t *testing.T) bool {
	t.Helper()
	const mark = "GATEHOUSE_TEST_ALONE"
	if os.Getenv(mark) != "" {
		if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=30m")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a process of its own: %v", err)
	}
	return false
}

func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Errorf("mounting %s: %v", target, err)
	}
}

func unmount(t *testing.T, target string) {
	t.Helper()
	if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
		t.Errorf("unmounting %s: %v", target, err)
	}
}

// TestUnmountedStoreIsNotWrittenTo unmounts a disk before each operation of a
// recording, also between the look at the marker and what follows it, and puts
// nothing or another store in its place. Nothing is ever written there.
func TestUnmountedStoreIsNotWrittenTo(t *testing.T) {
	if !alone(t) {
		return
	}
	list := sessions(t, 3)
	for _, swapped := range []bool{false, true} {
		n := 1
		for unmountAt(t, n, swapped, list) {
			n++
		}
		if n < 50 {
			t.Errorf("%d operations only", n)
		}
	}
}

// unmountAt does so before the nth operation on the disk; false if there are fewer.
func unmountAt(t *testing.T, n int, swapped bool, list []rtsp.Item) bool {
	t.Helper()
	s := newStore(t, 2)
	at := s.cfg.Disks[0].Path
	kept, other := at+".kept", at+".other"
	for _, dir := range []string{at, kept, other} {
		if err := os.Mkdir(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	mount(t, "tmpfs", at, "tmpfs", 0, "size=32m")
	mount(t, at, kept, "", syscall.MS_BIND, "") // its content lives on
	defer unmount(t, kept)
	write(t, filepath.Join(other, ".gatehouse-store"), []byte(`{"id":"0123456789abcdef0123456789abcdef","made":"2026-01-01T00:00:00Z"}`))
	count, counting, gone, kind := 0, false, false, ""
	fsys := &faulty{}
	fsys.hook = func(o op) (int, error) {
		if o.disk != at || !counting {
			return 0, nil
		}
		if count++; count == n {
			gone, kind = true, o.kind
			unmount(t, at)
			if swapped {
				mount(t, other, at, "", syscall.MS_BIND, "")
			}
		}
		return 0, nil
	}
	s.start(t, fsys)
	counting = true
	src := s.during(t, list, nil, nil, func() {
		if counting = false; !gone {
			return
		}
		names, err := os.ReadDir(at)
		if want := map[bool]int{false: 0, true: 1}[swapped]; err != nil || len(names) != want {
			t.Errorf("unmounted before operation %d (%s): written below: %v %v", n, kind, names, err)
		}
		if swapped {
			unmount(t, at)
		}
		mount(t, kept, at, "", syscall.MS_BIND, "")
		s.retain(t)
	})
	s.until(t, src)
	if s.Trouble() != "" {
		t.Errorf("unmounted before operation %d (%s): trouble %q", n, kind, s.Trouble())
	}
	s.unharmed(t, fmt.Sprintf("unmounted before operation %d (%s)", n, kind), nil, src.items[0].Session.Zero, 24*time.Second)
	unmount(t, at)
	return gone
}

// film is a camera that sends a number of bytes a second and loses its
// connection every few seconds, until a time.
type film struct {
	footage mp4test.Footage
	length  time.Duration
	until   time.Time
	rand    *rand.Rand

	session *rtsp.Session
	ends    time.Time // of the connection
	next    int
}

func (f *film) Next(context.Context) (rtsp.Item, error) {
	now := time.Now()
	if now.After(f.until) {
		return rtsp.Item{}, io.EOF
	}
	if f.session == nil {
		f.session = &rtsp.Session{Formats: f.footage.Session.Formats, Zero: now}
		f.next, f.ends = 0, now.Add(2*time.Second+time.Duration(f.rand.Int64N(int64(3*time.Second))))
		return rtsp.Item{Session: f.session}, nil
	}
	if now.After(f.ends) {
		f.session = nil
		return broken(rtsp.ReasonClosed, now), nil
	}
	units := f.footage.Units
	u := *units[f.next%len(units)]
	shift := time.Duration(f.next/len(units)) * f.length
	ticks := int64(shift.Seconds() * float64(u.Format.ClockRate))
	u.UTC = f.session.Zero.Add(shift + recording.Ticks(u.PTS, u.Format.ClockRate))
	u.PTS, u.DTS, u.Arrived = u.PTS+ticks, u.DTS+ticks, u.UTC
	f.next++
	time.Sleep(time.Until(u.UTC))
	return rtsp.Item{Unit: &u}, nil
}

// TestDiskStaysFull records more than a small disk holds, many times over, while
// another program now and then takes all the room there is. What is held stays,
// the oldest goes first, recording stops red and goes on, and nothing is harmed.
func TestDiskStaysFull(t *testing.T) {
	if !alone(t) {
		return
	}
	size, length, rate, rounds := 48<<20, 24*time.Second, 2<<20, 1
	if soaking {
		size, length, rate, rounds = 256<<20, 10*time.Minute, 4<<20, 8
	}
	const cameras = 4
	s := newStore(t, 1)
	s.cfg.Now = time.Now
	at := s.cfg.Disks[0].Path
	if err := os.Mkdir(at, 0o750); err != nil {
		t.Fatal(err)
	}
	mount(t, "tmpfs", at, "tmpfs", 0, fmt.Sprint("size=", size))
	defer unmount(t, at)
	s.start(t, recording.OSFiles{})
	f := fattened(t, rate)
	ctx, stop := context.WithCancel(t.Context())
	began := time.Now()
	var sink, recorders sync.WaitGroup
	sink.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for i := range cameras {
		src := &film{footage: f, length: 2 * time.Second, until: began.Add(length), rand: rand.New(rand.NewPCG(1, uint64(i)))}
		recorders.Go(func() {
			if err := s.Recorder(fmt.Sprint("camera", i), recording.Main, src).Run(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(6 * time.Second)
	hold := recording.Hold{ID: "h", Camera: "camera0", From: began, To: began.Add(2 * time.Second), Until: began.Add(time.Hour)}
	if err := s.Hold(t.Context(), hold); err != nil {
		t.Error(err)
	}
	for i := range rounds {
		time.Sleep(time.Until(began.Add(length * time.Duration(2*i+1) / time.Duration(2*rounds+1))))
		s.crowd(t, at)
	}
	recorders.Wait()
	stop()
	sink.Wait()
	s.tally(t, cameras, hold)
}

// fattened is footage of about so many bytes a second.
func fattened(t *testing.T, rate int) mp4test.Footage {
	f := tile(twoSeconds(t), 1, 2*time.Second)
	for _, u := range f.Units {
		if u.Format.Video() {
			u.Data = append([][]byte{append([]byte{6, 5}, make([]byte, max(rate/15-u.Size(), 0))...)}, u.Data...)
		}
	}
	return f
}

// crowd fills the disk until recording has stopped and that is told, and then
// makes room again and waits until everything is well.
func (s *store) crowd(t *testing.T, dir string) {
	t.Helper()
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Error(err)
		return
	}
	block := make([]byte, 1<<20)
	red := false
	for end := time.Now().Add(30 * time.Second); !red && time.Now().Before(end); {
		if _, err := ballast.Write(block); errors.Is(err, syscall.ENOSPC) {
			time.Sleep(10 * time.Millisecond)
			status, err := s.Status(t.Context())
			if err != nil {
				t.Error(err)
			}
			red = len(status) > 0 && !slices.ContainsFunc(status, func(st recording.StreamStatus) bool { return !strings.Contains(st.Problem.String(), "full") })
		}
	}
	if !red {
		t.Error("a full disk was not told")
	}
	time.Sleep(2 * time.Second)
	if err := errors.Join(ballast.Close(), os.Remove(ballast.Name())); err != nil {
		t.Error(err)
	}
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		status, err := s.Status(t.Context())
		if err != nil {
			t.Error(err)
		}
		if !slices.ContainsFunc(status, func(st recording.StreamStatus) bool { return !st.Recording || !st.Problem.IsZero() }) {
			return
		}
		if time.Now().After(end) {
			t.Errorf("not well again: %+v", status)
			return
		}
	}
}

// tally checks what is left at the end.
func (s *store) tally(t *testing.T, cameras int, hold recording.Hold) {
	t.Helper()
	written, deleted, segments := int64(0), 0, 0
	for i := range cameras {
		rows, err := s.index.Chain(t.Context(), fmt.Sprint("camera", i), recording.Main, 0, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		keeps := false
		for _, r := range rows {
			written += r.Bytes
			segments++
			held := r.Camera == hold.Camera && r.Start.Before(hold.To) && r.End().After(hold.From)
			switch {
			case !r.Deleted.IsZero() && held:
				t.Errorf("held footage was deleted: %+v", r)
			case !r.Deleted.IsZero() && keeps:
				t.Errorf("%+v was deleted before an older one", r)
			case !r.Deleted.IsZero():
				deleted++
			case !held:
				keeps = true
			}
		}
	}
	t.Logf("%d MB in %d segments, %d deleted for room; %d times full", written>>20, segments, deleted, s.log.count("store is not usable"))
	if deleted == 0 || s.log.count("store is well") == 0 {
		t.Error("the disk was never full")
	}
	s.sound(t)
}
