package main

import (
	"fmt"
	"os"

	"gatehouse/hub/agency"
	"gatehouse/hub/bulletin"
)

type agencyProfile struct {
	Show    profileShow    `cmd:"" help:"Say in words what a profile says."`
	Edit    profileEdit    `cmd:"" help:"Write profile.json with the next version: a new year, keys added or removed, new roots."`
	Sign    profileSign    `cmd:"" help:"Sign a profile with one root's key."`
	Install profileInstall `cmd:"" help:"Put a profile that its roots have signed in force."`
}

type profileShow struct {
	File string `arg:"" help:"profile.json, .half.dsse.json or .dsse.json." type:"existingfile"`
}

// Run says a profile.
func (c *profileShow) Run(e *env) error {
	p, err := agency.ReadProfile(c.File)
	if err != nil {
		return err
	}
	fmt.Fprint(e.stdout, agency.ProfileWords(p))
	return nil
}

type profileEdit struct {
	agencyDir
	publicKeys
	Remove []string `help:"First digits of an officer's or supervisor's key, as shown, or a whole recipient." placeholder:"KEY"`
}

// Run writes the next version.
func (c *profileEdit) Run(e *env) error {
	people, err := c.load(e.stdout)
	if err != nil {
		return err
	}
	p, err := agency.EditProfile(c.Dir, agency.ProfileEdit{Add: people, Remove: c.Remove, Threshold: c.Threshold})
	if err != nil {
		return err
	}
	fmt.Fprint(e.stdout, agency.ProfileWords(p))
	return nil
}

type profileSign struct {
	File string `arg:"" help:"profile.json, or what another root signed (.half.dsse.json)." type:"existingfile"`
	Key  string `help:"The root's key file." required:"" type:"existingfile"`
	Old  string `help:"The profile in force, where its roots are replaced: they sign too." type:"existingfile" placeholder:"FILE"`
}

// Run says a profile and adds one root's signature.
func (c *profileSign) Run(e *env) error {
	var old []byte
	if c.Old != "" {
		p, err := openProfile(c.Old)
		if err != nil {
			return err
		}
		old = p.Envelope
	}
	p, err := agency.ReadProfile(c.File)
	if err != nil {
		return err
	}
	fmt.Fprint(e.stdout, agency.ProfileWords(p))
	if err := confirmed(e, "sign this profile"); err != nil {
		return err
	}
	s, err := agency.SignProfileFile(agency.ProfileSignConfig{In: c.File, Key: c.Key, Old: old})
	if err != nil {
		return err
	}
	state := "all have signed: install it"
	if !s.Whole() {
		state = fmt.Sprintf("%d more of its roots and %d of the old ones must sign", s.Missing, s.OldMiss)
	}
	fmt.Fprintf(e.stdout, "signed     %s\nstate      %s\n", s.Path, state)
	return nil
}

type profileInstall struct {
	agencyDir
	File      string `arg:"" help:"The profile that its roots have signed." type:"existingfile"`
	LostRoots bool   `help:"The old roots are lost and cannot sign for the new ones: every owner has to confirm the agency again."`
}

// Run installs a profile.
func (c *profileInstall) Run(e *env) error {
	env, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("reading profile: %w", err)
	}
	var p bulletin.VerifiedProfile
	if p, err = agency.InstallProfile(c.Dir, env, c.LostRoots); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "installed  version %d, valid to %s\nroot       %s\n", p.Version, p.Expires.Format("2006-01-02"), p.RootID)
	return nil
}
