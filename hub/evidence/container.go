package evidence

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Limits of a package, for readers of hostile ones.
const (
	maxFiles = 1000
	maxName  = 200
	maxBytes = 256 << 30 // all files
	maxText  = 64 << 20  // any file that is not a video
)

var (
	packageID = regexp.MustCompile(`^GH-[A-Z0-9]{4}-[A-Z0-9]{4}$`)
	fileName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}$`)
)

// entry is a file on its way into a package.
type entry struct {
	name string // below the package's folder
	size int64
	sum  string // hex SHA-256
	open func() io.Reader
}

func textEntry(name string, b []byte) entry {
	sum := sha256.Sum256(b)
	return entry{name, int64(len(b)), hex.EncodeToString(sum[:]), func() io.Reader { return bytes.NewReader(b) }}
}

// sums is the SHA256SUMS of entries.
func sums(entries []entry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, "%s  %s\n", e.sum, e.name)
	}
	return b.Bytes()
}

func sortEntries(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
}

// writeTar writes a package. Equal entries, id and time give equal bytes. A file
// that is not what its entry says is an error.
func writeTar(w io.Writer, id string, at time.Time, entries []entry) error {
	t := tar.NewWriter(w)
	for _, e := range entries {
		if err := t.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: id + "/" + e.name, Size: e.size, Mode: 0o644, ModTime: at,
		}); err != nil {
			return fmt.Errorf("writing %s: %w", e.name, err)
		}
		h := sha256.New()
		if _, err := io.Copy(t, io.TeeReader(e.open(), h)); err != nil {
			return fmt.Errorf("writing %s: %w", e.name, err)
		}
		if hex.EncodeToString(h.Sum(nil)) != e.sum {
			return fmt.Errorf("writing %s: its content changed", e.name)
		}
	}
	return t.Close()
}

// contents are the files of a package that is open.
type contents struct {
	id      string
	files   map[string]*io.SectionReader
	names   []string // sorted
	entries []entry  // a tar's, in its order, without sums
	at      time.Time
	tar     *io.SectionReader
}

// errContents is the error of what is no package.
var errContents = errors.New("not a package")

// position reads on and knows where it is: at a file's first byte after Next.
type position struct {
	r  *io.SectionReader
	at int64
}

// Read implements io.Reader.
func (p *position) Read(b []byte) (int, error) {
	n, err := p.r.ReadAt(b, p.at)
	p.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Seek lets tar.Reader skip over files.
func (p *position) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.r.Size()
	}
	if offset < 0 {
		return p.at, errors.New("negative position")
	}
	p.at = offset
	return offset, nil
}

// openTar indexes a package's tar. Names are checked and lead nowhere.
func openTar(r *io.SectionReader) (*contents, error) {
	c := &contents{files: map[string]*io.SectionReader{}, tar: r}
	p := &position{r: r}
	t := tar.NewReader(p)
	var total int64
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errContents, err)
		}
		if err := checkHeader(h, r.Size()-p.at); err != nil {
			return nil, err
		}
		if total += h.Size; total > maxBytes {
			return nil, fmt.Errorf("%w: too large", errContents)
		}
		id, name, _ := strings.Cut(h.Name, "/")
		if c.id == "" {
			c.id, c.at = id, h.ModTime
		}
		if id != c.id {
			return nil, fmt.Errorf("%w: more than one folder", errContents)
		}
		if err := c.add(name, io.NewSectionReader(r, p.at, h.Size)); err != nil {
			return nil, err
		}
	}
	slices.Sort(c.names)
	return c, c.whole()
}

// checkHeader accepts what writeTar writes; left is what follows it.
func checkHeader(h *tar.Header, left int64) error {
	if h.Typeflag != tar.TypeReg {
		return fmt.Errorf("%w: something in it is not a plain file", errContents)
	}
	for k := range h.PAXRecords {
		if k != "size" { // the one record that a file over 8 GiB needs
			return fmt.Errorf("%w: a file in it has attributes", errContents)
		}
	}
	if h.Size < 0 || h.Size > left {
		return fmt.Errorf("%w: a file in it is cut short", errContents)
	}
	return nil
}

// add takes a file in.
func (c *contents) add(name string, r *io.SectionReader) error {
	switch {
	case !packageID.MatchString(c.id):
		return fmt.Errorf("%w: its folder is not named GH-XXXX-XXXX", errContents)
	case !fileName.MatchString(name) || len(name) > maxName || !fs.ValidPath(name):
		return fmt.Errorf("%w: a file in it has a bad name", errContents)
	case len(c.names) == maxFiles:
		return fmt.Errorf("%w: too many files", errContents)
	case c.files[name] != nil:
		return fmt.Errorf("%w: %s is in it twice", errContents, name)
	case !strings.HasSuffix(name, ".mp4") && r.Size() > maxText:
		return fmt.Errorf("%w: %s is too large", errContents, name)
	}
	c.files[name] = r
	c.names = append(c.names, name)
	c.entries = append(c.entries, entry{name: name, size: r.Size(), open: func() io.Reader { return io.NewSectionReader(r, 0, r.Size()) }})
	return nil
}

// whole checks that the files every package has are there.
func (c *contents) whole() error {
	must := []string{readmeName, sumsName, manifestName, requestName, profileName, eventsName}
	if c.files[manualName] != nil {
		must = []string{readmeName, sumsName, manifestName, eventsName}
		if c.files[requestName] != nil || c.files[profileName] != nil || c.files[proofName] != nil {
			return fmt.Errorf("%w: it has two requests", errContents)
		}
	}
	for _, name := range must {
		if c.files[name] == nil {
			return fmt.Errorf("%w: %s is missing", errContents, name)
		}
	}
	return nil
}

// read returns a file that is not a video.
func (c *contents) read(name string) ([]byte, error) {
	f := c.files[name]
	if f == nil || f.Size() > maxText {
		return nil, fmt.Errorf("%s is missing or too large", name)
	}
	b := make([]byte, f.Size())
	if _, err := f.ReadAt(b, 0); err != nil && !(errors.Is(err, io.EOF) && len(b) == 0) {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

// exact checks that the tar is, bit by bit, what writeTar makes of its files:
// nothing hides in headers, in padding or behind the end. given are the hashes
// of the files, by name.
func (c *contents) exact(given map[string]string) error {
	same := &comparer{r: c.tar}
	entries := slices.Clone(c.entries)
	for i := range entries {
		entries[i].sum = given[entries[i].name]
	}
	if !slices.IsSortedFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) }) {
		return errors.New("its files are not in order")
	}
	if err := writeTar(same, c.id, c.at, entries); err != nil {
		return err
	}
	if same.at != c.tar.Size() {
		return errors.New("something follows its end")
	}
	return nil
}

// comparer is a writer that fails at the first byte that is not the reader's.
type comparer struct {
	r   io.ReaderAt
	at  int64
	buf []byte
}

// Write implements io.Writer.
func (c *comparer) Write(b []byte) (int, error) {
	c.buf = slices.Grow(c.buf[:0], len(b))[:len(b)]
	if n, err := c.r.ReadAt(c.buf, c.at); n < len(b) {
		return 0, fmt.Errorf("it is cut short: %w", err)
	}
	if !bytes.Equal(b, c.buf) {
		return 0, fmt.Errorf("it was changed near byte %d", c.at)
	}
	c.at += int64(len(b))
	return len(b), nil
}
