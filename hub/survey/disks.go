package survey

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Disk is a mounted file system that footage could be kept on.
type Disk struct {
	Path        string // where it is mounted
	Kind        string // ext4, nfs, …
	Free, Total int64  // bytes
	Data        bool   // it is the data folder's
}

// kinds are file systems that keep files; what lives in memory or is a view of
// the kernel's does not stand here.
var kinds = strings.Fields("ext2 ext3 ext4 xfs btrfs f2fs zfs bcachefs jfs reiserfs vfat exfat ntfs ntfs3 fuseblk nfs nfs4 cifs smb3 overlay apfs")

// parseMounts reads /proc/self/mountinfo (proc(5)): mount points of file
// systems that keep files, that may be written, one of each device.
func parseMounts(r io.Reader) (list []Disk) {
	seen := map[string]bool{}
	for lines := bufio.NewScanner(io.LimitReader(r, 1<<20)); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if len(f) < 6 || len(g) < 2 || !slices.Contains(kinds, g[0]) || seen[f[2]] {
			continue
		}
		path := unescapeMount(f[4])
		options := strings.Split(f[5], ",")
		hidden := slices.ContainsFunc([]string{"/boot", "/proc", "/sys", "/dev", "/run/", "/etc/", "/snap/"}, func(p string) bool { return strings.HasPrefix(path, p) })
		if slices.Contains(options, "ro") || hidden || len(list) == 64 {
			continue
		}
		seen[f[2]] = true
		list = append(list, Disk{Path: path, Kind: g[0]})
	}
	return list
}

// unescapeMount undoes the kernel's octal for space, tab, line end and backslash.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// Disks lists where footage could be kept: the file system of the data folder
// first, and others that are mounted, where this machine tells and this program
// may write.
func Disks(dataDir string) []Disk {
	own := Disk{Path: filepath.Clean(dataDir), Data: true}
	device, err := own.room()
	if err != nil {
		return nil
	}
	out := []Disk{own}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return out
	}
	defer f.Close()
	for _, d := range parseMounts(f) {
		if at, err := d.room(); err == nil && at != device && d.Total > 1<<30 && mayWrite(d.Path) {
			out = append(out, d)
		}
	}
	return out
}
