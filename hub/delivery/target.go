package delivery

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"gatehouse/hub/bulletin"
)

// target is the one place that a job may be sent to.
type target interface {
	// send hands over what the receiver does not have, and returns nil once it has
	// confirmed every byte. What an earlier attempt brought over is not sent again.
	send(ctx context.Context, s *sending) error
	close()
}

// signer is a target whose receiver signs for what it has.
type signer interface {
	// receipt returns the signed receipt for a digest, nil if there is none yet.
	receipt(ctx context.Context, digest string) ([]byte, error)
}

// newTarget checks the job's target against the signed profile. The host is as
// the profile writes it.
func newTarget(j Job, p bulletin.VerifiedProfile) (to target, host string, err error) {
	u, err := url.Parse(j.Target.URL)
	if _, ok := j.Target.Host(); !ok || err != nil || slices.Contains(strings.Split(u.Path, "/"), "..") {
		return nil, "", errTarget
	}
	h, listed := p.UploadHost(j.Target)
	if !listed {
		return nil, "", errHost
	}
	if j.Target.Kind != bulletin.HTTPSPut && !strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath("/")
	}
	switch j.Target.Kind {
	case bulletin.Tus:
		to = &tus{newWeb(u, h, j.Private)}
	case bulletin.HTTPSPut:
		to = &put{newWeb(u, h, j.Private)}
	case bulletin.WebDAV:
		to = &webDAV{put{newWeb(u, h, j.Private)}}
	case bulletin.SFTP:
		key, err := ssh.ParsePublicKey(h.SSHKey)
		if err != nil {
			return nil, "", errProfile
		}
		to = &sftpTarget{host: h.Host, user: h.SSHUser, key: key, folder: u.Path, dialer: newDialer(j.Private)}
	default:
		return nil, "", errTarget
	}
	return to, h.Host, nil
}

// fileName is what a package is called where the hub gives the name: who has the
// file can check it, and who has not cannot guess it. partName is what it is
// called until it is whole.
func fileName(j Job) string { return j.Digest + ".ghe" }
func partName(j Job) string { return j.Digest + ".part" }
