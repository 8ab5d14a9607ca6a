package recording

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// datasync makes a file's data and length durable, but not its times.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
