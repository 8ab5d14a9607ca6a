package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/control"
	"gatehouse/hub/evidence"
	"gatehouse/hub/identity"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/request"
)

type requestsPortal struct {
	Data  string `help:"Data folder of the running hub." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
	Form  string `help:"plain, sealed (to the agency's key) or locked (with a passphrase that is printed)." default:"plain" enum:"plain,sealed,locked"`
	Again bool   `help:"It was handed over already and is taken out once more (passphrase on standard input)."`
	As    string `help:"Name of the approver whose passphrase it is; without it the owner's." placeholder:"NAME"`
	ID    string `arg:"" help:"Request id."`
	To    string `arg:"" help:"Folder for the files; it is made." type:"path"`
}

// Run takes the files of a package that was approved to leave by hand out of
// the hub. The hub hashes the sealed file and notes it first; what is written
// comes from that very file, which is hashed once more.
func (c *requestsPortal) Run(e *env) (err error) {
	g := control.Give{Form: request.Form(c.Form), Decision: control.Decision{As: c.As}}
	if c.Again {
		if g.Passphrase, err = passphrase(e.stdin); err != nil {
			return err
		}
	}
	if there, err := os.ReadDir(c.To); err == nil && len(there) > 0 {
		return fmt.Errorf("%w%s has files already", errInput, c.To)
	}
	id, err := identity.Open(c.Data, false)
	if err != nil {
		return fmt.Errorf("%w%w", errInput, err)
	}
	r, err := control.Dial(c.Data).Give(e.ctx, c.ID, g)
	if err != nil {
		return err
	}
	sealed, err := evidence.NewSealer(evidence.Config{Dir: filepath.Join(c.Data, sealedDir), Owner: id.Owner}).Open(*r.Package)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sealed.Close()) }()
	if err := durable.MkdirAll(c.To, 0o700); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	if err := c.write(e.ctx, e.stdout, sealed, r); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s: %s, for a person to upload or hand over\nWhen it took place: gatehouse requests handed-over %s --to WHOM --way WAY\n", c.To, r.Package.ID, r.ID)
	return nil
}

func (c *requestsPortal) write(ctx context.Context, out io.Writer, sealed *evidence.Preview, r request.Record) error {
	put := func(name string, from io.Reader) error {
		return newFile(filepath.Join(c.To, name), func(w io.Writer) error {
			_, err := io.Copy(w, from)
			return err
		})
	}
	switch request.Form(c.Form) {
	case request.Sealed:
		file, err := sealed.Sealed()
		if err != nil {
			return err
		}
		return put(r.Package.ID+".ghe", file)
	case request.Locked:
		secret := evidence.NewPassphrase()
		err := newFile(filepath.Join(c.To, r.Package.ID+".age"), func(w io.Writer) error { return sealed.Lock(ctx, w, secret) })
		if err == nil {
			fmt.Fprintf(out, "passphrase: %s\nIt is kept nowhere. Tell it in another way than you give the file.\n", secret)
		}
		return err
	}
	if r.ByHand.Target.Kind == bulletin.Portal {
		if err := sealed.FitsPortal(); err != nil {
			return err
		}
	}
	return sealed.Plain(ctx, put)
}
