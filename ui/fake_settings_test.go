package ui

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"image/jpeg"
	"net/netip"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/finding"
	"gatehouse/hub/recording"
	"gatehouse/hub/survey"
	"gatehouse/rtsp"
	"gatehouse/rtsp/onvif"
)

// fakeSettings is a file that takes every edit and stays as it is.
type fakeSettings struct{}

func (fakeSettings) Read() ([]byte, string, error) {
	return []byte(`home: {name: Lakeside house, timezone: America/Los_Angeles}
storage:
  - path: /srv/footage
    keep: {days: 30}
cameras:
  - name: Driveway
    url: rtsp://owner:secret@192.168.1.11/main
    motion:
      from: pictures
      zones:
        - area: [[0, 0.4], [1, 0.4], [1, 1], [0, 1]]
        - {area: [[0.8, 0], [1, 0], [1, 0.5]], ignore: true}
`), "1", nil
}
func (fakeSettings) Edit(string, ...config.Change) (*config.Config, error) { return nil, nil }
func (fakeSettings) Try(...config.Change) error                            { return nil }

// fakeFirstRun is the step of set-up.
type fakeFirstRun int

func (f *fakeFirstRun) Step() int            { return int(*f) }
func (f *fakeFirstRun) Reach(step int) error { *f = fakeFirstRun(step); return nil }

// fakeSurvey has found a camera that is set up and one that is not.
type fakeSurvey struct{ failure *survey.Failure }

func (fakeSurvey) Find(context.Context) error { return nil }
func (fakeSurvey) Found() ([]onvif.Found, time.Time) {
	return []onvif.Found{
		{Name: "Driveway", Hardware: "T-1", Source: netip.MustParseAddr("192.168.1.11")},
		{Name: "<b>Gate</b>", Hardware: "T-1", Source: netip.MustParseAddr("192.168.1.12")},
	}, fixtureNow
}

func (fakeSurvey) Ask(context.Context, survey.Login) (survey.Draft, error) {
	return survey.Draft{}, survey.ErrAddress
}
func (fakeSurvey) Alike(context.Context, survey.Draft, []string) []survey.Draft { return nil }
func (fakeSurvey) Draft(id string) (survey.Draft, bool) {
	d := survey.Draft{
		ID: id, Host: "192.168.1.12", Info: onvif.Info{Manufacturer: "Beispiel", Model: "T-1"}, Main: "1", Sub: "2", Clock: -time.Minute,
		Profiles: []onvif.Profile{
			{Token: "1", Name: "mainStream", Codec: "H265", Width: 2560, Height: 1440, FPS: 25, Bitrate: 4096},
			{Token: "2", Name: "subStream", Codec: "H264", Width: 640, Height: 360, FPS: 15, Bitrate: 512},
		},
	}
	if id == "tried" {
		outside := true
		d.Trial = &survey.Trial{
			Choice: survey.Choice{Name: "gate", Main: "1", Sub: "2", Outside: &outside},
			Measured: survey.Measured{
				Codec: rtsp.H265, Width: 2560, Height: 1440, Sound: rtsp.AAC, Kbit: 3900, FPS: 25, Key: 10 * time.Second, Open: true,
				Stills: [][]byte{fixtureStill(0), fixtureStill(1), fixtureStill(2)},
			},
			Small: &survey.Measured{Codec: rtsp.H264, Width: 640, Height: 360, Kbit: 480, FPS: 15, Key: 2 * time.Second, Stills: [][]byte{fixtureStill(0)}},
		}
	}
	return d, id == "draft" || id == "tried"
}

func (f fakeSurvey) Trial(context.Context, string, survey.Choice) error {
	if f.failure != nil {
		return f.failure
	}
	return &survey.Failure{Step: survey.StepPicture, Cause: rtsp.Cause{Code: "camera-stalled"}}
}

func (fakeSurvey) Save(_, name string, _ func() error) (string, error) { return name, nil }

// fixtureStill is a picture of a wall with a lamp that moves.
func fixtureStill(n int) []byte {
	img := image.NewGray(image.Rect(0, 0, 320, 180))
	for i := range img.Pix {
		img.Pix[i] = uint8(60 + i/640)
	}
	draw.Draw(img, image.Rect(40+80*n, 40, 70+80*n, 70), image.White, image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err) // of a picture in memory
	}
	return b.Bytes()
}

func (fakeSurvey) Noted(string) (survey.Measured, bool) {
	return survey.Measured{Codec: rtsp.H265, Width: 2560, Height: 1440, Sound: rtsp.AAC, Kbit: 3900, FPS: 25, Key: 10 * time.Second}, true
}

func fixtureDisks() []survey.Disk {
	return []survey.Disk{{Path: "/", Data: true, Free: 9e10, Total: 1e11}, {Path: "/mnt/big disk", Free: 1e12, Total: 2e12}}
}

func fixtureStores(context.Context) ([]recording.DiskStatus, error) {
	return []recording.DiskStatus{
		{Path: "/srv/footage", Profile: recording.ProfileDisk, InUse: true, Free: 8e11, Total: 2e12, Bytes: 12e11},
		{Path: "/mnt/spare", Profile: recording.ProfileSD, Problem: finding.New("disk-gone")},
	}, nil
}
