package ui

import (
	"context"
	"net/http"
)

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
	c.cfg.WHEP.Create(w, r, camera, stream, func(ctx context.Context) bool {
		l, still, err := c.login(r.WithContext(ctx))
		return still && err == nil && l.Person.Sees(camera)
	})
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
