// Package durable makes changes to the file system that survive a power cut.
//
// Each function returns nil only after file and folder are synced. After an
// error the change may or may not have happened, and a retry proves nothing:
// Linux reports a failed write-back once and then forgets it.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// WriteFile replaces the file of that name, whole or not at all.
func WriteFile(name string, data []byte, perm fs.FileMode) error {
	temp, err := writeTemp(name, data, perm, nil)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, name); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return SyncDir(filepath.Dir(name))
}

// writeTemp writes a synced file beside the one of that name, with the owner of
// like if there is one.
func writeTemp(name string, data []byte, perm fs.FileMode, like fs.FileInfo) (temp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+strings.TrimPrefix(filepath.Base(name), ".")+".*.tmp")
	if err != nil {
		return "", err
	}
	if err := errors.Join(writeSynced(f, data, perm, like), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func writeSynced(f *os.File, data []byte, perm fs.FileMode, like fs.FileInfo) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	if like != nil {
		if err := keepOwner(f, like); err != nil {
			return err
		}
	}
	if err := f.Chmod(perm); err != nil {
		return err
	}
	return f.Sync()
}

// Rename moves a file or folder and syncs both folders.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	if err := SyncDir(filepath.Dir(to)); err != nil {
		return err
	}
	if filepath.Dir(from) == filepath.Dir(to) {
		return nil
	}
	return SyncDir(filepath.Dir(from))
}

// Remove unlinks a file or an empty folder; one that is gone already is no error.
func Remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return SyncDir(filepath.Dir(name))
}

// MkdirAll makes a folder and its missing parents, each synced into the one above.
func MkdirAll(name string, perm fs.FileMode) error {
	name = filepath.Clean(name)
	if i, err := os.Stat(name); err == nil {
		if !i.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
		}
		return nil
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := MkdirAll(parent, perm); err != nil {
			return err
		}
	}
	if err := os.Mkdir(name, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(parent)
}

// SyncDir makes creations, renames and removals in a folder durable.
func SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
