package ui

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"gatehouse/hub/account"
	"gatehouse/hub/request"
)

//go:embed templates/*.html
var templateFiles embed.FS

// view is what every page is given.
type view struct {
	Title   string // locale key
	Page    string // name of its template
	Place   string // which of the five places is current
	Home    string
	Lang    string
	Dir     string // ltr or rtl
	Looks   string // light or dark if the person chose; else as the system says
	Here    string // address of the page, to come back to
	Tongues []choice
	Waiting int            // requests that wait for the owner
	Note    string         // locale key of a line about what was just done
	Offline bool           // the owner has switched the network off
	Bare    bool           // no navigation: first run, log-in
	Who     account.Person // whose session it is; nobody on pages without one
	// Confirmed says that the session need not give the passphrase again now.
	Confirmed bool
	Body      any
}

// renderer holds the parsed templates: one set a page, each with the layout
// and the pieces pages share. It is safe for concurrent use.
type renderer struct{ pages map[string]*template.Template }

// shared are the templates that are no page of their own.
var shared = []string{"templates/layout.html", "templates/pieces.html"}

func newRenderer(l *locale, a *assets) *renderer {
	funcs := template.FuncMap{
		"t": l.t, "tb": l.tb, "found": l.found, "asset": a.url,
		"dict": dict,
	}
	base := template.Must(template.New("layout.html").Funcs(funcs).ParseFS(templateFiles, shared...))
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is constant
	}
	r := &renderer{pages: map[string]*template.Template{}}
	for _, n := range names {
		if n == shared[0] || n == shared[1] {
			continue
		}
		set := template.Must(template.Must(base.Clone()).ParseFS(templateFiles, n))
		r.pages[strings.TrimSuffix(path.Base(n), ".html")] = set
	}
	return r
}

// dict makes a map of name, value pairs, to hand several values to a piece.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if k, ok := pairs[i].(string); ok {
			m[k] = pairs[i+1]
		}
	}
	return m
}

// render writes a page. It is drawn whole before the first byte goes out, so
// that a fault never leaves half a page.
func (c *console) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Page = name
	v.Offline = !v.Bare && c.offline()
	v.Home, v.Lang, v.Dir, v.Looks = c.cfg.Home.Name, c.text.tag, c.text.dir(), looks(r)
	v.Tongues, v.Here = c.languages(r), "/"
	if r.Method == http.MethodGet {
		v.Here = r.URL.RequestURI()
	}
	if note := "note." + r.URL.Query().Get("note"); v.Note == "" && c.text.has(note) {
		v.Note = note
	}
	l := visitor(r)
	v.Who, v.Confirmed = l.Person, c.cfg.Accounts.Confirmed(l)
	if !v.Bare && v.Who.Decides() {
		v.Waiting = c.waiting(r.Context())
	}
	c.write(w, r, status, name, "layout.html", v)
}

// fragment writes a part of a page, for a page that fetches it again.
func (c *console) fragment(w http.ResponseWriter, r *http.Request, name, part string, data any) {
	c.write(w, r, http.StatusOK, name, part, data)
}

func (c *console) write(w http.ResponseWriter, r *http.Request, status int, name, part string, data any) {
	var b bytes.Buffer
	if err := c.pages.pages[name].ExecuteTemplate(&b, part, data); err != nil {
		c.cfg.Log.Error("page failed", "path", r.Pattern, "err", err)
		http.Error(w, c.text.say("error.internal.what"), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// Count is the number of waiting requests as its badge says it.
func (v view) Count() string {
	if v.Waiting > 99 {
		return "99+"
	}
	return strconv.Itoa(v.Waiting)
}

// waiting counts what waits for the owner; a fault shows on the pages themselves.
func (c *console) waiting(ctx context.Context) int {
	counts, err := c.cfg.Requests.Counts(ctx)
	if err != nil {
		return 0
	}
	return counts[request.Waiting] + counts[request.Prepared]
}
