package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gatehouse/hub/agency"
	"gatehouse/hub/bulletin"
)

type agencyCmd struct {
	Init    agencyInit    `cmd:"" help:"Make an agency's keys, profile and feed."`
	Draft   agencyDraft   `cmd:"" help:"Write a request as JSON, to be read and edited before it is signed."`
	Sign    agencySign    `cmd:"" help:"Sign a request with one person's key; two people must."`
	Publish agencyPublish `cmd:"" help:"Append signed requests to the log and write the bulletin's files."`
	Receive agencyReceive `cmd:"" help:"Run the receiver of packages (tus over TLS 1.3)."`
	Open    agencyOpen    `cmd:"" help:"Decrypt a received package into a folder."`
}

// agencyDir is embedded by the commands that use the agency's folder.
type agencyDir struct {
	Dir string `help:"The agency's folder." default:"agency" type:"path"`
}

type agencyInit struct {
	agencyDir
	Agency       string `help:"DNS name." required:""`
	Name         string `help:"Name for people." required:""`
	Level        string `help:"municipal, county, state, federal, fire or other." default:"municipal"`
	Jurisdiction string `help:"LAT,LON,METRES for a circle, or a JSON file with a closed ring of {lat,lon}." required:""`
	UploadHost   string `help:"host[:port] where packages are received." required:""`
	CallBack     string `help:"Telephone number that owners may call." required:""`
	Oversight    string `help:"Who oversees the agency."`
}

// Run makes the folder.
func (c *agencyInit) Run(e *env) error {
	ring, err := jurisdiction(c.Jurisdiction)
	if err != nil {
		return err
	}
	feed, err := agency.Init(c.Dir, agency.InitConfig{
		Agency: c.Agency, Name: c.Name, Level: c.Level, Jurisdiction: ring,
		UploadHost: c.UploadHost, CallBack: c.CallBack, Oversight: c.Oversight,
	})
	if err != nil {
		return err
	}
	if _, err := agency.Publish(agency.PublishConfig{Dir: c.Dir}); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "agency     %s\nroot       %s\nlog        %s\n", feed.Agency, feed.Root, feed.Log)
	for _, w := range feed.Witnesses {
		fmt.Fprintf(e.stdout, "witness    %s\n", w)
	}
	fmt.Fprintf(e.stdout, "Move %s to a safe place: it signs profiles. Give officer and supervisor their keys.\n", filepath.Join(c.Dir, "offline"))
	return nil
}

func jurisdiction(text string) ([]bulletin.Point, error) {
	if strings.Count(text, ",") == 2 {
		v, ok := numbers(text, 3)
		if !ok {
			return nil, fmt.Errorf("%w--jurisdiction should be LAT,LON,METRES or a file", errInput)
		}
		return agency.Circle(bulletin.Point{Lat: v[0], Lon: v[1]}, v[2]), nil
	}
	data, err := os.ReadFile(text)
	if err != nil {
		return nil, fmt.Errorf("%wreading the jurisdiction: %w", errInput, err)
	}
	var ring []bulletin.Point
	if err := json.Unmarshal(data, &ring); err != nil {
		return nil, fmt.Errorf("%w%s should hold a list of {lat,lon}", errInput, text)
	}
	return ring, nil
}

// numbers reads n numbers with commas between them.
func numbers(text string, n int) (v []float64, ok bool) {
	for _, part := range strings.Split(text, ",") {
		f, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return nil, false
		}
		v = append(v, f)
	}
	return v, len(v) == n
}

type agencyDraft struct {
	agencyDir
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
	profile, err := agency.LoadProfile(c.Dir)
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

type agencySign struct {
	agencyDir
	In  string `arg:"" help:"A draft (.json), or what the other person signed (.half.dsse.json)." type:"existingfile"`
	Key string `help:"The signer's key file." required:"" type:"existingfile"`
}

// Run adds one signature.
func (c *agencySign) Run(e *env) error {
	profile, err := agency.LoadProfile(c.Dir)
	if err != nil {
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
	fmt.Fprintf(e.stdout, "request    %s\nsigned     %s\nstate      %s\n", s.Request.ID, s.Path, state)
	return nil
}

type agencyPublish struct {
	agencyDir
	Envelopes []string `arg:"" optional:"" help:"Signed requests (.dsse.json); none renews the cosignature." type:"existingfile"`
}

// Run publishes.
func (c *agencyPublish) Run(e *env) error {
	var envelopes [][]byte
	for _, path := range c.Envelopes {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		envelopes = append(envelopes, data)
	}
	p, err := agency.Publish(agency.PublishConfig{Dir: c.Dir}, envelopes...)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "added      %d\nlog size   %d\nactive     %d lines\n", p.Added, p.Size, p.Active)
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

type agencyOpen struct {
	agencyDir
	Package string `arg:"" help:"A received GH-….ghe." type:"existingfile"`
	Out     string `arg:"" help:"Folder to make." type:"path"`
}

// Run opens a package.
func (c *agencyOpen) Run(e *env) error {
	identities, err := agency.LoadIdentities(c.Dir)
	if err != nil {
		return err
	}
	if err := agency.OpenPackage(c.Package, identities, c.Out); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "opened     %s\nCheck it: gatehouse verify %s\n", c.Out, c.Out)
	return nil
}
