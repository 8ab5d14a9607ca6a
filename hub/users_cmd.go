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
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", p.Number, p.Name, p.Role, strings.Join(p.Cameras, " "))
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

type usersInvite struct {
	client
	role
}

// Run invites a person.
func (c *usersInvite) Run(e *env) error {
	owners, err := secret(e.stdin, "owner's passphrase")
	if err != nil {
		return err
	}
	i, err := c.dial().InviteUser(e.ctx, c.Name, c.person(owners))
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
	n.Theirs = theirs
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
