// Package api lets other programs read what the console shows: cameras, the
// timeline, clips, requests and status. It answers GET and HEAD to tokens of
// limited scope; nothing in it decides or changes anything.
package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/clip"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
	"gatehouse/rtsp"
)

// Prefix is where all routes are.
const Prefix = "/api/v1/"

//go:embed openapi.json
var document []byte

// Config configures the API. It reads from what the console reads from.
type Config struct {
	Tokens   Tokens
	Cameras  []Camera // in the order shown
	Timeline func(ctx context.Context, camera string, from, to time.Time) (Timeline, error)
	Clips    Clips
	Requests Requests
	Status   func(ctx context.Context) ([]recording.StreamStatus, error)
	Host     func(hostport string) bool   // whether a request may name the hub so
	Secure   func(r *http.Request) bool   // whether a token may come by this connection
	Peer     func(r *http.Request) string // where a request comes from
	Zone     *time.Location               // of the names of clips
	Log      *slog.Logger
	Now      func() time.Time
	Throttle *Throttle // default: one of its own
}

// Camera is a camera that is set up.
type Camera struct {
	Name  string
	Label string // what people read of it
	State func() rtsp.State
}

// Tokens checks tokens; *account.Accounts does.
type Tokens interface {
	Bearer(ctx context.Context, secret string) (account.Token, bool, error)
}

// Clips serves footage; *clip.Service does.
type Clips interface {
	ServeMP4(w http.ResponseWriter, r *http.Request, q clip.Query) error
}

// Requests reads requests, newest first. It has nothing to decide them with.
type Requests interface {
	ListIn(ctx context.Context, in ...request.State) ([]request.Record, error)
	Get(ctx context.Context, id string) (request.Record, error)
}

// API answers other programs.
type API struct {
	cfg Config
	mux *http.ServeMux
}

// route is one line of what the API answers to; an empty scope needs no token.
type route struct {
	path   string
	scope  account.Scope
	handle func(http.ResponseWriter, *http.Request, account.Token) error
}

// New returns the API.
func New(cfg Config) *API {
	if cfg.Throttle == nil {
		cfg.Throttle = &Throttle{}
	}
	a := &API{cfg: cfg, mux: http.NewServeMux()}
	for _, r := range a.routes() {
		a.mux.HandleFunc("GET "+r.path, a.guarded(r))
	}
	return a
}

func (a *API) routes() []route {
	return []route{
		{Prefix + "openapi.json", "", a.openapi},
		{Prefix + "cameras", account.ScopeCameras, a.cameras},
		{Prefix + "cameras/{camera}/timeline", account.ScopeTimeline, a.timeline},
		{Prefix + "cameras/{camera}/clip.mp4", account.ScopeClips, a.clip},
		{Prefix + "requests", account.ScopeRequests, a.requests},
		{Prefix + "requests/{id}", account.ScopeRequests, a.request},
		{Prefix + "status", account.ScopeStatus, a.status},
	}
}

// ServeHTTP answers a request whose path begins with Prefix. Nothing is ever
// sent that would let a page of another origin read an answer.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	switch {
	case !a.cfg.Host(r.Host):
		fail(w, http.StatusMisdirectedRequest, "unknown host name; use the hub's address or add the name to its configuration")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		fail(w, http.StatusMethodNotAllowed, "this API only reads")
	case !a.cfg.Secure(r):
		fail(w, http.StatusForbidden, "use https; a token that was sent without it should be revoked")
	default:
		if _, pattern := a.mux.Handler(r); pattern == "" {
			fail(w, http.StatusNotFound, "no such address")
			return
		}
		a.mux.ServeHTTP(w, r)
	}
}

// guarded runs a handler for a token of its scope. A camera that a token is not
// for does not exist for it.
func (a *API) guarded(route route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var t account.Token
		if route.scope != "" {
			var ok bool
			if t, ok = a.enter(w, r, route.scope); !ok {
				return
			}
		}
		err := route.handle(w, r, t)
		if err == nil {
			return
		}
		for _, e := range explanations {
			if errors.Is(err, e.err) {
				if e.status == http.StatusServiceUnavailable {
					w.Header().Set("Retry-After", "5")
				}
				fail(w, e.status, e.detail)
				return
			}
		}
		a.cfg.Log.Error("api request failed", "path", route.path, "err", err)
		fail(w, http.StatusInternalServerError, "the hub could not do this; its log says why")
	}
}

func (a *API) enter(w http.ResponseWriter, r *http.Request, scope account.Scope) (account.Token, bool) {
	kind, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	t, ok, err := account.Token{}, false, error(nil)
	if strings.EqualFold(kind, "Bearer") {
		t, ok, err = a.cfg.Tokens.Bearer(r.Context(), secret)
	}
	switch {
	case err != nil:
		a.cfg.Log.Error("api token not read", "peer", a.cfg.Peer(r), "err", err)
		fail(w, http.StatusInternalServerError, "the hub could not read its tokens; its log says why")
	case !ok:
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
		fail(w, http.StatusUnauthorized, "send a valid token as Authorization: Bearer")
	case !a.cfg.Throttle.enter(t.Hash, a.cfg.Now()):
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusTooManyRequests, "too many requests with this token")
	case !t.May(scope):
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse", error="insufficient_scope", scope="`+string(scope)+`"`)
		fail(w, http.StatusForbidden, "the token does not have the scope "+string(scope))
	default:
		return t, true
	}
	return account.Token{}, false
}

var (
	errNotFound = errors.New("not found")
	errQuery    = errors.New("bad query")
)

var explanations = []struct {
	err    error
	status int
	detail string
}{
	{errNotFound, http.StatusNotFound, "no such thing, or the token is not for it"},
	{request.ErrNotFound, http.StatusNotFound, "no such thing, or the token is not for it"},
	{clip.ErrNoFootage, http.StatusNotFound, "nothing is recorded there"},
	{recording.ErrNotFound, http.StatusNotFound, "nothing is recorded there"},
	{clip.ErrRange, http.StatusBadRequest, "from and to are RFC 3339 times, from before to"},
	{clip.ErrTooLong, http.StatusBadRequest, "from and to are too far apart"},
	{errQuery, http.StatusBadRequest, "a parameter has a value that it cannot have"},
	{clip.ErrParts, http.StatusConflict, "the range has holes and is several files; name one by part, from 1"},
	{clip.ErrBusy, http.StatusServiceUnavailable, "too many clips at once"},
	{context.Canceled, 499, "the caller left"},
}

// Problem is an error (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func fail(w http.ResponseWriter, status int, detail string) {
	title := http.StatusText(status)
	if title == "" {
		title = "Client Closed Request"
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Problem{"about:blank", title, status, detail})
}

func answer(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n'))
	return nil
}

func (a *API) openapi(w http.ResponseWriter, _ *http.Request, _ account.Token) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document)
	return nil
}

// Each token may burst requests and then perSecond.
const (
	burst     = 60
	perSecond = 5
)

// maxBuckets is above the number of tokens that there can be at a time.
const maxBuckets = 256

// Throttle counts requests of valid tokens. Its zero value is ready.
type Throttle struct {
	mu   sync.Mutex // guards left
	left map[[32]byte]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func (t *Throttle) enter(hash [32]byte, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.left) >= maxBuckets { // of tokens that ended long ago
		maps.DeleteFunc(t.left, func(_ [32]byte, b bucket) bool { return b.filled(now) == burst })
	}
	b, ok := t.left[hash]
	if !ok {
		b = bucket{burst, now}
	}
	b = bucket{b.filled(now), now}
	may := b.tokens >= 1
	if may {
		b.tokens--
	}
	if t.left == nil {
		t.left = map[[32]byte]bucket{}
	}
	t.left[hash] = b
	return may
}

// filled is how many requests a token may make now.
func (b bucket) filled(now time.Time) float64 {
	return min(burst, b.tokens+max(0, now.Sub(b.at).Seconds())*perSecond)
}
