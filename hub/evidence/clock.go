package evidence

import (
	"fmt"
	"time"
)

// ClockInfo is what is known of the clock that a clip's times are by. The
// recorder notes the quality for each segment, not the difference itself, so
// that bounds can be said and no single figure.
type ClockInfo struct {
	Source string `json:"source"` // "camera" or "recorder"
	// CameraMinusHub bounds the camera's clock minus the recorder's while the
	// clip was recorded; nil if it is not known.
	CameraMinusHub *Bounds `json:"camera_minus_hub,omitempty"`
	Uncertainty    string  `json:"uncertainty"` // in words
}

// Bounds are a closed range of seconds.
type Bounds struct {
	Least float64 `json:"at_least_seconds"`
	Most  float64 `json:"at_most_seconds"`
}

// reportBound is how far the sender reports of a camera may be from the
// recorder's clock to be believed (rtsp.ClockReport).
const reportBound = 2.0

// clockInfo explains a quality of clip.Info.
func clockInfo(quality string) *ClockInfo {
	switch quality {
	case "report":
		return &ClockInfo{
			Source: "camera", CameraMinusHub: &Bounds{-reportBound, reportBound},
			Uncertainty: "Times are the camera's own. Its clock agreed with the recorder's within 2 s at all times of the recording.",
		}
	case "suspect":
		return &ClockInfo{
			Source:      "recorder",
			Uncertainty: "The camera's clock was more than 2 s from the recorder's and was not believed. Times are those of arrival: later than the pictures by what camera and network took.",
		}
	case "arrival":
		return &ClockInfo{
			Source:      "recorder",
			Uncertainty: "The camera told no time. Times are those of arrival: later than the pictures by what camera and network took.",
		}
	}
	return &ClockInfo{Source: "recorder", Uncertainty: "The recorder's own clock was not set. Times are not to be relied on."}
}

// HubClock is how the recorder's clock stood when the package was sealed, by its
// operating system (adjtimex(2)). How it stood while recording was not noted.
type HubClock struct {
	Measured     time.Time `json:"measured_at"`
	Synchronised bool      `json:"synchronised"` // with NTP or the like
	Offset       float64   `json:"ntp_offset_seconds"`
	MaxError     float64   `json:"max_error_seconds"`
}

// clockWords says for people what the times rest on.
func clockWords(m Manifest) string {
	const lead = "Times are in Coordinated Universal Time. Each file says whose clock they are by: report, the camera's own, which agreed with the " +
		"recorder's within 2 seconds; suspect or arrival, the recorder's when the pictures arrived; unset, no clock to rely on. "
	switch c := m.HubClock; {
	case c == nil:
		return lead + "How the recorder's clock stood against a time server is not known."
	case !c.Synchronised:
		return lead + "When the package was sealed, the recorder's clock was not being set by a time server."
	default:
		return lead + fmt.Sprintf("When the package was sealed, the recorder's clock was being set by a time server: %+.6f s from it, and at most %.3f s from true time by the "+
			"operating system's own estimate. How it stood at the time of recording was not noted.", c.Offset, c.MaxError)
	}
}
