// Package ui is the owner's console: plain pages and forms, sessions, and the
// media behind them. It decides nothing; it shows what the hub knows and hands
// the owner's decisions on.
package ui

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/rtsp"
)

// Config configures the console.
type Config struct {
	Requests     Requests
	Outbox       Outbox
	Clips        Clips
	Archive      Archive
	Ledger       Ledger
	LedgerKey    string // its C2SP verifier key
	Accounts     Accounts
	Cameras      []Camera // in the order shown
	Home         Home
	HomeKit      func() *HomeKitStatus // nil, or answers nil, without a bridge
	SetupCode    string                // asked for at first run unless the browser is on this machine; empty closes first run to others
	Storage      func() string         // one sentence on the disks; nil leaves it out
	AllowedHosts []string              // host names besides loopback, IP addresses and *.local
	Log          *slog.Logger
	Now          func() time.Time // default time.Now
}

// Camera is a camera that the console shows.
type Camera struct {
	Name  string
	State func() rtsp.State
}

// Home is where the console stands. It never leaves the house.
type Home struct {
	Name     string
	Position bulletin.Point // zero if not set
	TimeZone *time.Location
}

// HomeKitStatus describes the HomeKit bridge.
type HomeKitStatus struct {
	Name        string
	Paired      bool
	Controllers int
	Code        string // only while not paired
	SetupURI    string // X-HM://, only while not paired
}

// console answers requests in one language. There is one for each; what they
// keep between requests, they share.
type console struct {
	cfg     Config
	text    *locale
	tongues tongues
	pages   *renderer
	files   *assets
	setup   *setupGate
	pulse   *pulse
}

// New returns the console.
func New(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Home.TimeZone == nil {
		cfg.Home.TimeZone = time.UTC
	}
	all := newTongues()
	base := console{cfg: cfg, tongues: all, files: newAssets(), setup: &setupGate{}, pulse: &pulse{}}
	spoken := make([]http.Handler, len(all.list))
	for i, l := range all.list {
		c := base
		c.text, c.pages = l, newRenderer(l, c.files)
		spoken[i] = c.guard(c.routes())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		spoken[all.choose(r)].ServeHTTP(w, r)
	})
}

// Server returns a server for the console with limits that suit a network of
// strangers. It has no write deadline, since video is slow to watch; a session
// is needed to be sent any. Shutting it down ends the streams of ticks.
func Server(h http.Handler) *http.Server {
	ending := make(chan struct{})
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), endingKey{}, (<-chan struct{})(ending))
		},
	}
	srv.RegisterOnShutdown(sync.OnceFunc(func() { close(ending) }))
	return srv
}

// access is who may use a route.
type access int

const (
	open   access = iota // no session: nothing private behind it
	page                 // session, or a redirect to log-in
	inPage               // session, or 401: media, fragments and every POST
)

// route is one line of the table of everything the console answers to.
type route struct {
	pattern string
	access  access
	handle  http.HandlerFunc
}

func (c *console) table() []route {
	return []route{
		{"GET /healthz", open, c.healthz},
		{"GET /static/{tree}/{path...}", open, c.files.serve},
		{"GET /setup", open, c.setupForm},
		{"POST /setup", open, c.setupDo},
		{"GET /login", open, c.loginForm},
		{"POST /login", open, c.loginDo},
		{"POST /logout", inPage, c.logout},
		{"POST /display", open, c.setDisplay},

		{"GET /{$}", page, c.live},
		{"GET /events", inPage, c.events},
		{"GET /live/tiles", inPage, c.liveStates},
		{"GET /cameras/{camera}/still.jpg", inPage, c.still},
		{"GET /cameras/{camera}/{stream}/live.m3u8", inPage, c.livePlaylist},
		{"GET /cameras/{camera}/{stream}/vod.m3u8", inPage, c.vodPlaylist},
		{"GET /cameras/{camera}/{stream}/clip.mp4", inPage, c.clipFile},
		{"GET /cameras/{camera}/{stream}/clip.zip", inPage, c.clipArchive},
		{"GET /cameras/{camera}/{stream}/init/{file}", inPage, c.initialisation},
		{"GET /cameras/{camera}/{stream}/segment/{file}", inPage, c.segment},

		{"GET /timeline", page, c.timelineFirst},
		{"GET /timeline/{camera}", page, c.timeline},

		{"GET /requests", page, c.inbox},
		{"GET /requests/{id}", page, c.request},
		{"POST /requests/{id}/prepare", inPage, c.prepare},
		{"POST /requests/{id}/approve", inPage, c.approve},
		{"POST /requests/{id}/decline", inPage, c.decline},
		{"GET /requests/{id}/preview/{n}", inPage, c.preview},
		{"GET /requests/{id}/result", page, c.result},
		{"GET /requests/{id}/progress", inPage, c.progress},
		{"GET /requests/{id}/receipt", inPage, c.receipt},
		{"POST /requests/{id}/send-now", inPage, c.sendNow},
		{"POST /requests/{id}/cancel", inPage, c.cancel},

		{"GET /agencies", page, c.agencies},
		{"POST /agencies/card", inPage, c.card},
		{"POST /agencies/allow", inPage, c.allow},
		{"POST /agencies/disallow", inPage, c.disallow},

		{"GET /ledger", page, c.ledger},
		{"GET /ledger/entry/{index}", page, c.entry},
		{"GET /ledger/entry/{index}/proof.jsonl", inPage, c.entryProof},
		{"GET /ledger/export.zip", inPage, c.ledgerExport},
		{"GET /ledger/checkpoint", inPage, c.checkpoint},
		{"GET /ledger/proof/{request}", inPage, c.proof},

		{"GET /settings", page, c.settings},
		{"POST /settings/passphrase", inPage, c.changePassphrase},
		{"POST /settings/homekit", inPage, c.pairing},
	}
}

func (c *console) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range c.table() {
		h := r.handle
		switch r.access {
		case page:
			h = c.private(h, c.toLogin)
		case inPage:
			h = c.private(h, c.unauthorised)
		}
		mux.HandleFunc(r.pattern, h)
	}
	return mux
}

// camera finds a configured camera by its name.
func (c *console) camera(name string) (Camera, bool) {
	for _, cam := range c.cfg.Cameras {
		if cam.Name == name {
			return cam, true
		}
	}
	return Camera{}, false
}

// healthz answers 200 "ok", or 503 and one word that names what is broken.
func (c *console) healthz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if word := c.ill(r.Context()); word != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(word + "\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// unsaved is how long a live camera may go without a durable second before
// the hub counts as ill: three times the sync interval of an SD card, and the
// longest group of pictures that occurs.
const unsaved = 90 * time.Second

func (c *console) ill(ctx context.Context) string {
	status, err := c.cfg.Archive.Status(ctx)
	if err != nil {
		return "index"
	}
	if _, err := c.cfg.Ledger.Size(); err != nil {
		return "ledger"
	}
	for _, cam := range c.cfg.Cameras {
		st := cam.State()
		if st.Phase != rtsp.PhaseLive || c.cfg.Now().Sub(st.Since) < unsaved {
			continue
		}
		if c.cfg.Now().Sub(lastDurable(status, cam.Name)) > unsaved {
			return "recording"
		}
	}
	return ""
}
