//go:build unix

package survey

import "golang.org/x/sys/unix"

// room fills in how much there is, and tells the device.
func (d *Disk) room() (device uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(d.Path, &st); err != nil {
		return 0, err
	}
	d.Free, d.Total = int64(st.Bavail)*int64(st.Bsize), int64(st.Blocks)*int64(st.Bsize) //nolint:unconvert // their types differ by system
	var at unix.Stat_t
	if err := unix.Stat(d.Path, &at); err != nil {
		return 0, err
	}
	return uint64(at.Dev), nil //nolint:unconvert // its type differs by system
}

// mayWrite reports whether this program may make files in a folder.
func mayWrite(path string) bool { return unix.Access(path, unix.W_OK) == nil }
