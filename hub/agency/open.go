package agency

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
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

// ErrPackage is the error of a package that is not a tar of plain files below one folder.
var ErrPackage = errors.New("not a package")

// OpenPackage decrypts a sealed package and unpacks it into dest, which must
// not exist, so that evidence.Verify can be run on what it returns: the one
// folder of the package. Nothing is left of a package that fails.
func OpenPackage(sealed string, identities []age.Identity, dest string) (string, error) {
	f, err := os.Open(sealed)
	if err != nil {
		return "", fmt.Errorf("opening package: %w", err)
	}
	defer f.Close()
	plain, err := age.Decrypt(f, identities...)
	if err != nil {
		return "", fmt.Errorf("decrypting package: %w", err)
	}
	if err := os.Mkdir(dest, 0o700); err != nil {
		return "", fmt.Errorf("opening package: %w", err)
	}
	root, err := unpack(plain, dest)
	if err != nil {
		return "", errors.Join(fmt.Errorf("unpacking package: %w", err), os.RemoveAll(dest))
	}
	return filepath.Join(dest, root), nil
}

// unpack writes files through an os.Root, so that no name leads out of dest.
func unpack(r io.Reader, dest string) (root string, err error) {
	dir, err := os.OpenRoot(dest)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	left := int64(maxUnpacked)
	in := tar.NewReader(r)
	for n := 0; ; n++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		top, err := checkHeader(h, left)
		if err != nil {
			return "", err
		}
		if n == maxFiles || (root != "" && top != root) {
			return "", fmt.Errorf("%w: too many files or folders", ErrPackage)
		}
		root = top
		left -= h.Size
		if err := unpackOne(dir, h, in); err != nil {
			return "", err
		}
	}
	if root == "" {
		return "", fmt.Errorf("%w: it is empty", ErrPackage)
	}
	// The rest must be there and authentic: age seals its end.
	if _, err := io.Copy(io.Discard, io.LimitReader(r, maxUnpacked)); err != nil {
		return "", err
	}
	return root, durable.SyncDir(dest)
}

// checkHeader returns the folder that a member lies in.
func checkHeader(h *tar.Header, left int64) (string, error) {
	name := strings.TrimSuffix(h.Name, "/")
	switch {
	case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
		return "", fmt.Errorf("%w: it has something that is neither file nor folder", ErrPackage)
	case !fs.ValidPath(name) || name == "." || len(name) > maxName || strings.ContainsAny(name, "\\:\x00"):
		return "", fmt.Errorf("%w: it has a file with a bad name", ErrPackage)
	case h.Size < 0 || h.Size > left:
		return "", fmt.Errorf("%w: it is too large", ErrPackage)
	}
	top, _, below := strings.Cut(name, "/")
	if !below && h.Typeflag == tar.TypeReg {
		return "", fmt.Errorf("%w: it has a file outside its folder", ErrPackage)
	}
	return top, nil
}

func unpackOne(dir *os.Root, h *tar.Header, in io.Reader) error {
	name := strings.TrimSuffix(h.Name, "/")
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
