package ui

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
	"gatehouse/hub/request"
)

// handoverView is what leaves by the owner's hands.
type handoverView struct {
	ID       string
	Agency   string
	Manual   bool
	State    badge
	S        *sealed
	Ready    bool // it waits to be handed over
	Done     bool // the owner said that it was
	Open     bool // its files may be taken out
	Confirm  bool // with the passphrase
	Me       string
	Portal   bool
	Ended    string
	Fields   []copyField
	Forms    []giveForm
	QR       *qrPath
	Hub      string // the hub's key, grouped
	Times    int
	Taken    moment
	Now      string // datetime-local
	Ways     []string
	To, Way  string // what was said, or typed before
	At       moment
	Note     string
	Receipt  string
	AnswerBy moment
	Problem  *problem
}

// copyField is one thing that a portal's form may ask for.
type copyField struct{ Label, Value string }

// giveForm is one form in which the files can be taken out.
type giveForm struct {
	Form   request.Form
	Secret string // passphrase that was drawn for a locked one; kept nowhere
}

func (c *console) handover(w http.ResponseWriter, r *http.Request) {
	rec, err := c.cfg.Requests.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showHandover(w, r, http.StatusOK, rec, nil)
}

func (c *console) showHandover(w http.ResponseWriter, r *http.Request, status int, rec request.Record, p *problem) {
	if rec.ByHand == nil || rec.Package == nil {
		http.Redirect(w, r, requestPath(rec.ID), http.StatusSeeOther)
		return
	}
	v, err := c.handoverBody(rec)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v.Me = visitor(r).Person.Name
	v.Problem, v.Confirm = p, v.Done || !c.cfg.Accounts.Confirmed(visitor(r))
	if p != nil && r.PostForm != nil && v.Ready {
		v.To, v.Note = r.PostForm.Get("to"), r.PostForm.Get("note")
	}
	c.render(w, r, status, "handover", view{Title: "handover.title", Place: "requests", Body: v})
}

func (c *console) handoverBody(rec request.Record) (v handoverView, err error) {
	h := rec.ByHand
	v = handoverView{
		ID: rec.ID, Agency: agencyName(rec), Manual: rec.Manual != nil, State: requestState(rec.State), S: c.sealed(*rec.Package),
		Ready: rec.State == request.Ready, Done: rec.State == request.HandedOver, Portal: h.Target.Kind == bulletin.Portal,
		Ended: c.text.told(rec.Ended), Hub: group(c.cfg.HubKey), Times: h.Times, Taken: c.at(h.Taken, dayForm+", "+clockForm),
		Now: c.field(c.cfg.Now()), Ways: []string{request.ByPortal, request.InPerson, request.ByPost},
		To: h.To, Way: h.Way, At: c.at(h.At, dayForm+", "+clockForm), Note: h.Note, Receipt: h.Receipt,
		AnswerBy: c.at(rec.Expires(), dayForm+", "+clockForm),
	}
	v.Open = rec.MayGive() == nil && c.cfg.Now().Before(rec.Expires())
	for _, form := range rec.Forms() {
		f := giveForm{Form: form}
		if form == request.Locked {
			f.Secret = evidence.NewPassphrase()
		}
		v.Forms = append(v.Forms, f)
	}
	v.Fields = c.portalFields(rec)
	v.QR, err = drawQR(fmt.Sprintf("gatehouse package %s\nsha256 %s\nhub %s", rec.Package.ID, rec.Package.Digest, c.cfg.HubKey))
	return v, err
}

// portalFields are what portals ask for, to be copied. Cameras have the names of the package.
func (c *console) portalFields(rec request.Record) []copyField {
	var out []copyField
	add := func(label, value string) {
		if value != "" {
			out = append(out, copyField{"handover.field." + label, value})
		}
	}
	add("portal", rec.ByHand.Target.URL)
	if m := rec.Manual; m != nil {
		add("portal", m.Link)
		add("case", m.Reference)
		add("who", m.Who)
		add("place", m.Place)
	}
	if q := rec.Request; q != nil {
		add("case", q.Case.Number)
		add("who", q.AuthorisedBy.Officer.Name+", "+q.AuthorisedBy.Officer.Badge)
		add("place", q.Area.Description)
	}
	add("request", rec.ID)
	for _, f := range rec.Package.Files {
		add("clip", f.Alias+": "+strings.ReplaceAll(c.span(f.From, f.To), "\u2060", ""))
	}
	add("package", rec.Package.ID)
	add("digest", rec.Package.Digest)
	return out
}

// takeOut answers with the files themselves: Give has hashed the sealed file
// and told the ledger before the first byte.
func (c *console) takeOut(w http.ResponseWriter, r *http.Request) {
	rec, err := c.cfg.Requests.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	p, form, err := c.give(r, rec)
	if err != nil {
		c.refuseHandover(w, r, rec, err)
		return
	}
	defer p.Close() //nolint:errcheck // read only
	if err := c.pour(w, r, p, form, rec.Package.ID); err != nil {
		c.cfg.Log.Info("package was not taken out whole", "request", rec.ID, "err", err)
		panic(http.ErrAbortHandler) // a download that is cut short must look like it
	}
}

// give needs a session that was confirmed a short while ago, as taking any
// footage away does; where it was handed over already, the passphrase in any case.
func (c *console) give(r *http.Request, rec request.Record) (Preview, request.Form, error) {
	if err := r.ParseForm(); err != nil {
		return nil, "", errBadForm
	}
	form, again := request.Form(r.PostForm.Get("form")), rec.State == request.HandedOver
	if form == request.Locked && !evidence.IsPassphrase(r.PostForm.Get("secret")) {
		return nil, "", errBadForm
	}
	var err error
	if again {
		_, err = c.approverOf(r)
	} else {
		_, err = c.confirm(r)
	}
	if err != nil {
		return nil, "", err
	}
	if _, err := c.cfg.Requests.Give(r.Context(), rec.ID, form, again); err != nil {
		return nil, "", err
	}
	p, _, err := c.cfg.Requests.Preview(r.Context(), rec.ID)
	return p, form, err
}

// pour writes a package in a form.
func (c *console) pour(w http.ResponseWriter, r *http.Request, p Preview, form request.Form, id string) error {
	attach := func(name, kind string) {
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
		w.Header().Set("Content-Type", kind)
	}
	switch form {
	case request.Sealed:
		file, err := p.Sealed()
		if err != nil {
			return err
		}
		attach(id+".ghe", "application/octet-stream")
		w.Header().Set("Content-Length", fmt.Sprint(file.Size()))
		_, err = io.Copy(w, file)
		return err
	case request.Locked:
		attach(id+".age", "application/octet-stream")
		return p.Lock(r.Context(), w, r.PostForm.Get("secret"))
	}
	attach(id+".zip", "application/zip")
	return zipped(r.Context(), w, p)
}

// zipped puts the plain files into an archive, uncompressed: they are video.
func zipped(ctx context.Context, w io.Writer, p Preview) error {
	z := zip.NewWriter(w)
	err := p.Plain(ctx, func(name string, from io.Reader) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = io.Copy(f, from)
		}
		return err
	})
	return errors.Join(err, z.Close())
}

// refuseHandover shows the page again with what went wrong at its head.
func (c *console) refuseHandover(w http.ResponseWriter, r *http.Request, rec request.Record, err error) {
	p := c.explainFor(r, err)
	if fresh, err := c.cfg.Requests.Get(r.Context(), rec.ID); err == nil {
		rec = fresh
	}
	c.showHandover(w, r, p.Status, rec, &p)
}

// change does something with a hand-over and shows the page again.
func (c *console) change(do func(r *http.Request, rec request.Record) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec, err := c.cfg.Requests.Get(r.Context(), r.PathValue("id"))
		if err != nil {
			c.fail(w, r, err)
			return
		}
		if err = r.ParseForm(); err != nil {
			err = errBadForm
		} else {
			err = do(r, rec)
		}
		if err != nil {
			c.refuseHandover(w, r, rec, err)
			return
		}
		http.Redirect(w, r, requestPath(rec.ID)+"/hand-over", http.StatusSeeOther)
	}
}

func (c *console) handedOver(r *http.Request, rec request.Record) error {
	by, err := c.approverOf(r)
	if err != nil {
		return err
	}
	at := time.Time{}
	if s := r.PostForm.Get("at"); s != "" {
		if at, err = c.parseField(s); err != nil {
			return err
		}
	}
	_, err = c.cfg.Requests.HandedOver(r.Context(), rec.ID, request.Handed{
		To: r.PostForm.Get("to"), Way: r.PostForm.Get("way"), At: at, Note: r.PostForm.Get("note"),
	}, by.Words)
	return err
}

func (c *console) noteReceipt(r *http.Request, rec request.Record) error {
	_, err := c.cfg.Requests.NoteReceipt(r.Context(), rec.ID, r.PostForm.Get("receipt"), visitor(r).Person.Words())
	return err
}

func (c *console) cancelHandover(r *http.Request, rec request.Record) error {
	_, err := c.cfg.Requests.CancelHandOver(r.Context(), rec.ID, visitor(r).Person.Words())
	return err
}

// approverOf takes the passphrase of whose session it is, or the name and
// passphrase of another person who may approve and stands here as well.
func (c *console) approverOf(r *http.Request) (request.Approver, error) {
	name := strings.TrimSpace(r.PostForm.Get("as"))
	if name == "" {
		name = visitor(r).Person.Name
	}
	p, err := c.cfg.Accounts.CheckPerson(r.Context(), peer(r), name, r.PostForm.Get("passphrase"))
	if err == nil && !p.Decides() {
		err = errRole
	}
	return request.Approver{Number: p.Number, Words: p.Words()}, err
}
