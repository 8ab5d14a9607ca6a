package delivery_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	tuslog "golang.org/x/exp/slog"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/sqlite"
)

// The test's program is also the two sides that are killed.
const (
	asHub      = "GATEHOUSE_TEST_HUB"      // the folder of house.db
	asReceiver = "GATEHOUSE_TEST_RECEIVER" // the folder of a tusd
)

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(asHub) != "":
		err = sendFor(os.Getenv(asHub))
	case os.Getenv(asReceiver) != "":
		err = receiveIn(os.Getenv(asReceiver))
	default:
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// sendFor is a hub that does nothing but deliver.
func sendFor(dir string) error {
	house, err := sqlite.OpenHouse(context.Background(), filepath.Join(dir, "house.db"))
	if err != nil {
		return err
	}
	return delivery.New(delivery.Config{Store: house, Chunk: chunk, Retry: 10 * time.Millisecond}).Run(context.Background())
}

// receiveIn is tusd with the certificate and at the address in dir, without receipts.
func receiveIn(dir string) error {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		return err
	}
	addr, err := os.ReadFile(filepath.Join(dir, "addr"))
	if err != nil {
		return err
	}
	composer := handler.NewStoreComposer()
	filestore.New(filepath.Join(dir, "www", "in")).UseIn(composer)
	memorylocker.New().UseIn(composer)
	tusd, err := handler.NewHandler(handler.Config{
		StoreComposer: composer, BasePath: "/files/", DisableDownload: true, Logger: tuslog.New(tuslog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/files/", http.StripPrefix("/files/", tusd))
	srv := &http.Server{Addr: string(addr), Handler: mux, TLSConfig: &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"},
	}}
	return srv.ListenAndServeTLS("", "")
}

func tusdProcess(t testing.TB) *peer {
	p := newPeer(t)
	p.tls()
	p.write("addr", p.addr)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The credential that a real server drops to may not reach this program.
	p.as, p.args, p.env = nil, []string{self}, []string{asReceiver + "=" + p.dir}
	p.start()
	return p
}

// startHub runs a hub in a process of its own.
func (h *hub) startHub() *exec.Cmd {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), asHub+"="+h.dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	return cmd
}

// TestKilledAtRandomOffsets kills the hub and the receiver in turn, ten times in
// one delivery and without warning: what arrives is what was approved, once.
func TestKilledAtRandomOffsets(t *testing.T) {
	for name, start := range map[string]func(t testing.TB) (*peer, bulletin.Target){
		"SFTP to OpenSSH": realTargets["SFTP to OpenSSH"],
		"tus to tusd": func(t testing.TB) (*peer, bulletin.Target) {
			p := tusdProcess(t)
			return p, bulletin.Target{Kind: bulletin.Tus, URL: "https://" + p.addr + "/files/"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, to := start(t)
			h := at(t, p)
			const size, kills = 64 << 20, 10
			j := h.approve(size, sendTo(to))
			offsets := make([]int64, kills)
			for i := range offsets {
				offsets[i] = rand.Int64N(size * 3 / 4)
			}
			slices.Sort(offsets)
			t.Logf("offsets %v", offsets)
			hub := h.startHub()
			defer func() { _ = hub.Process.Kill(); _ = hub.Wait() }()
			for i, offset := range offsets {
				if n := p.await(offset); n >= size {
					t.Fatalf("kill %d at %d came too late", i, offset)
				}
				if i%2 == 0 {
					_ = hub.Process.Signal(syscall.SIGKILL)
					_ = hub.Wait()
					hub = h.startHub()
				} else {
					p.kill()
					p.start()
				}
			}
			p.await(size)
			h.whole(p, j)
		})
	}
}

// await waits until the largest file at the receiver has n bytes.
func (p *peer) await(n int64) (got int64) {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		list, err := os.ReadDir(p.folder)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, f := range list {
			if info, err := f.Info(); err == nil {
				got = max(got, info.Size())
			}
		}
		if got >= n {
			return got
		}
	}
	p.t.Fatalf("%d bytes arrived, want %d", got, n)
	return 0
}

// whole waits for the end and checks what is there.
func (h *hub) whole(p *peer, j delivery.Job) {
	h.t.Helper()
	if j.Target.Kind == bulletin.SFTP {
		h.arrived(p, h.until(j.ID, in(delivery.Done)))
		return
	}
	// Without a receipt, a delivery by tus does not end: its bytes count.
	want, err := os.ReadFile(j.Path)
	if err != nil {
		h.t.Fatal(err)
	}
	j = h.until(j.ID, func(j delivery.Job) bool { return j.Offset == j.Bytes })
	h.wantKinds(j, []ledger.Kind{}...)
	n := 0
	for name, data := range p.files() {
		if strings.HasSuffix(name, ".info") {
			var info struct{ Size int64 }
			if err := json.Unmarshal(data, &info); err != nil || info.Size != j.Bytes {
				h.t.Errorf("%s: %d bytes, %v", name, info.Size, err)
			}
			continue
		}
		if n++; string(data) != string(want) {
			h.t.Errorf("%s is not what was approved", name)
		}
	}
	if n != 1 {
		h.t.Errorf("%d files arrived, want 1", n)
	}
}
