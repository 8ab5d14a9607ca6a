package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// usage is what some processes took together.
type usage struct {
	cpu      time.Duration // user and system, from start to end
	resident int64         // bytes, sum of the peaks
	written  int64         // bytes they sent to disk
	recorded int64         // bytes of the files they made
}

func (u *usage) add(v usage) {
	u.cpu += v.cpu
	u.resident += v.resident
	u.written += v.written
	u.recorded += v.recorded
}

// measure runs processes side by side for the time of the flag, then ends
// them as a service manager would.
func measure(ctx context.Context, all ...*exec.Cmd) (usage, error) {
	var u usage
	for _, c := range all {
		if err := c.Start(); err != nil {
			return u, fmt.Errorf("starting %s: %w", c.Path, err)
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(*length):
	}
	for _, c := range all {
		peak, err := peakResident(c.Process.Pid)
		if err != nil {
			return u, fmt.Errorf("%s ended early: %w", c.Path, err)
		}
		written, err := sentToDisk(c.Process.Pid)
		if err != nil {
			return u, fmt.Errorf("%s: %w", c.Path, err)
		}
		u.resident += peak
		u.written += written
	}
	for _, c := range all {
		_ = c.Process.Signal(syscall.SIGTERM)
	}
	for _, c := range all {
		_ = c.Wait() // ffmpeg exits 255 on SIGTERM
		u.cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	}
	return u, ctx.Err()
}

// peakResident reads VmHWM of proc_pid_status(5).
func peakResident(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	kb, err := field(data, "VmHWM:")
	return kb * 1024, err
}

// sentToDisk reads write_bytes of proc_pid_io(5): what the process caused to be
// sent to the storage layer, whole pages, journal of the index included.
func sentToDisk(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0, err
	}
	return field(data, "write_bytes:")
}

// field finds the number of a line like "name: number".
func field(data []byte, name string) (int64, error) {
	for line := range bytes.Lines(data) {
		if f := bytes.Fields(line); len(f) >= 2 && string(f[0]) == name {
			return strconv.ParseInt(string(f[1]), 10, 64)
		}
	}
	return 0, fmt.Errorf("no %s", name)
}
