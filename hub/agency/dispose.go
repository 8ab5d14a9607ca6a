package agency

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"filippo.io/age"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// DisposeConfig says what became of a package.
type DisposeConfig struct {
	Dir        string         // the agency's folder
	Package    string         // a received file, or the hex digest of one that is gone
	State      string         // bulletin.Used, Unused or Destroyed
	Request    string         // id; default read from the package, or from what was said of it before
	Identities []age.Identity // to read it; none if they are kept elsewhere
	Delete     bool           // with Destroyed: remove the file that the receiver has
	Now        time.Time
}

// Errors of Dispose.
var (
	ErrStillThere = errors.New("the package is still in received/: remove it, or let this command do it")
	ErrNotOurs    = errors.New("no such package was received here")
	ErrWhich      = errors.New("say which request the package is for: the key that opens it is not on this machine")
)

// Dispose signs what became of a package with the agency's receipt key, for
// [Publish]. It is the agency's word to one home: nobody else knows whose package it was.
func Dispose(cfg DisposeConfig) (bulletin.Disposition, []byte, error) {
	p, err := LoadProfile(cfg.Dir)
	if err != nil {
		return bulletin.Disposition{}, nil, err
	}
	key, err := LoadKey(filepath.Join(cfg.Dir, receiptKey))
	if err != nil {
		return bulletin.Disposition{}, nil, err
	}
	d := bulletin.Disposition{Agency: p.Agency, State: cfg.State, Request: cfg.Request, At: now(cfg.Now)}
	if err := complete(&d, cfg); err != nil {
		return d, nil, fmt.Errorf("answering for a package: %w", err)
	}
	env, err := bulletin.SignDisposition(d, key)
	return d, env, err
}

// complete finds the package's digest and its request, and removes the file if that is wanted.
func complete(d *bulletin.Disposition, cfg DisposeConfig) (err error) {
	here, err := exists(cfg.Package)
	if err != nil {
		return err
	}
	if d.SHA256 = cfg.Package; here {
		if d.SHA256, err = digestOf(cfg.Package); err != nil {
			return err
		}
	}
	if !digestHex.MatchString(d.SHA256) {
		return ErrNotOurs
	}
	receipt, err := exists(filepath.Join(cfg.Dir, "receipts", d.SHA256+signedEnd))
	switch {
	case err != nil:
		return err
	case !here && !receipt:
		return ErrNotOurs
	}
	if d.Request == "" && here && len(cfg.Identities) > 0 {
		if d.Request, err = RequestOf(cfg.Package, cfg.Identities); err != nil {
			return err
		}
	}
	if d.Request == "" {
		d.Request = saidBefore(cfg.Dir, d.SHA256)
	}
	if d.Request == "" {
		return ErrWhich
	}
	if d.State != bulletin.Destroyed {
		return nil
	}
	return removePackage(cfg, d.SHA256, here)
}

// removePackage makes sure that what is called destroyed is not in received/.
func removePackage(cfg DisposeConfig, digest string, here bool) error {
	files, err := filepath.Glob(filepath.Join(cfg.Dir, "received", "*-"+digest[:16]+".ghe"))
	if err != nil {
		return err
	}
	if here {
		files = append(files, cfg.Package)
	}
	if len(files) > 0 && !cfg.Delete {
		return ErrStillThere
	}
	for _, f := range files {
		if err := durable.Remove(f); err != nil {
			return err
		}
	}
	return nil
}

func digestOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// saidBefore finds the request of a package that the log says something of.
func saidBefore(dir, digest string) string {
	files, err := filepath.Glob(filepath.Join(dir, "log", "entries", "*"))
	if err != nil {
		return ""
	}
	for _, name := range files {
		e, err := readEntry(name)
		if err != nil || e.Kind != bulletin.KindDisposition {
			continue
		}
		if d, err := bulletin.PeekDisposition(e.Envelope); err == nil && d.SHA256 == digest {
			return d.Request
		}
	}
	return ""
}

// RequestOf reads from a sealed package which request it answers.
func RequestOf(sealed string, identities []age.Identity) (string, error) {
	f, err := os.Open(sealed)
	if err != nil {
		return "", err
	}
	defer f.Close()
	plain, err := age.Decrypt(f, identities...)
	if err != nil {
		return "", fmt.Errorf("decrypting package: %w", err)
	}
	in := tar.NewReader(io.LimitReader(plain, maxUnpacked))
	for range maxFiles {
		h, err := in.Next()
		if err != nil {
			return "", fmt.Errorf("%w: it does not say which request it is for", ErrPackage)
		}
		if path.Base(h.Name) != "request.dsse.json" || path.Base(path.Dir(h.Name)) != "request" {
			continue
		}
		env, err := io.ReadAll(io.LimitReader(in, bulletin.MaxEnvelope))
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrPackage, err)
		}
		q, err := bulletin.ReadRequest(env)
		return q.ID, err
	}
	return "", fmt.Errorf("%w: it has too many files", ErrPackage)
}
