//go:build trace

package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/request"
)

// mutations are ways in which a hub could give away what it should not. The
// trace test must notice each, or it proves nothing.
var mutations = map[string]func(*request.Config){
	"asks only for what changed": func(c *request.Config) {
		c.Transport = &conditional{next: request.Transport(), tags: map[string]string{}}
	},
	"resumes TLS sessions": func(c *request.Config) {
		t := request.Transport()
		t.TLSClientConfig = &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		c.Transport = t
	},
	"keeps connections open": func(c *request.Config) {
		t := request.Transport()
		t.DisableKeepAlives = false
		c.Transport = t
	},
	"resolves the upload host early": func(c *request.Config) {
		c.Notify = before(c.Notify, func(r request.Record) {
			if u, err := url.Parse(r.Request.Delivery.Targets[0].URL); err == nil {
				_, _ = net.DefaultResolver.LookupHost(context.Background(), u.Hostname())
			}
		})
	},
	"sends a datagram at a match": func(c *request.Config) {
		c.Notify = before(c.Notify, func(request.Record) {
			if conn, err := net.Dial("udp", "192.0.2.7:9"); err == nil {
				_, _ = conn.Write([]byte("matched"))
				_ = conn.Close()
			}
		})
	},
	"fetches when somebody looks": func(c *request.Config) {
		c.Store = &polled{c.Store, c.Feeds[0].URL + bulletin.CheckpointPath}
	},
}

func mutated(c request.Config, name string) request.Config {
	if mutate := mutations[name]; mutate != nil {
		mutate(&c)
	} else if name != "" {
		panic("no such mutation: " + name)
	}
	return c
}

func before(next, first func(request.Record)) func(request.Record) {
	return func(r request.Record) { first(r); next(r) }
}

// conditional sends If-None-Match.
type conditional struct {
	next http.RoundTripper
	mu   sync.Mutex // guards tags
	tags map[string]string
}

// RoundTrip implements http.RoundTripper.
func (t *conditional) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r = r.Clone(r.Context())
	if tag := t.tags[r.URL.Path]; tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	res, err := t.next.RoundTrip(r)
	if err == nil {
		t.tags[r.URL.Path] = res.Header.Get("Etag")
	}
	return res, err
}

// polled asks the bulletin for news when a request is shown for the first time.
type polled struct {
	request.Store
	url string
}

// Record implements request.Store.
func (p *polled) Record(ctx context.Context, id string) (request.Record, error) {
	r, err := p.Store.Record(ctx, id)
	if err == nil && r.Shown.IsZero() {
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, http.NoBody); err == nil {
			if res, err := request.Transport().RoundTrip(req); err == nil {
				_ = res.Body.Close()
			}
		}
	}
	return r, err
}
