package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
)

// Read reads a whole archive and hands over each file in its order; into may
// return nil to have it only checked. An error means that nothing of what was
// handed over is to be used: ErrPassphrase, ErrVersion, ErrDamaged, or into's own.
func Read(r io.Reader, passphrase string, into func(File) (io.WriteCloser, error)) (Manifest, error) {
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return Manifest{}, ErrPassphrase
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	plain, err := age.Decrypt(r, id)
	var no *age.NoIdentityMatchError
	if errors.As(err, &no) {
		return Manifest{}, ErrPassphrase
	}
	if err != nil {
		return Manifest{}, damaged("it does not begin as a backup does")
	}
	return unpack(plain, into)
}

func damaged(why string) error { return fmt.Errorf("%w: %s", ErrDamaged, why) }

// unpack reads the tar, and the stream to its end: only there is it known that
// nothing was cut off or changed.
func unpack(r io.Reader, into func(File) (io.WriteCloser, error)) (Manifest, error) {
	t := tar.NewReader(r)
	m, err := readManifest(t)
	if err != nil {
		return Manifest{}, err
	}
	for _, f := range m.Files {
		h, err := t.Next()
		if err != nil || h.Typeflag != tar.TypeReg || h.Name != f.Name || h.Size != f.Size || len(h.PAXRecords) > 0 {
			return Manifest{}, damaged("where " + f.Name + " should be")
		}
		if err := copyFile(t, f, into); err != nil {
			return Manifest{}, err
		}
	}
	if _, err := t.Next(); err != io.EOF { //nolint:errorlint // tar's own
		return Manifest{}, damaged("it goes on after its last file")
	}
	rest, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil || len(bytes.Trim(rest, "\x00")) > 0 || len(rest) == 1<<20 {
		return Manifest{}, damaged("at its end")
	}
	return m, nil
}

func readManifest(t *tar.Reader) (m Manifest, err error) {
	h, err := t.Next()
	if err != nil || h.Typeflag != tar.TypeReg || h.Name != manifestName || h.Size > maxManifest || len(h.PAXRecords) > 0 {
		return m, damaged("it does not begin with its list of files")
	}
	text, err := io.ReadAll(t)
	if err != nil {
		return m, damaged("its list of files")
	}
	var head struct {
		Backup int `json:"gatehouse_backup"`
	}
	if json.Unmarshal(text, &head) == nil && head.Backup > Version {
		return m, fmt.Errorf("%w: form %d, known is %d", ErrVersion, head.Backup, Version)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || len(bytes.TrimSpace(text[d.InputOffset():])) > 0 {
		return m, damaged("its list of files")
	}
	return m, m.check()
}

// check holds for what is written as for what is read.
func (m Manifest) check() error {
	if m.Backup != Version || len(m.Files) == 0 || len(m.Files) > maxFiles || m.Made.Before(time.Unix(0, 0)) {
		return damaged("its list of files")
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		sum, err := hex.DecodeString(f.SHA256)
		lower := strings.ToLower(f.Name) // a folder may not tell them apart
		if !mayHold(f.Name) || seen[lower] || f.Size < 0 || f.Size > f.limit() || err != nil || len(sum) != sha256.Size {
			return damaged(fmt.Sprintf("its list of files has %.100q", f.Name))
		}
		seen[lower] = true
	}
	if !seen[House] {
		return damaged("it has no " + House)
	}
	return nil
}

func copyFile(t *tar.Reader, f File, into func(File) (io.WriteCloser, error)) (err error) {
	w, err := into(f)
	if err != nil {
		return err
	}
	sum := sha256.New()
	to := io.Writer(sum)
	if w != nil {
		defer func() { err = errors.Join(err, w.Close()) }()
		to = io.MultiWriter(sum, w)
	}
	from := &reader{r: t}
	if _, err := io.Copy(to, from); from.bad {
		return damaged("in " + f.Name)
	} else if err != nil {
		return fmt.Errorf("writing %s: %w", f.Name, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return damaged("in " + f.Name)
	}
	return nil
}

// reader tells an archive that cannot be read from a disk that cannot be written.
type reader struct {
	r   io.Reader
	bad bool
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.bad = r.bad || err != nil && err != io.EOF //nolint:errorlint // a reader's own
	return n, err
}
