package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// browser reads pages and submits their forms as a person's browser does: the
// same routes, the same hidden fields, the same cookies.
type browser struct {
	base *url.URL
	http *http.Client
}

func newBrowser(base string) (*browser, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("opening the console: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("opening the console: %w", err)
	}
	return &browser{u, &http.Client{Jar: jar, Timeout: 30 * time.Second}}, nil
}

// document is a page that was read.
type document struct {
	at   *url.URL
	root *html.Node
}

func (b *browser) get(ctx context.Context, path string) (*document, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base.JoinPath(path).String(), nil)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return b.do(req)
}

func (b *browser) do(req *http.Request) (*document, error) {
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reading the console: %w", err)
	}
	defer resp.Body.Close()
	root, err := html.Parse(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", req.URL.Path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("reading %s: %s: %s", req.URL.Path, resp.Status, words(root))
	}
	return &document{resp.Request.URL, root}, nil
}

// size downloads a file and returns its length.
func (b *browser) size(ctx context.Context, u *url.URL) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, fmt.Errorf("downloading: %w", err)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("downloading: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("downloading %s: %s", u.Path, resp.Status)
	}
	return io.Copy(io.Discard, resp.Body)
}

var errNoForm = errors.New("the page has no such form")

// submit fills the form whose action ends in suffix and sends it. It returns
// the page the console leads to.
func (b *browser) submit(ctx context.Context, d *document, suffix string, fill map[string]string) (*document, error) {
	for n := range d.root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || !strings.HasSuffix(attr(n, "action"), suffix) {
			continue
		}
		action, err := d.at.Parse(attr(n, "action"))
		if err != nil {
			return nil, fmt.Errorf("submitting %s: %w", suffix, err)
		}
		values := fields(n)
		for k, v := range fill {
			if _, ok := values[k]; !ok && !hasField(n, k) {
				return nil, fmt.Errorf("submitting %s: no field %q", suffix, k)
			}
			values.Set(k, v)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, action.String(), strings.NewReader(values.Encode()))
		if err != nil {
			return nil, fmt.Errorf("submitting %s: %w", suffix, err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", b.base.Scheme+"://"+b.base.Host)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		return b.do(req)
	}
	return nil, fmt.Errorf("submitting %s on %s: %w", suffix, d.at.Path, errNoForm)
}

// fields are what a browser would send of an untouched form.
func fields(form *html.Node) url.Values {
	v := url.Values{}
	for n := range form.Descendants() {
		name := attr(n, "name")
		if n.Type != html.ElementNode || name == "" {
			continue
		}
		switch n.Data {
		case "input":
			kind := attr(n, "type")
			if (kind == "checkbox" || kind == "radio") && !has(n, "checked") || kind == "submit" {
				continue
			}
			v.Add(name, attr(n, "value"))
		case "select":
			v.Add(name, selected(n))
		case "textarea":
			v.Add(name, words(n))
		}
	}
	return v
}

func selected(n *html.Node) string {
	first, found := "", false
	for o := range n.Descendants() {
		if o.Type != html.ElementNode || o.Data != "option" {
			continue
		}
		if has(o, "selected") {
			return attr(o, "value")
		}
		if !found {
			first, found = attr(o, "value"), true
		}
	}
	return first
}

func hasField(form *html.Node, name string) bool {
	for n := range form.Descendants() {
		if n.Type == html.ElementNode && attr(n, "name") == name {
			return true
		}
	}
	return false
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// words is the text of a node, white space folded.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "script" && d.Parent.Data != "style" {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
