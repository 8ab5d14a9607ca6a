package main

import (
	"fmt"
	"io"
)

type usersCmd struct {
	List   usersList   `cmd:"" help:"People beside the owner who may approve."`
	Add    usersAdd    `cmd:"" help:"Add an approver (two lines on standard input: the owner's passphrase, then the new person's)."`
	Remove usersRemove `cmd:"" help:"Remove an approver; what they approved and is not sent counts no more."`
}

type usersList struct{ client }

// Run lists approvers.
func (c *usersList) Run(e *env) error {
	list, err := c.dial().Users(e.ctx)
	if err != nil {
		return err
	}
	return c.print(e, list, func(w io.Writer) {
		for _, p := range list {
			fmt.Fprintf(w, "%d\t%s\t%s\n", p.Number, p.Name, p.Role)
		}
	})
}

type usersAdd struct {
	client
	Name string `arg:"" help:"1 to 32 of a-z, 0-9 and -. It stays at home: the ledger names a role and a number."`
}

// Run adds an approver.
func (c *usersAdd) Run(e *env) error {
	owners, err := secret(e.stdin, "owner's passphrase")
	if err != nil {
		return err
	}
	theirs, err := secret(e.stdin, "passphrase of "+c.Name)
	if err != nil {
		return err
	}
	p, err := c.dial().AddUser(e.ctx, c.Name, owners, theirs)
	if err != nil {
		return err
	}
	return c.print(e, p, func(w io.Writer) { fmt.Fprintf(w, "added\t%d\t%s\t%s\n", p.Number, p.Name, p.Role) })
}

type usersRemove struct {
	client
	Name string `arg:"" help:"Name."`
}

// Run removes an approver.
func (c *usersRemove) Run(e *env) error {
	if err := c.dial().RemoveUser(e.ctx, c.Name); err != nil {
		return err
	}
	return c.print(e, map[string]string{"removed": c.Name}, func(w io.Writer) { fmt.Fprintf(w, "removed\t%s\n", c.Name) })
}
