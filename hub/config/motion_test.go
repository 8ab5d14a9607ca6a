package config

import (
	"errors"
	"testing"
	"time"
)

func TestMotion(t *testing.T) {
	for text, want := range map[string]string{
		"record: motion\n    motion: {from: pictures}":                "",
		"record: motion\n    motion: {from: off}":                     "", // a script tells
		"record: motion\n    onvif: http://h":                         "",
		"record: off\n    sub: rtsp://h/2\n    record_sub: always":    "",
		"record: always\n    record_sub: motion\n    onvif: http://h": "",
		"record: motion":            "cameras[0].record",
		"record_sub: motion":        "cameras[0].record_sub",
		"record: sometimes":         "cameras[0].record",
		"homekit: sometimes":        "cameras[0].homekit",
		"motion: {from: onvif}":     "cameras[0].motion.from",
		"motion: {from: radar}":     "cameras[0].motion.from",
		"motion: {sensitivity: 11}": "cameras[0].motion.sensitivity",
		"motion: {pre_roll: 1m}":    "cameras[0].motion.pre_roll",
		"motion: {post_roll: -1s}":  "cameras[0].motion.post_roll",
		"motion: {zones: [{area: [[0, 0], [1, 0], [1, 0.5]]}]}":          "",
		"motion: {zones: [{area: [[0, 0], [1, 0]]}]}":                    "cameras[0].motion.zones[0].area",
		"motion: {zones: [{area: [[0, 0], [1, 0], [1, 1.5]]}]}":          "cameras[0].motion.zones[0].area",
		"motion: {zones: [{area: [[0, 0], [1, 0], [1]], ignore: true}]}": "cameras[0].motion.zones[0].area",
		"motion: {zones: [{area: [0, 0, 1]}]}":                           "cameras[0].motion.zones[0].area[0]",
	} {
		_, err := Parse([]byte("cameras:\n  - name: a\n    url: rtsp://h/1\n    " + text + "\n"))
		var got Problems
		if errors.As(err, &got); want == "" && err != nil || want != "" && (len(got) == 0 || got[0].Key != want) {
			t.Errorf("%s: %v, want a problem of %q", text, err, want)
		}
	}
	c, err := Parse([]byte("cameras:\n  - {name: a, url: 'rtsp://h/1', record: motion, motion: {from: off, pre_roll: 0s}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	a := c.Cameras[0]
	if *a.Motion.PreRoll != 0 || *a.Motion.PostRoll != 30*time.Second || a.Motion.Sensitivity != 5 || a.RecordSub != "motion" || a.MotionFrom() != "off" {
		t.Errorf("%+v", a)
	}
}
