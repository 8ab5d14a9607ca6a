package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/hub/account"
	"gatehouse/hub/config"
	"gatehouse/hub/control"
	"gatehouse/hub/delivery"
	"gatehouse/hub/request"
)

// client is embedded by every command that talks to a running hub.
type client struct {
	Data string `help:"Data folder of the running hub." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
	JSON bool   `help:"Print JSON."`
}

func (c client) dial() *control.Client { return control.Dial(c.Data) }

// print writes v as JSON if asked, or else calls words.
func (c client) print(e *env, v any, words func(w io.Writer)) error {
	if c.JSON {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	words(w)
	return w.Flush()
}

type statusCmd struct {
	client
	Alive bool `help:"Only whether the hub answers: exit 0 even if something is not well."`
}

// Run prints the health; exit 1 if the hub is not healthy.
func (c *statusCmd) Run(e *env) error {
	s, err := c.dial().Status(e.ctx)
	if err != nil {
		return err
	}
	if err := c.print(e, s, func(w io.Writer) { printStatus(w, s) }); err != nil {
		return err
	}
	if !s.Healthy && !c.Alive {
		return errors.New("not everything is well")
	}
	return nil
}

func printStatus(w io.Writer, s control.Status) {
	for _, cam := range s.Cameras {
		atMost := ""
		if cam.AtMost > 0 {
			atMost = fmt.Sprintf("a power cut loses at most %d s", cam.AtMost)
		}
		fmt.Fprintf(w, "camera\t%s/%s\t%s\tlast durable second %s\t%s\t%s %s\n", cam.Name, cam.Stream, cam.State,
			clock(cam.LastDurable), atMost, cam.Detail, cam.Problem)
	}
	printNetwork(w, s.Network != config.Off)
	for _, state := range slices.Sorted(maps.Keys(s.Requests)) {
		fmt.Fprintf(w, "requests\t%s\t%d\n", state, s.Requests[state])
	}
	for _, j := range s.Outbox {
		fmt.Fprintf(w, "delivery\t%s\t%s\t%d of %d bytes to %s%s\t%s\n", j.PackageID, j.State, j.Offset, j.Bytes, j.Agency, pace(j), j.Error)
	}
	for _, p := range s.Problems {
		fmt.Fprintf(w, "problem\t%s\n", p)
	}
	fmt.Fprintf(w, "console\t%s\n", s.Console)
	if s.Root != "" {
		fmt.Fprintf(w, "root\tSHA-256 %s\n", s.Root)
	}
}

// pace is how fast a delivery goes, if that is known, or that it waits.
func pace(j delivery.Job) string {
	if j.Off {
		return ", waits for the network to be switched on"
	}
	left := j.Left()
	if left <= 0 {
		return ""
	}
	return fmt.Sprintf(", %d bytes a second, %s left", j.Rate, left)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

type agenciesCmd struct {
	List   agenciesList   `cmd:"" help:"Agencies allowed, and those known from bulletins."`
	Add    agenciesAdd    `cmd:"" help:"Allow an agency (passphrase on standard input)."`
	Remove agenciesRemove `cmd:"" help:"Remove an agency."`
}

type agenciesList struct{ client }

// Run lists agencies.
func (c *agenciesList) Run(e *env) error {
	a, err := c.dial().Agencies(e.ctx)
	if err != nil {
		return err
	}
	return c.print(e, a, func(w io.Writer) {
		for _, x := range a.Allowed {
			fmt.Fprintf(w, "allowed\t%s\t%s\tsince %s\n", x.Agency, x.Name, x.Added.Format(time.DateOnly))
		}
		for _, x := range a.Known {
			fmt.Fprintf(w, "known\t%s\t%s\troot %s\tcall back %s\n", x.Agency, x.Name, x.Root, x.CallBack)
		}
	})
}

type agenciesAdd struct {
	client
	Agency string `arg:"" help:"DNS name of an agency known from a bulletin."`
	Root   string `help:"Fingerprint of the agency's root keys, as you have it from the agency. Needed if more than one is known."`
}

// Run allows an agency. The fingerprint is said first, so that what is
// confirmed by the passphrase is what was shown.
func (c *agenciesAdd) Run(e *env) error {
	known, err := c.dial().Agencies(e.ctx)
	if err != nil {
		return err
	}
	root, err := c.root(known.Known, e.stderr)
	if err != nil {
		return err
	}
	pass, err := passphrase(e.stdin)
	if err != nil {
		return err
	}
	a, err := c.dial().Allow(e.ctx, c.Agency, root, pass)
	if err != nil {
		return err
	}
	return c.print(e, a, func(w io.Writer) { fmt.Fprintf(w, "allowed\t%s\t%s\tcall back %s\n", a.Agency, a.Name, a.CallBack) })
}

// root shows the agency's root keys and returns the one meant.
func (c *agenciesAdd) root(known []control.Known, out io.Writer) (string, error) {
	var roots []string
	for _, k := range known {
		if k.Agency == c.Agency {
			fmt.Fprintf(out, "%s signs with root %s, call back %s\n", k.Name, k.Root, k.CallBack)
			roots = append(roots, k.Root)
		}
	}
	switch {
	case c.Root != "":
		return strings.ToLower(strings.ReplaceAll(c.Root, " ", "")), nil
	case len(roots) == 0:
		return "", request.ErrUnknown
	case len(roots) > 1:
		return "", errors.New("more than one set of root keys is known for this agency; call it, and say which one with --root")
	}
	return roots[0], nil
}

type agenciesRemove struct {
	client
	Agency string `arg:"" help:"DNS name."`
}

// Run removes an agency.
func (c *agenciesRemove) Run(e *env) error {
	if err := c.dial().Disallow(e.ctx, c.Agency); err != nil {
		return err
	}
	return c.print(e, map[string]string{"removed": c.Agency}, func(w io.Writer) { fmt.Fprintf(w, "removed\t%s\n", c.Agency) })
}

type motionCmd struct {
	Data   string        `help:"Data folder of the running hub." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
	Camera string        `arg:"" help:"Camera name."`
	For    time.Duration `help:"How long." default:"30s"`
}

// Run reports motion.
func (c *motionCmd) Run(e *env) error { return control.Dial(c.Data).Motion(e.ctx, c.Camera, c.For) }

type passwdCmd struct {
	Data string `help:"Data folder." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
}

// Run sets the passphrase, with or without a running hub. Whoever can write
// the data folder owns the hub; all sessions end, and the first owner's passkeys
// and tokens.
func (c *passwdCmd) Run(e *env) error {
	pass, err := passphrase(e.stdin)
	if err != nil {
		return err
	}
	if err := control.Dial(c.Data).SetPassphrase(e.ctx, pass); !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	held, err := lock(c.Data)
	if err != nil {
		return err
	}
	defer held.Close()
	_, house, err := openHouse(e.ctx, c.Data)
	if err != nil {
		return err
	}
	defer house.Close()
	err = account.New(account.Config{Store: house}).SetPassphrase(e.ctx, pass, true)
	if errors.Is(err, account.ErrWeak) {
		return fmt.Errorf("%w%w: at least 8 characters", errInput, err)
	}
	return err
}

// passphrase reads the owner's passphrase.
func passphrase(stdin io.Reader) (string, error) { return secret(stdin, "passphrase") }

// chosen is secret for one that is set here; at a terminal, where nobody sees
// what they type, it is asked for twice.
func chosen(stdin io.Reader, what string) (string, error) {
	first, err := secret(stdin, what)
	f, ok := stdin.(*os.File)
	if err != nil || !ok {
		return first, err
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return first, nil //nolint:nilerr // no terminal
	}
	again, err := secret(stdin, what+", once more")
	if err == nil && again != first {
		err = fmt.Errorf("%wthe two are not the same", errInput)
	}
	return first, err
}

// secret reads one line. It is never echoed, logged or taken from an argument.
func secret(stdin io.Reader, what string) (string, error) {
	restore := func() {}
	if f, ok := stdin.(*os.File); ok {
		restore = hush(int(f.Fd()), what)
	}
	line, err := oneLine(stdin)
	restore()
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fmt.Errorf("%wthe %s is read from standard input, one line", errInput, what)
	}
	return line, nil
}

// oneLine reads up to a line's end and no byte further: another line may follow.
func oneLine(from io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < 2048; {
		if _, err := io.ReadFull(from, b); err != nil {
			return string(line), err
		}
		if line = append(line, b[0]); b[0] == '\n' {
			break
		}
	}
	return string(line), nil
}

// hush prompts on a terminal and switches its echo off; it does nothing to
// anything else. The function returned switches it on again.
func hush(fd int, what string) func() {
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	fmt.Fprint(os.Stderr, what+": ")
	quiet := *old
	quiet.Lflag &^= unix.ECHO
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, &quiet)
	return func() {
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, old)
		fmt.Fprintln(os.Stderr)
	}
}
