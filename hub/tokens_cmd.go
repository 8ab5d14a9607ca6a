package main

import (
	"fmt"
	"io"
	"strings"

	"gatehouse/hub/account"
	"gatehouse/hub/control"
)

type tokensCmd struct {
	List   tokensList   `cmd:"" help:"Tokens, what they open and when they were last used."`
	Add    tokensAdd    `cmd:"" help:"Make a token (the owner's passphrase on standard input); its secret is shown once."`
	Revoke tokensRevoke `cmd:"" help:"End a token at once."`
}

type tokensList struct{ client }

// Run lists tokens.
func (c *tokensList) Run(e *env) error {
	list, err := c.dial().Tokens(e.ctx)
	if err != nil {
		return err
	}
	return c.print(e, list, func(w io.Writer) {
		for _, t := range list {
			cameras := "all cameras"
			if len(t.Cameras) > 0 {
				cameras = strings.Join(t.Cameras, ", ")
			}
			fmt.Fprintf(w, "%s\t%s\t%s\tuntil %s\tused %s\n", t.Name, scopes(t.Scopes), cameras, clock(t.Expires), clock(t.Used))
		}
	})
}

func scopes(list []account.Scope) string { return strings.Trim(fmt.Sprint(list), "[]") }

type tokensAdd struct {
	client
	Name    string          `arg:"" help:"1 to 32 of a-z, 0-9 and -."`
	Scopes  []account.Scope `required:"" help:"cameras, timeline, clips, requests, status." placeholder:"SCOPE,…"`
	Cameras []string        `help:"Cameras it is for; all if left out." placeholder:"CAMERA,…"`
	Days    int             `help:"How long it is valid, 1 to 366." default:"90"`
}

// Run makes a token.
func (c *tokensAdd) Run(e *env) error {
	owners, err := secret(e.stdin, "owner's passphrase")
	if err != nil {
		return err
	}
	t, err := c.dial().AddToken(e.ctx, c.Name, control.NewToken{Owners: owners, Scopes: c.Scopes, Cameras: c.Cameras, Days: c.Days})
	if err != nil {
		return err
	}
	return c.print(e, t, func(w io.Writer) {
		fmt.Fprintf(w, "token\t%s\nopens\t%s\nuntil\t%s\n", t.Secret, scopes(t.Scopes), clock(t.Expires))
	})
}

type tokensRevoke struct {
	client
	Name string `arg:"" help:"Name."`
}

// Run ends a token.
func (c *tokensRevoke) Run(e *env) error {
	if err := c.dial().RevokeToken(e.ctx, c.Name); err != nil {
		return err
	}
	return c.print(e, map[string]string{"revoked": c.Name}, func(w io.Writer) { fmt.Fprintf(w, "revoked\t%s\n", c.Name) })
}
