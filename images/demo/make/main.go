// Command make draws the demo's two films, porch.mp4 and driveway.mp4, and
// their sound, and has ffmpeg compress them into the folder it is run in.
//
// With -still it writes single pictures instead, to look at while drawing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"gatehouse/images/demo/script"
)

// film is a scene that can be drawn at any moment of the loop.
type film struct {
	name, title string
	scene       func() scene
	sound       func() []float64
}

// scene draws the picture at a moment of the loop onto the canvas.
type scene interface {
	draw(c *canvas, at time.Duration)
}

var films = []film{
	{script.Porch, "Porch", newPorch, porchSound},
	{script.Driveway, "Driveway", newDriveway, drivewaySound},
}

func main() {
	out := flag.String("o", ".", "`folder` to write to")
	only := flag.String("camera", "", "make only this camera's `name`")
	still := flag.Duration("still", -1, "write NAME.png of this `moment` instead of a film")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, *only, *still); err != nil {
		fmt.Fprintln(os.Stderr, "make:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, only string, still time.Duration) error {
	made := 0
	for _, f := range films {
		if only != "" && only != f.name {
			continue
		}
		made++
		reel, err := newReel(f)
		if err != nil {
			return err
		}
		if still >= 0 {
			err = reel.still(still, filepath.Join(out, f.name+".png"))
		} else {
			err = encode(ctx, reel, f.sound(), filepath.Join(out, f.name+".mp4"))
		}
		if err != nil {
			return fmt.Errorf("making %s: %w", f.name, err)
		}
	}
	if made == 0 {
		return errors.New("no such camera")
	}
	return nil
}

// reel is a film ready to be drawn: a scene and the writing on it.
type reel struct {
	scene   scene
	overlay *overlay
	canvas  *canvas
}

func newReel(f film) (*reel, error) {
	o, err := newOverlay(f.title)
	if err != nil {
		return nil, err
	}
	return &reel{scene: f.scene(), overlay: o, canvas: newCanvas(script.Width, script.Height)}, nil
}

const frames = int(script.Loop/time.Second) * script.Rate

// draw returns the pixels of a frame, 4 bytes each, valid until the next call.
func (r *reel) draw(frame int) []byte {
	at := time.Duration(frame) * time.Second / script.Rate
	r.scene.draw(r.canvas, at)
	r.overlay.plates(r.canvas)
	r.overlay.clock(r.canvas, frame, at)
	return r.canvas.img.Pix
}

func (r *reel) still(at time.Duration, path string) error {
	r.draw(int(at * script.Rate / time.Second))
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing picture: %w", err)
	}
	err = png.Encode(f, r.canvas.img)
	return errors.Join(err, f.Close())
}
