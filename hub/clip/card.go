package clip

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Size and colours of a card: as quiet as a camera that is off.
const cardWidth, cardHeight = 640, 360

var (
	cardGround = color.RGBA{0x22, 0x26, 0x2b, 0xff}
	cardTitle  = color.RGBA{0xf2, 0xf2, 0xf0, 0xff}
	cardText   = color.RGBA{0xb4, 0xba, 0xc2, 0xff}
)

// faces are drawn with by one goroutine at a time: a face caches glyphs.
var faces = struct {
	sync.Mutex
	load func() ([2]font.Face, error)
}{load: sync.OnceValues(func() (f [2]font.Face, err error) {
	for i, v := range []struct {
		ttf  []byte
		size float64
	}{{gomedium.TTF, 34}, {goregular.TTF, 22}} {
		parsed, err := opentype.Parse(v.ttf)
		if err != nil {
			return f, fmt.Errorf("reading font: %w", err)
		}
		if f[i], err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: v.size, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return f, fmt.Errorf("reading font: %w", err)
		}
	}
	return f, nil
})}

// card draws a title and a sentence.
func card(title, sentence string) ([]byte, error) {
	faces.Lock()
	defer faces.Unlock()
	f, err := faces.load()
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, cardWidth, cardHeight))
	draw.Draw(img, img.Bounds(), image.NewUniform(cardGround), image.Point{}, draw.Src)
	line(img, img.Bounds(), f[0], cardTitle, title, cardHeight/2-8)
	line(img, img.Bounds(), f[1], cardText, sentence, cardHeight/2+34)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// line draws text in the middle of a part of a drawing.
func line(img draw.Image, part image.Rectangle, face font.Face, c color.Color, text string, y int) {
	d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: face}
	text = shorten(d, text, part.Dx()*37/40)
	d.Dot = fixed.P(part.Min.X+(part.Dx()-d.MeasureString(text).Ceil())/2, y)
	d.DrawString(text)
}

// shorten cuts text off with an ellipsis where it is too long.
func shorten(d font.Drawer, text string, room int) string {
	r := []rune(text)
	if d.MeasureString(text).Ceil() <= room {
		return text
	}
	for len(r) > 0 && d.MeasureString(string(r)+"…").Ceil() > room {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}
