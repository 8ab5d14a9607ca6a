package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// usage is what some processes took together.
type usage struct {
	cpu      time.Duration // user and system, while measured
	resident int64         // bytes, sum of the peaks from start to the end of measuring
	written  int64         // bytes sent to disk while measured
	recorded int64         // bytes that their files grew by while measured
}

// measure runs processes side by side: for the time of -warm, in which they
// connect, and for that of -time, in which they are measured. Then it ends them
// as a service manager would.
func measure(ctx context.Context, dir string, all []*exec.Cmd) (u usage, err error) {
	for i, c := range all {
		if err := c.Start(); err != nil {
			end(all[:i])
			return u, fmt.Errorf("starting %s: %w", c.Path, err)
		}
	}
	defer end(all)
	var before, after usage
	if err := pause(ctx, *warm); err != nil {
		return u, err
	}
	if err := before.read(dir, all); err != nil {
		return u, err
	}
	if err := pause(ctx, *length); err != nil {
		return u, err
	}
	if err := after.read(dir, all); err != nil {
		return u, err
	}
	return usage{after.cpu - before.cpu, after.resident, after.written - before.written, after.recorded - before.recorded}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func end(all []*exec.Cmd) {
	for _, c := range all {
		_ = c.Process.Signal(syscall.SIGTERM)
	}
	for _, c := range all {
		_ = c.Wait() // ffmpeg exits 255 on SIGTERM
	}
}

// read adds up what the processes took since they began.
func (u *usage) read(dir string, all []*exec.Cmd) error {
	for _, c := range all {
		if err := u.readChildren(c.Process.Pid); err != nil {
			return err
		}
		cpu, err := cpuTime(c.Process.Pid)
		if err != nil {
			return fmt.Errorf("%s ended early: %w", c.Path, err)
		}
		peak, err := peakResident(c.Process.Pid)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Path, err)
		}
		written, err := sentToDisk(c.Process.Pid)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Path, err)
		}
		u.cpu += cpu
		u.resident += peak
		u.written += written
	}
	u.recorded = size(dir)
	return nil
}

// readChildren adds what the living children of a process took. What they share,
// ffmpeg's libraries, counts in each.
func (u *usage) readChildren(pid int) error {
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return err
	}
	for _, name := range list {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		for _, f := range bytes.Fields(data) {
			child, err := strconv.Atoi(string(f))
			if err != nil {
				return err
			}
			cpu, err := cpuTime(child)
			peak, err2 := peakResident(child)
			if err := errors.Join(err, err2); err != nil {
				return fmt.Errorf("a child ended: %w", err)
			}
			u.cpu += cpu
			u.resident += peak
		}
	}
	return nil
}

// tick is the unit of times in proc_pid_stat(5): USER_HZ, which is 100 on every
// Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpuTime reads utime and stime of proc_pid_stat(5), fields 14 and 15.
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in field 2 may hold anything, also brackets and blanks.
	f := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(f) < 13 {
		return 0, errors.New("short stat line")
	}
	user, err := strconv.ParseInt(string(f[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(f[12]), 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err, err2)
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
