package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Answered is what an owner saw while answering a request.
type Answered struct {
	Previewed int64 // bytes of the previewed files
	Files     int
	Digest    string // of the sealed package, as the page showed it
}

// Owner answers requests in the console.
type Owner struct {
	Console    string // base address
	Passphrase string
	Say        func(format string, args ...any)
	b          *browser
}

// LogIn opens a session.
func (o *Owner) LogIn(ctx context.Context) error {
	b, err := newBrowser(o.Console)
	if err != nil {
		return err
	}
	page, err := b.get(ctx, "/login")
	if err != nil {
		return err
	}
	if page, err = b.submit(ctx, page, "/login", map[string]string{"passphrase": o.Passphrase}); err != nil {
		return err
	}
	if strings.HasSuffix(page.at.Path, "/login") {
		return errors.New("logging in: the console refused the passphrase")
	}
	o.b = b
	return nil
}

// Read opens a page of the console.
func (o *Owner) Read(ctx context.Context, path string) error {
	_, err := o.b.get(ctx, path)
	return err
}

// Decline declines a request on its page.
func (o *Owner) Decline(ctx context.Context, id string) error {
	page, err := o.b.get(ctx, "/requests/"+id)
	if err == nil {
		_, err = o.b.submit(ctx, page, "/decline", nil)
	}
	return err
}

// Approve seals the first camera's footage as the page proposes it, plays the
// sealed files, and approves their digest.
func (o *Owner) Approve(ctx context.Context, id string) (Answered, error) {
	page, err := o.b.get(ctx, "/requests/"+id)
	if err != nil {
		return Answered{}, err
	}
	o.Say("the owner chooses the first camera and seals what the page proposes")
	if page, err = o.b.submit(ctx, page, "/prepare", map[string]string{"clip": "0"}); err != nil {
		return Answered{}, err
	}
	a := Answered{Digest: digestOn(page)}
	if a.Digest == "" {
		return a, errors.New("sealing: the page shows no sealed file")
	}
	for n := range page.root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "video" {
			continue
		}
		u, err := page.at.Parse(attr(n, "src"))
		if err != nil {
			return a, fmt.Errorf("previewing: %w", err)
		}
		size, err := o.b.size(ctx, u)
		if err != nil {
			return a, err
		}
		a.Previewed += size
		a.Files++
	}
	if a.Files == 0 {
		return a, errors.New("previewing: the page shows no video")
	}
	o.Say("the owner previews what was sealed (%d video, %d bytes) and approves digest %.16s…", a.Files, a.Previewed, a.Digest)
	if page, err = o.b.submit(ctx, page, "/approve", map[string]string{"passphrase": o.Passphrase}); err != nil {
		return a, err
	}
	if !strings.HasSuffix(page.at.Path, "/result") {
		return a, fmt.Errorf("approving: the console said: %.300s", words(page.root))
	}
	return a, nil
}

func digestOn(d *document) string {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attr(n, "name") == "digest" {
			return attr(n, "value")
		}
	}
	return ""
}

// AwaitReceipt reads the result page until the receiver has signed.
func (o *Owner) AwaitReceipt(ctx context.Context, id string) error {
	for {
		page, err := o.b.get(ctx, "/requests/"+id+"/progress")
		if err != nil {
			return err
		}
		switch state := verdict(page); state {
		case "done":
			return nil
		case "failed", "cancelled":
			return fmt.Errorf("sending: %s: %.300s", state, words(page.root))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the receipt: %w: %.300s", ctx.Err(), words(page.root))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func verdict(d *document) string {
	for n := range d.root.Descendants() {
		if s := attr(n, "data-state"); n.Type == html.ElementNode && s != "" {
			return s
		}
	}
	return ""
}
