package onvif

import (
	"context"
)

// Picture is a snapshot's address that the owner wrote down, for cameras without
// ONVIF. Its methods may be called from several goroutines at once.
type Picture struct {
	camera *Camera
	link   link // what is known of the device: that it took the login, or not
}

// NewPicture returns a Picture that has not been fetched. cfg.URL is its address;
// the rest of cfg is as for New, and so are errors.
func NewPicture(cfg Config) (*Picture, error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return &Picture{camera: c}, nil
}

// Snapshot fetches the picture as [Camera.Snapshot] does.
func (p *Picture) Snapshot(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotLimit)
	defer cancel()
	b, err := p.camera.fetch(ctx, &p.link, p.camera.base)
	return b, p.camera.explain(err)
}
