package ui

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"gatehouse/hub/clip"
)

// strip answers a minute in small pictures; 204 where there are none.
func (c *console) strip(w http.ResponseWriter, r *http.Request) {
	cam, err := c.footageOf(r)
	at, timeErr := time.Parse(time.RFC3339, r.FormValue("at"))
	if err == nil && (timeErr != nil || at.Year() < 1970 || at.Year() >= 2200) {
		err = errTime
	}
	var b []byte
	if err == nil {
		b, err = c.cfg.Clips.Strip(r.Context(), cam.Name, at)
	}
	switch err = mediaError(err); {
	case errors.Is(err, clip.ErrNoFootage):
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, clip.ErrNoDecoder):
		w.Header().Set("Gatehouse-Picture", string(clip.FromNothing)) // scripts seek the video instead
		w.WriteHeader(http.StatusNoContent)
	case err != nil:
		c.fail(w, r, err)
	default:
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(b)
	}
}

// sheetView is a range at a glance.
type sheetView struct {
	Label, When string
	Back        string
	Image       string // all of it as one JPEG
	Cells       []sheetCell
}

type sheetCell struct {
	Picture, URL string
	Time         moment
}

// sheet is a page of pictures over the range of the form.
func (c *console) sheet(w http.ResponseWriter, r *http.Request) {
	cam, err := c.footageOf(r)
	from, to, rangeErr := c.formRange(r)
	if err = errors.Join(err, rangeErr); err != nil {
		c.fail(w, r, err)
		return
	}
	media := "/cameras/" + url.PathEscape(cam.Name) + "/"
	v := sheetView{
		Label: cam.Label, When: c.span(from, to), Back: c.momentURL(cam.Name, from),
		Image: media + "sheet.jpg?" + url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}}.Encode(),
	}
	for _, t := range clip.SheetTimes(from, to) {
		v.Cells = append(v.Cells, sheetCell{
			Picture: media + "still.jpg?" + url.Values{"at": {t.UTC().Format(time.RFC3339)}}.Encode(),
			URL:     c.momentURL(cam.Name, t), Time: c.at(t, exactForm),
		})
	}
	c.render(w, r, http.StatusOK, "sheet", view{Title: "sheet.title", Place: "timeline", Body: v})
}

// sheetFile answers the same as one JPEG.
func (c *console) sheetFile(w http.ResponseWriter, r *http.Request) {
	cam, err := c.footageOf(r)
	from, to, rangeErr := clip.ParseRange(r.FormValue("from"), r.FormValue("to"), maxVOD)
	var b []byte
	if err = errors.Join(err, rangeErr); err == nil && !c.exporting(w, r) {
		return
	}
	if err == nil {
		b, err = c.cfg.Clips.Sheet(r.Context(), cam.Name, from, to, c.cfg.Home.TimeZone)
	}
	if err != nil {
		c.fail(w, r, mediaError(err))
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Disposition", clip.Attachment(cam.Name, from.In(c.cfg.Home.TimeZone), ".jpg"))
	_, _ = w.Write(b)
}
