//go:build !linux

package ffmpeg

// limitProcess has no equivalent here; the time limit holds everywhere.
func limitProcess(int, Limits) error { return nil }
