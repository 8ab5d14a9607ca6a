package evidence

import (
	"bytes"
	"io"
	"os"
	"testing"

	"gatehouse/hub/recording"
)

// parts are the files of the package in testdata, the parsers' seeds.
func parts(f *testing.F) *contents {
	f.Helper()
	b, err := os.ReadFile("testdata/package-v1.tar")
	if err != nil {
		f.Fatal(err)
	}
	c, err := openTar(io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))))
	if err != nil {
		f.Fatal(err)
	}
	return c
}

// FuzzVideo reads videos of untrusted origin.
func FuzzVideo(f *testing.F) {
	c := parts(f)
	for _, clip := range mustManifest(f, c).Predicate.Clips {
		b, err := io.ReadAll(io.NewSectionReader(c.files[clip.File], 0, clip.Bytes))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := splitMovie(io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))))
		if err != nil {
			return
		}
		file, err := m.fragments()
		if err != nil {
			return
		}
		tracks, err := m.samples()
		if err != nil {
			return
		}
		for _, tr := range tracks { // the tables bound what they make
			if len(tr.samples) > len(b)/4 {
				t.Fatalf("%d samples from %d bytes", len(tr.samples), len(b))
			}
		}
		_ = checkIndex(tracks, file)
	})
}

func mustManifest(f *testing.F, c *contents) statement {
	f.Helper()
	b, err := c.read(manifestName)
	if err != nil {
		f.Fatal(err)
	}
	s, err := openManifest(b)
	if err != nil {
		f.Fatal(err)
	}
	return s
}

// FuzzText reads the other files: manifest, custody, sums.
func FuzzText(f *testing.F) {
	c := parts(f)
	for _, name := range c.names {
		b, err := c.read(name)
		if err == nil && len(b) < 64<<10 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := openManifest(b); err == nil && len(s.Predicate.Hub) != 32 {
			t.Fatal("a manifest without a key was accepted")
		}
		var p custody
		if decode(b, &p) == nil {
			_, _, _ = p.check(make([]recording.Hash, 1))
		}
		if m, err := readSums(b); err == nil && len(m)*68 > len(b) {
			t.Fatal("more sums than lines")
		}
	})
}
