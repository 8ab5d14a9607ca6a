package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// put uploads with one PUT, to a folder or to a single object: presigned S3,
// Azure's shared access signatures. All hubs send the same headers and no
// credentials. The receiver of a public address has many senders, so nothing
// that is there is replaced (RFC 9110, 13.1.2), and nothing is sent before the
// receiver wants it (10.1.1).
type put struct{ *web }

// send implements target.
func (p *put) send(ctx context.Context, s *sending) error {
	at, single := p.target, true
	if strings.HasSuffix(at.Path, "/") {
		at, single = at.JoinPath(fileName(*s.j)), false
	}
	if s.j.Offset == s.j.Bytes {
		return s.reached(ctx, s.j.Bytes)
	}
	if !single && p.has(ctx, at, s.j.Bytes) {
		return s.reached(ctx, s.j.Bytes)
	}
	err := p.upload(ctx, at, s, "If-None-Match", "*", "X-Ms-Blob-Type", "BlockBlob") // Azure wants the latter
	var status statusError
	if errors.As(err, &status) && status == http.StatusPreconditionFailed {
		if single {
			return errors.Join(errTaken, err)
		}
		err = nil // its name is its digest: it arrived, and we did not hear of it
	}
	if err != nil {
		return err
	}
	return s.reached(ctx, s.j.Bytes)
}

// upload sends the whole file with headers of these names and values.
func (p *put) upload(ctx context.Context, at *url.URL, s *sending, header ...string) error {
	if err := s.goOn(ctx); err != nil {
		return err
	}
	s.begin(at.Path) // without the query, which is as good as a password
	if err := s.reached(ctx, 0); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, at.String(), s.body(0, s.j.Bytes))
	if err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	req.ContentLength = s.j.Bytes
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Expect", "100-continue")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return p.exchange(req, "sending")
}

// exchange makes a request whose answer's status is all that counts.
func (w *web) exchange(req *http.Request, doing string) error {
	res, err := w.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// has reports whether the receiver says that a file of n bytes is there. One
// that does not let us look has none.
func (w *web) has(ctx context.Context, at *url.URL, n int64) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, at.String(), http.NoBody)
	if err != nil {
		return false
	}
	res, err := w.client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close() // of an answer without a body
	return res.ContentLength == n
}

// webDAV uploads under a name of its own and moves what is whole to its place
// (RFC 4918), so that nobody takes a part of it for the package.
type webDAV struct{ put }

// send implements target.
func (d *webDAV) send(ctx context.Context, s *sending) error {
	part, whole := d.target.JoinPath(partName(*s.j)), d.target.JoinPath(fileName(*s.j))
	confirmed := s.j.Offset == s.j.Bytes // in an earlier attempt
	if !confirmed && d.has(ctx, whole, s.j.Bytes) {
		return s.reached(ctx, s.j.Bytes)
	}
	if !confirmed && !(s.begun && d.has(ctx, part, s.j.Bytes)) {
		if err := d.upload(ctx, part, s); err != nil { // in place of what is left of an earlier try
			return err
		}
	}
	if err := s.reached(ctx, s.j.Bytes); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, "MOVE", part.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("moving into place: %w", err)
	}
	req.Header.Set("Destination", whole.String())
	req.Header.Set("Overwrite", "F")
	err = d.exchange(req, "moving into place")
	var status statusError
	if errors.As(err, &status) && (status == http.StatusPreconditionFailed || confirmed && status == http.StatusNotFound) {
		return nil // it was moved in an earlier attempt, and perhaps taken away since
	}
	return err
}
