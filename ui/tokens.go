package ui

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/hub/account"
)

// tokensView is the owner's page of what other programs read with.
type tokensView struct {
	Problem *problem
	Tokens  []tokenRow
	New     tokenForm
	Fresh   *freshToken
}

type tokenRow struct {
	Name              string
	Scopes            []string // locale keys
	Cameras           []string // empty: all
	Made, Until, Last moment
	Over              bool
}

// tokenForm is what a token is to open.
type tokenForm struct {
	Name    string
	Scopes  []choice
	Cameras []choice
	Days    string
}

// freshToken is a token just made: its secret is shown this once.
type freshToken struct {
	Name, Secret string
	Until        moment
}

const usualDays = 90

func (c *console) tokens(w http.ResponseWriter, r *http.Request) {
	c.showTokens(w, r, http.StatusOK, nil, nil)
}

func (c *console) showTokens(w http.ResponseWriter, r *http.Request, status int, p *problem, fresh *freshToken) {
	list, err := c.cfg.Accounts.Tokens(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := tokensView{Problem: p, Fresh: fresh, New: c.tokenForm(account.Token{}, strconv.Itoa(usualDays))}
	if p != nil && r.Pattern == "POST /settings/tokens" {
		v.New = c.tokenForm(typedToken(r), r.PostFormValue("days"))
	}
	for _, t := range list {
		row := tokenRow{
			Name: t.Name, Cameras: c.calledAll(t.Cameras), Over: !c.cfg.Now().Before(t.Expires),
			Made: c.at(t.Created, dayForm), Until: c.at(t.Expires, dayForm), Last: c.at(t.Used, dayForm+", "+clockForm),
		}
		for _, s := range t.Scopes {
			row.Scopes = append(row.Scopes, "scope."+string(s))
		}
		v.Tokens = append(v.Tokens, row)
	}
	c.render(w, r, status, "tokens", view{Title: "tokens.title", Place: "settings", Body: v})
}

func (c *console) tokenForm(t account.Token, days string) tokenForm {
	f := tokenForm{Name: t.Name, Days: days}
	for _, s := range account.Scopes() {
		f.Scopes = append(f.Scopes, choice{Value: string(s), Text: "scope." + string(s), Current: t.May(s)})
	}
	for _, cam := range c.cfg.Cameras {
		f.Cameras = append(f.Cameras, choice{Value: cam.Name, Text: cam.Called(), Current: slices.Contains(t.Cameras, cam.Name)})
	}
	return f
}

func typedToken(r *http.Request) account.Token {
	t := account.Token{Name: strings.TrimSpace(r.PostFormValue("name")), Cameras: r.PostForm["camera"]}
	for _, s := range r.PostForm["scope"] {
		t.Scopes = append(t.Scopes, account.Scope(s))
	}
	return t
}

// makeToken shows the secret on the page that answers: it is stored nowhere, so
// a redirect would lose it.
func (c *console) makeToken(w http.ResponseWriter, r *http.Request) {
	fresh, r, err := c.tryToken(r)
	if err != nil {
		p := c.explainFor(r, err)
		c.showTokens(w, r, p.Status, &p, nil)
		return
	}
	c.showTokens(w, r, http.StatusOK, nil, fresh)
}

// tryToken asks for the passphrase as a download does: a token takes footage away.
func (c *console) tryToken(r *http.Request) (*freshToken, *http.Request, error) {
	r, err := c.confirm(r)
	if err != nil {
		return nil, r, err
	}
	days, err := strconv.ParseUint(r.PostFormValue("days"), 10, 16)
	if err != nil {
		return nil, r, account.ErrExpiry
	}
	t := typedToken(r)
	t.Maker = visitor(r).Person.Number
	t, secret, err := c.cfg.Accounts.AddToken(r.Context(), t, time.Duration(days)*24*time.Hour)
	if err != nil {
		return nil, r, err
	}
	return &freshToken{Name: t.Name, Secret: secret, Until: c.at(t.Expires, dayForm)}, r, nil
}

// endToken needs no passphrase: to open fewer doors is never made harder.
func (c *console) endToken(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, errBadForm)
		return
	}
	if err := c.cfg.Accounts.RevokeToken(r.Context(), r.PostFormValue("name")); err != nil {
		p := c.explainFor(r, err)
		c.showTokens(w, r, p.Status, &p, nil)
		return
	}
	http.Redirect(w, r, "/settings/tokens?note=token-ended", http.StatusSeeOther)
}
