package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/account"
	"gatehouse/hub/clip"
	"gatehouse/hub/config"
	"gatehouse/hub/delivery"
	"gatehouse/hub/evidence"
	"gatehouse/hub/https"
	"gatehouse/hub/identity"
	"gatehouse/hub/internal/ffmpeg"
	"gatehouse/hub/internal/steady"
	"gatehouse/hub/internal/uplink"
	"gatehouse/hub/keep"
	"gatehouse/hub/ledger"
	"gatehouse/hub/motion"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
	"gatehouse/hub/sqlite"
	"gatehouse/hub/survey"
	"gatehouse/ui"
)

type serveCmd struct {
	Data   string `help:"Data folder." default:"/data" type:"path" env:"GATEHOUSE_DATA"`
	Listen string `help:"Address of the console; overrides the configuration." placeholder:"HOST:PORT"`
}

// Run serves until the process is told to stop.
func (c *serveCmd) Run(e *env) error {
	return serve(e.ctx, serveOptions{data: c.Data, listen: c.Listen, log: e.log, ready: func(h *hub) {
		e.log.Info("hub is up", "peer", h.console())
		if h.setupCode != "" {
			fmt.Fprintf(e.stderr, "No owner yet. Open %s/setup; the code is %s\n", h.console(), h.setupCode)
		}
	}})
}

type serveOptions struct {
	data   string
	listen string // overrides the configuration if set
	log    *slog.Logger
	ready  func(*hub) // called once everything listens
}

// hub is every part of a running Gatehouse, wired.
type hub struct {
	data     string
	listen   string // the console's address, from the flag or else the file
	log      *slog.Logger
	started  time.Time
	keys     *identity.Identity
	clock    *steady.Clock
	index    *sqlite.Index
	house    *sqlite.House
	ledger   *ledger.Log
	archive  *recording.Archive
	keeps    *keep.Service
	clips    *clip.Service
	requests *request.Service
	outbox   *delivery.Outbox
	network  uplink.Switch
	accounts *account.Accounts
	homekit  *homekit.Bridge // nil if switched off
	doorbell *doorbell
	fleet    *recording.Fleet
	live     liveView
	motions  *motion.Service
	// snapshots are asked for pictures of now.
	snapshots snapshots
	devices   devices
	front     *frontDoor // whose address the listener has
	listener  net.Listener
	certs     *https.Certificates // nil if the console does not encrypt
	door      net.Listener        // of the intake; nil if there is none
	handler   atomic.Pointer[http.Handler]
	memory    ui.Memory // of the console, over all its dresses
	// setupCode lets a browser on another machine become the owner; empty once there is one.
	setupCode string
	editor    *config.Editor
	survey    *survey.Survey
	sinkDown  chan error    // what ends the program from inside the fleet
	again     chan struct{} // the owner asks for a new start

	boot *config.Config // what this run started with
	mu   sync.Mutex     // guards what follows
	cfg  *config.Config // what the file says now; parts of it wait for a restart
	// badCfg is why the file on disk is not what runs.
	badCfg error
	cutOff bool // the owner switched the network off, and the file could not be told
	unfit  unfit
	// badBridge is why HomeKit does not run though it should.
	badBridge error
}

func newHub(o serveOptions, cfg *config.Config, l *relay) *hub {
	h := &hub{
		data: o.data, log: o.log, started: time.Now(), boot: cfg, cfg: cfg, listen: cmp.Or(o.listen, cfg.Listen), front: &l.door,
		survey: l.survey, cutOff: l.cutOff, sinkDown: make(chan error, 1), again: make(chan struct{}, 1),
	}
	h.editor = config.NewEditor(o.data, h.applyConfig)
	return h
}

func (h *hub) open(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		h.openStores, h.openArchive, h.openRequests, h.openHomeKit, h.openIntake, h.openLive, h.openConsole,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	h.fleet = recording.NewFleet(h.archive, h.log, h.sinkFailed)
	h.motions = motion.New(h.motionConfig())
	return nil
}

func (h *hub) openStores(ctx context.Context) (err error) {
	if h.keys, h.house, err = openHouse(ctx, h.data); err != nil {
		return err
	}
	if h.index, err = sqlite.OpenIndex(ctx, filepath.Join(h.data, indexDB)); err != nil {
		return err
	}
	if h.clock, err = steady.Open(filepath.Join(h.data, "clock")); err != nil {
		return err
	}
	h.index.UseClock(h.clock.Now)
	h.ledger = ledger.New(h.house, h.keys.Ledger)
	h.accounts = account.New(account.Config{Store: h.house})
	return h.checkLedgerSize()
}

func (h *hub) openArchive(ctx context.Context) (err error) {
	archive := archiveConfig(h.cfg, h.data, h.index, h.house, h.log)
	archive.Old = h.clock.Now
	h.archive, err = recording.OpenArchive(ctx, archive)
	if err != nil {
		return err
	}
	h.archive.SetLimits(limits(h.cfg.Cameras))
	h.clips = clip.New(clip.Config{Archive: h.archive, FFmpeg: ffmpeg.Find(), Log: h.log, Snapshotter: h.snapshots.of})
	h.survey.Picture = h.clips.Picture
	h.keeps, err = keep.New(ctx, keep.Config{Store: h.house, Footage: h.archive, Old: h.clock.Now})
	return err
}

func (h *hub) openRequests(ctx context.Context) (err error) {
	sealer := evidence.NewSealer(evidence.Config{
		Clips: h.clips, Archive: h.archive, Ledger: h.ledger, LedgerKey: h.keys.LedgerKey,
		Dir: filepath.Join(h.data, sealedDir), Key: h.keys.Hub, Owner: h.keys.Owner,
		Software: "gatehouse " + version, Log: h.log,
	})
	h.doorbell = &doorbell{changed: make(chan struct{}, 1)}
	h.network.Set(h.cfg.NetworkOn() && !h.cutOff)
	h.requests, err = request.New(ctx, instrument(request.Config{
		Store: h.house, Footage: h.footage(), Sealer: sealer,
		Feeds: feedsOf(h.cfg), Home: homeOf(h.cfg), CoolDown: [2]time.Duration{*h.cfg.Sharing.CoolDown.Min, *h.cfg.Sharing.CoolDown.Max},
		Inbox: filepath.Join(h.data, "inbox"), Agencies: filepath.Join(h.data, "agencies"),
		Notify: h.notify, Told: h.doorbell.ring, Cancel: h.cancelDelivery, Entitled: h.accounts.Entitled, Log: h.log, Uplink: &h.network,
	}))
	if err != nil {
		return err
	}
	h.outbox = delivery.New(delivery.Config{Store: h.house, Check: h.mayDeliver, Done: h.delivered, Log: h.log, Uplink: &h.network})
	return nil
}

// notify hears of every request that starts to wait or changes state.
func (h *hub) notify(r request.Record) {
	if r.State == request.Approved {
		h.outbox.Kick()
	}
	h.doorbell.ring()
}

func (h *hub) sinkFailed(err error) {
	select {
	case h.sinkDown <- err:
	default: // the first failure is what ends the program
	}
}

// run returns nil when ctx ended, or the owner asked for a new start. It starts sinks before sources and stops them after, so that nothing that
// a camera or a person gave is dropped between the two.
func (h *hub) run(ctx context.Context, ready func(*hub)) error {
	sinkCtx, stopSinks := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSinks()
	sinks, sinkCtx := errgroup.WithContext(sinkCtx)
	sinks.Go(func() error { return h.archive.Run(sinkCtx) })
	sinks.Go(func() error { return h.outbox.Run(sinkCtx) })
	sinks.Go(func() error { return h.keepCheckpoint(sinkCtx) })
	sinks.Go(func() error { return h.clock.Run(sinkCtx) })
	sinks.Go(func() error { return h.ledger.RunHours(sinkCtx, time.Now) })

	h.fleet.Apply(streams(h.config().Cameras, h.motions))
	h.motions.Watch(watched(h.config().Cameras))
	h.applySnapshots(h.config().Cameras)
	h.dressConsole()
	ctx, stopSources := context.WithCancel(ctx)
	defer stopSources()
	sources, sourceCtx := errgroup.WithContext(ctx)
	sources.Go(func() error { return h.motions.Run(sourceCtx) })
	sources.Go(func() error { return h.requests.Run(sourceCtx) })
	sources.Go(func() error { return h.runIntake(sourceCtx) })
	sources.Go(func() error { return h.serveConsole(sourceCtx) })
	sources.Go(func() error { return h.controlServer().Run(sourceCtx) })
	sources.Go(func() error { return h.watchConfig(sourceCtx) })
	sources.Go(func() error { return h.live.run(sourceCtx) })
	if h.homekit != nil {
		sources.Go(func() error { h.runHomeKit(sourceCtx); return nil })
		sources.Go(func() error { return h.doorbell.run(sourceCtx, h) })
	}
	sources.Go(func() error {
		select {
		case err := <-h.sinkDown:
			return err
		case <-sinkCtx.Done():
			stopSources() // sinks.Wait tells why
			return nil
		case <-h.again:
			stopSources()
			return nil
		case <-sourceCtx.Done():
			return nil
		}
	})
	if ready != nil {
		ready(h)
	}
	err := sources.Wait()
	h.fleet.Stop()
	stopSinks()
	if sinkErr := sinks.Wait(); sinkErr != nil && !errors.Is(sinkErr, context.Canceled) {
		err = errors.Join(sinkErr, err)
	}
	return err
}

func (h *hub) close() {
	for _, l := range []net.Listener{h.listener, h.door} {
		if l != nil {
			l.Close()
		}
	}
	errs := []error{h.live.close()}
	if h.index != nil {
		errs = append(errs, h.index.Close())
	}
	if h.house != nil {
		errs = append(errs, h.house.Close())
	}
	if err := errors.Join(errs...); err != nil {
		h.log.Error("closing failed", "err", err)
	}
}
