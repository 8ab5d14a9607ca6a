package clip

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// limitProcess bounds a child: memory, CPU time, open files, and no file writes.
func limitProcess(pid int) error {
	var errs []error
	for _, l := range []struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_AS, decodeMemory},
		{unix.RLIMIT_CPU, decodeCPU},
		{unix.RLIMIT_NOFILE, 32},
		{unix.RLIMIT_FSIZE, 0},
		{unix.RLIMIT_CORE, 0},
	} {
		errs = append(errs, unix.Prlimit(pid, l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}, nil))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("limiting ffmpeg: %w", err)
	}
	return nil
}
