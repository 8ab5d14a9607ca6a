package delivery

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bdragon300/tusgo"

	"gatehouse/hub/bulletin"
)

const (
	maxReceipt  = 16 << 10
	requestTime = 30 * time.Second
	leastRate   = 4 << 10 // bytes a second that an upload must reach
)

// receiver talks to the one host that a job may be sent to.
//
//	POST  <target>           makes an upload (tus 1.0, creation)
//	HEAD  <upload>           how far it is
//	PATCH <upload>           the bytes
//	GET   ../receipts/<sha>  beside the target: the signed receipt, 404 until there is one
type receiver struct {
	host   string // as the profile writes it
	target *url.URL
	client *http.Client
	wire   *http.Transport
}

// newReceiver checks the job's target against the signed profile.
func newReceiver(j Job, p bulletin.VerifiedProfile) (*receiver, error) {
	u, err := url.Parse(j.Target.URL)
	if err != nil || j.Target.Kind != "tus" || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errTarget
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), ":443")
	for _, h := range p.UploadHosts {
		if h.Host != host {
			continue
		}
		wire := &http.Transport{
			DialContext:            (&net.Dialer{Timeout: 20 * time.Second, Control: dialControl(j.Private)}).DialContext,
			TLSClientConfig:        tlsConfig(h.SPKI),
			TLSHandshakeTimeout:    20 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
			// HTTP/1.1 alone: a custom TLS configuration turns HTTP/2 off.
		}
		r := &receiver{host: host, target: u, wire: wire}
		r.client = &http.Client{Transport: r}
		return r, nil
	}
	return nil, errHost
}

func (r *receiver) close() { r.wire.CloseIdleConnections() }

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
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" || !strings.EqualFold(req.URL.Host, r.target.Host) {
		return nil, errHost
	}
	limit := requestTime + time.Duration(req.ContentLength/leastRate)*time.Second
	ctx, cancel := context.WithTimeout(req.Context(), limit)
	req = req.Clone(ctx)
	req.Header.Set("User-Agent", "gatehouse")
	res, err := r.wire.RoundTrip(req)
	if err != nil {
		cancel()
		return nil, err
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

// tus returns a client for one exchange. The extension it needs is taken for
// granted: asking would be one more request, and its absence shows anyway.
func (r *receiver) tus(ctx context.Context) *tusgo.Client {
	c := tusgo.NewClient(r.client, r.target).WithContext(ctx)
	c.Capabilities = &tusgo.ServerCapabilities{Extensions: []string{"creation"}}
	return c
}

// sized gives a streamed body its length.
func (r *receiver) sized(n int64) tusgo.GetRequestFunc {
	return func(method, u string, body io.Reader, _ *tusgo.Client, _ *http.Client) (*http.Request, error) {
		req, err := http.NewRequest(method, u, body)
		if err == nil {
			req.ContentLength = n
		}
		return req, err
	}
}

// resume returns the job's upload as the receiver has it, nil if it has none.
func (r *receiver) resume(ctx context.Context, j Job) (*tusgo.Upload, error) {
	if j.UploadURL == "" {
		return nil, nil
	}
	var u tusgo.Upload
	_, err := r.tus(ctx).GetUpload(&u, j.UploadURL)
	var status statusError
	if errors.As(err, &status) && (status == http.StatusNotFound || status == http.StatusGone || status == http.StatusForbidden) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("resuming: %w", err)
	}
	if u.RemoteSize != j.Bytes || u.RemoteOffset < 0 || u.RemoteOffset > j.Bytes {
		return nil, nil // not the upload we made
	}
	return &u, nil
}

// create makes an upload. Its address must be at the target's host.
func (r *receiver) create(ctx context.Context, j Job) (*tusgo.Upload, error) {
	var u tusgo.Upload
	meta := map[string]string{"package": j.PackageID, "sha256": j.Digest}
	if _, err := r.tus(ctx).CreateUpload(&u, j.Bytes, false, meta); err != nil {
		return nil, fmt.Errorf("creating upload: %w", err)
	}
	at, err := r.target.Parse(u.Location)
	if err != nil || u.Location == "" || len(u.Location) > 2048 {
		return nil, fmt.Errorf("creating upload: %w: no address", errProtocol)
	}
	if at.Scheme != "https" || !strings.EqualFold(at.Host, r.target.Host) {
		return nil, fmt.Errorf("creating upload: %w", errHost)
	}
	u.Location = at.String()
	return &u, nil
}

// receipt returns the receiver's receipt for a digest, nil if there is none yet.
func (r *receiver) receipt(ctx context.Context, digest string) ([]byte, error) {
	u := r.target.JoinPath("..", "receipts", digest)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := r.client.Do(req)
	var status statusError
	if errors.As(err, &status) && status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the receipt: %w", err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, fmt.Errorf("asking for the receipt: %w", err)
	}
	if len(body) > maxReceipt {
		return nil, errReceipt
	}
	return body, nil
}
