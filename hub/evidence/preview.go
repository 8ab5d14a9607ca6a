package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"gatehouse/hub/internal/durable"
)

// ErrDigest means that a sealed file is not the one that was sealed.
var ErrDigest = errors.New("the sealed file has another digest")

// check is a sealed file whose digest was computed.
type check struct {
	info   fs.FileInfo
	digest string
	at     time.Time
}

// checkLasts is how long a digest holds for a file that did not change. Players
// ask for a video in dozens of ranges.
const checkLasts = 10 * time.Minute

// Open opens a sealed package for its owner's preview; files are read from the
// sealed file itself. It fails with ErrDigest if the file's digest is not
// p.Digest. A file that has not changed since is not hashed again for ten minutes.
func (s *Sealer) Open(p Package) (*Preview, error) { return s.open(p, false) }

// Reopen is Open, and hashes the whole file whatever was hashed before: before
// it leaves.
func (s *Sealer) Reopen(p Package) (*Preview, error) { return s.open(p, true) }

func (s *Sealer) open(p Package, whole bool) (_ *Preview, err error) {
	f, err := os.Open(s.path(p))
	if err != nil {
		return nil, fmt.Errorf("opening package: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening package: %w", err)
	}
	digest, err := s.digest(f, info, whole)
	if err != nil {
		return nil, fmt.Errorf("reading package: %w", err)
	}
	if digest != p.Digest || info.Size() != p.Bytes {
		return nil, ErrDigest
	}
	plain, size, err := age.DecryptReaderAt(f, info.Size(), s.cfg.Owner)
	if err != nil {
		return nil, fmt.Errorf("decrypting package: %w", err)
	}
	c, err := openTar(io.NewSectionReader(plain, 0, size))
	if err != nil {
		return nil, fmt.Errorf("reading package: %w", err)
	}
	return &Preview{contents: c, file: f}, nil
}

// path is where a package is: in Dir, whatever a row says.
func (s *Sealer) path(p Package) string { return filepath.Join(s.cfg.Dir, filepath.Base(p.Path)) }

func (s *Sealer) digest(f *os.File, info fs.FileInfo, whole bool) (string, error) {
	now := s.cfg.Now()
	s.mu.Lock()
	c, ok := s.checked[f.Name()]
	s.mu.Unlock()
	if ok && !whole && unchanged(c.info, info) && now.Sub(c.at).Abs() < checkLasts {
		return c.digest, nil
	}
	digest, err := hashOf(io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.checked) > 100 {
		clear(s.checked)
	}
	s.checked[f.Name()] = check{info, digest, now}
	return digest, nil
}

// Discard removes a package that was not approved. A missing file is no error.
func (s *Sealer) Discard(p Package) error {
	if p.Path == "" {
		return nil
	}
	if err := durable.Remove(s.path(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("discarding package: %w", err)
	}
	return nil
}

// Sweep removes the packages in Dir that keep does not want, and what a crash
// left of unfinished ones. Nothing may be sealed meanwhile.
func (s *Sealer) Sweep(keep func(path string) bool) error {
	err := s.sweep()
	all, globErr := filepath.Glob(filepath.Join(s.cfg.Dir, "GH-*.ghe"))
	err = errors.Join(err, globErr)
	for _, path := range all {
		if !keep(path) {
			err = errors.Join(err, ignoreMissing(durable.Remove(path)))
		}
	}
	return err
}

// Preview reads inside a sealed package.
type Preview struct {
	contents *contents
	file     *os.File
}

// Names lists the files in the package, sorted, without its folder.
func (p *Preview) Names() []string { return slices.Clone(p.contents.names) }

// File returns a seekable reader of one file, by its name in Names; an unknown
// one is fs.ErrNotExist. Every byte was authenticated when it is read.
func (p *Preview) File(name string) (*io.SectionReader, error) {
	f := p.contents.files[name]
	if f == nil {
		return nil, fmt.Errorf("no such file in the package: %w", fs.ErrNotExist)
	}
	return io.NewSectionReader(f, 0, f.Size()), nil
}

// Sealed is the sealed file itself.
func (p *Preview) Sealed() (*io.SectionReader, error) {
	info, err := p.file.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading package: %w", err)
	}
	return io.NewSectionReader(p.file, 0, info.Size()), nil
}

// lockWork is the cost of trying a passphrase, as a power of two: 32 MB, which a
// hub has beside what it records. Passphrases are drawn, not chosen.
const lockWork = 15

var passphrase = regexp.MustCompile(`^[` + idLetters + `]{4}(-[` + idLetters + `]{4}){3}$`)

// NewPassphrase draws one of 78 bits that can be told over a telephone.
func NewPassphrase() string {
	var groups [4]string
	for i := range groups {
		groups[i] = string([]byte{letter(), letter(), letter(), letter()})
	}
	return strings.Join(groups[:], "-")
}

// IsPassphrase reports whether NewPassphrase may have drawn a passphrase.
func IsPassphrase(s string) bool { return passphrase.MatchString(s) }

// ErrPassphrase means that a passphrase is none that NewPassphrase drew.
var ErrPassphrase = errors.New("not a passphrase that was drawn for a package")

// Lock writes the package encrypted to a passphrase alone (age, scrypt), for
// somebody who has no key. Inside is the same archive, bit by bit. A passphrase
// that was not drawn is ErrPassphrase, before anything is written.
func (p *Preview) Lock(ctx context.Context, w io.Writer, secret string) error {
	if !IsPassphrase(secret) {
		return ErrPassphrase
	}
	to, err := age.NewScryptRecipient(secret)
	if err != nil {
		return fmt.Errorf("making a key of the passphrase: %w", err)
	}
	to.SetWorkFactor(lockWork)
	a, err := age.Encrypt(w, to)
	if err != nil {
		return fmt.Errorf("encrypting: %w", err)
	}
	tar := p.contents.tar
	if _, err := io.Copy(untilDone{ctx, a}, io.NewSectionReader(tar, 0, tar.Size())); err != nil {
		return fmt.Errorf("encrypting: %w", err)
	}
	if err := a.Close(); err != nil {
		return fmt.Errorf("encrypting: %w", err)
	}
	return nil
}

// Close closes the sealed file.
func (p *Preview) Close() error { return p.file.Close() }
