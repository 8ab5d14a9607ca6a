package main

import (
	"fmt"
	"io"
	"strings"

	"gatehouse/hub/account"
	"gatehouse/hub/control"
)

type usersCmd struct {
	List   usersList   `cmd:"" help:"People who may log in."`
	Invite usersInvite `cmd:"" help:"Make a one-time code with which a person sets their own passphrase (the owner's on standard input)."`
	Add    usersAdd    `cmd:"" help:"Add a person (two lines on standard input: the owner's passphrase, then the new person's)."`
	Set    usersSet    `cmd:"" help:"Change a person's role and cameras (the owner's passphrase on standard input)."`
	Label  usersLabel  `cmd:"" help:"Say what people read in place of a person's name."`
	Remove usersRemove `cmd:"" help:"Remove a person; what they approved and is not sent counts no more."`
}

type usersList struct{ client }

// Run lists people.
func (c *usersList) Run(e *env) error {
	list, err := c.dial().Users(e.ctx)
	if err != nil {
		return err
	}
	return c.print(e, list, func(w io.Writer) {
		for _, p := range list {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", p.Number, p.Name, p.Role, strings.Join(p.Cameras, " "), p.Label)
		}
	})
}

// role is what a person may do.
type role struct {
	Name    string   `arg:"" help:"1 to 32 of a-z, 0-9 and -. It stays at home: the ledger names a role and a number."`
	Role    string   `help:"owner, approver or viewer." enum:"owner,approver,viewer" default:"approver"`
	Cameras []string `help:"Of a viewer: cameras they see." placeholder:"CAMERA,…"`
}

func (r role) person(owners string) control.NewPerson {
	return control.NewPerson{Owners: owners, Role: account.Role(r.Role), Cameras: r.Cameras}
}

// labelled is what a person to add is called.
type labelled struct {
	Label string `help:"What people read in place of the name, in any script." placeholder:"TEXT"`
}

type usersInvite struct {
	client
	role
	labelled
}

// Run invites a person.
func (c *usersInvite) Run(e *env) error {
	owners, err := secret(e.stdin, "owner's passphrase")
	if err != nil {
		return err
	}
	n := c.person(owners)
	n.Label = c.Label
	i, err := c.dial().InviteUser(e.ctx, c.Name, n)
	if err != nil {
		return err
	}
	return c.print(e, i, func(w io.Writer) {
		fmt.Fprintf(w, "code\t%s\nenter it at\t/join of the console\nuntil\t%s\n", i.Code, clock(i.Expires))
	})
}

type usersAdd struct {
	client
	role
	labelled
}

// Run adds a person.
func (c *usersAdd) Run(e *env) error {
	owners, err := secret(e.stdin, "owner's passphrase")
	if err != nil {
		return err
	}
	theirs, err := secret(e.stdin, "passphrase of "+c.Name)
	if err != nil {
		return err
	}
	n := c.person(owners)
	n.Theirs, n.Label = theirs, c.Label
	p, err := c.dial().AddUser(e.ctx, c.Name, n)
	if err != nil {
		return err
	}
	return c.print(e, p, func(w io.Writer) { fmt.Fprintf(w, "added\t%d\t%s\t%s\n", p.Number, p.Name, p.Role) })
}

type usersSet struct {
	client
	role
}

// Run changes a person.
func (c *usersSet) Run(e *env) error {
	owners, err := secret(e.stdin, "owner's passphrase")
	if err != nil {
		return err
	}
	if err := c.dial().ChangeUser(e.ctx, c.Name, c.person(owners)); err != nil {
		return err
	}
	return c.print(e, map[string]string{"changed": c.Name}, func(w io.Writer) { fmt.Fprintf(w, "changed\t%s\t%s\n", c.Name, c.Role) })
}

type usersLabel struct {
	client
	Name  string `arg:"" help:"Name."`
	Label string `arg:"" optional:"" help:"What people read in its place, in any script; without it the name is shown."`
}

// Run says what a person is called.
func (c *usersLabel) Run(e *env) error {
	if err := c.dial().LabelUser(e.ctx, c.Name, c.Label); err != nil {
		return err
	}
	return c.print(e, map[string]string{"labelled": c.Name}, func(w io.Writer) { fmt.Fprintf(w, "labelled\t%s\t%s\n", c.Name, c.Label) })
}

type usersRemove struct {
	client
	Name string `arg:"" help:"Name."`
}

// Run removes a person.
func (c *usersRemove) Run(e *env) error {
	if err := c.dial().RemoveUser(e.ctx, c.Name); err != nil {
		return err
	}
	return c.print(e, map[string]string{"removed": c.Name}, func(w io.Writer) { fmt.Fprintf(w, "removed\t%s\n", c.Name) })
}
