package request

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// What a fetch may cost.
const (
	maxCheckpoint = 16 << 10
	maxFile       = 8 << 20
	fetchTimeout  = 60 * time.Second
)

// userAgent is the same for every hub and every version: it tells that this is
// a hub, which the address fetched tells anyway, and no more.
const userAgent = "gatehouse"

// Transport makes every fetch look like the first one of its hub: a new
// connection, no TLS session to resume, no compression offered, HTTP/1.1, no
// proxy of the environment. Redirects, cookies, conditions and credentials are
// the business of an http.Client, which is not used.
func Transport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: -1}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true},
		TLSHandshakeTimeout:    20 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
		DisableCompression:     true,
	}
}

// get fetches a file of at most limit bytes and returns it with its status; a
// status other than 200 has no body.
func get(ctx context.Context, via http.RoundTripper, url string, limit int64) (body []byte, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("User-Agent", userAgent)
	res, err := via.RoundTrip(req)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	if res.StatusCode != http.StatusOK {
		return nil, res.StatusCode, nil
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, res.StatusCode, err
	}
	if int64(len(body)) > limit {
		return nil, res.StatusCode, fmt.Errorf("more than %d bytes", limit)
	}
	return body, res.StatusCode, nil
}
