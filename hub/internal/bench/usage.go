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
	name     string
	cpu      time.Duration // user and system, from start to end
	resident int64         // bytes, sum of the peaks
	written  int64         // bytes of files they made
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
		u.resident += peak
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
	for line := range bytes.Lines(data) {
		if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "VmHWM:" {
			kb, err := strconv.ParseInt(string(f[1]), 10, 64)
			return kb * 1024, err
		}
	}
	return 0, fmt.Errorf("no VmHWM for process %d", pid)
}
