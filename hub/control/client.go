package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"gatehouse/hub/evidence"
	"gatehouse/hub/request"
)

// ErrNotRunning means that no hub answers on the data folder's socket.
var ErrNotRunning = errors.New("no hub is running on this data folder")

// Client calls a running hub.
type Client struct {
	http *http.Client
	data string
}

// Dial returns a client of the hub that runs on a data folder. It connects at the first call.
func Dial(dataDir string) *Client {
	path := filepath.Join(dataDir, Socket)
	return &Client{data: dataDir, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	}}}
}

// Refused is the hub's own word that a call cannot be done.
type Refused struct {
	Status int
	Text   string
}

// Error is the hub's sentence.
func (r *Refused) Error() string { return r.Text }

// call decodes the answer into out.
func (c *Client) call(ctx context.Context, method, path string, body, out any) error {
	var buf bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&buf).Encode(body); err != nil {
			return fmt.Errorf("encoding the call: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://gatehouse"+path, &buf)
	if err != nil {
		return fmt.Errorf("making the call: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return fmt.Errorf("%w (%s)", ErrNotRunning, c.data)
		}
		return fmt.Errorf("calling the hub: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var f Fault
		if json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&f) != nil || f.Error == "" {
			f.Error = resp.Status
		}
		return &Refused{resp.StatusCode, f.Error}
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("reading the hub's answer: %w", err)
	}
	return nil
}

// Status reads the hub's health.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, "GET", "/status", nil, &s)
}

// DryRun tells what rules would have made of the past; nil asks those in force.
func (c *Client) DryRun(ctx context.Context, rules []request.Rule) (t request.Trial, err error) {
	return t, c.call(ctx, "POST", "/rules/test", Rules{rules}, &t)
}

// Requests lists all requests, newest first.
func (c *Client) Requests(ctx context.Context) (r []request.Record, err error) {
	return r, c.call(ctx, "GET", "/requests", nil, &r)
}

// Request reads one request.
func (c *Client) Request(ctx context.Context, id string) (r request.Record, err error) {
	return r, c.call(ctx, "GET", "/requests/"+url.PathEscape(id), nil, &r)
}

// Prepare seals a selection for a request.
func (c *Client) Prepare(ctx context.Context, id string, clips []evidence.Selection) (r request.Record, err error) {
	return r, c.call(ctx, "POST", "/requests/"+url.PathEscape(id)+"/prepare", clips, &r)
}

// Approve sends the sealed package of that digest.
func (c *Client) Approve(ctx context.Context, id string, d Decision) (r request.Record, err error) {
	return r, c.call(ctx, "POST", "/requests/"+url.PathEscape(id)+"/approve", d, &r)
}

// Decline declines a request.
func (c *Client) Decline(ctx context.Context, id string) (r request.Record, err error) {
	return r, c.call(ctx, "POST", "/requests/"+url.PathEscape(id)+"/decline", nil, &r)
}

// Agencies reads the allowlist and the agencies known from bulletins.
func (c *Client) Agencies(ctx context.Context) (a Agencies, err error) {
	return a, c.call(ctx, "GET", "/agencies", nil, &a)
}

// Allow adds an agency to the allowlist, with the root keys that the owner was shown.
func (c *Client) Allow(ctx context.Context, agency, root, passphrase string) (a request.Allowed, err error) {
	return a, c.call(ctx, "POST", "/agencies/"+url.PathEscape(agency), Decision{Passphrase: passphrase, Root: root}, &a)
}

// Disallow removes an agency from the allowlist.
func (c *Client) Disallow(ctx context.Context, agency string) error {
	return c.call(ctx, "DELETE", "/agencies/"+url.PathEscape(agency), nil, &struct{}{})
}

// Motion reports motion at a camera.
func (c *Client) Motion(ctx context.Context, camera string, d time.Duration) error {
	return c.call(ctx, "POST", "/motion/"+url.PathEscape(camera)+"?for="+d.String(), nil, &struct{}{})
}

// Network switches everything that the hub fetches and sends on or off; with ""
// it only tells. It returns which it is.
func (c *Client) Network(ctx context.Context, state string) (is string, err error) {
	return is, c.call(ctx, "POST", "/network", state, &is)
}

// SetPassphrase sets or replaces the owner's passphrase.
func (c *Client) SetPassphrase(ctx context.Context, passphrase string) error {
	return c.call(ctx, "POST", "/passphrase", Decision{Passphrase: passphrase}, &struct{}{})
}
