// Package backup writes what makes a hub this hub into one archive, encrypted to
// a passphrase, and puts it back into an empty folder, whole or not at all.
//
// An archive is an age file (scrypt) of a tar: the manifest, then the files that
// it lists, in its order. So age and tar open it without this program. It has
// no footage.
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
	"os"
	"time"
	"unicode/utf8"

	"filippo.io/age"
)

// Version is that of the archive's form; another is refused.
const Version = 1

// manifestName is the archive's first file.
const manifestName = "gatehouse-backup.json"

// Bounds of what is read. Whoever makes an archive chooses its sizes.
const (
	maxManifest = 4 << 20
	maxFiles    = 20000
	maxSmall    = 4 << 20   // bytes of any file but the large ones
	maxLarge    = 256 << 30 // of house.db, and of a sealed package
)

// Cost of trying one passphrase: scrypt over 128 MB, about half a second. An
// archive that asks for more than twice as much is refused before it gets it.
const (
	workFactor    = 17
	maxWorkFactor = 18
)

// MinPassphrase is the least characters of a passphrase: who has an archive may
// try as many as they like.
const MinPassphrase = 12

// Errors of archives and folders: owner input.
var (
	ErrPassphrase = errors.New("the passphrase is not that of this backup, or the backup is damaged at its very beginning")
	ErrWeak       = fmt.Errorf("the passphrase of a backup needs at least %d characters", MinPassphrase)
	ErrDamaged    = errors.New("the backup is damaged or incomplete")
	ErrVersion    = errors.New("the backup was written by a later Gatehouse")
)

// Manifest is what an archive says of itself.
type Manifest struct {
	Backup     int       `json:"gatehouse_backup"` // Version
	Program    string    `json:"program"`
	Made       time.Time `json:"made"`
	Checkpoint string    `json:"checkpoint"` // signed, of the ledger in house.db
	Files      []File    `json:"files"`
}

// File is one file of an archive.
type File struct {
	Name   string `json:"name"` // from the data folder, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Source is a file to be kept: its bytes, or else where it is.
type Source struct {
	Name string
	Data []byte
	Path string
}

func (s Source) open() (io.ReadCloser, error) {
	if s.Path == "" {
		return io.NopCloser(bytes.NewReader(s.Data)), nil
	}
	return os.Open(s.Path)
}

// Write writes an archive of the sources, which must not change meanwhile; it
// fills in the manifest's version and files. ErrWeak is the owner's.
func Write(w io.Writer, passphrase string, m Manifest, list []Source) (Manifest, error) {
	return write(w, passphrase, workFactor, m, list)
}

func write(w io.Writer, passphrase string, work int, m Manifest, list []Source) (_ Manifest, err error) {
	if utf8.RuneCountInString(passphrase) < MinPassphrase {
		return m, ErrWeak
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return m, err
	}
	to.SetWorkFactor(work)
	m.Backup, m.Files = Version, nil
	for _, s := range list {
		f, err := measure(s)
		if err != nil {
			return m, fmt.Errorf("reading %s: %w", s.Name, err)
		}
		m.Files = append(m.Files, f)
	}
	sealed, err := age.Encrypt(w, to)
	if err != nil {
		return m, err
	}
	if err := pack(sealed, m, list); err != nil {
		return m, err
	}
	return m, sealed.Close()
}

func measure(s Source) (File, error) {
	r, err := s.open()
	if err != nil {
		return File{}, err
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	return File{s.Name, n, hex.EncodeToString(sum.Sum(nil))}, err
}

func pack(w io.Writer, m Manifest, list []Source) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := m.check(); err != nil || len(text) > maxManifest {
		return fmt.Errorf("this cannot be backed up: %w", errors.Join(err, ErrDamaged))
	}
	t := tar.NewWriter(w)
	put := func(name string, size int64, from io.Reader) error {
		h := tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: m.Made, Format: tar.FormatGNU}
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
		_, err := io.Copy(t, from)
		return err
	}
	if err := put(manifestName, int64(len(text)), bytes.NewReader(text)); err != nil {
		return err
	}
	for i, f := range m.Files {
		r, err := list[i].open()
		if err != nil {
			return err
		}
		sum := sha256.New()
		err = errors.Join(put(f.Name, f.Size, io.TeeReader(r, sum)), r.Close())
		if err == nil && hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
			err = errors.New("it changed meanwhile")
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", f.Name, err)
		}
	}
	return t.Close()
}
