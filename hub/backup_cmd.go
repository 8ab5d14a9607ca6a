package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gatehouse/hub/backup"
	"gatehouse/hub/config"
	"gatehouse/hub/identity"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/ledger"
	"gatehouse/hub/sqlite"
)

type backupCmd struct {
	Data     string `help:"Data folder; the hub may run." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
	Packages bool   `help:"Sealed packages too; they are footage, and large."`
	To       string `arg:"" help:"File to write. It opens this home: keep it as safe as its passphrase." type:"path"`
}

// Run writes a backup, encrypted to a passphrase from standard input, and reads
// it back.
func (c *backupCmd) Run(e *env) error {
	pass, err := chosen(e.stdin, "passphrase of the backup")
	if err != nil {
		return err
	}
	var m backup.Manifest
	var strange []string
	err = newFile(c.To, func(w io.Writer) (err error) {
		m, strange, err = c.write(e.ctx, w, pass)
		return err
	})
	if err != nil {
		return backupError(err)
	}
	if err := errors.Join(c.readBack(e.ctx, pass), durable.SyncDir(filepath.Dir(c.To))); err != nil {
		return fmt.Errorf("reading the backup back: %w", err)
	}
	for i, name := range strange {
		if i == 20 {
			fmt.Fprintf(e.stdout, "left out: %d more\n", len(strange)-i)
			break
		}
		fmt.Fprintf(e.stdout, "left out: %q, which this program does not know\n", name)
	}
	fmt.Fprintf(e.stdout, "%s: %d files; read back, and whole\n", c.To, len(m.Files))
	fmt.Fprintf(e.stdout, "Footage is not in it, nor what gatehouse.yml names outside of %s. Without the passphrase it opens for nobody.\n", c.Data)
	return nil
}

func (c *backupCmd) write(ctx context.Context, w io.Writer, pass string) (m backup.Manifest, strange []string, err error) {
	cfg, err := config.Load(c.Data)
	if errors.Is(err, os.ErrNotExist) {
		return m, nil, fmt.Errorf("%wno %s in %s: this is not a hub's data folder", errInput, config.File, c.Data)
	}
	var footage []string
	if err == nil { // with a mistake in the file a backup is made all the same
		for _, d := range archiveConfig(cfg, c.Data, nil, nil, nil).Disks {
			if rel, err := filepath.Rel(c.Data, d.Path); err == nil {
				footage = append(footage, filepath.ToSlash(rel))
			}
		}
	}
	backup.Sweep(c.Data)
	staged, err := os.MkdirTemp(c.Data, backup.Staging)
	if err != nil {
		return m, nil, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staged)) }()
	copied := filepath.Join(staged, houseDB)
	if err := withHouse(ctx, c.Data, func(h *sqlite.House) error { return h.Snapshot(ctx, copied) }); err != nil {
		return m, nil, err
	}
	checkpoint, err := fsckHouse(ctx, c.Data, staged, nil, nil)
	if err != nil {
		return m, nil, err
	}
	list, strange, err := backup.Collect(c.Data, c.Packages, footage)
	if err != nil {
		return m, nil, err
	}
	list = append(list, backup.Source{Name: backup.House, Path: copied})
	m = backup.Manifest{Program: "gatehouse " + version, Made: time.Now().UTC().Truncate(time.Second), Checkpoint: string(checkpoint)}
	m, err = backup.Write(&whileWriter{ctx, w}, pass, m, list)
	return m, strange, err
}

func (c *backupCmd) readBack(ctx context.Context, pass string) error {
	f, err := os.Open(c.To)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = backup.Read(&whileReader{ctx, f}, pass, func(backup.File) (io.WriteCloser, error) { return nil, nil })
	return err
}

// fsckHouse reads all of a house.db that nobody uses, in a folder that may be
// another than that of its keys, has then change it, and returns its ledger's
// signed checkpoint. Its ledger is to be one that began as older says.
func fsckHouse(ctx context.Context, keys, dir string, older []byte, then func(*sqlite.House) error) (checkpoint []byte, err error) {
	id, err := identity.Open(keys, false)
	if err != nil {
		return nil, err
	}
	err = withHouse(ctx, dir, func(h *sqlite.House) error {
		log := ledger.New(h, id.Ledger)
		if err := errors.Join(h.Sound(ctx), log.Check(ctx, older)); err != nil {
			return err
		}
		if then != nil {
			if err := then(h); err != nil {
				return err
			}
		}
		checkpoint, err = log.Checkpoint(ctx)
		return err
	})
	return checkpoint, err
}

type restoreCmd struct {
	Data string `help:"Data folder; it must be empty." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
	From string `arg:"" help:"Backup." type:"existingfile"`
}

// Run puts a backup into an empty folder, whole or not at all.
func (c *restoreCmd) Run(e *env) (err error) {
	if err := backup.CheckEmpty(c.Data); err != nil {
		return backupError(err)
	}
	pass, err := secret(e.stdin, "passphrase of the backup")
	if err != nil {
		return err
	}
	f, err := os.Open(c.From)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := durable.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	held, err := lock(c.Data)
	if err != nil {
		return err
	}
	defer held.Close()
	ended := 0
	m, err := backup.Restore(&whileReader{e.ctx, f}, pass, c.Data, func(staged string, m backup.Manifest) (err error) {
		ended, err = c.check(e.ctx, staged, m)
		return err
	})
	if e.ctx.Err() != nil && err != nil {
		err = e.ctx.Err() // what could not be read on is not damaged
	}
	if err != nil {
		return errors.Join(backupError(err), os.Remove(held.Name()))
	}
	fmt.Fprintf(e.stdout, "%s: restored from the backup of %s; the ledger holds and says so\n", c.Data, m.Made.Format("2006-01-02 15:04 MST"))
	if ended > 0 {
		fmt.Fprintf(e.stdout, "%d deliveries were under way then: they are ended, and need your approval again\n", ended)
	}
	fmt.Fprint(e.stdout, `Everybody has to log in again. People, passphrases and agencies are those of that day: look at them first.
NEVER run this hub and the one that the backup is of at the same time: they have the same keys.
Footage is not in a backup. If you have copied it back, run gatehouse fsck --rebuild-index before the first start.
`)
	return nil
}

// check reads what was unpacked as a hub would, and puts it in order.
func (c *restoreCmd) check(ctx context.Context, staged string, m backup.Manifest) (ended int, err error) {
	older := []byte(m.Checkpoint)
	checkpoint, err := fsckHouse(ctx, staged, staged, older, func(h *sqlite.House) (err error) {
		now := time.Now()
		ended, err = h.Restored(ctx, filepath.Join(c.Data, sealedDir), now, ledger.Entry{
			Time: now, Kind: ledger.Restored,
			Text: fmt.Sprintf("The hub was put back from a backup of %s. What happened after it and before now is not in this ledger.", m.Made.UTC().Format("2 January 2006, 15:04 UTC")),
		})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", backup.ErrDamaged, err)
	}
	return ended, durable.WriteFile(filepath.Join(staged, checkpointFile), checkpoint, 0o600)
}

// backupError marks what is wrong with what the owner gave.
func backupError(err error) error {
	for _, e := range []error{backup.ErrPassphrase, backup.ErrWeak, backup.ErrDamaged, backup.ErrVersion, backup.ErrNotEmpty} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w%w; nothing was changed", errInput, err)
		}
	}
	return err
}

// whileReader and whileWriter end with ctx.
type whileReader struct {
	ctx context.Context
	r   io.Reader
}

func (w *whileReader) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}

type whileWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w *whileWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}
