package recording

import "context"

// DiskStatus is the health of one storage folder.
type DiskStatus struct {
	Path        string
	Profile     Profile
	InUse       bool   // what is recorded now goes there
	Free, Total int64  // of its file system; 0 if it cannot be asked now
	Bytes       int64  // of footage kept there
	Problem     string // in plain words; empty if there is none
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
		}
		list = append(list, s)
	}
	return list, nil
}
