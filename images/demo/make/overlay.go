package main

import (
	"fmt"
	"image"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// overlay writes the camera's name and the running clock.
type overlay struct {
	name          string
	title, digits font.Face
}

func newOverlay(name string) (*overlay, error) {
	title, err := face(gomedium.TTF, 24)
	if err != nil {
		return nil, err
	}
	digits, err := face(gomono.TTF, 22)
	if err != nil {
		return nil, err
	}
	return &overlay{name: name, title: title, digits: digits}, nil
}

func face(ttf []byte, size float64) (font.Face, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("parsing font: %w", err)
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
}

var ink = image.NewUniform(hex(0xfff8ec).rgba())

// plates paints what never changes: the two plates and the name.
func (o *overlay) plates(c *canvas) {
	w := float64(font.MeasureString(o.title, o.name).Ceil())
	c.fill(solid(hex(0x1c1b33).alpha(.6)), rounded(28, 26, 28+w+36, 66, 12))
	c.fill(solid(hex(0x1c1b33).alpha(.6)), rounded(1280-28-206, 26, 1280-28, 66, 12))
	o.text(c, o.title, 46, 55, o.name)
}

// clock paints the time in the loop, as mm:ss.f, and the frame's number.
func (o *overlay) clock(c *canvas, frame int, at time.Duration) {
	tenths := int(at / (100 * time.Millisecond))
	s := fmt.Sprintf("%02d:%02d.%d  %03d", tenths/600, tenths/10%60, tenths%10, frame)
	o.text(c, o.digits, 1280-28-188, 54, s)
}

func (o *overlay) text(c *canvas, f font.Face, x, y int, s string) {
	d := font.Drawer{Dst: c.img, Src: ink, Face: f, Dot: fixed.P(x, y)}
	d.DrawString(s)
}
