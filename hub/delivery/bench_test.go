package delivery_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/delivery"
	"gatehouse/hub/request"
)

// BenchmarkTusBesideCurl uploads the same file to the same tusd in turn by the
// hub, with the check of the file's digest and without it, and by curl -T.
func BenchmarkTusBesideCurl(b *testing.B) {
	const size, rounds = 256 << 20, 5
	p := tusdProcess(b)
	url := "https://" + p.addr + "/files/"
	for range b.N {
		var whole, upload, curl []float64
		for range rounds {
			h := at(b, p)
			h.restart(func(c *delivery.Config) { c.Chunk = 0 })
			j := h.approve(size, func(o *request.Outbox) { o.Target = bulletin.Target{Kind: bulletin.Tus, URL: url} })
			start := time.Now()
			stop := h.run()
			begun := p.appears()
			h.until(j.ID, func(j delivery.Job) bool { return j.Offset == size })
			whole, upload = append(whole, time.Since(start).Seconds()), append(upload, time.Since(begun).Seconds())
			stop()
			p.empty()
			curl = append(curl, curlTus(b, url, j.Path, size))
			p.empty()
		}
		for _, list := range [][]float64{whole, upload, curl} {
			slices.Sort(list)
		}
		const mb = size / 1e6
		b.ReportMetric(mb/upload[rounds/2], "hub-MB/s")
		b.ReportMetric(mb/whole[rounds/2], "hub+digest-MB/s")
		b.ReportMetric(mb/curl[rounds/2], "curl-MB/s")
		ratio := curl[rounds/2] / upload[rounds/2]
		b.ReportMetric(ratio, "hub/curl")
		if ratio < 0.8 {
			b.Errorf("the hub is %.2f times as fast as curl, want at least 0.8", ratio)
		}
	}
}

// appears waits for an upload to be made.
func (p *peer) appears() time.Time {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if list, err := os.ReadDir(p.folder); err == nil && len(list) > 0 {
			return time.Now()
		}
	}
	p.t.Fatal("no upload was made")
	return time.Time{}
}

func (p *peer) empty() {
	p.t.Helper()
	list, err := filepath.Glob(filepath.Join(p.folder, "*"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, name := range list {
		if err := os.Remove(name); err != nil {
			p.t.Fatal(err)
		}
	}
}

// curlTus is how long curl takes for the bytes of one PATCH.
func curlTus(t testing.TB, url, file string, size int64) float64 {
	t.Helper()
	made, err := exec.Command("curl", "-sk", "--http1.1", "-D", "-", "-o", "/dev/null", "-X", "POST", "-H", "Tus-Resumable: 1.0.0",
		"-H", fmt.Sprintf("Upload-Length: %d", size), url).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(made), "Location: ")
	where, _, _ := strings.Cut(rest, "\r\n")
	took, err := exec.Command("curl", "-sk", "--http1.1", "-o", "/dev/null", "-w", "%{response_code} %{time_total}", "-X", "PATCH", "-T", file,
		"-H", "Tus-Resumable: 1.0.0", "-H", "Upload-Offset: 0", "-H", "Content-Type: application/offset+octet-stream", where).Output()
	if err != nil {
		t.Fatal(err)
	}
	seconds, ok := strings.CutPrefix(string(took), "204 ")
	f, err := strconv.ParseFloat(seconds, 64)
	if !ok || err != nil {
		t.Fatalf("curl: %q", took)
	}
	return f
}
