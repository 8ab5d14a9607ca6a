package delivery

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
)

const (
	maxReceipt  = 16 << 10
	connectTime = 20 * time.Second
	requestTime = 30 * time.Second
	leastRate   = 4 << 10 // bytes a second that an upload must reach
)

// web talks HTTPS to the one host that a job may be sent to.
type web struct {
	target *url.URL
	client *http.Client
	wire   *http.Transport
}

func newWeb(u *url.URL, h bulletin.UploadHost, private bool) *web {
	w := &web{target: u, wire: &http.Transport{
		DialContext:            newDialer(private).DialContext,
		TLSClientConfig:        tlsConfig(h.SPKI),
		TLSHandshakeTimeout:    connectTime,
		ExpectContinueTimeout:  10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		// HTTP/1.1 alone: a custom TLS configuration turns HTTP/2 off.
	}}
	w.client = &http.Client{Transport: w}
	return w
}

func (w *web) close() { w.wire.CloseIdleConnections() }

// tlsConfig wants TLS 1.3. A pin replaces the check of the certificate's names
// and issuers: the agency's signed profile is the better witness of its key.
func tlsConfig(pin []byte) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true}
	if len(pin) == 0 {
		return c
	}
	c.InsecureSkipVerify = true //nolint:gosec // VerifyConnection compares the key with the pin
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errPin
		}
		sum := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)
		if subtle.ConstantTimeCompare(sum[:], pin) != 1 {
			return errPin
		}
		return nil
	}
	return c
}

// statusError is an answer that is no success.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// RoundTrip implements http.RoundTripper for the client and tusgo: one host, a
// time limit, and an error for every answer that is no success. So no redirect
// reaches the client, and tusgo never reads the body of an error answer (it
// panics at a short one).
func (w *web) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" || !strings.EqualFold(req.URL.Host, w.target.Host) {
		return nil, errHost
	}
	limit := requestTime + time.Duration(req.ContentLength/leastRate)*time.Second
	ctx, cancel := context.WithTimeout(req.Context(), limit)
	req = req.Clone(ctx)
	req.Header.Set("User-Agent", "gatehouse")
	res, err := w.wire.RoundTrip(req)
	if err != nil {
		cancel()
		return nil, err
	}
	if res.Header.Get("X-Ms-Error-Code") == "BlobAlreadyExists" { // Azure's 409, for others' 412
		res.StatusCode = http.StatusPreconditionFailed
	}
	if res.StatusCode < 200 || res.StatusCode >= 300 {
		cancel()
		return nil, errors.Join(statusError(res.StatusCode), res.Body.Close())
	}
	res.Body = &limited{Reader: io.LimitReader(res.Body, maxReceipt+1), body: res.Body, cancel: cancel}
	return res, nil
}

// limited is an answer's body: bounded, and the end of its request's time limit.
type limited struct {
	io.Reader
	body   io.Closer
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (l *limited) Close() error {
	defer l.cancel()
	return l.body.Close()
}
