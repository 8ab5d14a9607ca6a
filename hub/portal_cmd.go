package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/evidence"
	"gatehouse/hub/identity"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/request"
	"gatehouse/hub/sqlite"
)

type requestsPortal struct {
	Data string `help:"Data folder." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
	ID   string `arg:"" help:"Request id."`
	To   string `arg:"" help:"Folder for the plain files; it is made." type:"path"`
}

// Run writes the plain files of a package that was approved to be handed over
// by a person. The sealed file must still have the digest that was approved.
func (c *requestsPortal) Run(e *env) (err error) {
	path := filepath.Join(c.Data, houseDB)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%wno %s in %s: this is not a hub's data folder", errInput, houseDB, c.Data)
	}
	id, err := identity.Open(c.Data, false)
	if err != nil {
		return err
	}
	house, err := sqlite.OpenHouse(e.ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, house.Close()) }()
	pkg, err := c.approved(e, house)
	if errors.Is(err, request.ErrNotFound) || errors.Is(err, request.ErrState) || errors.Is(err, request.ErrNotByHand) {
		return fmt.Errorf("%w%w", errInput, err)
	}
	if err != nil {
		return err
	}
	sealed, err := evidence.NewSealer(evidence.Config{Dir: filepath.Join(c.Data, sealedDir), Owner: id.Owner}).Open(pkg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sealed.Close()) }()
	if err := durable.MkdirAll(c.To, 0o700); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	err = sealed.Portal(e.ctx, func(name string, r io.Reader) error {
		return newFile(filepath.Join(c.To, name), func(w io.Writer) error {
			_, err := io.Copy(w, r)
			return err
		})
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s: plain files for a person to upload or hand over\n", c.To)
	return nil
}

// approved is the package that was approved to be handed over by a person.
func (c *requestsPortal) approved(e *env, house *sqlite.House) (evidence.Package, error) {
	r, err := house.Record(e.ctx, c.ID)
	if err != nil {
		return evidence.Package{}, err
	}
	jobs, err := house.Jobs(e.ctx)
	if err != nil {
		return evidence.Package{}, err
	}
	var target bulletin.Target
	for _, j := range jobs { // newest first
		if r.Package != nil && j.Request == r.ID && j.PackageID == r.Package.ID && j.Digest == r.Package.Digest {
			target = j.Target
			break
		}
	}
	if err := r.ByHand(target); err != nil {
		return evidence.Package{}, err
	}
	return *r.Package, nil
}
