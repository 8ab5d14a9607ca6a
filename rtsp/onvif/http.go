package onvif

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"gatehouse/rtsp"
)

// userAgent is what devices are told; the same as over RTSP.
const userAgent = "Gatehouse"

const (
	dialLimit = 5 * time.Second
	callLimit = 10 * time.Second
)

// certificateError is a device whose certificate nobody vouches for.
type certificateError struct {
	shown rtsp.Pin // of the certificate
	other bool     // another one is pinned
}

// Error gives the fingerprint of the certificate, which is what the owner pins.
func (e *certificateError) Error() string {
	if e.other {
		return "certificate " + e.shown.String() + " is not the pinned one"
	}
	return "certificate " + e.shown.String() + " is vouched for by nobody"
}

// httpError is an answer that is an error and no SOAP fault.
type httpError struct{ status int }

func (e *httpError) Error() string { return fmt.Sprintf("HTTP status %d", e.status) }

var errRedirect = errors.New("the device sends its clients to another address")

// newClient returns a client that speaks with one device: no proxy, no
// redirects, TLS 1.2 at least. pin is the SHA-256 of the only certificate to
// accept; without it the certificate must verify like any other.
func newClient(pin *rtsp.Pin) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: dialLimit}).DialContext,
			TLSClientConfig:        tlsConfig(pin),
			TLSHandshakeTimeout:    dialLimit,
			MaxResponseHeaderBytes: 64 << 10,
			MaxConnsPerHost:        4,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        5 * time.Second, // small devices have few connections to give
			DisableCompression:     true,
		},
	}
}

func tlsConfig(pin *rtsp.Pin) *tls.Config {
	if pin == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection compares with the pin
		VerifyConnection: func(cs tls.ConnectionState) error {
			if shown := rtsp.Pin(sha256.Sum256(cs.PeerCertificates[0].Raw)); shown != *pin {
				return &certificateError{shown, true}
			}
			return nil
		},
	}
}

// answer is a whole HTTP response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and reads at most limit bytes; more is an error. Errors
// never carry the address.
func (c *Camera) do(r *http.Request, limit int64) (*answer, error) {
	r.Header.Set("User-Agent", userAgent)
	res, err := c.http.Do(r)
	if err != nil {
		return nil, bareError(err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 == 3 {
		return nil, errRedirect
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, bareError(err)
	}
	if n > limit {
		return nil, fmt.Errorf("%w: larger than %d bytes", errDocument, limit)
	}
	return &answer{res.StatusCode, res.Header, b.Bytes()}, nil
}

// bareError takes the address out of an error of net/http, and gives a
// certificate's fingerprint in place of crypto/tls's reasons.
func bareError(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var v *tls.CertificateVerificationError
	if errors.As(err, &v) && len(v.UnverifiedCertificates) > 0 {
		return &certificateError{shown: sha256.Sum256(v.UnverifiedCertificates[0].Raw)}
	}
	return err
}

// isClosed reports whether the device closed the connection in place of an answer.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isTimeout reports whether a time limit of ours ended a request.
func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}
