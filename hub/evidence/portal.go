package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits of the portal form: those that Axon publishes for uploads by people.
const (
	portalFiles = 25
	portalFile  = 2e9  // bytes of one file
	portalBytes = 10e9 // of all
)

// ErrPortal means that a package is not within the limits of portals.
var ErrPortal = errors.New("the package is too large for a portal; seal fewer or shorter clips")

// flatFolders are those of a package; in the portal form a file's name begins with that of its
// folder: original_cam-A_….mp4. No file of the package's own folder does.
var flatFolders = []string{"custody", "original", "request"}

// flat is a name in the portal form.
func flat(name string) string { return strings.Replace(name, "/", "_", 1) }

// deep is the name that flat was given.
func deep(name string) string {
	if dir, file, ok := strings.Cut(name, "_"); ok && slices.Contains(flatFolders, dir) {
		return dir + "/" + file
	}
	return name
}

// FitsPortal gives ErrPortal for a package beyond the limits of portals.
func (p *Preview) FitsPortal() error {
	var total int64
	for _, name := range p.contents.names {
		size := p.contents.files[name].Size()
		if total += size; size > portalFile || total > portalBytes {
			return ErrPortal
		}
	}
	if len(p.contents.names) > portalFiles {
		return ErrPortal
	}
	return nil
}

// Plain gives the files of a package in the form in which a person can upload
// them or hand them over: plain, without folders, sha256sum checks them and Verify
// reads them. They are given by name; each reader is good until write returns.
func (p *Preview) Plain(ctx context.Context, write func(name string, r io.Reader) error) error {
	for _, name := range p.contents.names {
		if deep(flat(name)) != name {
			return fmt.Errorf("%w: a file in it has a bad name", errContents)
		}
	}
	for _, name := range p.contents.names {
		f, err := p.File(name)
		if err != nil {
			return err
		}
		var r io.Reader = readerUntilDone{ctx, f}
		if name == sumsName {
			listed, err := p.contents.read(sumsName)
			if err != nil {
				return err
			}
			r = strings.NewReader(flatSums(string(listed)))
		}
		if err := write(flat(name), r); err != nil {
			return fmt.Errorf("writing %s: %w", flat(name), err)
		}
	}
	return nil
}

// flatSums is a SHA256SUMS with the names of the portal form, in their order.
func flatSums(sums string) string {
	lines := strings.SplitAfter(sums, "\n")
	for i, line := range lines {
		lines[i] = flat(line) // a digest has no slash
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
	return strings.Join(lines, "")
}

// nameOf is the name on a line of SHA256SUMS; the end of the file is behind all lines.
func nameOf(line string) string {
	_, name, ok := strings.Cut(line, "  ")
	if !ok {
		return "\xff"
	}
	return name
}

// unflatten gives the files of a folder in the portal form their names in the package. It reports
// whether the folder is in that form.
func (c *contents) unflatten() bool {
	deepRequest, flatRequest := false, false
	for _, name := range []string{requestName, manualName} {
		deepRequest = deepRequest || c.files[name] != nil
		flatRequest = flatRequest || c.files[flat(name)] != nil
	}
	if deepRequest || !flatRequest {
		return false
	}
	for i, name := range c.names {
		if to := deep(name); to != name && c.files[to] == nil {
			c.files[to], c.names[i] = c.files[name], to
			delete(c.files, name)
		}
	}
	return true
}
