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

// maxVOD bounds a playlist of the past to what a person watches in a go.
const maxVOD = 24 * time.Hour

// stream checks the camera and stream of a media address.
func (c *console) stream(r *http.Request) (camera, stream string, err error) {
	stream = r.PathValue("stream")
	if stream != recording.Main && stream != recording.Sub {
		return "", "", errNoPage
	}
	cam, err := c.footageOf(r)
	return cam.Name, stream, err
}

func (c *console) vodPlaylist(w http.ResponseWriter, r *http.Request) {
	camera, stream, err := c.stream(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	from, to, err := clip.ParseRange(r.FormValue("from"), r.FormValue("to"), maxVOD)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	b, err := c.cfg.Clips.Playlist(r.Context(), clip.Range{Camera: camera, Stream: stream, From: from, To: to})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	_, _ = w.Write(b)
}

// clipQuery reads what a clip's address asks for: from and to; sound=0 leaves
// sound out; part names one of several stretches; download is for keeping.
func (c *console) clipQuery(r *http.Request) (q clip.Query, err error) {
	q.Audio, q.Zone = r.FormValue("sound") != "0", c.cfg.Home.TimeZone
	q.Download = r.FormValue("download") != ""
	if q.Camera, q.Stream, err = c.stream(r); err != nil {
		return q, err
	}
	if part := r.FormValue("part"); part != "" {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || n == 0 {
			return q, errNoPage
		}
		q.Part = int(n)
	}
	q.From, q.To, err = clip.ParseRange(r.FormValue("from"), r.FormValue("to"), clip.MaxExport)
	return q, err
}

// clipFile answers a clip as MP4. One with holes, of which no part is named, is
// an archive.
func (c *console) clipFile(w http.ResponseWriter, r *http.Request) {
	q, err := c.clipQuery(r)
	if err == nil && q.Download && !c.exporting(w, r) {
		return
	}
	if err == nil {
		err = c.cfg.Clips.ServeMP4(w, r, q)
	}
	if errors.Is(err, clip.ErrParts) {
		http.Redirect(w, r, strings.TrimSuffix(r.URL.EscapedPath(), ".mp4")+".zip?"+r.URL.RawQuery, http.StatusSeeOther)
		return
	}
	c.clipFailed(w, r, err)
}

// clipArchive answers every stretch of a clip in one archive.
func (c *console) clipArchive(w http.ResponseWriter, r *http.Request) {
	q, err := c.clipQuery(r)
	if err == nil && !c.exporting(w, r) {
		return
	}
	if err == nil {
		err = c.cfg.Clips.ServeZIP(w, r, q)
	}
	c.clipFailed(w, r, err)
}

func (c *console) clipFailed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, clip.ErrBusy) {
		w.Header().Set("Retry-After", "5")
	}
	if err != nil {
		c.fail(w, r, err) // a file that is gone although its footage is listed has words of its own
	}
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

// still answers a picture of now, or the recorded one at ?at=. A card that
// stands in for a picture is an answer too. Two headers say what it is:
// Gatehouse-Picture its origin, and Gatehouse-Taken when it was taken.
func (c *console) still(w http.ResponseWriter, r *http.Request) {
	cam, err := c.footageOf(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	var still clip.Still
	if at := r.FormValue("at"); at == "" {
		still, err = c.cfg.Clips.StillNow(r.Context(), cam.Name)
	} else {
		t, terr := time.Parse(time.RFC3339, at)
		if terr != nil {
			c.fail(w, r, errTime)
			return
		}
		still, err = c.cfg.Clips.Still(r.Context(), cam.Name, t)
	}
	if err != nil && (!errors.Is(err, clip.ErrNoPicture) || len(still.JPEG) == 0) {
		c.fail(w, r, mediaError(err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Gatehouse-Picture", string(still.Origin))
	if !still.Taken.IsZero() {
		h.Set("Gatehouse-Taken", still.Taken.UTC().Format("2006-01-02T15:04:05.000Z"))
		h.Set("Last-Modified", still.Taken.UTC().Format(http.TimeFormat))
	}
	_, _ = w.Write(still.JPEG)
}
