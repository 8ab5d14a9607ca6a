//go:build !linux

package recording

import "os"

// datasync makes a file durable; only Linux is known to have the cheaper call.
func datasync(f *os.File) error { return f.Sync() }
