package request_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse/hub/request"
)

func newInbox(t *testing.T) (h *home, dir string) {
	h = newHome(t, func(c *request.Config) {
		dir = filepath.Join(filepath.Dir(c.Agencies), "inbox")
		c.Inbox = dir
	})
	return h, dir
}

func (h *home) drop(path string, data []byte) {
	h.t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// left are the names in a folder but for those of done and refused as folders.
func left(dir string) (names []string) {
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if !f.IsDir() {
			names = append(names, f.Name())
		}
	}
	return names
}

func (h *home) inboxProblem() string {
	for _, f := range h.Problems() {
		if p := f.String(); strings.Contains(p, "inbox") {
			return p
		}
	}
	return ""
}

func TestNoFileNameEndsTheHub(t *testing.T) {
	h, dir := newInbox(t)
	long := strings.Repeat("n", 251) + ".ghb"
	h.drop(filepath.Join(dir, "done"), []byte("a file"))
	h.drop(filepath.Join(dir, "refused"), []byte("a file"))
	h.drop(filepath.Join(dir, long), h.log.File(t))
	h.drop(filepath.Join(dir, "x"+long[1:]), []byte("no bulletin"))
	h.drop(filepath.Join(dir, "a\nb\x1b[2J\xff.ghb"), []byte("no bulletin"))
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.ghb"), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := h.run()
	defer stop()
	h.until(func() bool { return len(left(dir)) == 0 && h.inboxProblem() == "" })
	if n := left(filepath.Join(dir, "done")); len(n) != 1 || len(n[0]) > 100 {
		t.Errorf("done: %q", n)
	}
	files := left(filepath.Join(dir, "refused"))
	if len(files) != 10 {
		t.Errorf("refused: %q, want five files and why", files)
	}
	for _, n := range files {
		if len(n) > 100 || strings.ContainsAny(n, "\n\x1b") || !utf8.ValidString(n) {
			t.Errorf("name %q", n)
		}
	}
	if known, err := h.Known(t.Context()); err != nil || len(known) != 1 {
		t.Errorf("known %v, %v", known, err)
	}
}

func TestInboxThatGoesAwayIsAProblem(t *testing.T) {
	h, dir := newInbox(t)
	stop := h.run()
	defer stop()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	h.until(func() bool { return h.inboxProblem() != "" })
	if p := h.inboxProblem(); strings.Contains(p, h.dir) {
		t.Errorf("problem %q", p)
	}
	h.start(func(c *request.Config) { // and at a start, with a file in its place
		h.drop(dir, nil)
		c.Inbox = dir
	})
	again := h.run()
	h.until(func() bool { return h.inboxProblem() != "" })
	again()
}

// TestInboxThatCannotBeSorted has something that is not yet whole in the place
// of the folder that files are moved to.
func TestInboxThatCannotBeSorted(t *testing.T) {
	h, dir := newInbox(t)
	h.drop(filepath.Join(dir, "profile.ghb"), h.log.File(t))
	stop := h.run()
	defer stop()
	for i := 0; h.inboxProblem() == ""; i++ {
		h.drop(filepath.Join(dir, "done"), make([]byte, i))
		if time.Sleep(100 * time.Millisecond); i > 150 {
			t.Fatal("no problem")
		}
	}
	if known, err := h.Known(t.Context()); err != nil || len(known) != 1 {
		t.Errorf("known %v, %v: it was to be taken in all the same", known, err)
	}
	h.until(func() bool { return len(left(dir)) == 0 && h.inboxProblem() == "" })
}
