package pdf_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/internal/pdf"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"Łódź Αθήνα Москва": "Łódź Αθήνα Москва",
		"a\nb\tc\u2028d":    "a b c d",
		"東\U0001F46E":       "[U+6771][U+1F46E]",
		"\xff":              "\uFFFD",
		"a\u202eb":          "a[U+202E]b",
		"":                  "",
	} {
		if got := pdf.Printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestSheet(t *testing.T) {
	long := strings.Repeat("a-very-long-agency-name.", 20)
	make1 := func() []byte {
		s := pdf.New("A title", "foot", "test", time.Unix(1e9, 0))
		s.Row(true, "Name", "one", "two")
		s.Row(false, long, "1", "22222")
		for range 200 {
			s.Text("Something is said here.")
		}
		b, err := s.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := make1()
	if !bytes.Equal(first, make1()) {
		t.Error("another document from the same content")
	}
	cmd := exec.Command("pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(first)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(out)), " ")
	if strings.Count(text, "Something is said here.") != 200 || !strings.Contains(text, "foot, page 5") || !strings.Contains(text, "… 1 22222") {
		t.Errorf("%s", text)
	}
}
