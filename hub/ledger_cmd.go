package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"gatehouse/hub/identity"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/ledger"
	"gatehouse/hub/sqlite"
)

type ledgerCmd struct {
	Export ledgerExport `cmd:"" help:"Write the whole ledger, its signed checkpoint and its key into a folder."`
	Prove  ledgerProve  `cmd:"" help:"Prove that the ledger of now begins with what it was at a smaller size."`
	Check  ledgerCheck  `cmd:"" help:"Check an export or a proof against a checkpoint, without a hub."`
	Report ledgerReport `cmd:"" help:"Count a year's requests by agency, to publish or not."`
}

// ownLedger is embedded by the commands that read a data folder's ledger; the hub may run.
type ownLedger struct {
	Data string `help:"Data folder." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
}

// with opens the ledger for f.
func (c ownLedger) with(e *env, f func(l *ledger.Log, key string) error) error {
	return withHouse(e.ctx, c.Data, func(house *sqlite.House) error {
		id, err := identity.Open(c.Data, false)
		if err != nil {
			return err
		}
		return f(ledger.New(house, id.Ledger), id.LedgerKey)
	})
}

// withHouse opens house.db of a hub's data folder for f; the hub may run. A
// folder that has none is left as it is.
func withHouse(ctx context.Context, data string, f func(house *sqlite.House) error) (err error) {
	path := filepath.Join(data, houseDB)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%wno %s in %s: this is not a hub's data folder", errInput, houseDB, data)
	}
	house, err := sqlite.OpenHouse(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, house.Close()) }()
	return f(house)
}

// Names of what an export consists of.
const (
	exportLines      = "ledger.jsonl"
	exportCheckpoint = "ledger.checkpoint"
	exportKey        = "ledger.key"
)

type ledgerExport struct {
	ownLedger
	To string `arg:"" help:"Folder; it is made. It tells everything that was asked and decided." type:"path"`
}

// Run exports the ledger.
func (c *ledgerExport) Run(e *env) error {
	return c.with(e, func(l *ledger.Log, key string) error {
		if err := durable.MkdirAll(c.To, 0o700); err != nil {
			return fmt.Errorf("making the folder: %w", err)
		}
		var checkpoint []byte
		err := newFile(filepath.Join(c.To, exportLines), func(w io.Writer) (err error) {
			checkpoint, err = l.Export(e.ctx, w)
			return err
		})
		for name, text := range map[string]string{exportCheckpoint: string(checkpoint), exportKey: key + "\n"} {
			if err == nil {
				err = newFile(filepath.Join(c.To, name), func(w io.Writer) error {
					_, err := io.WriteString(w, text)
					return err
				})
			}
		}
		return err
	})
}

// newFile writes a file that was not there. What is left by an error is removed.
func newFile(name string, write func(w io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w%s is there already; nothing is written over", errInput, name)
	}
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

type ledgerProve struct {
	ownLedger
	From int64 `help:"Number of entries of the older checkpoint." required:"" placeholder:"N"`
}

// Run prints a proof of growth.
func (c *ledgerProve) Run(e *env) error {
	return c.with(e, func(l *ledger.Log, _ string) error {
		proof, err := l.ProveGrowth(e.ctx, c.From)
		if errors.Is(err, ledger.ErrGrowth) {
			return fmt.Errorf("%w%w", errInput, err)
		}
		if err != nil {
			return err
		}
		_, err = e.stdout.Write(proof)
		return err
	})
}

type ledgerCheck struct {
	Checkpoint string `arg:"" help:"Signed checkpoint of the ledger." type:"existingfile"`
	Key        string `help:"The ledger's verifier key, as you know it." required:"" placeholder:"KEY"`
	Export     string `help:"Entries that are to be exactly those of the checkpoint." type:"existingfile" placeholder:"FILE"`
	Growth     string `help:"Proof that a later ledger begins with that of the checkpoint." type:"existingfile" placeholder:"FILE"`
}

// Run checks with nothing but the files.
func (c *ledgerCheck) Run(e *env) error {
	if (c.Export == "") == (c.Growth == "") {
		return fmt.Errorf("%weither --export or --growth is needed", errInput)
	}
	checkpoint, err := os.ReadFile(c.Checkpoint)
	if err != nil {
		return err
	}
	if c.Growth != "" {
		proof, err := os.ReadFile(c.Growth)
		if err != nil {
			return err
		}
		from, to, err := ledger.CheckGrowth(checkpoint, proof, c.Key)
		if err == nil {
			fmt.Fprintf(e.stdout, "ok      the ledger of %d entries begins with the %d of the checkpoint\n", to, from)
		}
		return err
	}
	f, err := os.Open(c.Export)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := ledger.CheckExport(f, checkpoint, c.Key)
	if err == nil {
		fmt.Fprintf(e.stdout, "ok      the %d entries are those of the checkpoint\n", n)
	}
	return err
}

type ledgerReport struct {
	ownLedger
	Year int    `help:"Calendar year, UTC." required:""`
	CSV  string `help:"Write it as CSV." type:"path" placeholder:"FILE" name:"csv"`
	PDF  string `help:"Write it as PDF." type:"path" placeholder:"FILE" name:"pdf"`
}

// Run writes the report, and prints it if no file is asked for.
func (c *ledgerReport) Run(e *env) error {
	return c.with(e, func(l *ledger.Log, _ string) error {
		r, err := l.Report(e.ctx, c.Year, time.Now())
		if err != nil {
			return err
		}
		if c.CSV != "" {
			if err := newFile(c.CSV, r.CSV); err != nil {
				return err
			}
		}
		if c.PDF != "" {
			err := newFile(c.PDF, func(w io.Writer) error {
				b, err := r.PDF()
				if err == nil {
					_, err = w.Write(b)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		if c.CSV != "" || c.PDF != "" {
			return nil
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "agency\treceived\tshown\tdeclined\texpired\twithdrawn\tapproved\tsent\tby hand")
		for _, a := range r.Agencies {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", a.Agency, a.Received, a.Shown, a.Declined, a.Expired, a.Withdrawn, a.Approved, a.Sent, a.ByHand)
		}
		return w.Flush()
	})
}
