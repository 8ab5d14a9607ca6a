package onvif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxSnapshot bounds a snapshot: 12 megapixels at the best quality are 6 MB.
	maxSnapshot = 8 << 20
	// snapshotLimit bounds the time for it. Battery cameras take some seconds.
	snapshotLimit = 10 * time.Second
)

// Snapshot fetches a JPEG picture of now from the device (GetSnapshotUri, Media
// 5.16). It is at most 8 MiB and took at most ten seconds; its header was read,
// its pixels were not.
func (c *Camera) Snapshot(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotLimit)
	defer cancel()
	b, err := c.snapshot(ctx)
	if err != nil && ctx.Err() == nil && !errors.Is(err, errRefused) && !errors.Is(err, errNoSnapshot) {
		c.forget() // the device may have other services since it was asked
	}
	return b, c.explain(err)
}

func (c *Camera) snapshot(ctx context.Context) ([]byte, error) {
	l, err := c.link(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	u, without := c.still, time.Since(c.stillless) < retryFactor*c.cfg.Retry
	c.mu.Unlock()
	if without {
		return nil, errNoSnapshot
	}
	if u != nil {
		b, err := c.fetch(ctx, l, u)
		if err == nil || ctx.Err() != nil {
			return b, err
		}
		// An address may be good for one connection, or until a reboot.
	}
	u, err = c.snapshotAddress(ctx, l)
	var b []byte
	if err == nil {
		b, err = c.fetch(ctx, l, u)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.still = u; err != nil {
		c.still = nil
	}
	if errors.Is(err, errNoSnapshot) {
		c.stillless = time.Now()
	}
	return b, err
}

// snapshotAddress asks for the address of the main profile's snapshot, or else
// of the first profile that has one.
func (c *Camera) snapshotAddress(ctx context.Context, l *link) (*url.URL, error) {
	list, from, err := c.profiles(ctx, l)
	if err != nil {
		return nil, err
	}
	for _, p := range list[:min(len(list), 4)] {
		n, err := c.call(ctx, l, from.request("GetSnapshotUri", "<ProfileToken>"+escape(p.Token)+"</ProfileToken>"))
		var f *fault
		if err != nil && !errors.As(err, &f) {
			return nil, fmt.Errorf("asking for the snapshot's address: %w", err)
		}
		if u := c.resolve(uriIn(n), l.ownPort, "http", "https"); u != nil {
			return u, nil
		}
	}
	return nil, errNoSnapshot
}

// actionSnapshot stands for the fetching of a snapshot, which is no SOAP action.
const actionSnapshot = "GET"

// fetch gets a picture, logging in as the device asks: not at all, by Digest,
// or by Basic where it offers nothing else.
func (c *Camera) fetch(ctx context.Context, l *link, u *url.URL) ([]byte, error) {
	if c.rests(actionSnapshot) {
		return nil, errRefused
	}
	var d digestState
	basic := false
	for last := false; ; last = true {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, errAddress
		}
		if basic {
			r.SetBasicAuth(c.user, c.pass)
		}
		d.apply(r, c.user, c.pass)
		a, err := c.do(r, maxSnapshot)
		if err != nil {
			return nil, fmt.Errorf("fetching the snapshot: %w", err)
		}
		if a.status == http.StatusUnauthorized && c.user != "" && !last {
			if basic = !d.challenge(a.header) && offersBasic(a.header); basic || d.newest != nil {
				continue
			}
		}
		if a.status == http.StatusUnauthorized {
			return nil, fmt.Errorf("fetching the snapshot: %w", c.refuse(l, actionSnapshot))
		}
		if a.status != http.StatusOK {
			return nil, fmt.Errorf("fetching the snapshot: %w", &httpError{a.status})
		}
		return checkJPEG(a.body)
	}
}

func offersBasic(h http.Header) bool {
	for _, v := range h.Values("WWW-Authenticate") {
		if scheme, _, _ := strings.Cut(strings.TrimSpace(v), " "); strings.EqualFold(scheme, "Basic") {
			return true
		}
	}
	return false
}

// checkJPEG returns the picture in b, from its first marker to its last. Some
// devices send padding or a line break behind it; one that was cut short, or a
// page that says what went wrong, is an error.
func checkJPEG(b []byte) ([]byte, error) {
	end := bytes.LastIndex(b, []byte{0xff, 0xd9})
	if !bytes.HasPrefix(b, []byte{0xff, 0xd8, 0xff}) || end < 0 {
		return nil, errNotJPEG
	}
	b = b[:end+2]
	if cfg, err := jpeg.DecodeConfig(bytes.NewReader(b)); err != nil || cfg.Width < 1 || cfg.Height < 1 {
		return nil, errNotJPEG
	}
	return b, nil
}
