//go:build !linux

package durable

import (
	"errors"
	"io/fs"
	"os"
)

func exchange(_, _ string) error { return errors.ErrUnsupported }

func keepOwner(*os.File, fs.FileInfo) error { return nil }
