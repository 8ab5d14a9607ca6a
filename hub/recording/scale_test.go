package recording_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// scale is what a large index costs.
type scale struct {
	start time.Duration // opening index and archive, and the health of every stream
	ops   int           // operations on the disk's files meanwhile
	day   time.Duration // listing a day of one camera; the median of several
	least time.Duration // the shortest of them
	pause time.Duration // the longest that a recorder took over a unit while deleting
	gone  time.Duration // deleting
}

const scaleCameras = 16

// fill adds n segments of a minute that end at the store's clock, and files for
// the oldest, which are to be deleted.
func (s *store) fill(tb testing.TB, disk string, n, oldest int) {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+s.db+"?_pragma=synchronous(OFF)")
	if err != nil {
		tb.Fatal(err)
	}
	first := s.clock.Add(-time.Duration(n/scaleCameras) * time.Minute)
	const path = `printf('recordings/cam%d/main/%s.000000Z.mp4', i % 16, strftime('%Y-%m-%d/%H/%M-%S', at / 1000000, 'unixepoch'))`
	_, err = db.ExecContext(tb.Context(), `INSERT INTO segment (camera, stream, run, seq, start_us, dur_us, bytes, keyframes,
		state, clock, disk, path, chain, root, link, previous, gaps)
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?), t(i, at) AS (SELECT i, ? + i / 16 * 60000000 FROM n)
		SELECT 'cam' || (i % 16), 'main', ?2, i / 16, at, 60000000, 15000000, 30, 'closed', 1, ?, `+path+`,
		zeroblob(16), zeroblob(32), zeroblob(32), zeroblob(32), zeroblob(32) FROM t`, n, first.UnixMicro(), disk)
	if err := errors.Join(err, db.Close()); err != nil {
		tb.Fatal(err)
	}
	for i := range oldest {
		at := first.Add(time.Duration(i/scaleCameras) * time.Minute)
		name := filepath.Join(s.cfg.Disks[0].Path, fmt.Sprintf("recordings/cam%d/main/%s.000000Z.mp4", i%scaleCameras, at.Format("2006-01-02/15/04-05")))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// stopwatch yields units of a live camera, and knows how long its reader took over
// one at most.
type stopwatch struct {
	ctx   context.Context
	loop  loop
	given time.Time
	worst time.Duration
}

func (u *stopwatch) Next(ctx context.Context) (rtsp.Item, error) {
	if !u.given.IsZero() {
		u.worst = max(u.worst, time.Since(u.given))
	}
	if u.ctx.Err() != nil {
		u.loop.n = 0 // io.EOF
	} else if u.loop.next%50 == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	item, err := u.loop.Next(ctx)
	u.given = time.Now()
	return item, err
}

// measureScale measures an index of n segments, and deletes the oldest of all
// cameras together.
func measureScale(tb testing.TB, n, oldest int) (m scale) {
	s := newStoreIn(tb, tb.TempDir(), 1).start(tb, recording.OSFiles{})
	f := twoSeconds(tb)
	s.record(tb, items(f)...)
	disk := s.all(tb)[0].Disk
	if err := s.index.Close(); err != nil {
		tb.Fatal(err)
	}
	s.fill(tb, disk, n, oldest)

	began := time.Now()
	s.openIndex(tb, s.db)
	fsys := &faulty{}
	s.start(tb, fsys)
	status, err := s.Status(tb.Context())
	m.start, m.ops = time.Since(began), fsys.n
	if err != nil || len(status) != scaleCameras+1 || status[0].Segments == 0 {
		tb.Fatalf("%v, %d streams", err, len(status))
	}
	var days []time.Duration
	for range 9 {
		began := time.Now()
		all, err := s.Segments(tb.Context(), "cam7", recording.Main, s.clock.Add(-30*time.Hour), s.clock.Add(-6*time.Hour))
		days = append(days, time.Since(began))
		if err != nil || len(all) != 24*60 {
			tb.Fatalf("%v, %d segments in a day", err, len(all))
		}
	}
	slices.Sort(days)
	m.day, m.least = days[len(days)/2], days[0]
	s.deleteWhileRecording(tb, &m, n, oldest)
	return m
}

// deleteWhileRecording has retention delete the oldest while a stream is recorded.
func (s *store) deleteWhileRecording(tb testing.TB, m *scale, n, del int) {
	// Beyond this many days is what fill made files for, and a minute less.
	s.cfg.Disks[0].Keep.Days = 1
	oldest := s.clock.Add(-time.Duration(n/scaleCameras) * time.Minute)
	s.clock = oldest.Add(time.Duration(del/scaleCameras+1)*time.Minute + 24*time.Hour)
	s.start(tb, recording.OSFiles{})
	ctx, stop := context.WithCancel(tb.Context())
	defer stop()
	f := twoSeconds(tb)
	u := &stopwatch{ctx: ctx, loop: loop{session: f.Session, units: f.Units, ring: make([]rtsp.Unit, 4096), length: 2 * time.Second, n: 1 << 30}}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Recorder("porch", recording.Main, u).Run(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	began := time.Now()
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			tb.Error(err)
		}
	})
	for left := int64(1); left > 0; {
		time.Sleep(20 * time.Millisecond)
		old, err := s.index.Segments(tb.Context(), "", "", oldest, oldest.Add(time.Duration(del/scaleCameras)*time.Minute))
		if err != nil {
			tb.Fatal(err)
		}
		if left = int64(len(old)); time.Since(began) > 5*time.Minute {
			tb.Fatalf("%d segments left after %v", left, time.Since(began))
		}
	}
	m.gone = time.Since(began)
	stop()
	wg.Wait()
	m.pause = u.worst
}

// A hundredth of the pause that would lose anything, on a machine that may do
// other things, with the race detector: BenchmarkScale has the project's bars, with a
// million segments.
func TestScale(t *testing.T) {
	m := measureScale(t, 50_000, 2_000)
	t.Logf("start %v with %d operations on files, a day %v at the least, a pause of %v while deleting for %v", m.start, m.ops, m.least, m.pause, m.gone)
	if m.start > 2*time.Second || m.ops > 20 || m.least > 600*time.Millisecond || m.pause > 2*time.Second {
		t.Error("too slow")
	}
}

func BenchmarkScale(b *testing.B) {
	for b.Loop() {
		m := measureScale(b, 1_000_000, 10_000)
		b.ReportMetric(m.start.Seconds(), "s/start")
		b.ReportMetric(float64(m.ops), "file-ops/start")
		b.ReportMetric(float64(m.day.Microseconds())/1e3, "ms/day")
		b.ReportMetric(float64(m.pause.Microseconds())/1e3, "ms/pause")
		b.ReportMetric(m.gone.Seconds(), "s/10000-deleted")
	}
}
