package agency

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bdragon300/tusgo"
	"github.com/tus/tusd/v2/pkg/handler"
)

func TestReceiveResumeOverRestart(t *testing.T) {
	o := newOffice(t, "127.0.0.1:8443")
	p := newParcel(t, 300<<10)
	d := o.receive(t)
	if code, _ := d.get(t, ReceiptsPath+p.digest); code != http.StatusNotFound {
		t.Errorf("receipt before the upload: status %d", code)
	}
	var u tusgo.Upload
	c := d.tus(t)
	if _, err := c.CreateUpload(&u, int64(len(p.data)), false, p.meta); err != nil {
		t.Fatal(err)
	}
	if err := p.send(t, c, &u, 128<<10); err != nil {
		t.Fatal(err)
	}
	d.stop()

	d = o.receive(t)
	c = d.tus(t)
	location, err := url.Parse(u.Location)
	if err != nil {
		t.Fatal(err)
	}
	u = tusgo.Upload{}
	if _, err := c.GetUpload(&u, d.base+location.Path); err != nil {
		t.Fatal(err)
	}
	if u.RemoteOffset != 128<<10 {
		t.Fatalf("offset %d after the restart", u.RemoteOffset)
	}
	u.RemoteSize, u.Location = int64(len(p.data)), d.base+location.Path
	if err := p.send(t, c, &u, len(p.data)); err != nil {
		t.Fatal(err)
	}
	env := d.wantReceipt(t, p)

	// A client that lost the last answer finds the upload complete, and cannot undo it.
	if _, err := c.GetUpload(&u, u.Location); err != nil || u.RemoteOffset != int64(len(p.data)) {
		t.Errorf("offset %d, %v after the end", u.RemoteOffset, err)
	}
	if code := d.remove(t, u.Location); code != http.StatusForbidden {
		t.Errorf("removing a received package: status %d", code)
	}
	// The same package again, even under another id: one file, the same receipt.
	p.meta["package"] = "GH-AAAA-BBBB"
	var again tusgo.Upload
	if _, err := c.CreateUpload(&again, int64(len(p.data)), false, p.meta); err != nil {
		t.Fatal(err)
	}
	if err := p.send(t, c, &again, len(p.data)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(d.wantReceipt(t, p), env) {
		t.Error("the second upload has another receipt")
	}
}

// TestReceiverStoppedInTheMiddleOfAChunk: what arrived of it is kept.
func TestReceiverStoppedInTheMiddleOfAChunk(t *testing.T) {
	o := newOffice(t, "127.0.0.1:8443")
	p := newParcel(t, 300<<10)
	d := o.receive(t)
	var u tusgo.Upload
	if _, err := d.tus(t).CreateUpload(&u, int64(len(p.data)), false, p.meta); err != nil {
		t.Fatal(err)
	}
	location, err := url.Parse(u.Location)
	if err != nil {
		t.Fatal(err)
	}
	body, w := io.Pipe()
	req, err := http.NewRequest("PATCH", d.base+location.Path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(len(p.data))
	for k, v := range map[string]string{"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"} {
		req.Header.Set(k, v)
	}
	failed := make(chan error, 1)
	go func() {
		resp, err := d.client.Do(req)
		if err == nil {
			resp.Body.Close()
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		failed <- err
	}()
	if _, err := w.Write(p.data[:200<<10]); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(o.dir, "received", ".uploads", filepath.Base(location.Path))
	for st, err := os.Stat(data); st == nil || st.Size() == 0; st, err = os.Stat(data) {
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	d.stop()
	w.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-failed; err == nil {
		t.Error("an upload that was cut off succeeded")
	}

	d = o.receive(t)
	c := d.tus(t)
	u = tusgo.Upload{}
	if _, err := c.GetUpload(&u, d.base+location.Path); err != nil {
		t.Fatal(err)
	}
	if u.RemoteOffset == 0 || u.RemoteOffset > 200<<10 {
		t.Fatalf("offset %d after the restart", u.RemoteOffset)
	}
	u.RemoteSize, u.Location = int64(len(p.data)), d.base+location.Path
	if err := p.send(t, c, &u, len(p.data)); err != nil {
		t.Fatal(err)
	}
	d.wantReceipt(t, p)
}

func TestReceiverFinishesWhatACrashLeft(t *testing.T) {
	o := newOffice(t, "127.0.0.1:8443")
	p := newParcel(t, 1000)
	uploads := filepath.Join(o.dir, "received", ".uploads")
	id := strings.Repeat("a", 32)
	leave := func(t *testing.T, moved bool) {
		if err := os.MkdirAll(uploads, 0o700); err != nil {
			t.Fatal(err)
		}
		info, err := json.Marshal(handler.FileInfo{
			ID: id, Size: int64(len(p.data)), MetaData: p.meta, Storage: map[string]string{"Path": filepath.Join(uploads, id)},
		})
		if err != nil {
			t.Fatal(err)
		}
		data := filepath.Join(uploads, id)
		if moved {
			data = filepath.Join(o.dir, "received", "GH-7Q3M-K2XD-"+p.digest[:16]+".ghe")
		}
		if err := errors.Join(os.WriteFile(filepath.Join(uploads, id+".info"), info, 0o600), os.WriteFile(data, p.data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for name, moved := range map[string]bool{"before the move": false, "before the receipt": true} {
		t.Run(name, func(t *testing.T) {
			leave(t, moved)
			d := o.receive(t)
			d.wantReceipt(t, p) // the connection waits in the backlog until Run serves
			d.stop()
			if err := errors.Join(os.RemoveAll(filepath.Join(o.dir, "received")), os.RemoveAll(filepath.Join(o.dir, "receipts"))); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestReceiverRefuses(t *testing.T) {
	o := newOffice(t, "127.0.0.1:8443")
	d := o.receive(t, func(c *ReceiverConfig) { c.MaxBytes, c.MaxOpen = 1<<20, 3 })
	good := newParcel(t, 1000)
	post := func(length string, meta string, headers ...string) int {
		req, err := http.NewRequest("POST", d.base+FilesPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Tus-Resumable", "1.0.0")
		req.Header.Set("Upload-Length", length)
		req.Header.Set("Upload-Metadata", meta)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := d.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if bytes.Contains(body, []byte(o.dir)) {
			t.Errorf("a path leaks: %s", body)
		}
		return resp.StatusCode
	}
	meta, err := tusgo.EncodeMetadata(good.meta)
	if err != nil {
		t.Fatal(err)
	}
	traversal, err := tusgo.EncodeMetadata(map[string]string{"package": "../../etc", "sha256": good.digest})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		want int
		got  int
	}{
		"no metadata":     {400, post("10", "")},
		"bad package":     {400, post("10", traversal)},
		"garbage":         {400, post("10", "package,sha256 !!!,,,,")},
		"empty":           {400, post("0", meta)},
		"no length":       {400, post("", meta)},
		"negative":        {400, post("-5", meta)},
		"too large":       {413, post("1048577", meta)},
		"length deferred": {501, post("", meta, "Upload-Defer-Length", "1")},
	} {
		if c.got != c.want {
			t.Errorf("%s: status %d, want %d", name, c.got, c.want)
		}
	}
	for range 3 {
		if got := post("10", meta); got != 201 {
			t.Errorf("status %d, want 201", got)
		}
	}
	if got := post("10", meta); got != 503 {
		t.Errorf("a fourth open upload: status %d, want 503", got)
	}
	for _, path := range []string{"/", FilesPath, FilesPath + "..%2f..%2fkeys", FilesPath + "lock", ReceiptsPath, ReceiptsPath + "..%2f" + good.digest, ReceiptsPath + strings.ToUpper(good.digest)} {
		if code, _ := d.get(t, path); code < 400 {
			t.Errorf("GET %s: status %d", path, code)
		}
	}
	if got := d.packages(t); len(got) != 0 {
		t.Errorf("received %v", got)
	}
}

func TestReceiverRefusesAnotherPackageThanAnnounced(t *testing.T) {
	d := newOffice(t, "127.0.0.1:8443").receive(t)
	p := newParcel(t, 1000)
	c := d.tus(t)
	var u tusgo.Upload
	if _, err := c.CreateUpload(&u, 1000, false, p.meta); err != nil {
		t.Fatal(err)
	}
	p.data[500] ^= 1
	s := tusgo.NewUploadStream(c, &u)
	_, err := io.Copy(s, bytes.NewReader(p.data))
	if err == nil || s.LastResponse == nil || s.LastResponse.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a flipped bit: %v", err)
	}
	if code, _ := d.get(t, ReceiptsPath+p.digest); code != http.StatusNotFound {
		t.Errorf("receipt: status %d", code)
	}
	if got := d.packages(t); len(got) != 0 {
		t.Errorf("received %v", got)
	}
}

func TestReceiverAnswersWhenTheDiskIsFull(t *testing.T) {
	d := newOffice(t, "127.0.0.1:8443").receive(t, func(c *ReceiverConfig) { c.Reserve = 1 << 60 })
	p := newParcel(t, 1000)
	resp, err := d.tus(t).CreateUpload(new(tusgo.Upload), 1000, false, p.meta)
	if err == nil || resp == nil || resp.StatusCode != http.StatusInsufficientStorage {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestReceiverCutsOffSilentClients(t *testing.T) {
	d := newOffice(t, "127.0.0.1:8443").receive(t, func(c *ReceiverConfig) { c.Stall = 200 * time.Millisecond })
	conf := d.client.Transport.(*http.Transport).TLSClientConfig.Clone()
	for name, send := range map[string]string{
		"request line": "GET / HT",
		"headers":      "GET / HTTP/1.1\r\nHost: a\r\n",
		"body":         "POST /files/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
		"nothing":      "",
	} {
		conn, err := tls.Dial("tcp", d.r.Addr().String(), conf)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, send); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, conn)
		if n := net.Error(nil); errors.As(err, &n) && n.Timeout() {
			t.Errorf("%s: still open", name)
		}
		conn.Close()
	}
	conf.MaxVersion = tls.VersionTLS12
	if _, err := tls.Dial("tcp", d.r.Addr().String(), conf); err == nil {
		t.Error("TLS 1.2 was accepted")
	}
}

func TestSweepRemovesWhatNobodyGoesOnWith(t *testing.T) {
	o := newOffice(t, "127.0.0.1:8443")
	d := o.receive(t)
	p := newParcel(t, 1000)
	c := d.tus(t)
	var whole, part tusgo.Upload
	for _, u := range []*tusgo.Upload{&whole, &part} {
		if _, err := c.CreateUpload(u, 1000, false, p.meta); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(p.send(t, c, &part, 500), p.send(t, c, &whole, 1000)); err != nil {
		t.Fatal(err)
	}
	d.r.sweepOnce()
	if _, err := c.GetUpload(&part, part.Location); err != nil {
		t.Errorf("a fresh upload is gone: %v", err)
	}
	d.stop()
	d.r.cfg.Now = func() time.Time { return time.Now().AddDate(0, 0, 15) }
	d.r.sweepOnce()
	left, err := os.ReadDir(d.r.store.Path)
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if got := d.packages(t); len(got) != 1 {
		t.Errorf("packages %v", got)
	}
}

func TestOneReceiverAFolder(t *testing.T) {
	o := newOffice(t, "127.0.0.1:8443")
	o.receive(t)
	if _, err := NewReceiver(ReceiverConfig{Dir: o.dir, Addr: "127.0.0.1:0"}); !errors.Is(err, errBusy) {
		t.Errorf("second receiver: %v", err)
	}
}

// TestReceiverEndsWhenItCannotServe: a listener that breaks is an error of Run,
// not a process that hears nobody.
func TestReceiverEndsWhenItCannotServe(t *testing.T) {
	o := newOffice(t, "127.0.0.1:8443")
	r, err := NewReceiver(ReceiverConfig{Dir: o.dir, Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(t.Context()) }()
	if err := r.ln.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Run goes on without a listener")
	}
	if again, err := NewReceiver(ReceiverConfig{Dir: o.dir, Addr: "127.0.0.1:0"}); err != nil {
		t.Errorf("opening it again: %v", err)
	} else if err := again.close(); err != nil {
		t.Error(err)
	}
}
