package ffmpeg

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// limitProcess bounds a child: memory, processor time, open files, and no file
// writes.
func limitProcess(pid int, l Limits) error {
	limits := map[int]uint64{unix.RLIMIT_NOFILE: 32, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0}
	if l.Memory > 0 {
		limits[unix.RLIMIT_AS] = l.Memory
	}
	if l.CPU > 0 {
		limits[unix.RLIMIT_CPU] = uint64((l.CPU + time.Second - 1) / time.Second)
	}
	var errs []error
	for resource, value := range limits {
		errs = append(errs, unix.Prlimit(pid, resource, &unix.Rlimit{Cur: value, Max: value}, nil))
	}
	if l.Nice > 0 {
		errs = append(errs, unix.Setpriority(unix.PRIO_PROCESS, pid, l.Nice))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("limiting ffmpeg: %w", err)
	}
	return nil
}
