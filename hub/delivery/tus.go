package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/bdragon300/tusgo"
)

// tus uploads by tus 1.0 and asks for the receiver's receipt.
//
//	POST  <target>           makes an upload (extension creation)
//	HEAD  <upload>           how far it is
//	PATCH <upload>           the bytes
//	GET   ../receipts/<sha>  beside the target: the signed receipt, 404 until there is one
type tus struct{ *web }

// send implements target: it resumes the job's upload, or makes a new one.
func (r *tus) send(ctx context.Context, s *sending) error {
	u, err := r.resume(ctx, *s.j)
	if err != nil {
		return err
	}
	if u == nil || u.RemoteOffset < s.j.Bytes {
		if err := s.goOn(ctx); err != nil {
			return err
		}
	}
	if u == nil {
		if u, err = r.create(ctx, *s.j); err != nil {
			return err
		}
	}
	for s.begin(u.Location); ; {
		if err := s.reached(ctx, u.RemoteOffset); err != nil {
			return err
		}
		if u.RemoteOffset == s.j.Bytes {
			return nil
		}
		n := min(s.o.cfg.Chunk, s.j.Bytes-u.RemoteOffset)
		if err := r.patch(ctx, u, s.body(u.RemoteOffset, n), n); err != nil {
			return err
		}
	}
}

// patch sends n bytes of body. The receiver must have taken all of them.
func (r *tus) patch(ctx context.Context, u *tusgo.Upload, body io.Reader, n int64) error {
	want := u.RemoteOffset + n
	c := r.tusClient(ctx)
	c.GetRequest = r.sized(n)
	stream := tusgo.NewUploadStream(c, u)
	stream.ChunkSize = tusgo.NoChunked // the body is streamed from the file; tusgo would hold a chunk in memory
	if _, err := stream.ReadFrom(body); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	if u.RemoteOffset != want {
		return fmt.Errorf("sending: %w: offset %d, not %d", errProtocol, u.RemoteOffset, want)
	}
	return nil
}

// tusClient returns a client for one exchange. The extension it needs is taken for
// granted: asking would be one more request, and its absence shows anyway.
func (r *tus) tusClient(ctx context.Context) *tusgo.Client {
	c := tusgo.NewClient(r.client, r.target).WithContext(ctx)
	c.Capabilities = &tusgo.ServerCapabilities{Extensions: []string{"creation"}}
	return c
}

// sized gives a streamed body its length.
func (r *tus) sized(n int64) tusgo.GetRequestFunc {
	return func(method, u string, body io.Reader, _ *tusgo.Client, _ *http.Client) (*http.Request, error) {
		req, err := http.NewRequest(method, u, body)
		if err == nil {
			req.ContentLength = n
		}
		return req, err
	}
}

// resume returns the job's upload as the receiver has it, nil if it has none.
func (r *tus) resume(ctx context.Context, j Job) (*tusgo.Upload, error) {
	if j.UploadURL == "" {
		return nil, nil
	}
	var u tusgo.Upload
	_, err := r.tusClient(ctx).GetUpload(&u, j.UploadURL)
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
func (r *tus) create(ctx context.Context, j Job) (*tusgo.Upload, error) {
	var u tusgo.Upload
	meta := map[string]string{"package": j.PackageID, "sha256": j.Digest}
	if _, err := r.tusClient(ctx).CreateUpload(&u, j.Bytes, false, meta); err != nil {
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
func (r *tus) receipt(ctx context.Context, digest string) ([]byte, error) {
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
