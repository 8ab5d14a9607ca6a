package control

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"gatehouse/hub/account"
)

// errMayNot means that a person's role does not let them approve.
var errMayNot = errors.New("this person may view, not approve")

// NewPerson is the body of calls that add or change a person. What widens who
// may see or send footage needs the owner's passphrase.
type NewPerson struct {
	Owners  string       `json:"owners"`           // passphrase
	Theirs  string       `json:"theirs,omitempty"` // passphrase of a person to add
	Label   string       `json:"label,omitempty"`  // of a person to add or invite
	Role    account.Role `json:"role"`
	Cameras []string     `json:"cameras,omitempty"`
}

// NewLabel is the body of a call that says what a person is called.
type NewLabel struct {
	Label string `json:"label"`
}

// Invitation is a code for one person, who sets a passphrase with it.
type Invitation struct {
	Code    string    `json:"code"`
	Expires time.Time `json:"expires"`
}

func (s *Server) people(handle func(string, func(*http.Request) (any, error))) {
	handle("GET /users", func(r *http.Request) (any, error) { return s.cfg.Accounts.People(r.Context()) })
	handle("POST /users/{name}", s.withPerson(func(ctx context.Context, p account.Person, theirs string) (any, error) {
		return s.cfg.Accounts.AddPerson(ctx, p, theirs)
	}))
	handle("PUT /users/{name}", s.withPerson(func(ctx context.Context, p account.Person, _ string) (any, error) {
		return struct{}{}, s.cfg.Accounts.ChangePerson(ctx, p)
	}))
	handle("POST /users/{name}/invite", s.withPerson(func(ctx context.Context, p account.Person, _ string) (any, error) {
		code, expires, err := s.cfg.Accounts.Invite(ctx, p)
		return Invitation{code, expires}, err
	}))
	handle("PUT /users/{name}/label", func(r *http.Request) (any, error) {
		var n NewLabel
		if err := decode(r, &n); err != nil {
			return nil, err
		}
		return struct{}{}, s.cfg.Accounts.Label(r.Context(), r.PathValue("name"), n.Label)
	})
	handle("DELETE /users/{name}", func(r *http.Request) (any, error) {
		return struct{}{}, s.cfg.Accounts.RemovePerson(r.Context(), r.PathValue("name"))
	})
}

// NewToken is the body of a call that makes a token: it widens who may see
// footage, so it needs the owner's passphrase.
type NewToken struct {
	Owners  string          `json:"owners"` // passphrase
	Scopes  []account.Scope `json:"scopes"`
	Cameras []string        `json:"cameras,omitempty"`
	Days    int             `json:"days"`
}

// MadeToken is a token and its secret, which is told this once.
type MadeToken struct {
	account.Token
	Secret string `json:"secret"`
}

func (s *Server) tokens(handle func(string, func(*http.Request) (any, error))) {
	handle("GET /tokens", func(r *http.Request) (any, error) { return s.cfg.Accounts.Tokens(r.Context()) })
	handle("POST /tokens/{name}", func(r *http.Request) (any, error) {
		var n NewToken
		if err := decode(r, &n); err != nil {
			return nil, err
		}
		if err := s.cfg.Accounts.Check(r.Context(), peer, n.Owners); err != nil {
			return nil, err
		}
		if n.Days < 1 || n.Days > 366 { // before it overflows a Duration
			return nil, account.ErrExpiry
		}
		t := account.Token{Name: r.PathValue("name"), Scopes: n.Scopes, Cameras: n.Cameras, Maker: account.OwnerNumber}
		t, secret, err := s.cfg.Accounts.AddToken(r.Context(), t, time.Duration(n.Days)*24*time.Hour)
		return MadeToken{t, secret}, err
	})
	handle("DELETE /tokens/{name}", func(r *http.Request) (any, error) {
		return struct{}{}, s.cfg.Accounts.RevokeToken(r.Context(), r.PathValue("name"))
	})
}

// Tokens lists the tokens of other programs.
func (c *Client) Tokens(ctx context.Context) (t []account.Token, err error) {
	return t, c.call(ctx, "GET", "/tokens", nil, &t)
}

// AddToken makes a token.
func (c *Client) AddToken(ctx context.Context, name string, n NewToken) (t MadeToken, err error) {
	return t, c.call(ctx, "POST", "/tokens/"+url.PathEscape(name), n, &t)
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, name string) error {
	return c.call(ctx, "DELETE", "/tokens/"+url.PathEscape(name), nil, &struct{}{})
}

// withPerson reads a NewPerson and checks the owner's passphrase.
func (s *Server) withPerson(do func(ctx context.Context, p account.Person, theirs string) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var n NewPerson
		if err := decode(r, &n); err != nil {
			return nil, err
		}
		if err := s.cfg.Accounts.Check(r.Context(), peer, n.Owners); err != nil {
			return nil, err
		}
		return do(r.Context(), account.Person{Name: r.PathValue("name"), Label: n.Label, Role: n.Role, Cameras: n.Cameras}, n.Theirs)
	}
}

// Users lists everybody who may log in.
func (c *Client) Users(ctx context.Context) (p []account.Person, err error) {
	return p, c.call(ctx, "GET", "/users", nil, &p)
}

// AddUser adds a person with a passphrase.
func (c *Client) AddUser(ctx context.Context, name string, n NewPerson) (p account.Person, err error) {
	return p, c.call(ctx, "POST", "/users/"+url.PathEscape(name), n, &p)
}

// InviteUser makes a code with which a person sets a passphrase of their own.
func (c *Client) InviteUser(ctx context.Context, name string, n NewPerson) (i Invitation, err error) {
	return i, c.call(ctx, "POST", "/users/"+url.PathEscape(name)+"/invite", n, &i)
}

// ChangeUser sets a person's role and cameras.
func (c *Client) ChangeUser(ctx context.Context, name string, n NewPerson) error {
	return c.call(ctx, "PUT", "/users/"+url.PathEscape(name), n, &struct{}{})
}

// LabelUser says what a person is called.
func (c *Client) LabelUser(ctx context.Context, name, label string) error {
	return c.call(ctx, "PUT", "/users/"+url.PathEscape(name)+"/label", NewLabel{label}, &struct{}{})
}

// RemoveUser removes a person.
func (c *Client) RemoveUser(ctx context.Context, name string) error {
	return c.call(ctx, "DELETE", "/users/"+url.PathEscape(name), nil, &struct{}{})
}
