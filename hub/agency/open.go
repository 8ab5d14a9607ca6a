package agency

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"filippo.io/age"

	"gatehouse/hub/internal/durable"
)

// Limits of a package opened.
const (
	maxFiles    = 1000
	maxUnpacked = 64 << 30 // bytes
	maxName     = 255
)

// ErrPackage is the error of a package that is not a tar of plain files.
var ErrPackage = errors.New("not a package")

// OpenPackage decrypts a sealed package and unpacks it into dest, which must
// not exist. The folder named after the package, in which its files lie,
// becomes dest itself, so that evidence.Verify can be run on dest. Nothing is left of a package that fails.
func OpenPackage(sealed string, identities []age.Identity, dest string) error {
	f, err := os.Open(sealed)
	if err != nil {
		return fmt.Errorf("opening package: %w", err)
	}
	defer f.Close()
	plain, err := age.Decrypt(f, identities...)
	if err != nil {
		return fmt.Errorf("decrypting package: %w", err)
	}
	if err := os.Mkdir(dest, 0o700); err != nil {
		return fmt.Errorf("opening package: %w", err)
	}
	if err := unpack(plain, dest); err != nil {
		return errors.Join(fmt.Errorf("unpacking package: %w", err), os.RemoveAll(dest))
	}
	return nil
}

// unpack writes files through an os.Root, so that no name leads out of dest.
func unpack(r io.Reader, dest string) error {
	dir, err := os.OpenRoot(dest)
	if err != nil {
		return err
	}
	defer dir.Close()
	left, folder := int64(maxUnpacked), ""
	in := tar.NewReader(r)
	for n := 0; ; n++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrPackage, err)
		}
		if err := checkHeader(h, left); err != nil {
			return err
		}
		if n == maxFiles {
			return fmt.Errorf("%w: it has too many files", ErrPackage)
		}
		if top, _, _ := strings.Cut(h.Name, "/"); n == 0 && packageID.MatchString(top) {
			folder = top
		}
		name, ok := inFolder(h, folder)
		if !ok {
			return fmt.Errorf("%w: it has a file outside its folder", ErrPackage)
		}
		left -= h.Size
		if err := unpackOne(dir, name, h, in); err != nil {
			return err
		}
	}
	// age proves a file's end when it is read: a package cut short must fail.
	if _, err := io.Copy(io.Discard, io.LimitReader(r, maxUnpacked)); err != nil {
		return err
	}
	return durable.SyncDir(dest)
}

func checkHeader(h *tar.Header, left int64) error {
	name := strings.TrimSuffix(h.Name, "/")
	switch {
	case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
		return fmt.Errorf("%w: it has something that is neither file nor folder", ErrPackage)
	case !fs.ValidPath(name) || name == "." || len(name) > maxName || strings.ContainsAny(name, "\\:\x00"):
		return fmt.Errorf("%w: it has a file with a bad name", ErrPackage)
	case h.Size < 0 || h.Size > left:
		return fmt.Errorf("%w: it is too large", ErrPackage)
	}
	return nil
}

// inFolder returns a member's name below the package's folder: "." for the folder itself.
func inFolder(h *tar.Header, folder string) (string, bool) {
	name := strings.TrimSuffix(h.Name, "/")
	if folder == "" {
		return name, true
	}
	if name == folder {
		return ".", h.Typeflag == tar.TypeDir
	}
	return strings.CutPrefix(name, folder+"/")
}

func unpackOne(dir *os.Root, name string, h *tar.Header, in io.Reader) error {
	if h.Typeflag == tar.TypeDir {
		return dir.MkdirAll(name, 0o700)
	}
	if err := dir.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, in)
	if err == nil && n != h.Size {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
