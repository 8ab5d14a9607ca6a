// Package ui is the owner's console: plain pages and forms, sessions, and the
// media behind them. It decides nothing; it shows what the hub knows and hands
// the owner's decisions on.
package ui

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/finding"
	"gatehouse/hub/recording"
	"gatehouse/hub/survey"
	"gatehouse/rtsp"
	"gatehouse/ui/api"
)

// Config configures the console.
type Config struct {
	Requests     Requests
	Outbox       Outbox
	Clips        Clips
	WHEP         WHEP // nil leaves live view to HLS and stills
	HLS          HLS
	Archive      Archive
	Keeps        Keeps
	Motions      Motions // nil: none is known of
	Ledger       Ledger
	LedgerKey    string // its C2SP verifier key
	Accounts     Accounts
	Cameras      []Camera // in the order shown
	Home         Home
	Rules        Rules
	Network      Network
	Restart      Restart              // zero: the hub cannot be started again from here
	HomeKit      HomeKit              // nil without a bridge
	Lock         bool                 // the lock of the Home app may give approvals that are left to it
	HubKey       string               // the hub's public key in hex, for people to compare
	SetupCode    string               // asked for at first run unless the browser is on this machine; empty closes first run to others
	Settings     Settings             // nil: what the file says cannot be changed here
	Survey       Survey               // nil: no camera can be added here
	FirstRun     FirstRun             // nil: set-up ends with the passphrase
	Disks        func() []survey.Disk // that footage could be kept on
	Stores       func(context.Context) ([]recording.DiskStatus, error)
	Claim        func(path string) error  // as recording.Claim, of a path of the file
	Problems     func() []finding.Finding // what the owner should mend
	Version      string
	Trust        Trust
	Memory       *Memory         // default: one of its own
	Reach        func() []string // where other devices find the console, as host:port; nil: not known
	AllowedHosts []string        // host names besides loopback, IP addresses and *.local
	Log          *slog.Logger
	Now          func() time.Time // default time.Now

	more []*locale // languages beside those of the console, for tests
}

// Trust is the console's encryption.
type Trust struct {
	HTTPS       bool   // this address takes HTTPS as well
	Root        []byte // DER certificate of the home's own authority; nil with the owner's certificate
	Fingerprint string // its SHA-256 in hex
}

// Camera is a camera that the console shows.
type Camera struct {
	Name   string
	Label  string            // what people read in place of the name; empty: the name
	State  func() rtsp.State // of the main stream
	Sub    func() rtsp.State // of the sub stream; nil if none is read
	Former bool              // it is no longer in the configuration, and footage of it is still kept
}

// Called is what people read of the camera.
func (c Camera) Called() string { return cmp.Or(c.Label, c.Name) }

// Home is where the console stands. It never leaves the house.
type Home struct {
	Name     string
	Position bulletin.Point // zero if not set
	TimeZone *time.Location
}

// HomeKit is the bridge to home apps.
type HomeKit interface {
	Status() homekit.Status
	OpenPairing() (time.Time, error)
	ClosePairing()
	Reset(accessory string) error // all of them if it is empty
	RemoveController(accessory, id string) error
}

// console answers requests in one language. There is one for each; what they
// keep between requests, they share.
type console struct {
	cfg     Config
	text    *locale
	tongues tongues
	pages   *renderer
	files   *assets
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
	if cfg.Memory == nil {
		cfg.Memory = &Memory{}
	}
	all := newTongues(cfg.more...)
	base := console{cfg: cfg, tongues: all, files: newAssets(), pulse: &pulse{over: cfg.Memory.streams.succeed()}}
	spoken := make([]http.Handler, len(all.list))
	for i, l := range all.list {
		c := base
		c.text, c.pages = l, l.pages()
		spoken[i] = c.guard(c.routes())
	}
	programs := base.newAPI()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, api.Prefix) {
			programs.ServeHTTP(w, r)
			return
		}
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

// access is what a route needs.
type access int

const (
	open   access = iota // no session: nothing private behind it
	page                 // session, or a redirect to log-in
	inPage               // session, or 401: media, fragments and every POST
)

// circle is who of those who are logged in may use a route.
type circle int

const (
	everybody circle = iota // of a route with a camera: who may see that camera
	deciders                // the owner and approvers: to view is not to share
	owners
)

// route is one line of the table of everything the console answers to.
type route struct {
	pattern string
	access  access
	circle  circle
	handle  http.HandlerFunc
}

func (c *console) table() []route {
	return slices.Concat(c.footage(), c.decisions(), c.household(), c.settingsTable())
}

// footage are the doors, and what viewers see.
func (c *console) footage() []route {
	return []route{
		{"GET /healthz", open, everybody, c.healthz},
		{"GET /static/{tree}/{path...}", open, everybody, c.files.serve},
		{"GET /manifest.webmanifest", open, everybody, c.manifest},
		{"GET /setup", open, everybody, c.setupForm},
		{"POST /setup", open, everybody, c.setupDo},
		{"GET /login", open, everybody, c.loginForm},
		{"POST /login", open, everybody, c.loginDo},
		{"POST /login/passkey/ask", open, everybody, c.passkeyAsk},
		{"POST /login/passkey", open, everybody, c.passkeyEnter},
		{"GET /trust", open, everybody, c.trust},
		{"GET /trust/root.crt", open, everybody, c.trustRoot},
		{"GET /join", open, everybody, c.joinForm},
		{"POST /join", open, everybody, c.joinDo},
		{"POST /logout", inPage, everybody, c.logout},
		{"POST /display", open, everybody, c.setDisplay},

		{"GET /{$}", page, everybody, c.live},
		{"GET /events", inPage, everybody, c.events},
		{"GET /live/tiles", inPage, everybody, c.liveStates},
		{"GET /live/{camera}", page, everybody, c.liveCamera},
		{"POST /cameras/{camera}/{stream}/whep", inPage, everybody, c.whepCreate},
		{"PATCH /cameras/{camera}/{stream}/whep/{viewer}", inPage, everybody, c.whepUpdate},
		{"DELETE /cameras/{camera}/{stream}/whep/{viewer}", inPage, everybody, c.whepDelete},
		{"GET /cameras/{camera}/still.jpg", inPage, everybody, c.still},
		{"GET /cameras/{camera}/strip.jpg", inPage, everybody, c.strip},
		{"GET /cameras/{camera}/sheet.jpg", inPage, deciders, c.sheetFile},
		{"GET /cameras/{camera}/{stream}/live.m3u8", inPage, everybody, c.liveIndex},
		{"GET /cameras/{camera}/{stream}/live/{list}/{file}", inPage, everybody, c.liveMedia},
		{"GET /cameras/{camera}/{stream}/vod.m3u8", inPage, everybody, c.vodPlaylist},
		{"GET /cameras/{camera}/{stream}/clip.mp4", inPage, deciders, c.clipFile},
		{"GET /cameras/{camera}/{stream}/clip.zip", inPage, deciders, c.clipArchive},
		{"GET /cameras/{camera}/{stream}/init/{file}", inPage, everybody, c.initialisation},
		{"GET /cameras/{camera}/{stream}/segment/{file}", inPage, everybody, c.segment},

		{"GET /timeline", page, everybody, c.timelineFirst},
		{"GET /timeline/{camera}", page, everybody, c.timeline},
		{"GET /timeline/{camera}/data", inPage, everybody, c.timelineData},
		{"GET /timeline/{camera}/clip", inPage, deciders, c.timelineClip},
		{"GET /timeline/{camera}/sheet", page, deciders, c.sheet},
		{"GET /timeline/{camera}/keep", page, deciders, c.keepForm},
		{"POST /timeline/{camera}/keep", inPage, deciders, c.keepDo},
		{"GET /kept", page, deciders, c.kept},
		{"GET /kept/{id}", page, deciders, c.keptOne},
		{"POST /kept/{id}", inPage, deciders, c.keptChange},
		{"POST /kept/{id}/release", inPage, deciders, c.keptRelease},
	}
}

// decisions are requests, agencies and the ledger.
func (c *console) decisions() []route {
	return []route{
		{"GET /requests", page, deciders, c.inbox},
		{"GET /requests/add", page, deciders, c.addForm},
		{"POST /requests/add/read", inPage, deciders, c.addRead},
		{"POST /requests/add/save", inPage, deciders, c.addSave},
		{"GET /requests/{id}", page, deciders, c.request},
		{"POST /requests/{id}/prepare", inPage, deciders, c.prepare},
		{"POST /requests/{id}/approve", inPage, deciders, c.approve},
		{"POST /requests/{id}/lock", inPage, deciders, c.leaveToLock},
		{"POST /requests/{id}/lock/end", inPage, deciders, c.takeFromLock},
		{"POST /requests/{id}/decline", inPage, deciders, c.decline},
		{"GET /requests/{id}/preview/{n}", inPage, deciders, c.preview},
		{"GET /requests/{id}/result", page, deciders, c.result},
		{"GET /requests/{id}/progress", inPage, deciders, c.progress},
		{"GET /requests/{id}/receipt", inPage, deciders, c.receipt},
		{"POST /requests/{id}/send-now", inPage, deciders, c.sendNow},
		{"POST /requests/{id}/cancel", inPage, deciders, c.cancel},
		{"GET /requests/{id}/hand-over", page, deciders, c.handover},
		{"POST /requests/{id}/hand-over/files", inPage, deciders, c.takeOut},
		{"POST /requests/{id}/hand-over/done", inPage, deciders, c.change(c.handedOver)},
		{"POST /requests/{id}/hand-over/receipt", inPage, deciders, c.change(c.noteReceipt)},
		{"POST /requests/{id}/hand-over/cancel", inPage, deciders, c.change(c.cancelHandover)},

		{"GET /agencies", page, deciders, c.agencies},
		{"POST /agencies/card", inPage, owners, c.card},
		{"POST /agencies/allow", inPage, owners, c.allow},
		{"POST /agencies/disallow", inPage, owners, c.disallow},

		{"GET /ledger", page, deciders, c.ledger},
		{"GET /ledger/entry/{index}", page, deciders, c.entry},
		{"GET /ledger/entry/{index}/proof.jsonl", inPage, deciders, c.entryProof},
		{"GET /ledger/export.zip", inPage, deciders, c.ledgerExport},
		{"GET /ledger/checkpoint", inPage, deciders, c.checkpoint},
		{"GET /ledger/proof/{request}", inPage, deciders, c.proof},
	}
}

// household is who may log in, and settings.
func (c *console) household() []route {
	return []route{
		{"GET /you", page, everybody, c.you},
		{"POST /you/passphrase", inPage, everybody, c.changePassphrase},
		{"POST /you/sessions/end", inPage, everybody, c.endSession},
		{"POST /you/sessions/end-all", inPage, everybody, c.endSessions},
		{"GET /you/passkeys/add", page, everybody, c.passkeyForm},
		{"POST /you/passkeys", inPage, everybody, c.passkeyAdd},
		{"POST /you/passkeys/remove", inPage, everybody, c.passkeyRemove},
		{"GET /confirm", page, everybody, c.confirmForm},
		{"POST /confirm", inPage, everybody, c.confirmDo},

		{"GET /settings/rules", page, owners, c.rules},
		{"POST /settings/rules", inPage, owners, c.saveRules},
		{"POST /settings/rules/try", inPage, owners, c.tryRules},
		{"POST /settings/network", inPage, owners, c.switchNetwork},
		{"GET /settings/restart", page, owners, c.restart},
		{"POST /settings/restart", inPage, owners, c.restartDo},
		{"GET /settings/tokens", page, owners, c.tokens},
		{"POST /settings/tokens", inPage, owners, c.makeToken},
		{"POST /settings/tokens/end", inPage, owners, c.endToken},
		{"GET /people", page, owners, c.people},
		{"POST /people/invite", inPage, owners, c.invite},
		{"POST /people/uninvite", inPage, owners, c.uninvite},
		{"POST /people/label", inPage, owners, c.labelPerson},
		{"POST /people/change", inPage, owners, c.changePerson},
		{"POST /people/remove", inPage, owners, c.removePerson},

		{"GET /settings", page, owners, c.settings},
		{"GET /settings/homekit", page, owners, c.homekit},
		{"POST /settings/homekit", inPage, owners, c.homekitDo},
	}
}

func (c *console) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range c.table() {
		h := r.handle
		switch r.access {
		case page:
			h = c.private(r.circle, h, c.toLogin)
		case inPage:
			h = c.private(r.circle, h, c.unauthorised)
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

// called is what people read of a camera by its name.
func (c *console) called(name string) string {
	cam, _ := c.camera(name)
	return cmp.Or(cam.Label, name)
}

// calledAll is called for each of some cameras.
func (c *console) calledAll(names []string) (list []string) {
	for _, n := range names {
		list = append(list, c.called(n))
	}
	return list
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
	for _, cam := range present(c.cfg.Cameras) {
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
