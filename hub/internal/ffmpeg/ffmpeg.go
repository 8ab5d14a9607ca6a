// Package ffmpeg runs ffmpeg as a child that decodes what cameras send. Such
// bytes are not trusted: the child has pipes and nothing else (no files to
// write, no network protocol, no environment) and bounds on its time, memory
// and processor.
package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// Find returns the path of ffmpeg, or "" where there is none.
func Find() string {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return ""
	}
	return path
}

// Limits bound one child. Those on memory and processor hold on Linux, the one
// on time everywhere.
type Limits struct {
	Time   time.Duration // wall clock; 0 for a child that lives as long as its context
	CPU    time.Duration // processor time, whole seconds; 0 for no bound
	Memory uint64        // bytes of address space; 0 for no bound
	Nice   int           // added to the hub's own priority: 0 to 19, higher yields to others
}

// Process is a running child. In and Out are its standard input and output.
type Process struct {
	In  io.WriteCloser
	Out io.ReadCloser

	cmd    *exec.Cmd
	said   limited
	cancel context.CancelFunc
}

// Start runs the program at path. args begin with the options of the one
// input, which must be a pipe. The child is killed when ctx or its time ends.
// Whoever calls Start calls [Process.Wait].
func Start(ctx context.Context, path string, l Limits, args ...string) (*Process, error) {
	cancel := context.CancelFunc(func() {})
	if l.Time > 0 {
		ctx, cancel = context.WithTimeout(ctx, l.Time)
	}
	p := &Process{cancel: cancel, said: limited{left: 4 << 10}}
	p.cmd = exec.CommandContext(ctx, path, append([]string{
		"-hide_banner", "-nostdin", "-loglevel", "error", "-protocol_whitelist", "pipe",
	}, args...)...)
	p.cmd.Env = []string{} // not nil: that would be the hub's own
	p.cmd.Dir = "/"
	p.cmd.WaitDelay = time.Second
	p.cmd.Stderr = &p.said
	var err, err2 error
	p.In, err = p.cmd.StdinPipe()
	p.Out, err2 = p.cmd.StdoutPipe()
	if err := errors.Join(err, err2); err != nil {
		cancel()
		return nil, fmt.Errorf("starting ffmpeg: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("starting ffmpeg: %w", err)
	}
	// It waits for its input, so the limits are in force before the first byte.
	if err := limitProcess(p.cmd.Process.Pid, l); err != nil {
		_ = p.cmd.Process.Kill()
		return nil, errors.Join(err, p.Wait())
	}
	return p, nil
}

// Wait closes In and waits for the child to end; an error says what the child
// said. Out must have been read to its end, or its context cancelled.
func (p *Process) Wait() error {
	defer p.cancel()
	_ = p.In.Close() // the child's end is what matters; a broken pipe shows in Wait
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("ffmpeg: %w: %s", err, strings.TrimSpace(p.said.buf.String()))
	}
	return nil
}

// ErrTooLong means that a child wrote more than it may.
var ErrTooLong = errors.New("ffmpeg wrote too much")

// Run gives a child its whole input and returns its whole output, at most
// longest bytes.
func Run(ctx context.Context, path string, l Limits, in []byte, longest int, args ...string) ([]byte, error) {
	p, err := Start(ctx, path, l, args...)
	if err != nil {
		return nil, err
	}
	go func() {
		_, _ = io.Copy(p.In, bytes.NewReader(in)) // the child may have read enough
		_ = p.In.Close()
	}()
	out := limited{left: longest}
	_, err = io.Copy(&out, p.Out)
	if err := errors.Join(err, p.Wait()); err != nil {
		return nil, err
	}
	if out.left < 0 {
		return nil, ErrTooLong
	}
	return out.buf.Bytes(), nil
}

// limited keeps the first bytes written and takes the rest without keeping it.
type limited struct {
	buf  bytes.Buffer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	if l.left >= len(b) {
		l.buf.Write(b)
	}
	l.left -= len(b)
	return len(b), nil
}
