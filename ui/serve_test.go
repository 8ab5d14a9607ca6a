package ui

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestMain serves the fixture home instead of testing when an address is in
// GATEHOUSE_CONSOLE_FIXTURE: ui/e2e drives browsers against it.
func TestMain(m *testing.M) {
	if os.Getenv("GATEHOUSE_CAMERA_RIG") != "" {
		if err := serveCamera(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	addr := os.Getenv("GATEHOUSE_CONSOLE_FIXTURE")
	if addr == "" {
		code := m.Run()
		_ = os.RemoveAll(scratch())
		os.Exit(code)
	}
	defer os.RemoveAll(scratch())
	if err := serveFixture(addr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serveFixture(addr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	started := time.Now()
	var film fakeClips
	if err := film.film(ctx); err != nil {
		return fmt.Errorf("making footage: %w", err)
	}
	houses := map[string]*house{}
	for name, change := range homes {
		h := newHouse()
		h.now = func() time.Time { return fixtureNow.Add(time.Since(started)) }
		change(h)
		if os.Getenv("GATEHOUSE_CONSOLE_FRESH") != "" {
			h.accounts = newAccounts(h.accounts.now, false)
		}
		h.clips.movie, h.clips.sealed, h.clips.jpeg = film.movie, film.sealed, film.jpeg
		h.clips.large, h.clips.stripes = film.large, film.stripes
		houses[name] = h
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("http://" + ln.Addr().String())
	srv := Server(showGallery(houses))
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// film makes 30 s of picture with ffmpeg: fragmented, sealed and still. Homes that
// are started one after the other find it in the folder of GATEHOUSE_CONSOLE_FILM.
func (c *fakeClips) film(ctx context.Context) error {
	kept := os.Getenv("GATEHOUSE_CONSOLE_FILM")
	if kept == "" {
		kept = filepath.Join(scratch(), "film")
	}
	if _, err := os.Stat(kept); err != nil {
		if err := makeFilm(ctx, kept); err != nil {
			return err
		}
	}
	files := map[string][]byte{}
	for name := range filmed {
		var err error
		if files[name], err = os.ReadFile(filepath.Join(kept, name)); err != nil {
			return err
		}
	}
	c.large = readMovie(files["large.mp4"])
	c.movie, c.sealed, c.jpeg, c.stripes = readMovie(files["frag.mp4"]), files["sealed.mp4"], files["still.jpg"], files["strip.jpg"]
	return nil
}

// filmed are the files of the film, and what ffmpeg is told for each.
var filmed = map[string][]string{
	"frag.mp4":   {"-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-sc_threshold", "0", "-bf", "0", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov+default_base_moof"},
	"large.mp4":  {"-t", "10", "-s", "640x360", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=30:min-keyint=30:scenecut=0:bframes=0:log-level=error", "-tag:v", "hvc1", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov+default_base_moof"},
	"sealed.mp4": {"-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "0", "-pix_fmt", "yuv420p", "-t", "12", "-movflags", "faststart"},
	"still.jpg":  {"-frames:v", "1"},
	"strip.jpg":  {"-vf", "scale=160:90,fps=1/5,tile=6x1", "-frames:v", "1"},
}

// makeFilm makes the files in a folder, which is there whole or not at all.
func makeFilm(ctx context.Context, folder string) error {
	dir, err := os.MkdirTemp(filepath.Dir(folder), "film-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	source := []string{"-loglevel", "error", "-f", "lavfi", "-i", "gradients=s=1280x720:r=15:d=30:c0=0x2b3a42:c1=0x6b7a6a:c2=0x1d2429:speed=0.01"}
	for name, args := range filmed {
		out := filepath.Join(dir, name)
		if b, err := exec.CommandContext(ctx, "ffmpeg", slices.Concat(source, args, []string{out})...).CombinedOutput(); err != nil {
			return fmt.Errorf("ffmpeg: %w: %s", err, b)
		}
	}
	if err := os.Rename(dir, folder); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil // another home was quicker
}

// readMovie finds the top-level boxes (ISO/IEC 14496-12 4.2): up to the end of
// moov is initialisation, each moof with the boxes up to the next is a fragment.
func readMovie(data []byte) movie {
	m := movie{data: data}
	for off := 0; off+8 <= len(data); {
		n := int(binary.BigEndian.Uint32(data[off:]))
		switch string(data[off+4 : off+8]) {
		case "moov":
			m.init = off + n
		case "moof":
			m.fragments = append(m.fragments, [2]int{off, n})
		case "mdat":
			if k := len(m.fragments); k > 0 {
				m.fragments[k-1][1] += n
			}
		}
		if n < 8 {
			break
		}
		off += n
	}
	return m
}
