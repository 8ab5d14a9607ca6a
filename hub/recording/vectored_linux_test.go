package recording_test

import (
	"bytes"
	"testing"

	"gatehouse/hub/recording"
)

// More parts than one call takes, and empty ones, arrive in their order.
func TestPartsAreWrittenInOrder(t *testing.T) {
	v, err := recording.OSFiles{}.Volume(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	f, err := v.Create("file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var parts [][]byte
	want := []byte("head")
	for i := range 3000 {
		part := bytes.Repeat([]byte{byte(i), byte(i >> 8)}, i%50)
		parts = append(parts, part)
		want = append(want, part...)
	}
	if _, err := f.WriteAt([]byte("head"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.(recording.Vectored).WriteParts(parts, 4); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want)+1)
	if n, _ := f.ReadAt(got, 0); !bytes.Equal(got[:n], want) {
		t.Errorf("%d bytes of %d, or in another order", n, len(want))
	}
}
