package evidence

import (
	"time"

	"golang.org/x/sys/unix"
)

// hubClock asks the kernel how this machine's clock stands; nil if it may not be
// asked, as in some containers.
func hubClock(now time.Time) *HubClock {
	var t unix.Timex // Modes 0 sets nothing
	if _, err := unix.Adjtimex(&t); err != nil {
		return nil
	}
	unit := 1e6
	if t.Status&unix.STA_NANO != 0 {
		unit = 1e9
	}
	return &HubClock{
		Measured: now, Synchronised: t.Status&unix.STA_UNSYNC == 0,
		Offset: float64(t.Offset) / unit, MaxError: float64(t.Maxerror) / 1e6,
	}
}
