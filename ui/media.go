package ui

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/hub/clip"
	"gatehouse/hub/recording"
)

// liveSpan is how much of the past a live playlist lists: enough for a player
// to start at once and to survive a stalled network.
const liveSpan = 30 * time.Second

// maxVOD bounds a playlist of the past to what a person watches in a go.
const maxVOD = 24 * time.Hour

// stream checks the camera and stream of a media address.
func (c *console) stream(r *http.Request) (camera, stream string, err error) {
	cam, ok := c.camera(r.PathValue("camera"))
	stream = r.PathValue("stream")
	if !ok || (stream != recording.Main && stream != recording.Sub) {
		return "", "", errNoPage
	}
	return cam.Name, stream, nil
}

func (c *console) livePlaylist(w http.ResponseWriter, r *http.Request) {
	now := c.cfg.Now()
	c.playlist(w, r, now.Add(-liveSpan), now.Add(time.Minute), true)
}

func (c *console) vodPlaylist(w http.ResponseWriter, r *http.Request) {
	from, err1 := time.Parse(time.RFC3339, r.FormValue("from"))
	to, err2 := time.Parse(time.RFC3339, r.FormValue("to"))
	if err1 != nil || err2 != nil || !to.After(from) || to.Sub(from) > maxVOD {
		c.fail(w, r, errTime)
		return
	}
	c.playlist(w, r, from, to, false)
}

func (c *console) playlist(w http.ResponseWriter, r *http.Request, from, to time.Time, live bool) {
	camera, stream, err := c.stream(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	b, err := c.cfg.Clips.Playlist(r.Context(), clip.Range{Camera: camera, Stream: stream, From: from, To: to}, live)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	_, _ = w.Write(b)
}

// segmentID reads "<id>.mp4".
func segmentID(file string) (int64, error) {
	name, ok := strings.CutSuffix(file, ".mp4")
	id, err := strconv.ParseInt(name, 10, 64)
	if !ok || err != nil || id < 0 {
		return 0, errNoPage
	}
	return id, nil
}

// piece is the segment that a playlist's address names.
func (c *console) piece(r *http.Request) (camera, stream string, id int64, err error) {
	if camera, stream, err = c.stream(r); err != nil {
		return "", "", 0, err
	}
	id, err = segmentID(r.PathValue("file"))
	return camera, stream, id, err
}

func (c *console) initialisation(w http.ResponseWriter, r *http.Request) {
	camera, stream, id, err := c.piece(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	b, err := c.cfg.Clips.Init(r.Context(), camera, stream, id)
	if err != nil {
		c.fail(w, r, mediaError(err))
		return
	}
	w.Header().Set("Content-Type", "video/mp4")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

func (c *console) segment(w http.ResponseWriter, r *http.Request) {
	camera, stream, id, err := c.piece(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	f, err := c.cfg.Clips.SegmentFile(r.Context(), camera, stream, id)
	if err != nil {
		c.fail(w, r, mediaError(err))
		return
	}
	defer f.Close() //nolint:errcheck // read only
	w.Header().Set("Content-Type", "video/mp4")
	http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(f, 0, f.Size()))
}

// mediaError turns the archive's "not found" into the console's: footage past
// its time is nothing unusual.
func mediaError(err error) error {
	if errors.Is(err, recording.ErrNotFound) {
		return fmt.Errorf("finding segment: %w", clip.ErrNoFootage)
	}
	return err
}

// still answers the newest picture, or the one at ?at=. A card that stands in
// for a picture is an answer too.
func (c *console) still(w http.ResponseWriter, r *http.Request) {
	cam, ok := c.camera(r.PathValue("camera"))
	if !ok {
		c.fail(w, r, errNoPage)
		return
	}
	at := c.cfg.Now()
	if s := r.FormValue("at"); s != "" {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			c.fail(w, r, errTime)
			return
		}
		at = t
	}
	jpeg, err := c.cfg.Clips.Still(r.Context(), cam.Name, at)
	if err != nil && (!errors.Is(err, clip.ErrNoPicture) || len(jpeg) == 0) {
		c.fail(w, r, mediaError(err))
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	_, _ = w.Write(jpeg)
}
