package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gatehouse/hub/agency"
	"gatehouse/hub/bulletin"
)

type agencyCmd struct {
	Key      agencyKey      `cmd:"" help:"Make a person's key, on the machine where it stays."`
	Init     agencyInit     `cmd:"" help:"Make the folder of the machine that publishes and receives."`
	Profile  agencyProfile  `cmd:"" help:"The agency's profile: show, edit, sign by its roots, install."`
	Draft    agencyDraft    `cmd:"" help:"Write a request as JSON, to be read and edited before it is signed."`
	Revise   agencyRevise   `cmd:"" help:"Write the next revision of a published request."`
	Withdraw agencyWithdraw `cmd:"" help:"Write a request's withdrawal, to be signed like the request."`
	Close    agencyClose    `cmd:"" help:"Write a request's closing, to be signed like the request."`
	Show     agencyShow     `cmd:"" help:"Say in words what a draft or a signed request asks."`
	Sign     agencySign     `cmd:"" help:"Sign a request with one person's key; two people must."`
	Publish  agencyPublish  `cmd:"" help:"Append signed requests to the log and write the bulletin's files."`
	Feed     agencyFeed     `cmd:"" help:"What owners enter to follow the bulletin."`
	Witness  agencyWitness  `cmd:"" help:"Independent witnesses of the log: add, remove."`
	Receive  agencyReceive  `cmd:"" help:"Run the receiver of packages (tus over TLS 1.3)."`
	Open     agencyOpen     `cmd:"" help:"Decrypt a received package into a folder."`
	Answer   agencyAnswer   `cmd:"" help:"Publish what became of a package: used, unused or destroyed."`
}

// agencyDir is embedded by the commands that use the agency's folder.
type agencyDir struct {
	Dir string `help:"The agency's folder." default:"agency" type:"path"`
}

type agencyKey struct {
	Name string `arg:"" help:"NAME.key is kept, NAME.pub goes to the agency." type:"path"`
	Role string `help:"root, officer, supervisor or recipient." required:"" enum:"root,officer,supervisor,recipient"`
	For  string `help:"Whose it is." required:""`
}

// Run makes a key.
func (c *agencyKey) Run(e *env) error {
	p, err := agency.MakeKey(c.Name, agency.Role(c.Role), c.For)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "kept       %s.key\ngive away  %s.pub\nto compare %s\n", c.Name, c.Name, p.Words())
	return nil
}

// publicKeys are flags for .pub files by role.
type publicKeys struct {
	Root       []string `help:"A root's .pub file; its key stays on a machine that is never online." type:"existingfile" placeholder:"FILE"`
	Threshold  int      `help:"How many roots must sign a profile; default all." placeholder:"M"`
	Officer    []string `help:"An officer's .pub file." type:"existingfile" placeholder:"FILE"`
	Supervisor []string `help:"A supervisor's .pub file." type:"existingfile" placeholder:"FILE"`
	Recipient  []string `help:"The .pub file of a key that opens packages." type:"existingfile" placeholder:"FILE"`
}

// load reads them all and says each for people to compare.
func (k publicKeys) load(out io.Writer) ([]agency.Public, error) {
	var all []agency.Public
	for _, r := range []struct {
		role  agency.Role
		files []string
	}{{agency.Root, k.Root}, {agency.Officer, k.Officer}, {agency.Supervisor, k.Supervisor}, {agency.Recipient, k.Recipient}} {
		for _, f := range r.files {
			p, err := agency.LoadPublic(f, r.role)
			if err != nil {
				return nil, fmt.Errorf("%w%w", errInput, err)
			}
			fmt.Fprintf(out, "%-10s %s, %s\n", p.Role, p.Words(), p.Holder)
			all = append(all, p)
		}
	}
	return all, nil
}

type agencyInit struct {
	agencyDir
	publicKeys
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
	people, err := c.load(e.stdout)
	if err != nil {
		return err
	}
	feed, err := agency.Init(c.Dir, agency.InitConfig{
		Agency: c.Agency, Name: c.Name, Level: c.Level, Jurisdiction: ring,
		UploadHost: c.UploadHost, CallBack: c.CallBack, Oversight: c.Oversight, People: people, Threshold: c.Threshold,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "agency     %s\nlog        %s\n", feed.Agency, feed.Log)
	if feed.Root == "" {
		fmt.Fprintf(e.stdout, "Take %s to the roots to be signed, then install it.\n", filepath.Join(c.Dir, "profile.json"))
		return nil
	}
	if _, err := agency.Publish(agency.PublishConfig{Dir: c.Dir, Context: e.ctx}); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "root       %s\n", feed.Root)
	for _, w := range feed.Witnesses {
		fmt.Fprintf(e.stdout, "witness    %s\n", w)
	}
	fmt.Fprintf(e.stdout, "The root's key is in this folder, which is for trying out. Move %s to a machine that is never online.\n", filepath.Join(c.Dir, "offline"))
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

// confirmed asks a person at a terminal; anything else has been told what it does.
func confirmed(e *env, what string) error {
	f, ok := e.stdin.(*os.File)
	if !ok {
		return nil
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return nil
	}
	fmt.Fprintf(e.stderr, "Type yes to %s: ", what)
	line, err := oneLine(f)
	if err != nil || strings.TrimSpace(line) != "yes" {
		return fmt.Errorf("%wnothing was signed", errInput)
	}
	return nil
}

type agencyFeed struct {
	agencyDir
	URL    string   `help:"Address of the bulletin, once."`
	Mirror []string `help:"Addresses of others who carry it."`
}

// Run says what owners enter.
func (c *agencyFeed) Run(e *env) error {
	feed, err := agency.LoadFeed(c.Dir)
	if c.URL != "" {
		feed, err = agency.SetAddresses(c.Dir, c.URL, c.Mirror)
	}
	if err != nil {
		return err
	}
	return printFeed(e, feed)
}

func printFeed(e *env, feed agency.Feed) error {
	address := feed.URL
	if address == "" {
		address = "https://…/"
	}
	list := func(texts []string) string {
		text, err := json.Marshal(texts) // a YAML list as well
		if err != nil {
			return "[]"
		}
		return string(text)
	}
	fmt.Fprintf(e.stdout, "# Compare on the telephone: %s\nbulletins:\n  - url: %q\n    log: %q\n    witnesses: %s\n",
		feed.Root, address, feed.Log, list(feed.Witnesses))
	if len(feed.Mirrors) > 0 {
		fmt.Fprintf(e.stdout, "    mirrors: %s\n", list(feed.Mirrors))
	}
	return nil
}

type agencyWitness struct {
	Add    agencyWitnessAdd    `cmd:"" help:"Add a witness, or change one."`
	Remove agencyWitnessRemove `cmd:"" help:"Remove a witness."`
}

type agencyWitnessAdd struct {
	agencyDir
	Key  string `arg:"" help:"The witness's key, name+hash+key."`
	URL  string `help:"Where its server takes add-checkpoint (C2SP tlog-witness); without one it is asked by files."`
	Seen int64  `help:"Entries of the tree that it signed for last."`
}

// Run adds a witness.
func (c *agencyWitnessAdd) Run(e *env) error {
	feed, err := agency.SetWitness(c.Dir, agency.Witness{Key: c.Key, URL: c.URL, Seen: c.Seen})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "log        %s\nGive the log's key to the witness, publish, and tell owners the new feed:\n", feed.Log)
	return printFeed(e, feed)
}

type agencyWitnessRemove struct {
	agencyDir
	Name string `arg:"" help:"The witness's name or key."`
}

// Run removes a witness.
func (c *agencyWitnessRemove) Run(e *env) error {
	feed, err := agency.RemoveWitness(c.Dir, c.Name)
	if err != nil {
		return err
	}
	return printFeed(e, feed)
}
