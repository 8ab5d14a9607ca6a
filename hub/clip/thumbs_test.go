package clip

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// numberIn reads the number that a picture of mp4test wears, in a cell of a drawing.
func numberIn(img image.Image, cell image.Rectangle) int {
	bars := make([]byte, cell.Dx())
	for x := range bars {
		bars[x] = color.GrayModel.Convert(img.At(cell.Min.X+x, cell.Min.Y+8)).(color.Gray).Y
	}
	// Number wants sixteen samples, one a bar.
	out := make([]byte, 16)
	for i := range out {
		out[i] = bars[(2*i+1)*len(bars)/32]
	}
	return mp4test.Number(out)
}

// TestStripShowsItsMinute: each cell is the key frame of its ten seconds, of
// H.264 and H.265, and of two segments.
func TestStripShowsItsMinute(t *testing.T) {
	for _, codec := range []rtsp.Codec{rtsp.H264, rtsp.H265} {
		minute := time.Date(2026, 11, 21, 14, 3, 0, 0, time.UTC)
		f := mp4test.Make(t, mp4test.Shot{Video: codec, Seconds: 24, Width: 640, Rate: 5, GOP: 10, Numbered: true, Start: minute.Add(20 * time.Second)})
		var s shelf
		s.film(t, f, 2)
		c := newService(&s, installed(t))
		b, err := c.Strip(t.Context(), "Yard", minute.Add(31*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(b))
		if err != nil || img.Bounds() != image.Rect(0, 0, 960, 90) {
			t.Fatalf("%v %v", img, err)
		}
		var got []int
		for i := range stripCells {
			got = append(got, numberIn(img, image.Rect(i*stripWidth, 0, (i+1)*stripWidth, stripHeight)))
		}
		if diff := cmp.Diff([]int{0, 0, 20, 70, 110, 110}, got); diff != "" {
			t.Errorf("%v: numbers of the cells (-want +got):\n%s", codec, diff)
		}
		sheet, err := c.Sheet(t.Context(), "Yard", minute.Add(-10*time.Second), minute.Add(50*time.Second), time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if img, err = jpeg.Decode(bytes.NewReader(sheet)); err != nil {
			t.Fatal(err)
		}
		first := image.Rect(sheetMargin, sheetHead, sheetMargin+sheetWidth, sheetHead+sheetHeight)
		last := first.Add(image.Pt(3*(sheetWidth+sheetMargin), 5*(sheetHeight+sheetLine+sheetMargin)))
		if a, b := numberIn(img, first), numberIn(img, last); a != 0 || b != 110 {
			t.Errorf("%v: the sheet begins with %d and ends with %d", codec, a, b)
		}
		s.data = nil // from here on only from memory
		if again, err := c.Strip(t.Context(), "Yard", minute); err != nil || !bytes.Equal(b, again) {
			t.Errorf("not from memory: %v", err)
		}
		if _, err := c.Strip(t.Context(), "Yard", minute.Add(-time.Hour)); !errors.Is(err, ErrNoFootage) {
			t.Errorf("an hour before: %v", err)
		}
		if _, err := newService(&s, "").Strip(t.Context(), "Yard", minute); !errors.Is(err, ErrNoDecoder) {
			t.Errorf("without ffmpeg: %v", err)
		}
	}
}

func TestSheetTimes(t *testing.T) {
	zero := time.Unix(1_800_000_000, 0).UTC()
	var got []time.Duration
	for _, at := range SheetTimes(zero, zero.Add(3*time.Second)) {
		got = append(got, at.Sub(zero))
	}
	want := []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(SheetTimes(zero, zero.Add(12*time.Hour))); n != SheetPictures {
		t.Errorf("%d pictures of half a day", n)
	}
	if n := len(SheetTimes(zero, zero.Add(time.Millisecond))); n != 1 {
		t.Errorf("%d pictures of a millisecond", n)
	}
}

// lossy answers as an archive does whose files were deleted by somebody.
type lossy struct{ *shelf }

func (l lossy) Open(r recording.Segment) (recording.File, error) {
	if _, ok := l.data[r.ID]; !ok {
		return nil, recording.ErrNotFound
	}
	return l.shelf.Open(r)
}

// TestPlaylistPassesOverALostFile: the minutes around it still play.
func TestPlaylistPassesOverALostFile(t *testing.T) {
	var s shelf
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 12, Rate: 5, GOP: 10})
	s.film(t, f, 2)
	if len(s.rows) < 3 {
		t.Fatalf("%d files", len(s.rows))
	}
	r := Range{Camera: "Yard", Stream: s.rows[0].Stream, From: f.Session.Zero, To: f.Session.Zero.Add(12 * time.Second)}
	delete(s.data, s.rows[1].ID)
	list, err := newService(lossy{&s}, "").Playlist(t.Context(), r)
	if err != nil || !bytes.Contains(list, fmt.Appendf(nil, "segment/%d.mp4", s.rows[2].ID)) || bytes.Contains(list, fmt.Appendf(nil, "segment/%d.mp4", s.rows[1].ID)) ||
		!bytes.Contains(list, []byte("#EXT-X-DISCONTINUITY\n")) {
		t.Errorf("%v:\n%s", err, list)
	}
}

// TestDamagedPictureMovesNoOther: where a picture cannot be decoded its cell
// is empty, and each of the others stays in its own.
func TestDamagedPictureMovesNoOther(t *testing.T) {
	minute := time.Date(2026, 11, 21, 14, 3, 0, 0, time.UTC)
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 60, Width: 640, Rate: 2, GOP: 20, Numbered: true, Start: minute})
	var s shelf
	s.film(t, f, 2)
	table, err := readTable(&s, s.rows[1])
	if err != nil {
		t.Fatal(err)
	}
	fr := table.file.Fragments[0] // the third ten seconds
	for i := fr.Offset + fr.Data; i < fr.Offset+fr.Size; i++ {
		s.data[2][i] = 0xff
	}
	b, err := newService(&s, installed(t)).Strip(t.Context(), "Yard", minute)
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for i := range stripCells {
		cell := image.Rect(i*stripWidth, 0, (i+1)*stripWidth, stripHeight)
		if got := numberIn(img, cell); got != 20*i && i != 2 {
			t.Errorf("cell %d shows picture %d", i, got)
		}
	}
	if cell := image.Rect(2*stripWidth, 0, 3*stripWidth, stripHeight); !wordAlone(img, cell) {
		t.Error("the cell of the damaged picture is not blank with a word")
	}
}

// wordAlone reports whether a cell of a drawing is dark but for a word in its middle.
func wordAlone(img image.Image, cell image.Rectangle) bool {
	word := false
	for y := cell.Min.Y; y < cell.Max.Y; y++ {
		for x := cell.Min.X; x < cell.Max.X; x++ {
			bright := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y > 60
			middle := y > cell.Min.Y+cell.Dy()/4 && y < cell.Max.Y-cell.Dy()/4
			if bright && !middle {
				return false
			}
			word = word || bright
		}
	}
	return word
}

// TestLostFileBlanksItsOwnPictures: whether a file was gone before it was looked
// for or went in between, every other picture is there.
func TestLostFileBlanksItsOwnPictures(t *testing.T) {
	minute := time.Date(2026, 11, 21, 14, 3, 0, 0, time.UTC)
	f := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Seconds: 60, Width: 640, Rate: 2, GOP: 20, Numbered: true, Start: minute})
	for name, warm := range map[string]bool{"gone before": false, "gone in between": true} {
		var s shelf
		s.film(t, f, 2) // twenty seconds a file
		c := newService(lossy{&s}, installed(t))
		if warm {
			if _, err := c.cells(t.Context(), "Yard", SheetTimes(minute, minute.Add(time.Minute)), recording.Main); err != nil {
				t.Fatal(err)
			}
		}
		whole := s.data[2]
		delete(s.data, 2)
		lost := func(i int) bool { return i == 2 || i == 3 }
		b, err := c.Strip(t.Context(), "Yard", minute)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		img, err := jpeg.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for i := range stripCells {
			cell := image.Rect(i*stripWidth, 0, (i+1)*stripWidth, stripHeight)
			if lost(i) != wordAlone(img, cell) || !lost(i) && numberIn(img, cell) != 20*i {
				t.Errorf("%s: cell %d of the strip shows %d", name, i, numberIn(img, cell))
			}
		}
		sheet, err := c.Sheet(t.Context(), "Yard", minute, minute.Add(time.Minute), time.UTC)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if img, err = jpeg.Decode(bytes.NewReader(sheet)); err != nil {
			t.Fatal(err)
		}
		for i := range SheetPictures {
			cell := image.Rect(sheetMargin, sheetHead, sheetMargin+sheetWidth, sheetHead+sheetHeight).
				Add(image.Pt(i%sheetColumns*(sheetWidth+sheetMargin), i/sheetColumns*(sheetHeight+sheetLine+sheetMargin)))
			at := i * 60 / SheetPictures / 10 // ten seconds a picture
			if lost(at) != wordAlone(img, cell) || !lost(at) && numberIn(img, cell) != 20*at {
				t.Errorf("%s: cell %d of the sheet shows %d", name, i, numberIn(img, cell))
			}
		}
		still, err := c.Still(t.Context(), "Yard", minute.Add(25*time.Second))
		if !errors.Is(err, ErrNoPicture) || still.Origin != FromNothing || len(still.JPEG) == 0 {
			t.Errorf("%s: a still of it: %s, %v", name, still.Origin, err)
		}
		s.data[2] = whole // the disk is back
		b, err = c.Strip(t.Context(), "Yard", minute)
		if err != nil {
			t.Fatal(err)
		}
		if img, err = jpeg.Decode(bytes.NewReader(b)); err != nil || numberIn(img, image.Rect(2*stripWidth, 0, 3*stripWidth, stripHeight)) != 40 {
			t.Errorf("%s: the blank stays when the file is back: %v", name, err)
		}
		s.data = nil
		if _, err := newService(lossy{&s}, installed(t)).Sheet(t.Context(), "Yard", minute, minute.Add(time.Minute), time.UTC); err != nil {
			t.Errorf("a sheet of which nothing can be read: %v", err)
		}
	}
}
