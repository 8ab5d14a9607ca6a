package delivery

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// sftpTarget uploads over SSH. The host must have the very key of the agency's
// signed profile. The hub logs in as the profile's user, with no credentials
// that outlive the connection: by none, or by a key made for it. An account that
// takes uploads from homes unknown to the agency takes any key; a key of a
// home's own would have to be told before an approval, and would join its
// deliveries.
type sftpTarget struct {
	host, user string
	key        ssh.PublicKey
	folder     string // ends in /
	dialer     *net.Dialer
}

func (t *sftpTarget) close() {}

// send implements target. The file has a name of its own until it is whole.
func (t *sftpTarget) send(ctx context.Context, s *sending) error {
	c, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	part, whole := path.Join(t.folder, partName(*s.j)), path.Join(t.folder, fileName(*s.j))
	confirmed := s.j.Offset == s.j.Bytes // in an earlier attempt
	if !confirmed {
		there, err := c.size(whole)
		if err != nil {
			return fmt.Errorf("looking for the package: %w", err)
		}
		switch {
		case there == s.j.Bytes:
			return s.reached(ctx, s.j.Bytes)
		case there >= 0:
			return errTaken
		}
		if err := c.upload(ctx, part, s); err != nil {
			return err
		}
	}
	if err := s.reached(ctx, s.j.Bytes); err != nil {
		return err
	}
	return c.settle(part, whole, s.j.Bytes, confirmed)
}

// settle moves what is whole to its place. gone says that it may have been moved
// in an earlier attempt, and perhaps taken away since.
func (c *sshConn) settle(part, whole string, n int64, gone bool) error {
	c.allow(0)
	moved := c.sftp.Rename(part, whole) // replaces nothing
	if moved == nil || gone && errors.Is(moved, os.ErrNotExist) {
		return nil
	}
	if there, err := c.size(whole); err == nil && there == n {
		_ = c.sftp.Remove(part) // a second name, of a rename that was cut short
		return nil
	}
	return fmt.Errorf("moving into place: %w", moved)
}

// upload appends to the part that earlier attempts have left. An offset that was
// stored is one up to which every write was answered, and synced where the
// server can; what lies behind it may have holes and is written again.
func (c *sshConn) upload(ctx context.Context, part string, s *sending) error {
	if err := s.goOn(ctx); err != nil {
		return err
	}
	s.begin(part)
	mode := os.O_WRONLY | os.O_CREATE
	there, err := c.size(part)
	if err != nil {
		return fmt.Errorf("resuming: %w", err)
	}
	if !s.begun || there < s.j.Offset || there > s.j.Bytes {
		s.j.Offset = 0
	}
	if s.j.Offset == 0 {
		mode |= os.O_TRUNC
	}
	if err := s.reached(ctx, s.j.Offset); err != nil { // it will be there from now on
		return err
	}
	c.allow(0)
	f, err := c.sftp.OpenFile(part, mode)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return errors.Join(errFolder, err)
	}
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	for at := s.j.Offset; err == nil && at < s.j.Bytes; {
		n := min(s.o.cfg.Chunk, s.j.Bytes-at)
		err = c.write(f, s.body(at, n), at, n)
		if at += n; err == nil && at < s.j.Bytes { // send notes the end, once the file is closed
			err = s.reached(ctx, at)
		}
	}
	c.allow(0)
	return errors.Join(err, f.Close())
}

// write writes n bytes from an offset, many writes at once.
func (c *sshConn) write(f *sftp.File, body io.Reader, offset, n int64) error {
	c.allow(n)
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	written, err := f.ReadFromWithConcurrency(body, writesAtOnce)
	if err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	if written != n {
		return fmt.Errorf("sending: %w: %d bytes, not %d", errProtocol, written, n)
	}
	if _, can := c.sftp.HasExtension("fsync@openssh.com"); can {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("syncing: %w", err)
		}
	}
	return nil
}

const writesAtOnce = 64

// sshConn is one connection. It ends with the context that it was dialled with.
type sshConn struct {
	conn *capped
	ssh  *ssh.Client
	sftp *sftp.Client
	stop func() bool
}

func (t *sftpTarget) dial(ctx context.Context) (*sshConn, error) {
	_, once, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(once)
	if err != nil {
		return nil, err
	}
	known := false
	cfg := &ssh.ClientConfig{
		Config: ssh.Config{
			KeyExchanges: []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519},
			Ciphers:      []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305},
		},
		User: t.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, ClientVersion: "SSH-2.0-gatehouse",
		HostKeyAlgorithms: []string{t.key.Type()},
		HostKeyCallback: func(_ string, _ net.Addr, got ssh.PublicKey) error {
			if known = bytes.Equal(got.Marshal(), t.key.Marshal()); !known {
				return errPin
			}
			return nil
		},
	}
	raw, err := t.dialer.DialContext(ctx, "tcp", t.host)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	c := &sshConn{conn: &capped{Conn: raw}}
	c.conn.more(maxAnswers)
	c.stop = context.AfterFunc(ctx, func() { _ = raw.Close() })
	c.allow(0)
	conn, channels, requests, err := ssh.NewClientConn(c.conn, t.host, cfg)
	var fault net.Error
	if known && err != nil && !errors.As(err, &fault) && !errors.Is(err, io.EOF) {
		err = errors.Join(errLogin, err)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("connecting: %w", err)
	}
	c.ssh = ssh.NewClient(conn, channels, requests)
	if c.sftp, err = sftp.NewClient(c.ssh); err != nil {
		c.close()
		return nil, fmt.Errorf("starting sftp: %w", err)
	}
	return c, nil
}

func (c *sshConn) close() {
	c.stop()
	_ = c.conn.Close() // what counts was answered
	if c.sftp != nil {
		_ = c.sftp.Close()
	}
	if c.ssh != nil {
		_ = c.ssh.Wait()
	}
}

// allow gives the exchanges that follow their time, and n bytes of upload theirs.
func (c *sshConn) allow(n int64) {
	_ = c.conn.SetDeadline(time.Now().Add(requestTime + time.Duration(n/leastRate)*time.Second))
	c.conn.more(n / 64)
}

// size is the length of a file, -1 if there is none or if we may not look.
func (c *sshConn) size(name string) (int64, error) {
	c.allow(0)
	info, err := c.sftp.Stat(name)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errTaken
	}
	return info.Size(), nil
}
