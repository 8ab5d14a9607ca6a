package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrChanged means that a file holds something else than who changes it had read.
var ErrChanged = errors.New("the file was changed meanwhile")

// Swap replaces the content of a file that holds old, whole or not at all; nil
// stands for a file that is not there, which then gets perm. Mode and, where
// the process may, the owner stay; a symbolic link stays one, and the file it
// leads to is replaced. A file that holds something else gives ErrChanged and
// stays as it is.
func Swap(name string, old, data []byte, perm fs.FileMode) error {
	target, err := filepath.EvalSymlinks(name)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(name); err == nil {
			return &fs.PathError{Op: "swap", Path: name, Err: errors.New("the symbolic link leads nowhere")}
		}
		if old != nil {
			return ErrChanged
		}
		return WriteFile(name, data, perm)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	temp, err := writeTemp(target, data, info.Mode().Perm(), info)
	if err != nil {
		return err
	}
	return errors.Join(swapIn(temp, target, old), SyncDir(filepath.Dir(target)))
}

// swapIn puts temp in the place of name if that holds old; temp is gone after.
func swapIn(temp, name string, old []byte) error {
	if now, err := os.ReadFile(name); err != nil || old == nil || !bytes.Equal(now, old) {
		return errors.Join(ErrChanged, err, os.Remove(temp))
	}
	switch err := exchange(temp, name); {
	case errors.Is(err, errors.ErrUnsupported):
		if err := os.Rename(temp, name); err != nil {
			return errors.Join(err, os.Remove(temp))
		}
		return nil
	case err != nil:
		return errors.Join(err, os.Remove(temp))
	}
	return undo(temp, name, old)
}

// undo looks again at what was replaced, and puts it back if an editor had come between.
func undo(temp, name string, old []byte) error {
	if now, err := os.ReadFile(temp); err != nil || !bytes.Equal(now, old) {
		return errors.Join(ErrChanged, err, os.Rename(temp, name))
	}
	return os.Remove(temp)
}
