package recording

import (
	"errors"
	"syscall"

	"gatehouse/hub/finding"
)

// Space a disk keeps for closing what is open, and for the system beside us. A
// small disk keeps a part of itself, so that it can be used at all.
const (
	floorBytes  = 32 << 20
	floorPart   = 64
	marginBytes = 128 << 20
	marginPart  = 16
)

// floor is the room below which nothing new is written.
func (r room) floor() int64 { return min(floorBytes, r.total/floorPart) }

// margin is the room below which old footage goes early.
func (r room) margin() int64 { return min(marginBytes, r.total/marginPart) }

func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// room asks the disk's file system.
func (d *disk) room() (room, error) {
	v, err := d.enter()
	if err != nil {
		return room{}, err
	}
	r, err := v.Room()
	return r, errors.Join(err, v.Close())
}

// look begins and ends the conditions that the file system tells of by itself.
// It is not ok if that cannot be asked now.
func (d *disk) look() (r room, ok bool) {
	r, err := d.room()
	if err != nil {
		return r, false
	}
	d.mu.Lock()
	c, refused := d.cond, d.refused
	d.mu.Unlock()
	switch {
	case c == readOnly && !r.readOnly:
		d.set(well, finding.Finding{})
	case c == well && r.readOnly:
		d.set(readOnly, finding.New("disk-read-only"))
	case c == well && r.free < r.floor():
		d.set(full, finding.New("disk-full"))
	case c == full && !refused && r.free >= 2*r.floor():
		d.set(well, finding.Finding{})
	}
	return r, true
}

func (d *disk) mountedReadOnly() bool {
	r, err := d.room()
	return err == nil && r.readOnly
}

// fill sets the full condition after a write that found no room.
func (d *disk) fill(err error) {
	r, rerr := d.room()
	d.mu.Lock()
	d.refused = rerr == nil && r.free >= 2*r.floor()
	d.mu.Unlock()
	cause := finding.New("disk-full")
	if errors.Is(err, syscall.EDQUOT) {
		cause = finding.New("disk-quota")
	}
	d.set(full, cause)
}

// wants is how many bytes are to be deleted for the room there should be. The
// owner's wish counts up to half the disk.
func (d *disk) wants(r room) int64 {
	n := max(min(d.cfg.Keep.Free, r.total/2), r.margin()) - r.free
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cond == full && d.refused {
		n = max(n, r.margin())
	}
	return n
}

// probeName is a file that is there only while it is tried whether there is room.
const probeName = ".gatehouse-probe"

// probe ends the full condition of a disk that refused a write though its file
// system says that there is room, which no number tells: it tries.
func (d *disk) probe() {
	d.mu.Lock()
	try := d.cond == full && d.refused
	d.mu.Unlock()
	if !try {
		return
	}
	v, err := d.enter()
	if err != nil {
		return
	}
	defer v.Close()
	r, err := v.Room()
	if err != nil {
		return
	}
	err = v.Remove(probeName) // of a process that died
	if err == nil {
		err = writeNew(v, probeName, make([]byte, min(maxPending, r.margin()/2)))
	}
	if rerr := v.Remove(probeName); err == nil {
		err = rerr
	}
	switch {
	case err == nil:
		d.mu.Lock()
		d.refused = false
		d.mu.Unlock()
		d.set(well, finding.Finding{})
	case !noRoom(err):
		_ = d.fail("probing", err) // its condition is what counts
	}
}
