package sqlite

import (
	"path/filepath"
	"testing"

	"gatehouse/hub/motion"
	"gatehouse/hub/motion/motiontest"
)

func TestMotion(t *testing.T) {
	motiontest.TestStore(t, func(t *testing.T) motion.Store {
		x, err := OpenIndex(t.Context(), filepath.Join(t.TempDir(), "index.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		})
		return x
	})
}
