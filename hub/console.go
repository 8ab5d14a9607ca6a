package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/hub/config"
	"gatehouse/hub/https"
	"gatehouse/hub/recording"
	"gatehouse/hub/survey"
	"gatehouse/rtsp"
	"gatehouse/ui"
)

// openConsole takes the console's address and makes the code that a browser on
// another machine needs to become the owner: whoever reads the log may set up.
func (h *hub) openConsole(ctx context.Context) (err error) {
	if h.listener, err = h.front.listen(h.listen); err != nil {
		return err
	}
	if h.cfg.HTTPS.Mode != "off" {
		h.certs = https.Open(https.Config{
			Dir: filepath.Join(h.data, "https"), Certificate: h.cfg.HTTPS.Certificate, Key: h.cfg.HTTPS.Key, Names: h.cfg.Hosts, Log: h.log,
		})
	}
	owner, err := h.accounts.HasOwner(ctx)
	if err != nil || owner {
		return err
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1e8))
	if err != nil {
		return fmt.Errorf("making the set-up code: %w", err)
	}
	h.setupCode = fmt.Sprintf("%08d", n)
	return nil
}

// serveConsole returns once no handler runs any more: what they use is closed next.
func (h *hub) serveConsole(ctx context.Context) error {
	var handlers sync.WaitGroup
	srv := ui.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		h.ServeHTTP(w, r)
	}))
	srv.ErrorLog = slog.NewLogLogger(h.log.Handler(), slog.LevelDebug)
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close() // a video that still plays does not hold up the end
		}
	})
	err := h.serveBoth(ctx, srv)
	if !stop() {
		<-stopped
	}
	handlers.Wait()
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the console: %w", err)
	}
	return nil
}

// serveBoth serves HTTPS and plain HTTP on the console's one address.
func (h *hub) serveBoth(ctx context.Context, srv *http.Server) error {
	if h.certs == nil {
		return srv.Serve(h.listener)
	}
	srv.TLSConfig = h.certs.TLS()
	split := https.NewSplit(h.listener)
	var g errgroup.Group
	g.Go(func() error { return split.Run(context.WithoutCancel(ctx)) }) // ends with the server, whose end lets requests finish
	g.Go(func() error { return srv.Serve(split.Plain()) })
	g.Go(func() error { return srv.ServeTLS(split.Secure(), "", "") })
	return g.Wait()
}

// consoleTrust is what a device is shown to trust the home's own authority.
func (h *hub) consoleTrust() (trust ui.Trust) {
	if h.certs != nil {
		trust.HTTPS = true
		trust.Root, trust.Fingerprint = h.certs.Root()
	}
	return trust
}

// fingerprint is that of the authority which the console's certificate is of.
func (h *hub) fingerprint() string { return h.consoleTrust().Fingerprint }

// ServeHTTP hands a request to the console as the configuration now wants it.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*h.handler.Load()).ServeHTTP(w, r) }

// dressConsole makes the console anew: cameras and home may have changed.
func (h *hub) dressConsole() {
	c := h.config()
	home := homeOf(c)
	cfg := ui.Config{
		Requests: ui.FromService(h.requests), Outbox: h.outbox, Clips: h.clips, Archive: h.archive, Keeps: h.keeps, Motions: h.motions, Ledger: h.ledger, LedgerKey: h.keys.LedgerKey,
		WHEP: h.live.whep(), HLS: h.live.playlists, Accounts: h.accounts, Cameras: h.consoleCameras(), Lock: home.Lock, AllowedHosts: c.Hosts,
		Home:   ui.Home{Name: c.Home.Name, Position: home.Position, TimeZone: home.TimeZone},
		HubKey: fmt.Sprintf("%x", h.keys.Hub.Public()), SetupCode: h.setupCode, Trust: h.consoleTrust(), Memory: &h.memory, Reach: func() []string { return https.Reach(h.listener.Addr()) }, Log: h.log, Version: version,
		Settings: h.editor, Survey: h.survey, FirstRun: config.FirstRun{DataDir: h.data},
		Disks: func() []survey.Disk { return survey.Disks(h.data) }, Stores: h.archive.Disks, Claim: func(path string) error { return recording.Claim(config.Folder(h.data, path)) }, Problems: h.problems,
		Restart: ui.Restart{Waiting: h.waiting, Begin: h.startAgain, Started: h.started}, Rules: h.consoleRules(home), Network: ui.Network{On: h.network.On, Switch: h.switchNetwork},
	}
	if h.homekit != nil {
		cfg.HomeKit = h.homekit
	}
	handler := ui.New(cfg)
	h.handler.Store(&handler)
}

// consoleCameras lists the configured cameras in the owner's order, and after
// them those that only left footage.
func (h *hub) consoleCameras() []ui.Camera {
	running := h.fleet.Streams()
	list := []ui.Camera{}
	off := func() rtsp.State { return rtsp.State{Phase: rtsp.PhaseOffline, Reason: rtsp.ReasonOff} }
	for _, c := range h.config().Cameras {
		cam := ui.Camera{Name: c.Name, Label: c.Label, State: off}
		for _, l := range running {
			switch {
			case l.Camera != c.Name:
			case l.Stream == recording.Main:
				cam.State = l.State
			case l.Stream == recording.Sub:
				cam.Sub = l.State
			}
		}
		list = append(list, cam)
	}
	kept, err := h.archive.Status(context.Background())
	if err != nil {
		h.log.Error("listing kept footage failed", "err", err)
	}
	for _, s := range kept {
		if s.Segments > 0 && !slices.ContainsFunc(list, func(c ui.Camera) bool { return c.Name == s.Camera }) {
			list = append(list, ui.Camera{Name: s.Camera, State: off, Former: true})
		}
	}
	return list
}

// homekitStatus leaves out the set-up codes: the console shows them to who gives
// the passphrase again.
func (h *hub) homekitStatus() any {
	list := h.homekit.Status().All()
	for i := range list {
		list[i].Code, list[i].SetupURI = "", ""
	}
	return list
}
