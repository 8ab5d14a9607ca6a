// Package motiontest is the conformance suite of motion.Store.
package motiontest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/motion"
)

var zero = time.Date(2026, 11, 21, 21, 0, 0, 123456000, time.UTC)

func at(seconds int) time.Time { return zero.Add(time.Duration(seconds) * time.Second) }

// fill stores four spans; the last one lasts.
func fill(t *testing.T, s motion.Store) []motion.Motion {
	t.Helper()
	list := []motion.Motion{
		{Camera: "porch", From: at(0), To: at(10), Source: motion.ONVIF},
		{Camera: "yard", From: at(5), To: at(6), Source: motion.Pictures, Score: 0.25},
		{Camera: "porch", From: at(8), To: at(20), Source: motion.Script},
		{Camera: "porch", From: at(100), Source: motion.ONVIF},
	}
	for i := range list {
		id, err := s.AddMotion(t.Context(), list[i])
		if err != nil {
			t.Fatal(err)
		}
		list[i].ID = id
	}
	return list
}

func same(t *testing.T, s motion.Store, camera string, from, to time.Time, want ...motion.Motion) {
	t.Helper()
	got, err := s.Motions(t.Context(), camera, from, to)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("motion (-want +got):\n%s", diff)
	}
}

// TestStore checks that stores which open returns empty keep the contract.
func TestStore(t *testing.T, open func(t *testing.T) motion.Store) {
	for name, test := range map[string]func(*testing.T, motion.Store, []motion.Motion){
		"Motions": testMotions, "EndMotion": testEnd, "ForgetMotions": testForget,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			test(t, s, fill(t, s))
		})
	}
	for now, want := range map[int]int{110: 110, 1000: 160, 50: 100} {
		t.Run("EndOpenMotions", func(t *testing.T) {
			s := open(t)
			m := fill(t, s)
			if err := s.EndOpenMotions(t.Context(), time.Minute, at(now)); err != nil {
				t.Fatal(err)
			}
			m[3].To = at(want)
			same(t, s, "", at(-9), at(1000), m...)
		})
	}
}

func testMotions(t *testing.T, s motion.Store, m []motion.Motion) {
	same(t, s, "", at(-9), at(1000), m...)
	same(t, s, "porch", at(9), at(10), m[0], m[2])
	same(t, s, "porch", at(10), at(100), m[2])
	same(t, s, "porch", at(500), at(501), m[3])
	same(t, s, "hall", at(-9), at(1000))
	names, err := s.MotionCameras(t.Context())
	if diff := cmp.Diff([]string{"porch", "yard"}, names); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func testEnd(t *testing.T, s motion.Store, m []motion.Motion) {
	m[3].To, m[3].Score = at(130), 0.5
	m[1].To = time.Time{}
	for _, x := range []motion.Motion{m[3], m[1], {ID: 99, To: at(1)}} {
		if err := s.EndMotion(t.Context(), x.ID, x.To, x.Score); err != nil {
			t.Error(err)
		}
	}
	same(t, s, "", at(-9), at(1000), m...)
}

func testForget(t *testing.T, s motion.Store, m []motion.Motion) {
	if err := s.ForgetMotions(t.Context(), "porch", at(15)); err != nil {
		t.Fatal(err)
	}
	same(t, s, "", at(-9), at(1000), m[1], m[2], m[3])
	if err := s.ForgetMotions(t.Context(), "porch", at(9999)); err != nil {
		t.Fatal(err)
	}
	same(t, s, "", at(-9), at(1000), m[1], m[3])
}
