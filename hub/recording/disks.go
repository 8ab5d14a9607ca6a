package recording

import (
	"context"
	"fmt"

	"gatehouse/hub/finding"
)

// DiskStatus is the health of one storage folder.
type DiskStatus struct {
	Path        string
	Profile     Profile
	InUse       bool  // what is recorded now goes there
	Free, Total int64 // of its file system; 0 if it cannot be asked now
	Bytes       int64 // of footage there
	Held        int64 // of it, what is under a hold
	Problem     finding.Finding
}

// Disks reports on every storage folder, in the owner's order.
func (a *Archive) Disks(ctx context.Context) ([]DiskStatus, error) {
	used := a.pick()
	list := make([]DiskStatus, 0, len(a.disks))
	for _, d := range a.disks {
		s := DiskStatus{Path: d.cfg.Path, Profile: d.cfg.Profile, InUse: d == used, Problem: d.trouble()}
		if r, err := d.room(); err == nil {
			s.Free, s.Total = r.free, r.total
		}
		if id := d.identity(); id != "" {
			var err error
			if _, s.Bytes, err = a.cfg.Index.Usage(ctx, id, "", ""); err != nil {
				return nil, err
			}
			if s.Held, err = a.cfg.Index.Held(ctx, id); err != nil {
				return nil, err
			}
		}
		list = append(list, s)
	}
	return list, nil
}

// lookAtHeld counts what no rule may delete of each disk.
func (a *Archive) lookAtHeld(ctx context.Context) error {
	for _, d := range a.disks {
		id := d.identity()
		if id == "" {
			continue
		}
		n, err := a.cfg.Index.Held(ctx, id)
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.held = n
		d.mu.Unlock()
	}
	return nil
}

// Crowded says on which disks footage under holds takes more than
// half of the room there is for recordings, as of the last look: holds count to
// that room, so the rest goes early.
func (a *Archive) Crowded() (list []finding.Finding) {
	for _, d := range a.disks {
		r, err := d.room()
		if err != nil {
			continue // trouble says why
		}
		d.mu.Lock()
		held := d.held
		d.mu.Unlock()
		most := r.total
		if d.cfg.Keep.Bytes > 0 {
			most = min(most, d.cfg.Keep.Bytes)
		}
		if held > most/2 {
			list = append(list, finding.New("storage-crowded", "path", d.cfg.Path, "held", gigabytes(held), "room", gigabytes(most)))
		}
	}
	return list
}

func gigabytes(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/1e9) }
