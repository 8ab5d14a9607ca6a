// Package control is the hub's door for headless owners: a small HTTP API on
// a unix socket in the data folder, mode 0600, and its client.
package control

import (
	"context"
	"fmt"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/delivery"
	"gatehouse/hub/finding"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
	"gatehouse/rtsp"
)

// Status is the hub's health.
type Status struct {
	Version  string         `json:"version"`
	Started  time.Time      `json:"started"`
	Healthy  bool           `json:"healthy"` // recording everything it should, and no Problems
	Problems []string       `json:"problems"`
	Cameras  []CameraStatus `json:"cameras"`
	Network  string         `json:"network"`  // on, or off: the owner has switched fetching and sending off
	Requests map[string]int `json:"requests"` // by state
	Outbox   []delivery.Job `json:"outbox"`
	Ledger   int64          `json:"ledger"` // entries
	HomeKit  any            `json:"homekit,omitempty"`
	Console  string         `json:"console"`        // address
	Root     string         `json:"root,omitempty"` // SHA-256 of the certificate authority that the console's certificate is of
}

// CameraStatus is one stream of one camera.
type CameraStatus struct {
	Name        string      `json:"name"`
	Stream      string      `json:"stream"`
	State       rtsp.Phase  `json:"state"`
	Since       time.Time   `json:"since"`
	Reason      rtsp.Reason `json:"reason,omitempty"`
	Detail      string      `json:"detail,omitempty"`
	LastDurable time.Time   `json:"last_durable"` // the last second that survives a power cut now
	AtMost      int         `json:"at_most"`      // a power cut now loses at most so many seconds; 0 while not recording
	Recording   bool        `json:"recording"`
	Waiting     bool        `json:"waiting,omitempty"` // for motion, and does as it should
	Problem     string      `json:"problem,omitempty"`
	Bytes       int64       `json:"bytes"`
	Oldest      time.Time   `json:"oldest"`
}

// staleFailure is how long a failed delivery counts as something to mend.
const staleFailure = 7 * 24 * time.Hour

// StatusConfig is where a Status is read from.
type StatusConfig struct {
	Version  string
	Started  time.Time
	Console  func() string
	Root     func() string
	Cameras  func() []recording.Live
	Problems func() []finding.Finding
	Network  func() bool
	HomeKit  func() any // nil without HomeKit
	Archive  *recording.Archive
	Requests *request.Service
	Outbox   *delivery.Outbox
	Ledger   interface{ Size() (int64, error) }
}

// Read assembles the status.
func (c StatusConfig) Read(ctx context.Context) (Status, error) {
	s := Status{
		Version: c.Version, Started: c.Started, Console: c.Console(), Root: c.Root(),
		Problems: finding.Texts(c.Problems()), Requests: map[string]int{},
	}
	s.Network = onOff(c.Network())
	if c.HomeKit != nil {
		s.HomeKit = c.HomeKit()
	}
	var err error
	if s.Cameras, err = c.cameras(ctx); err != nil {
		return Status{}, err
	}
	counts, err := c.Requests.Counts(ctx)
	if err != nil {
		return Status{}, err
	}
	for state, n := range counts {
		s.Requests[string(state)] = n
	}
	jobs, err := c.Outbox.Jobs(ctx)
	if err != nil {
		return Status{}, err
	}
	s.Outbox = append([]delivery.Job{}, jobs...)
	for _, j := range jobs {
		if j.State == delivery.Retrying || j.State == delivery.Failed && time.Since(j.Finished) < staleFailure {
			s.Problems = append(s.Problems, fmt.Sprintf("package %s has not reached %s: %s", j.PackageID, j.Agency, j.Error))
		}
	}
	if s.Ledger, err = c.Ledger.Size(); err != nil {
		return Status{}, err
	}
	s.Healthy = len(s.Problems) == 0
	for _, cam := range s.Cameras {
		s.Healthy = s.Healthy && cam.Recording && cam.Problem == ""
	}
	return s, nil
}

func (c StatusConfig) cameras(ctx context.Context) ([]CameraStatus, error) {
	recorded, err := c.Archive.Status(ctx)
	if err != nil {
		return nil, err
	}
	type key struct{ camera, stream string }
	by := map[key]recording.StreamStatus{}
	for _, r := range recorded {
		by[key{r.Camera, r.Stream}] = r
	}
	list := []CameraStatus{}
	for _, cam := range c.Cameras() {
		st, rec := cam.State(), by[key{cam.Camera, cam.Stream}]
		list = append(list, CameraStatus{
			Name: cam.Camera, Stream: cam.Stream, State: st.Phase, Since: st.Since, Reason: st.Reason, Detail: st.Detail,
			LastDurable: rec.LastDurable, AtMost: rec.AtMost, Recording: rec.Recording, Waiting: rec.Waiting, Problem: rec.Problem.String(), Bytes: rec.Bytes, Oldest: rec.Oldest,
		})
	}
	return list, nil
}

func onOff(on bool) string {
	if on {
		return config.On
	}
	return config.Off
}
