package evidence_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// BenchmarkSeal seals a minute of 1080p and has sha256sum and age hash and encrypt the same bytes in
// turn. It reports the medians of both, and ours over theirs.
func BenchmarkSeal(b *testing.B) {
	f := mp4test.Make(b, mp4test.Shot{Video: rtsp.H264, Seconds: 60, Width: 1920, Rate: 3, Start: zero})
	h := newHome(b, map[string][]rtsp.Item{porch: items(f)})
	p := h.seal(b, choose(porch, 0, 60, false))
	dir := b.TempDir()
	tar, out := filepath.Join(dir, "p.tar"), filepath.Join(dir, "p.age")
	if err := os.WriteFile(tar, h.plain(b, p), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(p.Bytes)
	var ours, theirs []time.Duration
	for b.Loop() {
		start := time.Now()
		p := h.seal(b, choose(porch, 0, 60, false))
		ours = append(ours, time.Since(start))
		b.StopTimer()
		if err := h.Discard(p); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		cmd := exec.Command("sh", "-c", `sha256sum "$1" && age -r "$3" -r "$4" -o "$2" "$1" && sync "$2"`, "sh", tar, out,
			h.agency.Identity.Recipient().String(), h.cfg.Owner.Recipient().String())
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		theirs = append(theirs, time.Since(start))
		b.StartTimer()
	}
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Microseconds()) / 1000
	}
	b.ReportMetric(median(ours), "seal-ms")
	b.ReportMetric(median(theirs), "age-ms")
	b.ReportMetric(median(ours)/median(theirs), "ours/theirs")
	b.ReportMetric(float64(p.Bytes)/1e6, "MB")
}
