package clip

import (
	"context"
	"fmt"
	"image"
	"image/draw"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"

	"gatehouse/hub/recording"
)

// SheetPictures is how many pictures a contact sheet has.
const SheetPictures = 24

const (
	sheetColumns = 4
	sheetWidth   = 320
	sheetHeight  = 180
	sheetMargin  = 16
	sheetHead    = 64
	sheetLine    = 32 // a picture's time
)

// SheetTimes are the moments that a contact sheet of a range shows, evenly spread.
func SheetTimes(from, to time.Time) []time.Time {
	n := min(SheetPictures, max(1, int(to.Sub(from)/time.Second)))
	list := make([]time.Time, n)
	for i := range list {
		list[i] = from.Add(to.Sub(from) * time.Duration(2*i+1) / time.Duration(2*n))
	}
	return list
}

// Sheet is a range at a glance, as one JPEG: pictures evenly spread, each under
// the time at which it was taken, in the time of a zone. Where nothing is
// recorded, or what is recorded cannot be read, the cell says so. It answers
// ErrNoFootage if nothing is recorded at all, and ErrNoDecoder without ffmpeg.
func (s *Service) Sheet(ctx context.Context, camera string, from, to time.Time, zone *time.Location) ([]byte, error) {
	if s.stills.ffmpeg == "" {
		return nil, ErrNoDecoder
	}
	times := SheetTimes(from, to)
	cells, err := s.cells(ctx, camera, times, recording.Main, recording.Sub)
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, cells, sheetWidth); err != nil {
		return nil, err
	}
	return drawSheet(camera+"  ·  "+from.In(zone).Format("2006-01-02 15:04:05")+" – "+to.In(zone).Format("2006-01-02 15:04:05 MST"), cells, zone)
}

func drawSheet(title string, cells []cell, zone *time.Location) ([]byte, error) {
	faces.Lock()
	defer faces.Unlock()
	f, err := faces.load()
	if err != nil {
		return nil, err
	}
	rows := (len(cells) + sheetColumns - 1) / sheetColumns
	img := image.NewRGBA(image.Rect(0, 0, sheetColumns*(sheetWidth+sheetMargin)+sheetMargin, sheetHead+rows*(sheetHeight+sheetLine+sheetMargin)))
	draw.Draw(img, img.Bounds(), image.NewUniform(cardGround), image.Point{}, draw.Src)
	write := func(text string, x, y, room int) {
		d := font.Drawer{Dst: img, Src: image.NewUniform(cardTitle), Face: f[1], Dot: fixed.P(x, y)}
		d.DrawString(shorten(d, text, room))
	}
	write(title, sheetMargin, 40, img.Bounds().Dx()-2*sheetMargin)
	for i, c := range cells {
		x, y := sheetMargin+i%sheetColumns*(sheetWidth+sheetMargin), sheetHead+i/sheetColumns*(sheetHeight+sheetLine+sheetMargin)
		at := image.Rect(x, y, x+sheetWidth, y+sheetHeight)
		draw.Draw(img, at, image.Black, image.Point{}, draw.Src)
		switch {
		case c.picture != nil:
			centre(img, at, c.picture)
			write(c.key.taken.In(zone).Format("15:04:05"), x, y+sheetHeight+24, sheetWidth)
		case c.lost:
			line(img, at, f[1], cardText, unread, y+sheetHeight/2+8)
			write(c.at.In(zone).Format("15:04:05"), x, y+sheetHeight+24, sheetWidth)
		default:
			write("–", x, y+sheetHeight+24, sheetWidth)
		}
	}
	b, err := encode(img, 85)
	if err != nil {
		return nil, fmt.Errorf("drawing contact sheet: %w", err)
	}
	return b, nil
}
