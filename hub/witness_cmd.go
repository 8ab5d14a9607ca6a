package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"gatehouse/hub/witness"
)

type witnessCmd struct {
	Init   witnessInit   `cmd:"" help:"Make a witness's folder and key."`
	Trust  witnessTrust  `cmd:"" help:"Sign for a log from now on."`
	Serve  witnessServe  `cmd:"" help:"Answer agencies by HTTP (C2SP tlog-witness)."`
	Cosign witnessCosign `cmd:"" help:"Sign for a log, if nothing that was signed for before has changed."`
}

type witnessInit struct {
	Dir  string `arg:"" help:"Folder to make." type:"path"`
	Name string `help:"A name that nobody else has, such as example.org/witness." required:""`
}

// Run makes a witness.
func (c *witnessInit) Run(e *env) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	vkey, err := witness.Init(c.Dir, c.Name, key)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, vkey)
	return nil
}

type witnessCosign struct {
	Dir string `arg:"" help:"The witness's folder." type:"existingdir"`
	Ask string `arg:"" help:"What the agency sent (.ask); the answer is written beside it (.cosig)." type:"existingfile"`
	Log string `help:"The log's key, the first time." placeholder:"KEY"`
}

// Run cosigns.
func (c *witnessCosign) Run(e *env) error {
	ask, err := os.ReadFile(c.Ask)
	if err != nil {
		return fmt.Errorf("reading the ask: %w", err)
	}
	s, err := witness.Cosign(c.Dir, ask, c.Log)
	if err != nil {
		return err
	}
	out := strings.TrimSuffix(c.Ask, ".ask") + ".cosig"
	if err := os.WriteFile(out, s.Cosignature, 0o600); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	fmt.Fprintf(e.stdout, "log        %s\nentries    %d, the first %d as they were\nsend back  %s\n", s.Origin, s.Size, s.Was, out)
	return nil
}

type witnessTrust struct {
	Dir string `arg:"" help:"The witness's folder." type:"existingdir"`
	Log string `arg:"" help:"The log's key, as you have it from the agency."`
}

// Run trusts a log.
func (c *witnessTrust) Run(e *env) error {
	origin, err := witness.Trust(c.Dir, c.Log)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "log        %s\n", origin)
	return nil
}

type witnessServe struct {
	Dir    string `arg:"" help:"The witness's folder." type:"existingdir"`
	Listen string `help:"Address to listen on." default:"0.0.0.0:8380"`
}

// Run answers until the process is told to stop.
func (c *witnessServe) Run(e *env) error {
	s, err := witness.NewServer(c.Dir, c.Listen, e.log)
	if err != nil {
		return err
	}
	e.log.Info("witness is up", "peer", s.Addr())
	return s.Run(e.ctx)
}
