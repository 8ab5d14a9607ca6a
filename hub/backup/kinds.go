package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What becomes of a file of the data folder.
const (
	kept    = iota + 1 // copied
	house              // house.db, by a copy that the database makes of itself
	sealed             // a sealed package: only if asked for
	left               // not in a backup
	unknown = 0
)

// kinds is everything that a data folder may hold; the first pattern that
// matches counts. A pattern that ends in a slash is a whole folder.
var kinds = []struct {
	pattern string
	as      int
}{
	{"gatehouse.yml", kept},
	{"agencies/*.yml", kept},
	{"keys/hub.key", kept},
	{"keys/owner.age", kept},
	{"https/root.crt", kept},
	{"https/root.key", kept},
	{"homekit/*.json", kept},
	{House, house},
	{"sealed/*.ghe", sealed},

	{"house.db-*", left},         // the copy has what they say
	{"index.db", left},           // made again from the footage
	{"index.db-*", left},         // …
	{"ledger.checkpoint", left},  // the backup's own takes its place
	{"clock", left},              // of this machine
	{"inbox/", left},             // files on their way in, and what became of them
	{"lock", left},               // of a running hub
	{"control.sock", left},       // …
	{"control.sock.new", left},   // …
	{"lost+found", left},         // a disk's own
	{"lost+found/", left},        // …
	{"*.tmp", left},              // a write that a power cut ended
	{"*/*.tmp", left},            // …
	{"https/damaged-*/", left},   // an authority that was damaged and made anew
	{Staging + "*/", left},       // an unfinished backup or restore
	{"world/", left},             // the demo's cameras and agency
	{"footage/", left},           // it is copied as files: it never changes, and is large
	{"gatehouse-footage/", left}, // …
}

// House is the database's name.
const House = "house.db"

// Staging begins the name of a folder for what is not finished.
const Staging = ".backup-"

// Sweep removes what backups of a data folder left that were killed a day ago or longer.
func Sweep(data string) {
	old, _ := filepath.Glob(filepath.Join(data, Staging+"*")) // the pattern is right
	for _, dir := range old {
		if info, err := os.Lstat(dir); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(dir) // it is tried again, and harms nothing
		}
	}
}

func kindOf(name string) int {
	for _, k := range kinds {
		if folder, ok := strings.CutSuffix(k.pattern, "/"); ok {
			parts := strings.Split(name, "/")
			n := strings.Count(k.pattern, "/")
			if len(parts) <= n {
				continue
			}
			if ok, _ := path.Match(folder, strings.Join(parts[:n], "/")); ok {
				return k.as
			}
			continue
		}
		if ok, _ := path.Match(k.pattern, name); ok {
			return k.as
		}
	}
	return unknown
}

// mayHold reports whether an archive may have a file of that name. What the list
// above does not keep is not written into a folder either.
func mayHold(name string) bool {
	if !fs.ValidPath(name) || len(name) > 200 || strings.Count(name, "/") > 1 {
		return false
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f || r == '\\' || r == ':' {
			return false
		}
	}
	if base := path.Base(name); strings.HasPrefix(base, ".") {
		return false
	}
	k := kindOf(name)
	return k == kept || k == house || k == sealed
}

func (f File) limit() int64 {
	if kindOf(f.Name) == kept {
		return maxSmall
	}
	return maxLarge
}

// Collect reads what a backup keeps of a data folder, but for house.db, whose
// copy the caller adds: small files as they are now, sealed packages by their
// place if packages says so. Footage names folders of the data folder that are a
// disk of the archive. Strange are files that no rule knows; they are left out,
// and the owner is to be told.
func Collect(data string, packages bool, footage []string) (list []Source, strange []string, err error) {
	err = filepath.WalkDir(data, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && at != data {
			return nil // gone again
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(data, at)
		if err != nil || rel == "." {
			return err
		}
		name := filepath.ToSlash(rel)
		if d.IsDir() {
			if kindOf(name+"/x") == left || slices.Contains(footage, name) {
				return filepath.SkipDir
			}
			return nil
		}
		switch kindOf(name) {
		case kept:
			data, err := small(at)
			list = append(list, Source{Name: name, Data: data})
			return err
		case sealed:
			if packages {
				list = append(list, Source{Name: name, Path: at})
			}
		case unknown:
			strange = append(strange, name)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading the data folder: %w", err)
	}
	return list, strange, nil
}

// small reads a whole file. A symbolic link is followed: the configuration may be one.
func small(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSmall {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", filepath.Base(name), maxSmall)
	}
	return os.ReadFile(name)
}
