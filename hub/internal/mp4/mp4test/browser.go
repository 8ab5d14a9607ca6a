package mp4test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Browse opens a page in Chromium and returns the first thing it posts to /said.
func Browse(t testing.TB, files http.Handler, page string) string {
	t.Helper()
	said := make(chan string, 10)
	mux := http.NewServeMux()
	mux.Handle("/", files)
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
	})
	mux.HandleFunc("POST /said", func(_ http.ResponseWriter, r *http.Request) {
		b := make([]byte, 500)
		n, _ := r.Body.Read(b)
		said <- string(b[:n])
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--autoplay-policy=no-user-gesture-required", "--user-data-dir="+profile, server.URL+"/page")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with its helpers
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && !errors.As(err, &exit) && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		_ = os.RemoveAll(profile) // a helper that dies late may still write there
	}()
	select {
	case <-ctx.Done():
		t.Fatal("the browser said nothing")
		return ""
	case s := <-said:
		return s
	}
}
