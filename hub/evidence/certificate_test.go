package evidence_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/evidence"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/rtsp"
)

// words are a certificate's text, as a reader of PDF that nobody here wrote sees it.
func words(t testing.TB, pdf []byte) string {
	t.Helper()
	cmd := exec.Command("pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(pdf)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("pdftotext: %v: %s", err, complaints.Bytes())
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

func TestCertificate(t *testing.T) {
	h, p := typical(t)
	files, _ := untar(t, h.plain(t, p))
	got := words(t, files[p.ID+"/certificate.pdf"])
	want := []string{
		p.ID, "NOT SIGNED", "902(13)", "902(14)", "penalty of perjury", h.order.Agency, h.order.RequestID, "gatehouse test",
		"cam-A (a name of this package only)", "cam-B", "without-audio", "Chosen and not recorded", "(closed)", "without encoding them again",
		"What this does not state",
	}
	for _, f := range p.Files {
		want = append(want, f.Name, f.SHA256)
	}
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%q is not on the certificate:\n%s", w, got)
		}
	}
	for _, w := range []string{porch, yard, "quirrel", "192.0.2.7"} {
		if strings.Contains(got, w) {
			t.Errorf("%q is on the certificate", w)
		}
	}
}

// TestCertificateLetters has names that an agency may have.
func TestCertificateLetters(t *testing.T) {
	m := evidence.Manifest{
		Package: "GH-AAAA-AAAA", SealedAt: zero, Hub: make([]byte, 32), Software: "gatehouse test",
		Request: evidence.RequestRef{ID: "r\u20261\nSigned: yes", Agency: "Αστυνομία Полиция Polícia Łódź 警察 \U0001F46E"},
		Clips: []evidence.Clip{{
			File: "original/cam-A.mp4", Alias: "cam-A", From: zero, To: zero.Add(time.Second), Clock: "report", SHA256: strings.Repeat("0f", 32),
		}},
		HubClock: &evidence.HubClock{Measured: zero, Synchronised: true, Offset: -0.0001, MaxError: 0.25},
	}
	first, err := evidence.Certificate(m)
	if err != nil {
		t.Fatal(err)
	}
	got := words(t, first)
	for _, w := range []string{
		"Αστυνομία Полиция Polícia Łódź [U+8B66][U+5BDF] [U+1F46E]", "r…1 Signed: yes", "-0.000100 s", "at most 0.250 s", "Letters that the typeface",
	} {
		if !strings.Contains(got, w) {
			t.Errorf("%q is not on the certificate:\n%s", w, got)
		}
	}
	for range 20 { // maps inside the library must not show
		if again, err := evidence.Certificate(m); err != nil || !bytes.Equal(first, again) {
			t.Fatalf("another certificate for the same manifest, %v", err)
		}
	}
	m.Clips = make([]evidence.Clip, 500)
	long, err := evidence.Certificate(m)
	if err != nil {
		t.Fatal(err)
	}
	if len(long) > 400<<10 {
		t.Errorf("%d bytes for 500 videos", len(long))
	}
}

// TestEqualOrdersGiveEqualBytes seals the same twice.
func TestEqualOrdersGiveEqualBytes(t *testing.T) {
	a := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 4, Start: zero})
	b := mp4test.Make(t, mp4test.Shot{Video: rtsp.H265, B: 2, Seconds: 4, Start: zero})
	h := newHome(t, map[string][]rtsp.Item{porch: items(a, later(a, 20*time.Second)), yard: items(b)})
	h.Fix(&evidence.HubClock{Measured: zero, Synchronised: true})
	seal := func() []byte {
		p := h.seal(t, choose(porch, 1, 23, true), choose(yard, 0, 3, false))
		defer func() {
			if err := h.Discard(p); err != nil {
				t.Error(err)
			}
		}()
		return h.plain(t, p)
	}
	if first, again := seal(), seal(); !bytes.Equal(first, again) {
		t.Error("the same order gave another package")
	}
}

// TestOverhead bounds what a package holds beside the videos.
func TestOverhead(t *testing.T) {
	h, p := typical(t)
	plain := h.plain(t, p)
	extra := p.Bytes
	for _, f := range p.Files {
		extra -= f.Bytes
	}
	files, _ := untar(t, plain)
	t.Logf("%d bytes beside %d videos; the certificate has %d", extra, len(p.Files), len(files[p.ID+"/certificate.pdf"]))
	if extra > 100_000 {
		t.Errorf("%d bytes beside the videos, want at most 100 kB", extra)
	}
}
