package ui

import (
	"context"
	"net/http"
)

// looks says of a request whether its log-in still lasts and lets it see camera.
func (c *console) looks(r *http.Request, camera string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		l, still, err := c.login(r.WithContext(ctx))
		return still && err == nil && l.Person.Sees(camera)
	}
}

func (c *console) liveIndex(w http.ResponseWriter, r *http.Request) {
	camera, stream, err := c.stream(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.cfg.HLS.Index(w, r, camera, stream)
}

func (c *console) liveMedia(w http.ResponseWriter, r *http.Request) {
	camera, stream, err := c.stream(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.cfg.HLS.Media(w, r, camera, stream, r.PathValue("list"), r.PathValue("file"), c.looks(r, camera))
}

// whep finds the stream that a request for live view is about.
func (c *console) whep(w http.ResponseWriter, r *http.Request) (camera, stream string, ok bool) {
	camera, stream, err := c.stream(r)
	if err == nil && c.cfg.WHEP == nil {
		err = errNoPage
	}
	if err != nil {
		c.fail(w, r, err)
		return "", "", false
	}
	return camera, stream, true
}

// whepCreate lets a viewer in for as long as its log-in lasts.
func (c *console) whepCreate(w http.ResponseWriter, r *http.Request) {
	camera, stream, ok := c.whep(w, r)
	if !ok {
		return
	}
	c.cfg.WHEP.Create(w, r, camera, stream, c.looks(r, camera))
}

func (c *console) whepUpdate(w http.ResponseWriter, r *http.Request) {
	if camera, stream, ok := c.whep(w, r); ok {
		c.cfg.WHEP.Update(w, r, camera, stream, r.PathValue("viewer"))
	}
}

func (c *console) whepDelete(w http.ResponseWriter, r *http.Request) {
	if camera, stream, ok := c.whep(w, r); ok {
		c.cfg.WHEP.Delete(w, r, camera, stream, r.PathValue("viewer"))
	}
}
