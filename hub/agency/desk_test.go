package agency

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bdragon300/tusgo"

	"gatehouse/hub/bulletin"
)

// desk is a running receiver with a client.
type desk struct {
	office
	r      *Receiver
	base   string
	client *http.Client
	stop   func()
}

func (o office) receive(t *testing.T, change ...func(*ReceiverConfig)) *desk {
	t.Helper()
	cfg := ReceiverConfig{Dir: o.dir, Addr: "127.0.0.1:0", Reserve: 1}
	for _, f := range change {
		f(&cfg)
	}
	r, err := NewReceiver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stopped := false
	d := &desk{office: o, r: r, base: "https://" + r.Addr().String(), client: o.httpClient(t)}
	d.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		d.client.CloseIdleConnections()
	}
	t.Cleanup(d.stop)
	return d
}

// httpClient trusts the key that the profile pins and nothing else.
func (o office) httpClient(t *testing.T) *http.Client {
	t.Helper()
	pin := o.profile.UploadHosts[0].SPKI
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			spki, err := x509.MarshalPKIXPublicKey(s.PeerCertificates[0].PublicKey)
			if got := sha256.Sum256(spki); err != nil || !bytes.Equal(got[:], pin) {
				return errors.New("not the pinned key")
			}
			return nil
		},
	}}}
}

func (d *desk) tus(t *testing.T) *tusgo.Client {
	t.Helper()
	u, err := url.Parse(d.base + FilesPath)
	if err != nil {
		t.Fatal(err)
	}
	c := tusgo.NewClient(d.client, u)
	if _, err := c.UpdateCapabilities(); err != nil {
		t.Fatal(err)
	}
	return c
}

type parcel struct {
	data   []byte
	digest string
	meta   map[string]string
}

func newParcel(t *testing.T, size int) parcel {
	t.Helper()
	p := parcel{data: make([]byte, size)}
	if _, err := rand.Read(p.data); err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256(p.data)
	p.digest = hex.EncodeToString(h[:])
	p.meta = map[string]string{"package": "GH-7Q3M-K2XD", "sha256": p.digest}
	return p
}

// send uploads the bytes of p from an upload's offset up to end.
func (p parcel) send(t *testing.T, c *tusgo.Client, u *tusgo.Upload, end int) error {
	t.Helper()
	s := tusgo.NewUploadStream(c, u)
	s.ChunkSize = 64 << 10
	_, err := io.Copy(s, bytes.NewReader(p.data[u.RemoteOffset:end]))
	return err
}

func (d *desk) get(t *testing.T, path string) (int, []byte) {
	t.Helper()
	resp, err := d.client.Get(d.base + path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// remove is DELETE without tusgo, which panics on an error response with a short body.
func (d *desk) remove(t *testing.T, location string) int {
	t.Helper()
	req, err := http.NewRequest("DELETE", location, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	resp, err := d.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (d *desk) packages(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(d.dir, "received", "*.ghe"))
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range names {
		names[i] = filepath.Base(n)
	}
	return names
}

func (d *desk) wantReceipt(t *testing.T, p parcel) []byte {
	t.Helper()
	code, env := d.get(t, ReceiptsPath+p.digest)
	if code != http.StatusOK {
		t.Fatalf("receipt: status %d", code)
	}
	q, err := bulletin.OpenReceipt(env, d.profile)
	if err != nil {
		t.Fatal(err)
	}
	if q.SHA256 != p.digest || q.Bytes != int64(len(p.data)) {
		t.Errorf("receipt %+v", q)
	}
	name := "GH-7Q3M-K2XD-" + p.digest[:16] + ".ghe"
	if got := d.packages(t); len(got) != 1 || got[0] != name {
		t.Fatalf("received %v, want %s", got, name)
	}
	data, err := os.ReadFile(filepath.Join(d.dir, "received", name))
	if err != nil || !bytes.Equal(data, p.data) {
		t.Errorf("what was received differs: %v", err)
	}
	return env
}
