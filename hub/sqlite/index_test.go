package sqlite

import (
	"path/filepath"
	"testing"

	"gatehouse/hub/recording"
	"gatehouse/hub/recording/recordingtest"
)

func TestIndex(t *testing.T) {
	recordingtest.TestIndex(t, func(t *testing.T) recording.Index {
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
