package recording

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// maxParts is IOV_MAX of Linux.
const maxParts = 1024

// WriteParts implements vectored.
func (f osFile) WriteParts(parts [][]byte, off int64) error {
	for len(parts) > 0 {
		n, err := unix.Pwritev(int(f.Fd()), parts[:min(len(parts), maxParts)], off)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return &os.PathError{Op: "pwritev", Path: f.Name(), Err: err}
		}
		off += int64(n)
		for len(parts) > 0 && n >= len(parts[0]) {
			n -= len(parts[0])
			parts = parts[1:]
		}
		if n == 0 {
			continue
		}
		// The system took less than it was given: end the part that it is in.
		m, err := f.WriteAt(parts[0][n:], off)
		if err != nil {
			return err
		}
		off += int64(m)
		parts = parts[1:]
	}
	return nil
}
