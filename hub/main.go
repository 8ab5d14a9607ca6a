// Gatehouse records the owner's cameras at home and stands between that
// footage and the agencies that ask for it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // a container has no zone database

	"github.com/alecthomas/kong"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/config"
	"gatehouse/hub/control"
)

// version is set by the release build (-ldflags -X main.version=…).
var version = "dev"

// Exit codes.
const (
	exitFault = 1 // something failed while running, or a check found damage
	exitInput = 2 // the command line or gatehouse.yml is wrong
)

// env is what a command may touch of the process.
type env struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	log    *slog.Logger
}

type cli struct {
	Verbose bool             `help:"Log more." short:"v"`
	Version kong.VersionFlag `help:"Print the version."`

	Serve    serveCmd    `cmd:"" help:"Run the hub."`
	Demo     demoCmd     `cmd:"" help:"Run the hub with two demo cameras and a demo agency."`
	Status   statusCmd   `cmd:"" help:"Health of a running hub."`
	Requests requestsCmd `cmd:"" help:"Requests: list, show, prepare, approve, hand over, decline."`
	Rules    rulesCmd    `cmd:"" help:"Try rules on the requests of the past."`
	Agencies agenciesCmd `cmd:"" help:"The allowlist of agencies."`
	Users    usersCmd    `cmd:"" help:"People who may log in: owners, approvers, viewers."`
	Tokens   tokensCmd   `cmd:"" help:"Tokens with which other programs read from the hub."`
	Cameras  camerasCmd  `cmd:"" help:"Find cameras and ask them what they offer."`
	Homekit  homekitCmd  `cmd:"" help:"Pair home apps with the doorbell, the motion sensor and cameras."`
	Network  networkCmd  `cmd:"" help:"Switch everything that the hub fetches and sends off, or on again."`
	Motion   motionCmd   `cmd:"" help:"Report motion at a camera, for example from its own alarm script."`
	Passwd   passwdCmd   `cmd:"" help:"Set the owner's passphrase (read from standard input); everybody is logged out, and the owner's passkeys and tokens end."`
	Backup   backupCmd   `cmd:"" help:"Write what makes this hub this hub into one encrypted file (passphrase on standard input)."`
	Restore  restoreCmd  `cmd:"" help:"Put a backup into an empty data folder (passphrase on standard input)."`
	Fsck     fsckCmd     `cmd:"" help:"Verify recordings, index, chains and ledger."`
	Verify   verifyCmd   `cmd:"" help:"Verify a package offline."`
	Ledger   ledgerCmd   `cmd:"" help:"The ledger: export, prove, check, report."`
	Agency   agencyCmd   `cmd:"" help:"The agency's side: keys, requests, bulletin, receiver."`
	Witness  witnessCmd  `cmd:"" help:"An independent witness of agencies' logs."`
}

// gcPercent is how far the heap may grow between two collections. The footage in
// hand is most of it and is used again without them, so that they come every few
// seconds only: at Go's 100 the hub takes a tenth more memory and no less CPU.
const gcPercent = 10

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process: exit codes instead of exits.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("gatehouse"), kong.Writers(stdout, stderr),
		kong.Description("Records your cameras at home; nothing leaves unless you approve exactly those bytes."),
		kong.UsageOnError(), kong.Vars{"version": version}, kong.Exit(func(code int) { exited = code }))
	if err != nil {
		fmt.Fprintln(stderr, "gatehouse:", err)
		return exitFault
	}
	k, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintln(stderr, "gatehouse:", err)
		return exitInput
	}
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{ctx, stdin, stdout, stderr, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))}
	return exitCode(k.Run(e), stderr)
}

func exitCode(err error, stderr io.Writer) int {
	var problems config.Problems
	var refused *control.Refused
	var notAllowed *bulletin.Refusal
	switch {
	case err == nil:
		return 0
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems)
		return exitInput
	case errors.Is(err, errInput), errors.As(err, &refused) && refused.Status < 500, errors.As(err, &notAllowed):
		fmt.Fprintln(stderr, "gatehouse:", err)
		return exitInput
	}
	fmt.Fprintln(stderr, "gatehouse:", err)
	return exitFault
}

// errInput marks an error of the person at the command line.
var errInput = errors.New("")
