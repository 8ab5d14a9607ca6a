package ui

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gatehouse/hub/evidence"
	"gatehouse/hub/request"
)

// prepare seals what the form chose, so that it can be played before anything
// is decided.
func (c *console) prepare(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	rec, err := c.cfg.Requests.Get(r.Context(), id)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	clips, err := c.selection(r, rec)
	if err == nil {
		_, err = c.cfg.Requests.Prepare(r.Context(), id, clips)
	}
	if err != nil {
		c.askAgain(w, r, rec, err)
		return
	}
	http.Redirect(w, r, requestPath(id)+"#sealed", http.StatusSeeOther)
}

func requestPath(id string) string { return "/requests/" + url.PathEscape(id) }

// askAgain shows the request page with what went wrong at its head.
func (c *console) askAgain(w http.ResponseWriter, r *http.Request, rec request.Record, err error) {
	p := c.explainFor(r, err)
	if fresh, err := c.cfg.Requests.Get(r.Context(), rec.ID); err == nil {
		rec = fresh
	}
	c.showRequest(w, r, p.Status, rec, &p)
}

// selection reads the clips that were ticked.
func (c *console) selection(r *http.Request, rec request.Record) ([]evidence.Selection, error) {
	if err := r.ParseForm(); err != nil {
		return nil, errBadForm
	}
	var out []evidence.Selection
	taken := map[int]bool{}
	for _, s := range r.PostForm["clip"] {
		i, err := strconv.Atoi(s)
		if err != nil || i < 0 || i >= len(rec.Matches) || taken[i] {
			return nil, errBadForm
		}
		taken[i] = true
		from, err := c.parseField(r.PostForm.Get("from-" + s))
		if err != nil {
			return nil, err
		}
		to, err := c.parseField(r.PostForm.Get("to-" + s))
		if err != nil {
			return nil, err
		}
		if !to.After(from) {
			return nil, fmt.Errorf("selecting from %s: %w", rec.Matches[i].Camera, errTime)
		}
		out = append(out, evidence.Selection{Camera: rec.Matches[i].Camera, From: from.UTC(), To: to.UTC(), Audio: r.PostForm.Has("sound-" + s)})
	}
	if len(out) == 0 {
		return nil, errNoClip
	}
	return out, nil
}

// preview plays a file out of the sealed package itself.
func (c *console) preview(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		c.fail(w, r, errNoPage)
		return
	}
	p, rec, err := c.cfg.Requests.Preview(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	defer p.Close() //nolint:errcheck // read only
	if rec.Package == nil || n < 0 || n >= len(rec.Package.Files) {
		c.fail(w, r, errNoPage)
		return
	}
	file := rec.Package.Files[n]
	video, err := p.File(file.Name)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "video/mp4")
	w.Header().Set("ETag", `"`+file.SHA256+`"`)
	http.ServeContent(w, r, "", time.Time{}, video)
}

// approve needs the passphrase again and the digest of the file that was
// shown. Which file may go is request.Approve's to refuse, not this page's.
func (c *console) approve(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	rec, err := c.cfg.Requests.Get(r.Context(), id)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	done, err := c.tryApprove(r, id)
	if err != nil {
		if fresh, getErr := c.cfg.Requests.Get(r.Context(), id); getErr == nil && errors.Is(err, request.ErrState) && sentAlready(fresh, r.PostFormValue("digest")) {
			http.Redirect(w, r, whereabouts(fresh), http.StatusSeeOther)
			return
		}
		c.askAgain(w, r, rec, err)
		return
	}
	if done.State != request.Approved && done.State != request.Ready { // another person is to approve as well
		http.Redirect(w, r, requestPath(id)+"#decide", http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, whereabouts(done), http.StatusSeeOther)
}

// whereabouts is the page of what became of an approved package.
func whereabouts(rec request.Record) string {
	if rec.ByHand != nil {
		return requestPath(rec.ID) + "/hand-over"
	}
	return requestPath(rec.ID) + "/result"
}

// tryApprove asks for a passphrase at every approval: that a session was confirmed is not enough.
func (c *console) tryApprove(r *http.Request, id string) (request.Record, error) {
	if err := r.ParseForm(); err != nil {
		return request.Record{}, errBadForm
	}
	by, err := c.approverOf(r)
	if err != nil {
		return request.Record{}, err
	}
	digest := r.PostFormValue("digest")
	if digest == "" {
		return request.Record{}, request.ErrDigest
	}
	return c.cfg.Requests.ApproveBy(r.Context(), id, digest, by, false)
}

// sentAlready reports whether exactly this package was approved before: a button
// pressed twice, or the page of before that a browser kept, asks for what is.
func sentAlready(rec request.Record, digest string) bool {
	return tabOf(rec.State) == tabSent && rec.Ended == "" && rec.Package != nil && rec.Package.Digest == digest
}

func (c *console) decline(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if _, err := c.cfg.Requests.Decline(r.Context(), id, visitor(r).Person.Words()); err != nil {
		rec, getErr := c.cfg.Requests.Get(r.Context(), id)
		if getErr != nil || errors.Is(err, request.ErrNotFound) {
			c.fail(w, r, err)
			return
		}
		if rec.State != request.Declined { // else the button was pressed twice
			c.askAgain(w, r, rec, err)
			return
		}
	}
	http.Redirect(w, r, "/requests?tab=closed&note=declined", http.StatusSeeOther)
}
