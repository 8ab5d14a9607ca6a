package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/control"
	"gatehouse/hub/request"
	"gatehouse/hub/sqlite"
)

type rulesCmd struct {
	Test rulesTest `cmd:"" help:"Tell what rules would have made of the requests of the last year. Changes nothing."`
}

type rulesTest struct {
	client
	File string `arg:"" optional:"" type:"existingfile" help:"File with rules: as it stands in gatehouse.yml; - is standard input. Without it, the rules in force."`
}

// Run tries rules: through a running hub, or on the data folder of one that does not run.
func (c *rulesTest) Run(e *env) error {
	rules, err := c.read(e)
	if err != nil {
		return err
	}
	t, err := c.dial().DryRun(e.ctx, rules)
	if errors.Is(err, control.ErrNotRunning) {
		t, err = c.stopped(e.ctx, rules)
	}
	if err != nil {
		return err
	}
	return c.print(e, t, func(w io.Writer) { printTrial(w, t) })
}

// read returns the file's rules, nil without a file.
func (c *rulesTest) read(e *env) ([]request.Rule, error) {
	if c.File == "" {
		return nil, nil
	}
	from, name := e.stdin, "standard input"
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // it is only read
		from, name = f, filepath.Base(c.File)
	}
	text, err := io.ReadAll(io.LimitReader(from, config.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	list, err := config.ParseRules(text)
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Fprintf(e.stderr, "%s:%s\n", name, p)
		}
		return nil, fmt.Errorf("%w%s cannot be tried; mistakes in it: %d", errInput, name, len(problems))
	}
	return rulesOf(list), err
}

// stopped tries rules on the data folder of a hub that does not run.
func (c *rulesTest) stopped(ctx context.Context, rules []request.Rule) (t request.Trial, err error) {
	err = withHouse(ctx, c.Data, func(house *sqlite.House) error {
		cfg, err := config.Load(c.Data)
		if err != nil {
			return err
		}
		home := homeOf(cfg)
		if rules != nil {
			home.Rules = rules
		}
		t, err = request.DryRun(ctx, house, home, time.Now())
		return err
	})
	return t, err
}

// fateWords says for people what became of a request.
var fateWords = map[request.Fate]string{
	request.Rings: "told at once", request.InDigest: "told in the digest", request.TwoPeople: "told in the digest, for two people",
	request.Untold: "waits, untold", request.Concealed: "hidden", request.Turned: "declined by a rule", request.Elsewhere: "not for your cameras",
	request.Stranger: "agency not on your list", request.Invalid: "refused as invalid", request.Gone: "withdrawn before it was judged",
}

func requests(n int) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n)
}

// printed is how many requests are listed for people; --json lists all it has.
const printed = 20

func printTrial(w io.Writer, t request.Trial) {
	fmt.Fprintf(w, "In the last 365 days %s touched your home; %d would have told you. %d did.\n", requests(t.Touched), t.Told, t.WasTold)
	switch {
	case t.First.IsZero():
		fmt.Fprintln(w, "No request has come yet, so there is nothing to try rules on.")
	case t.First.Sub(t.From) > 48*time.Hour:
		fmt.Fprintf(w, "This hub's history begins on %s.\n", t.First.Local().Format(time.DateOnly))
	}
	if t.Opted {
		fmt.Fprintln(w, "You have opted out: until sharing.opt_out ends, every request is hidden and no rule is asked.")
	}
	if t.Filled > 0 {
		fmt.Fprintf(w, "%s came before the hub noted what rules ask; there, cameras and position of today stand in.\n", requests(t.Filled))
	}
	fmt.Fprintln(w, "\nRULE\tCAUGHT\tAT YOUR HOME\tSAYS")
	for _, r := range t.Rules {
		fmt.Fprintf(w, "%d\t%d\t%d\t%s\n", r.Number, r.Caught, r.Touched, r.Text)
	}
	fmt.Fprintf(w, "none\t%d\t%d\ttold in the digest\n", t.NoRule.Caught, t.NoRule.Touched)
	if len(t.Fates) > 0 {
		fmt.Fprintln(w, "\nREQUESTS\tWERE\tWOULD HAVE BEEN")
	}
	for _, f := range t.Fates {
		same := fateWords[f.Would]
		if f.Was == f.Would {
			same = "the same"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\n", f.Requests, fateWords[f.Was], same)
	}
	printChanged(w, t.Touching)
}

func printChanged(w io.Writer, list []request.RequestTrial) {
	n := 0
	for _, r := range list {
		if r.Was == r.Would {
			continue
		}
		if n++; n == 1 {
			fmt.Fprintln(w, "\nARRIVED\tAGENCY\tASKS\tWAS\tWOULD HAVE BEEN\tNOW")
		}
		if n <= printed {
			fmt.Fprintf(w, "%s\t%s\t%q\t%s\t%s\t%s\n", clock(r.Received), r.Agency, r.Headline, fateWords[r.Was], fateWords[r.Would], r.State)
		}
	}
	if n > printed {
		fmt.Fprintf(w, "and %d more: --json lists them\n", n-printed)
	}
}
