package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/hub/agency"
	"gatehouse/hub/bulletin"
)

// profileFlag is embedded by the commands that people run on machines of their
// own, which have the signed profile and nothing else of the agency's folder.
type profileFlag struct {
	agencyDir
	Profile string `help:"The signed profile; default profile.dsse.json in the agency's folder." type:"existingfile" placeholder:"FILE"`
}

func (c profileFlag) load() (bulletin.VerifiedProfile, error) {
	if c.Profile == "" {
		return agency.LoadProfile(c.Dir)
	}
	return openProfile(c.Profile)
}

func openProfile(path string) (bulletin.VerifiedProfile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return bulletin.VerifiedProfile{}, fmt.Errorf("reading profile: %w", err)
	}
	p, err := bulletin.OpenProfile(bytes.TrimSpace(text))
	if err != nil {
		return p, fmt.Errorf("%s is not a profile that its roots have signed: %w", filepath.Base(path), err)
	}
	return p, nil
}

type agencyDraft struct {
	profileFlag
	Out        string        `arg:"" help:"File to write, such as theft.json." type:"path"`
	Case       string        `help:"Case number." required:""`
	Category   string        `help:"Incident category." required:""`
	Headline   string        `help:"What happened, in 80 characters." required:""`
	Summary    string        `help:"What happened, in 600 characters."`
	From       time.Time     `help:"Begin of the footage asked for, 2026-11-21T21:00:00Z." required:""`
	To         time.Time     `help:"Its end." required:""`
	Centre     string        `help:"LAT,LON of the area." required:""`
	Radius     float64       `help:"Metres." default:"400"`
	Area       string        `help:"The area in words."`
	Officer    string        `help:"NAME,BADGE,UNIT,PHONE,EMAIL." required:""`
	Supervisor string        `help:"NAME,BADGE." required:""`
	Attest     []string      `help:"What the case is attested not to be about: protest, immigration, …; repeat or separate by commas."`
	Valid      time.Duration `help:"How long owners may answer." default:"168h"`
}

// Run writes a draft.
func (c *agencyDraft) Run(e *env) error {
	profile, err := c.load()
	if err != nil {
		return err
	}
	o, s := strings.Split(c.Officer, ","), strings.Split(c.Supervisor, ",")
	centre, ok := numbers(c.Centre, 2)
	if !ok || len(o) != 5 || len(s) != 2 {
		return fmt.Errorf("%w--officer has 5 parts, --supervisor 2, --centre is LAT,LON", errInput)
	}
	q, err := agency.Draft(profile, agency.DraftConfig{
		Case: c.Case, Category: c.Category, Headline: c.Headline, Summary: c.Summary,
		Window: bulletin.Window{From: c.From, To: c.To}, NotRelatedTo: c.Attest,
		Centre: bulletin.Point{Lat: centre[0], Lon: centre[1]}, Radius: c.Radius, Description: c.Area, Valid: c.Valid,
		Officer:    bulletin.Officer{Name: o[0], Badge: o[1], Unit: o[2], Phone: o[3], Email: o[4]},
		Supervisor: bulletin.Officer{Name: s[0], Badge: s[1]},
	})
	if err != nil {
		return err
	}
	if err := agency.WriteDraft(c.Out, q); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "request    %s\nRead %s, then let an officer and a supervisor sign it.\n", q.ID, c.Out)
	return nil
}

type agencyRevise struct {
	profileFlag
	Signed   string        `arg:"" help:"The published request or revision (.dsse.json)." type:"existingfile"`
	Out      string        `arg:"" help:"File to write." type:"path"`
	From     time.Time     `help:"New begin of the footage asked for."`
	To       time.Time     `help:"New end."`
	Centre   string        `help:"LAT,LON of a new area; needs --radius."`
	Radius   float64       `help:"Its radius in metres."`
	Area     string        `help:"The area in words."`
	Headline string        `help:"What happened, in 80 characters."`
	Summary  string        `help:"What happened, in 600 characters."`
	Valid    time.Duration `help:"How long from now owners may answer."`
}

// Run writes a revision.
func (c *agencyRevise) Run(e *env) error {
	change := agency.Change{
		Window: bulletin.Window{From: c.From, To: c.To}, Radius: c.Radius, Description: c.Area,
		Headline: c.Headline, Summary: c.Summary, Valid: c.Valid,
	}
	centre, ok := numbers(c.Centre, 2)
	switch {
	case (c.Centre == "") != (c.Radius == 0) || c.Centre != "" && !ok:
		return fmt.Errorf("%wa new area has a --centre LAT,LON and a --radius", errInput)
	case c.Centre != "":
		change.Centre = bulletin.Point{Lat: centre[0], Lon: centre[1]}
	}
	return c.follow(e, c.Signed, c.Out, func(env []byte, p bulletin.VerifiedProfile) (bulletin.Request, error) {
		return agency.Revise(env, p, change)
	})
}

// follow writes the draft of what comes after a published request.
func (c profileFlag) follow(e *env, signed, out string, next func([]byte, bulletin.VerifiedProfile) (bulletin.Request, error)) error {
	profile, err := c.load()
	if err != nil {
		return err
	}
	env, err := os.ReadFile(signed)
	if err != nil {
		return fmt.Errorf("reading request: %w", err)
	}
	q, err := next(env, profile)
	if err != nil {
		return err
	}
	if err := agency.WriteDraft(out, q); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "request    %s, revision %d, %s\nRead %s, then let an officer and a supervisor sign it.\n", q.ID, q.Revision, q.Status, out)
	return nil
}

type agencyWithdraw struct {
	profileFlag
	Signed string `arg:"" help:"The published request or revision (.dsse.json)." type:"existingfile"`
	Out    string `arg:"" help:"File to write." type:"path"`
}

// Run writes a withdrawal.
func (c *agencyWithdraw) Run(e *env) error {
	return c.end(e, c.Signed, c.Out, bulletin.StatusWithdrawn)
}

func (c profileFlag) end(e *env, signed, out string, s bulletin.Status) error {
	return c.follow(e, signed, out, func(env []byte, p bulletin.VerifiedProfile) (bulletin.Request, error) {
		return agency.End(env, p, s, time.Now())
	})
}

type agencyClose struct{ agencyWithdraw }

// Run writes a closing.
func (c *agencyClose) Run(e *env) error { return c.end(e, c.Signed, c.Out, bulletin.StatusClosed) }

type agencyShow struct {
	profileFlag
	In string `arg:"" help:"A draft (.json), a half (.half.dsse.json) or a signed request (.dsse.json)." type:"existingfile"`
}

// Run says what a request asks.
func (c *agencyShow) Run(e *env) error {
	profile, err := c.load()
	if err != nil {
		return err
	}
	s, err := agency.Read(profile, c.In)
	if err != nil {
		return err
	}
	fmt.Fprint(e.stdout, agency.RequestWords(s.Request, profile))
	fmt.Fprintf(e.stdout, "%-10s %s\n", "signed by", signedBy(s.By))
	return nil
}

func signedBy(roles []agency.Role) string {
	if len(roles) == 0 {
		return "nobody yet"
	}
	var names []string
	for _, r := range roles {
		names = append(names, "the "+string(r))
	}
	return strings.Join(names, " and ")
}

type agencySign struct {
	profileFlag
	In  string `arg:"" help:"A draft (.json), or what the other person signed (.half.dsse.json)." type:"existingfile"`
	Key string `help:"The signer's key file." required:"" type:"existingfile"`
}

// Run says what is signed, and adds one signature.
func (c *agencySign) Run(e *env) error {
	profile, err := c.load()
	if err != nil {
		return err
	}
	read, err := agency.Read(profile, c.In)
	if err != nil {
		return err
	}
	fmt.Fprint(e.stdout, agency.RequestWords(read.Request, profile))
	fmt.Fprintf(e.stdout, "%-10s %s\n", "signed by", signedBy(read.By))
	if err := confirmed(e, "sign this request"); err != nil {
		return err
	}
	s, err := agency.Sign(agency.SignConfig{Profile: profile.Envelope, In: c.In, Key: c.Key})
	if err != nil {
		return err
	}
	state := "one more signature is needed"
	if s.Whole {
		state = "both have signed"
	}
	fmt.Fprintf(e.stdout, "signed     %s\nstate      %s\n", s.Path, state)
	return nil
}
