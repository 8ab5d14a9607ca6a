//go:build !linux

package clip

// limitProcess has no equivalent here; the time limit holds everywhere.
func limitProcess(int) error { return nil }
