package evidence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
)

// source is a package opened for verifying.
type source struct {
	*contents
	kind  string // "ghe", "tar", "folder" or "portal"
	close func() error
}

// openSource opens a sealed package, its tar or its folder.
func openSource(path string, identities []age.Identity) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openFolder(path)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: neither file nor folder", errContents)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := openFile(f, info.Size(), identities)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.close = f.Close
	return s, nil
}

// errAge is the error of a sealed package that cannot be opened.
var errAge = errors.New("it cannot be decrypted")

func openFile(f io.ReaderAt, size int64, identities []age.Identity) (*source, error) {
	head := make([]byte, len("age-encryption.org/"))
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("%w: too short", errContents)
	}
	s := &source{kind: "tar"}
	plain := f
	if string(head) == "age-encryption.org/" {
		s.kind = "ghe"
		if len(identities) == 0 {
			return nil, fmt.Errorf("%w: no identity was given", errAge)
		}
		var err error
		if plain, size, err = age.DecryptReaderAt(f, size, identities...); err != nil {
			return nil, fmt.Errorf("%w: %w", errAge, err)
		}
	}
	var err error
	s.contents, err = openTar(io.NewSectionReader(plain, 0, size))
	return s, err
}

// openFolder opens an unpacked package, or one in the portal form. Its name need not be the package's id:
// the manifest says that.
func openFolder(path string) (*source, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	var open []io.Closer
	closeAll := func() error {
		var errs []error
		for _, c := range slices.Backward(open) {
			errs = append(errs, c.Close())
		}
		return errors.Join(errs...)
	}
	open = append(open, root)
	c := &contents{id: "GH-0000-0000", files: map[string]*io.SectionReader{}} // stands in until the manifest is read
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%w: something in it is not a plain file", errContents)
		}
		if len(open) > maxFiles {
			return fmt.Errorf("%w: too many files", errContents)
		}
		f, err := root.Open(filepath.FromSlash(name))
		if err != nil {
			return err
		}
		open = append(open, f)
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return c.add(name, io.NewSectionReader(f, 0, info.Size()))
	})
	kind := "folder"
	if err == nil {
		if c.unflatten() {
			kind = "portal"
		}
		c.id = ""
		slices.Sort(c.names)
		err = c.whole()
	}
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	return &source{contents: c, kind: kind, close: closeAll}, nil
}

// readSums reads SHA256SUMS, of untrusted origin, in the form that sums writes.
func readSums(b []byte) (map[string]string, error) {
	out := map[string]string{}
	last := ""
	for line := range strings.Lines(string(b)) {
		line, ok := strings.CutSuffix(line, "\n")
		if !ok || len(line) < 67 || line[64:66] != "  " {
			return nil, errors.New("a line is malformed")
		}
		sum, name := line[:64], line[66:]
		if strings.Trim(sum, "0123456789abcdef") != "" || !fileName.MatchString(name) || name <= last {
			return nil, errors.New("a line is malformed or out of order")
		}
		out[name], last = sum, name
	}
	return out, nil
}
