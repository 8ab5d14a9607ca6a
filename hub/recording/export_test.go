package recording

import "context"

// For tests of faults and of time.
type (
	Files    = files
	Volume   = volume
	RawFile  = file
	Vectored = vectored
	Room     = room
	OSFiles  = osFiles
)

var (
	OpenArchiveOn = openArchive
	CheckOn       = check
	Ticks         = ticks
	FarFuture     = farFuture
	MakeRoom      = func(free, total int64, readOnly bool) Room { return room{free, total, readOnly} }
)

// Retain applies retention once, as Run does.
var Retain = (*Archive).retain

// SyncAll syncs every disk once, as Run does.
func (a *Archive) SyncAll(ctx context.Context) error {
	for _, d := range a.disks {
		if err := d.syncAll(ctx, a.cfg.Index); err != nil {
			return err
		}
	}
	return nil
}

// MaxPreroll is the bound on PrerollBytes.
const MaxPreroll = maxPreroll

// PrerollBytes is what waits for motion.
func (r *Recorder) PrerollBytes() int { return r.gate.bytes }
