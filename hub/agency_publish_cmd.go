package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"gatehouse/hub/agency"
)

// publicDir is embedded by the commands that publish.
type publicDir struct {
	agencyDir
	Public string `help:"Folder that a web server serves; default public in the agency's folder." type:"path" placeholder:"DIR"`
}

type agencyPublish struct {
	publicDir
	Envelopes   []string `arg:"" optional:"" help:"Signed requests (.dsse.json); none renews the log's signatures." type:"existingfile"`
	Cosignature []string `help:"What a witness sent back (.cosig)." type:"existingfile" placeholder:"FILE"`
}

// Run publishes.
func (c *agencyPublish) Run(e *env) error {
	var files [2][][]byte
	for i, names := range [2][]string{c.Envelopes, c.Cosignature} {
		for _, path := range names {
			data, err := os.ReadFile(path)
			if err != nil {
				return fmt.Errorf("reading a document: %w", err)
			}
			files[i] = append(files[i], data)
		}
	}
	return c.publish(e, files[0], files[1])
}

func (c publicDir) publish(e *env, documents, cosignatures [][]byte) error {
	p, err := agency.Publish(agency.PublishConfig{Dir: c.Dir, Public: c.Public, Cosignatures: cosignatures, Context: e.ctx}, documents...)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "added      %d\n", p.Added)
	if p.Known > 0 {
		fmt.Fprintf(e.stdout, "known      %d, in the log already\n", p.Known)
	}
	fmt.Fprintf(e.stdout, "log size   %d\n", p.Size)
	for _, w := range p.Asked {
		switch {
		case w.Err != nil:
			fmt.Fprintf(e.stdout, "witness    %s did not sign: %v\n", w.Name, w.Err)
		case w.Ask != "":
			fmt.Fprintf(e.stdout, "witness    %s: send it %s\n", w.Name, w.Ask)
		default:
			fmt.Fprintf(e.stdout, "witness    %s signed %s UTC\n", w.Name, w.Signed.Format("2006-01-02 15:04"))
		}
	}
	if left := time.Until(p.Expires); left < 30*24*time.Hour {
		fmt.Fprintf(e.stdout, "profile    expires %s: make the next version\n", p.Expires.Format(time.DateOnly))
	}
	if p.Waiting {
		fmt.Fprintln(e.stdout, "waiting    fewer than half of the witnesses have signed: nothing new is public yet")
		return nil
	}
	fmt.Fprintf(e.stdout, "active     %d lines\n", p.Active)
	return nil
}

type agencyReceive struct {
	agencyDir
	Listen string `help:"Address to listen on." default:"0.0.0.0:8443"`
}

// Run receives packages until the process is told to stop.
func (c *agencyReceive) Run(e *env) error {
	r, err := agency.NewReceiver(agency.ReceiverConfig{Dir: c.Dir, Addr: c.Listen, Log: e.log})
	if err != nil {
		return err
	}
	e.log.Info("receiver is up", "peer", r.Addr())
	return r.Run(e.ctx)
}

// identityFlag is embedded by the commands that open packages.
type identityFlag struct {
	Identity string `help:"The key that opens packages; default that in the agency's folder." type:"existingfile" placeholder:"FILE"`
}

func (f identityFlag) load(dir string) ([]age.Identity, error) {
	if f.Identity == "" {
		return agency.LoadIdentities(dir)
	}
	return agency.LoadIdentity(f.Identity)
}

type agencyOpen struct {
	agencyDir
	identityFlag
	Package string `arg:"" help:"A received GH-….ghe." type:"existingfile"`
	Out     string `arg:"" help:"Folder to make." type:"path"`
}

// Run opens a package.
func (c *agencyOpen) Run(e *env) error {
	identities, err := c.load(c.Dir)
	if err != nil {
		return err
	}
	id, err := agency.RequestOf(c.Package, identities)
	if err != nil && !errors.Is(err, agency.ErrPackage) {
		return err
	}
	if err := agency.OpenPackage(c.Package, identities, c.Out); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "opened     %s\n", c.Out)
	if id != "" {
		fmt.Fprintf(e.stdout, "request    %s\n", id)
	}
	fmt.Fprintf(e.stdout, "Check it: gatehouse verify %s\n", c.Out)
	return nil
}

type agencyAnswer struct {
	publicDir
	identityFlag
	State   string `arg:"" help:"used, unused or destroyed." enum:"used,unused,destroyed"`
	Package string `arg:"" help:"The received file, or the SHA-256 of one that is gone."`
	Request string `help:"The request it is for, where the key that opens it is not here." placeholder:"ID"`
	Delete  bool   `help:"With destroyed: remove the received file first."`
}

// Run signs what became of a package, and publishes it.
func (c *agencyAnswer) Run(e *env) error {
	identities, err := c.load(c.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	d, env, err := agency.Dispose(agency.DisposeConfig{
		Dir: c.Dir, Package: filepath.Clean(c.Package), State: c.State, Request: c.Request, Identities: identities, Delete: c.Delete,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "package    %s\nrequest    %s\nanswered   %s\n", d.SHA256, d.Request, d.State)
	return c.publish(e, [][]byte{env}, nil)
}
