package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/hub/config"
	"gatehouse/hub/delivery"
	"gatehouse/hub/demo"
	"gatehouse/hub/evidence"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/request"
	footage "gatehouse/images/demo"
)

type demoCmd struct {
	Data       string `help:"Folder of the demo; default gatehouse-demo here, or a new temporary one with --once." type:"path"`
	Listen     string `help:"Address of the console." default:"127.0.0.1:8080"`
	Once       bool   `help:"Do the owner's part as well, verify everything, and end."`
	UploadRate int64  `help:"Bytes a second that the line to the agency carries." placeholder:"BYTES"`

	temporary bool // Data was made by this run and goes with it
}

// onceLimit is how long demo --once may take.
const onceLimit = 60 * time.Second

// recordFirst is how much both cameras record before the agency asks.
const recordFirst = 12 * time.Second

// Run runs the world around a hub, the hub, and with --once its owner.
func (c *demoCmd) Run(e *env) error {
	ctx := e.ctx
	if c.Once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, onceLimit)
		defer cancel()
	}
	if err := c.folder(); err != nil {
		return err
	}
	if c.temporary {
		defer os.RemoveAll(c.Data)
	}
	d := &demoRun{cmd: c, env: e, began: time.Now()}
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if e.log.Enabled(ctx, slog.LevelDebug) {
		log = e.log
	}
	var err error
	if d.world, err = demo.Open(demo.Config{Dir: filepath.Join(c.Data, "world"), UploadRate: c.UploadRate, Log: log.With("part", "world")}); err != nil {
		return err
	}
	err = d.run(ctx, log)
	if c.Once && !d.finished && e.ctx.Err() == nil && (err == nil || errors.Is(err, context.DeadlineExceeded)) {
		return fmt.Errorf("the demo did not end within %v", onceLimit)
	}
	return err
}

func (c *demoCmd) folder() (err error) {
	switch {
	case c.Data != "":
	case c.Once:
		c.Data, err = os.MkdirTemp("", "gatehouse-demo-")
		c.temporary = err == nil
	default:
		c.Data, err = filepath.Abs("gatehouse-demo")
	}
	if err != nil {
		return fmt.Errorf("making the demo's folder: %w", err)
	}
	return nil
}

// demoRun is one run of the demo.
type demoRun struct {
	cmd      *demoCmd
	env      *env
	world    *demo.World
	running  atomic.Pointer[hub] // it may start again
	began    time.Time
	finished bool // --once came to its end

	mu sync.Mutex // guards stdout
}

// home is the hub that runs now, or ran last.
func (d *demoRun) home() *hub { return d.running.Load() }

// comesUp notes each hub that comes up, and closes up for the first.
func (d *demoRun) comesUp(up chan struct{}) func(*hub) {
	first := sync.OnceFunc(func() { close(up) })
	return func(h *hub) { d.running.Store(h); first() }
}

// say prints one step with the time since the start.
func (d *demoRun) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.env.stdout, "%5.1f s  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

func (d *demoRun) run(ctx context.Context, log *slog.Logger) error {
	hubDir := filepath.Join(d.cmd.Data, "hub")
	if err := durable.MkdirAll(hubDir, 0o700); err != nil {
		return fmt.Errorf("making the demo's folder: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(hubDir, config.File), []byte(d.world.HubConfig(d.cmd.Listen)), 0o600); err != nil {
		return fmt.Errorf("writing the demo's configuration: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d.say("two cameras, an agency and a hub start in %s", d.cmd.Data)
	// The world outlives the hub: cameras that go away first would be reported as lost.
	worldCtx, stopWorld := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorld()
	g, ctx := errgroup.WithContext(ctx)
	world := make(chan error, 1)
	go func() { world <- d.world.Run(worldCtx) }()
	g.Go(func() error {
		select {
		case err := <-world:
			world <- err
			return err
		case <-ctx.Done():
			return nil
		}
	})
	up := make(chan struct{})
	g.Go(func() error {
		return serve(ctx, serveOptions{data: hubDir, log: log, ready: d.comesUp(up)})
	})
	g.Go(func() error {
		select {
		case <-up:
		case <-ctx.Done():
			return nil
		}
		err := d.story(ctx)
		if d.cmd.Once {
			stop()
		}
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	err := g.Wait()
	stopWorld()
	return errors.Join(err, <-world)
}

// story is what happens, step by step.
func (d *demoRun) story(ctx context.Context) error {
	if err := d.welcome(ctx); err != nil {
		return err
	}
	seconds, err := d.record(ctx)
	if err != nil {
		return err
	}
	if err := d.allow(ctx); err != nil {
		return err
	}
	id, err := d.request(ctx)
	if err != nil {
		return err
	}
	if !d.cmd.Once {
		d.say("open the console, look at the request, choose a clip, seal it, play it, and send or decline. Ctrl-C ends the demo")
		return d.stay(ctx)
	}
	return d.answer(ctx, id, seconds)
}

func (d *demoRun) welcome(ctx context.Context) error {
	owner, err := d.home().accounts.HasOwner(ctx)
	if err == nil && !owner {
		err = d.home().accounts.SetPassphrase(ctx, d.world.Passphrase(), false)
	}
	if err != nil {
		return err
	}
	d.say("console     %s", d.home().console())
	d.say("passphrase  %s", d.world.Passphrase())
	select {
	case <-d.home().homekit.Ready():
		d.openHomeKit()
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// openHomeKit says the code, with which home apps may pair at first.
func (d *demoRun) openHomeKit() {
	until, err := d.home().homekit.OpenPairing()
	if err != nil { // paired in an earlier run
		d.say("HomeKit     at %s (this machine only): %v", d.home().homekit.Addr(), err)
		return
	}
	d.say("HomeKit     %s at %s (this machine only), until %s; gatehouse homekit open opens it again", d.home().homekit.Code(), d.home().homekit.Addr(), until.Format("15:04"))
}

// record waits until every camera has some footage that survives a power cut.
func (d *demoRun) record(ctx context.Context) (seconds float64, err error) {
	d.say("recording driveway and porch; footage counts once it is synced to disk")
	err = d.until(ctx, func() (bool, error) {
		seconds = 0
		for _, c := range d.home().config().Cameras {
			s, err := recorded{d.home().archive}.Recorded(ctx, c.Name, d.began, time.Now())
			if err != nil || s < recordFirst.Seconds() {
				return false, err
			}
			seconds += s
		}
		return true, nil
	})
	if err == nil {
		d.say("%.1f camera seconds are durable", seconds)
	}
	return seconds, err
}

// allow puts the demo agency on the allowlist once its profile has come with the bulletin.
func (d *demoRun) allow(ctx context.Context) error {
	for _, a := range d.home().requests.Allowlist() {
		if a.Agency == demo.Agency {
			return nil
		}
	}
	var root string
	err := d.until(ctx, func() (bool, error) {
		known, err := d.home().requests.Known(ctx)
		for _, p := range known {
			if p.Agency == demo.Agency {
				root = p.RootID
			}
		}
		return root != "", err
	})
	if err != nil {
		return err
	}
	d.say("the bulletin brought the profile of %s; the owner puts it on the allowlist", demo.Agency)
	if _, err = d.home().requests.Allow(ctx, demo.Agency, root, "the demo"); err != nil {
		return err
	}
	return demo.AllowPrivateUploads(filepath.Join(d.home().data, "agencies", demo.Agency+".yml"))
}

// request publishes a request unless one from an earlier run is still open.
func (d *demoRun) request(ctx context.Context) (id string, err error) {
	list, err := d.home().requests.ListIn(ctx, request.Waiting, request.Prepared, request.Approved)
	if err != nil {
		return "", err
	}
	if len(list) > 0 && !d.cmd.Once {
		d.say("request %s of an earlier run is %s", list[0].ID, list[0].State)
		return list[0].ID, nil
	}
	if id, err = d.world.Ask(time.Now()); err != nil {
		return "", err
	}
	d.say("%s publishes request %s, signed by an officer and a supervisor", demo.Agency, id)
	err = d.until(ctx, func() (bool, error) {
		r, err := d.home().requests.Get(ctx, id)
		if errors.Is(err, request.ErrNotFound) {
			return false, nil
		}
		if err == nil && r.State != request.Waiting {
			return false, fmt.Errorf("the request became %s: %s", r.State, r.Reason)
		}
		return err == nil, err
	})
	if err == nil {
		d.say("the hub fetched the bulletin, verified both signatures and the log's proof, and matched the area at home: the request waits")
		d.say("a HomeKit controller that is paired hears the doorbell, and its picture is the request")
	}
	return id, err
}

// answer is the owner's part.
func (d *demoRun) answer(ctx context.Context, id string, seconds float64) error {
	owner := demo.Owner{Console: d.home().console(), Passphrase: d.world.Passphrase(), Say: d.say}
	if err := owner.LogIn(ctx); err != nil {
		return err
	}
	a, err := owner.Approve(ctx, id)
	if err != nil {
		return err
	}
	d.say("after the cool-down the sealed file is uploaded to the agency over TLS 1.3 with a pinned key")
	if err := owner.AwaitReceipt(ctx, id); err != nil {
		return err
	}
	jobs, err := d.home().outbox.Jobs(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(jobs, func(j delivery.Job) bool { return j.Request == id })
	if i < 0 {
		return errors.New("the outbox does not know the request")
	}
	job := jobs[i]
	if job.Digest != a.Digest {
		return fmt.Errorf("what was sent (%s) is not what was approved (%s)", job.Digest, a.Digest)
	}
	file, err := d.world.Received(job.PackageID)
	if err != nil {
		return err
	}
	checks := 0
	err = d.world.Verify(ctx, file, func(r evidence.Result) { checks++ })
	if err != nil {
		return fmt.Errorf("verifying what the agency received: %w", err)
	}
	d.say("the agency opened and verified what it received")
	d.finished = true
	d.table([][2]string{
		{"seconds recorded", fmt.Sprintf("%.1f on %d cameras", seconds, len(d.home().config().Cameras))},
		{"request verified", id},
		{"sealed file previewed", fmt.Sprintf("%d bytes", a.Previewed)},
		{"bytes uploaded", fmt.Sprintf("%d, SHA-256 %.16s… as approved", job.Bytes, job.Digest)},
		{"package verified", fmt.Sprintf("%s, %d checks", job.PackageID, checks)},
		{"ledger index", fmt.Sprintf("%d (approval)", job.Entry)},
	})
	return nil
}

func (d *demoRun) table(rows [][2]string) {
	fmt.Fprintln(d.env.stdout)
	w := tabwriter.NewWriter(d.env.stdout, 0, 0, 3, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\n", r[0], r[1])
	}
	w.Flush()
}

// stay rings the motion sensor as people pass the cameras, until ctx ends.
func (d *demoRun) stay(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	inside := map[footage.Event]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, ev := range footage.Events {
			at := time.Since(d.began) % footage.Loop
			now := at >= ev.From && at < ev.To
			if now && !inside[ev] {
				if err := d.home().motion(ev.Camera, ev.To-at); err != nil {
					return err
				}
			}
			inside[ev] = now
		}
	}
}

// until polls a condition, gently, until it holds, fails or ctx ends.
func (d *demoRun) until(ctx context.Context, holds func() (bool, error)) error {
	for {
		ok, err := holds()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
