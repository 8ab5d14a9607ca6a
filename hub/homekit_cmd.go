package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/control"
)

type homekitCmd struct {
	Status homekitStatus `cmd:"" help:"Accessories, who is paired, and whether pairing is open."`
	Open   homekitOpen   `cmd:"" help:"Let home apps pair for 15 minutes, and show the code."`
	Close  homekitClose  `cmd:"" help:"End pairing now."`
	Reset  homekitReset  `cmd:"" help:"Forget all pairings: key, device id and code are new."`
}

// homekitCall prints the state after a call.
func homekitCall(c client, e *env, call func(*control.Client, context.Context) (control.HomeKit, error)) error {
	k, err := call(c.dial(), e.ctx)
	if err != nil {
		return err
	}
	return c.print(e, k, func(w io.Writer) { printHomeKit(w, k) })
}

type homekitStatus struct{ client }

// Run shows the state.
func (c *homekitStatus) Run(e *env) error {
	return homekitCall(c.client, e, (*control.Client).HomeKit)
}

type homekitOpen struct{ client }

// Run opens pairing.
func (c *homekitOpen) Run(e *env) error {
	return homekitCall(c.client, e, (*control.Client).OpenHomeKit)
}

type homekitClose struct{ client }

// Run closes pairing.
func (c *homekitClose) Run(e *env) error {
	return homekitCall(c.client, e, (*control.Client).CloseHomeKit)
}

type homekitReset struct {
	client
	Accessory string `help:"Only this one, as status names it; the code is new for all." placeholder:"ACCESSORY"`
	Yes       bool   `help:"Do not ask."`
}

// Run resets.
func (c *homekitReset) Run(e *env) error {
	what := "all accessories"
	if c.Accessory != "" {
		what = c.Accessory
	}
	if !c.Yes {
		fmt.Fprintf(e.stderr, "Every home app loses %s, with rooms and automations, and pairs anew. Type yes to go on: ", what)
		line, err := oneLine(e.stdin)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading the answer: %w", err)
		}
		if strings.TrimSpace(line) != "yes" {
			return fmt.Errorf("%wnothing was reset", errInput)
		}
	}
	return homekitCall(c.client, e, func(d *control.Client, ctx context.Context) (control.HomeKit, error) {
		return d.ResetHomeKit(ctx, c.Accessory)
	})
}

func printHomeKit(w io.Writer, k control.HomeKit) {
	fmt.Fprintln(w, "ACCESSORY\tNAME\tKIND\tSTATE\tADDRESS\tDEVICE ID")
	for _, a := range k.Accessories {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", a.Accessory, a.Name, homekitKind(a), homekitState(a), a.Addr, a.DeviceID)
	}
	for _, a := range k.Accessories {
		for _, c := range a.Controllers {
			role := "may not change pairings"
			if c.Admin {
				role = "administrator"
			}
			fmt.Fprintf(w, "\ncontroller of %s\t%s\t%s\tadded %s\tseen %s\t%s", a.Accessory, c.ID, role, clock(c.Added), clock(c.Seen), c.Peer)
		}
	}
	if onlyHere(k) {
		fmt.Fprint(w, "\nNo phone reaches this machine's own address; set homekit.listen to one of the home's network.\n")
	}
	if k.Until.IsZero() {
		fmt.Fprint(w, "\npairing is closed; gatehouse homekit open opens it for 15 minutes\n")
		return
	}
	fmt.Fprintf(w, "\npairing is open until %s\n", clock(k.Until))
	for _, a := range k.Accessories {
		if a.Code != "" {
			fmt.Fprintf(w, "%s\tcode %s\t%s\n", a.Accessory, a.Code, a.SetupURI)
		}
	}
}

// onlyHere reports whether all accessories listen on this machine alone.
func onlyHere(k control.HomeKit) bool {
	return len(k.Accessories) > 0 && !slices.ContainsFunc(k.Accessories, func(a homekit.Status) bool {
		addr, err := netip.ParseAddrPort(a.Addr)
		return err != nil || !addr.Addr().IsLoopback()
	})
}

func homekitKind(a homekit.Status) string {
	kind := map[string]string{
		"doorbell": "video doorbell", "sensor": "motion sensor", "camera": "camera", "snapshots": "camera, snapshots only",
	}[a.Kind]
	return fmt.Sprintf("%s (%d)", kind, a.Category)
}

func homekitState(a homekit.Status) string {
	switch n := len(a.Controllers); {
	case n == 1:
		return "paired with 1 controller"
	case n > 1:
		return fmt.Sprintf("paired with %d controllers", n)
	case a.Locked:
		return fmt.Sprintf("locked: %d wrong codes, needs a reset", a.Tries)
	case !a.Until.IsZero():
		return "open for pairing"
	}
	return "not paired"
}
