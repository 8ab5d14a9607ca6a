package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/hub/recording"
)

// holdable is what requests may know of and hold, on the archive's disks.
type holdable struct {
	recorded
	folders []string
}

// Bytes is the size of all segments that touch a window, of every stream.
func (f holdable) Bytes(ctx context.Context, camera string, from, to time.Time) (sum int64, err error) {
	list, err := f.archive.Segments(ctx, camera, "", from, to)
	for _, s := range list {
		sum += s.Bytes
	}
	return sum, err
}

// Capacity is the size of the disks, each counted once. One that is away counts nothing.
func (f holdable) Capacity(context.Context) (sum int64, err error) {
	seen := map[uint64]bool{}
	for _, path := range f.folders {
		var at unix.Stat_t
		var disk unix.Statfs_t
		err := errors.Join(unix.Stat(path, &at), unix.Statfs(path, &disk))
		if errors.Is(err, os.ErrNotExist) || err == nil && seen[uint64(at.Dev)] {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("asking a disk for its size: %w", err)
		}
		seen[uint64(at.Dev)] = true
		sum += int64(disk.Blocks) * int64(disk.Bsize)
	}
	return sum, nil
}

// footage is the adapter of this hub.
func (h *hub) footage() holdable {
	f := holdable{recorded: recorded{h.archive}}
	for _, d := range archiveConfig(h.boot, h.data, nil, nil, nil).Disks {
		f.folders = append(f.folders, d.Path)
	}
	return f
}

// recorded presents the archive to package request.
type recorded struct{ archive *recording.Archive }

func (f recorded) Recorded(ctx context.Context, camera string, from, to time.Time) (float64, error) {
	d, err := f.archive.Recorded(ctx, camera, recording.Main, from, to)
	return d.Seconds(), err
}

func (f recorded) Hold(ctx context.Context, id, camera string, from, to, until time.Time) error {
	return f.archive.Hold(ctx, recording.Hold{ID: id, Camera: camera, From: from, To: to, Until: until, Note: "request"})
}

func (f recorded) Release(ctx context.Context, id string) error { return f.archive.Release(ctx, id) }
