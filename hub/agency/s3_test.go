package agency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/bdragon300/tusgo"
)

// TestPackagesMoveToS3 does what docs/design/evidence.md says for an agency that
// keeps packages in an S3 store: rclone moves what the receiver has finished,
// and nothing else, and the receiver goes on signing for what it had.
func TestPackagesMoveToS3(t *testing.T) {
	d := newOffice(t, "evidence.springfield.example").receive(t)
	p := newParcel(t, 9<<20) // more than one part of a multipart upload
	c := d.tus(t)
	if err := p.send(t, c, p.create(t, c), len(p.data)); err != nil {
		t.Fatal(err)
	}
	receipt := d.wantReceipt(t, p)
	begun := newParcel(t, 1<<20)
	u := begun.create(t, c)
	if err := begun.send(t, c, u, 512<<10); err != nil {
		t.Fatal(err)
	}
	name := d.packages(t)[0]

	env := s3Store(t)
	rclone := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), "rclone", args...)
		cmd.Env = env
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("rclone %v: %v\n%s", args, err, said.String())
		}
		return out
	}
	rclone("move", filepath.Join(d.dir, "received"), "s3:packages", "--include", "/*.ghe", "--s3-chunk-size", "5M", "--s3-upload-cutoff", "5M")
	if got := d.packages(t); len(got) != 0 {
		t.Errorf("still here: %v", got)
	}
	if got := string(rclone("lsf", "-R", "s3:packages")); got != name+"\n" {
		t.Errorf("the store has %q", got)
	}
	if h := sha256.Sum256(rclone("cat", "s3:packages/"+name)); hex.EncodeToString(h[:]) != p.digest {
		t.Error("the store has other bytes")
	}

	// A home whose answer was lost gets its receipt; nothing is stored again.
	if code, again := d.get(t, ReceiptsPath+p.digest); code != 200 || !bytes.Equal(again, receipt) {
		t.Errorf("the receipt is gone: %d", code)
	}
	if err := p.send(t, c, p.create(t, c), len(p.data)); err != nil {
		t.Fatal(err)
	}
	if got := d.packages(t); len(got) != 0 {
		t.Errorf("received again: %v", got)
	}
	// What was on its way arrives.
	if err := begun.send(t, c, u, len(begun.data)); err != nil {
		t.Fatal(err)
	}
	d.wantReceipt(t, begun)
}

func (p parcel) create(t *testing.T, c *tusgo.Client) *tusgo.Upload {
	t.Helper()
	var u tusgo.Upload
	if _, err := c.CreateUpload(&u, int64(len(p.data)), false, p.meta); err != nil {
		t.Fatal(err)
	}
	return &u
}

// s3Store runs a store with a bucket, and returns the environment in which
// rclone finds it under the name s3, with static credentials.
func s3Store(t *testing.T) []string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	cmd := exec.CommandContext(context.Background(), "gofakes3", "-backend", "memory", "-initialbucket", "packages", "-host", addr)
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make test installs it)", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "RCLONE_CONFIG=" + os.DevNull, "RCLONE_CONFIG_S3_TYPE=s3",
		"RCLONE_CONFIG_S3_PROVIDER=Other",
		"RCLONE_CONFIG_S3_ACCESS_KEY_ID=office", "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY=secret", "RCLONE_CONFIG_S3_REGION=us-east-1",
		fmt.Sprintf("RCLONE_CONFIG_S3_ENDPOINT=http://%s", addr),
	}
}
