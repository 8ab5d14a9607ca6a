package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/account"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/clip"
	"gatehouse/hub/config"
	"gatehouse/hub/evidence"
	"gatehouse/hub/request"
)

// Socket is the socket's name in the data folder.
const Socket = "control.sock"

// maxBody bounds a request body; the largest real one is a list of rules.
const maxBody = 256 << 10

// Config configures a Server.
type Config struct {
	DataDir  string
	Status   StatusConfig
	Requests *request.Service
	Accounts *account.Accounts
	Motion   func(camera string, d time.Duration) error
	Network  func(on bool) error // switches all that the hub fetches and sends; config.ErrUnwritten if only for now
	HomeKit  *homekit.Bridge     // nil if it is off
	Log      *slog.Logger
}

// Server answers on the socket. Who may open the socket is the owner's account
// on this machine (mode 0600); what sends footage or widens the allowlist needs
// the passphrase as well.
type Server struct{ cfg Config }

// New returns a Server.
func New(cfg Config) *Server { return &Server{cfg} }

// Run serves until ctx ends. The caller holds the data folder's lock, so a
// socket file that is in the way is a leftover.
func (s *Server) Run(ctx context.Context) error {
	path := filepath.Join(s.cfg.DataDir, Socket)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing an old control socket: %w", err)
	}
	ln, err := listen(path)
	if err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	srv := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug)}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})
	err = srv.Serve(ln)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the control socket: %w", err)
}

// listen makes the socket under a name that nobody looks for and renames it
// once its mode is set, so that it is never open to others.
func listen(path string) (net.Listener, error) {
	tmp := path + ".new"
	_ = os.Remove(tmp)
	ln, err := net.Listen("unix", tmp)
	if err != nil {
		return nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(tmp, 0o600), os.Rename(tmp, path)); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			v, err := f(r)
			s.answer(w, v, err)
		})
	}
	handle("GET /status", func(r *http.Request) (any, error) { return s.cfg.Status.Read(r.Context()) })
	handle("GET /requests", func(r *http.Request) (any, error) { return s.cfg.Requests.List(r.Context()) })
	handle("GET /requests/{id}", func(r *http.Request) (any, error) {
		return s.cfg.Requests.Get(r.Context(), r.PathValue("id"))
	})
	handle("POST /requests", s.add)
	handle("POST /requests/{id}/give", s.give)
	handle("POST /requests/{id}/handed-over", s.handedOver)
	handle("POST /requests/{id}/receipt", s.receipt)
	handle("POST /requests/{id}/cancel-hand-over", func(r *http.Request) (any, error) {
		return s.cfg.Requests.CancelHandOver(r.Context(), r.PathValue("id"), who)
	})
	handle("POST /requests/{id}/prepare", s.prepare)
	handle("POST /requests/{id}/approve", s.approve)
	handle("POST /requests/{id}/decline", func(r *http.Request) (any, error) {
		return s.cfg.Requests.Decline(r.Context(), r.PathValue("id"), who)
	})
	handle("POST /rules/test", s.dryRun)
	handle("GET /agencies", s.agencies)
	handle("POST /agencies/{agency}", s.allow)
	handle("DELETE /agencies/{agency}", func(r *http.Request) (any, error) {
		return struct{}{}, s.cfg.Requests.Disallow(r.Context(), r.PathValue("agency"), who)
	})
	s.people(handle)
	s.tokens(handle)
	s.homekit(handle)
	handle("POST /motion/{camera}", s.motion)
	handle("POST /network", s.network)
	handle("POST /passphrase", s.passphrase)
	return mux
}

// who names the approver in the ledger for decisions taken here.
const who = "the owner, on the command line"

// peer is what the passphrase throttle counts tries by.
const peer = "control-socket"

// Decision is the body of calls that need the passphrase.
type Decision struct {
	Passphrase string `json:"passphrase"`
	Digest     string `json:"digest,omitempty"`
	Now        bool   `json:"now,omitempty"`  // skip the cool-down
	As         string `json:"as,omitempty"`   // name of the person whose passphrase it is; empty: the owner's
	Root       string `json:"root,omitempty"` // of an agency to allow: the root that its owner was shown
}

func decode(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errBody
	}
	return nil
}

var errBody = errors.New("the call's body is not what this version expects")

func (s *Server) prepare(r *http.Request) (any, error) {
	var clips []evidence.Selection
	if err := decode(r, &clips); err != nil {
		return nil, err
	}
	return s.cfg.Requests.Prepare(r.Context(), r.PathValue("id"), clips)
}

func (s *Server) approve(r *http.Request) (any, error) {
	var d Decision
	if err := decode(r, &d); err != nil {
		return nil, err
	}
	by, err := s.approver(r.Context(), d)
	if err != nil {
		return nil, err
	}
	return s.cfg.Requests.ApproveBy(r.Context(), r.PathValue("id"), d.Digest, by, d.Now)
}

// approver re-authenticates whoever decides.
func (s *Server) approver(ctx context.Context, d Decision) (request.Approver, error) {
	p, err := s.cfg.Accounts.CheckPerson(ctx, peer, d.As, d.Passphrase)
	if err != nil {
		return request.Approver{}, err
	}
	if !p.Decides() {
		return request.Approver{}, errMayNot
	}
	by := request.Approver{Number: p.Number, Words: p.Words()}
	if p.Number == account.OwnerNumber {
		by.Words = who
	}
	return by, nil
}

// Rules is the body of a dry run: null asks the rules in force.
type Rules struct {
	Rules []request.Rule `json:"rules"`
}

func (s *Server) dryRun(r *http.Request) (any, error) {
	var rules Rules
	if err := decode(r, &rules); err != nil {
		return nil, err
	}
	return s.cfg.Requests.DryRun(r.Context(), rules.Rules)
}

// Agencies is the allowlist and what could be added to it.
type Agencies struct {
	Allowed []request.Allowed `json:"allowed"`
	Known   []Known           `json:"known"` // profiles seen in bulletins
}

// Known is an agency seen in a bulletin.
type Known struct {
	Agency   string `json:"agency"`
	Name     string `json:"name"`
	Level    string `json:"level"`
	CallBack string `json:"call_back"`
	Root     string `json:"root"`
}

func (s *Server) agencies(r *http.Request) (any, error) {
	profiles, err := s.cfg.Requests.Known(r.Context())
	if err != nil {
		return nil, err
	}
	list := Agencies{Allowed: s.cfg.Requests.Allowlist(), Known: []Known{}}
	for _, p := range profiles {
		list.Known = append(list.Known, Known{p.Agency, p.Name, p.Level, p.CallBack, p.RootID})
	}
	return list, nil
}

func (s *Server) allow(r *http.Request) (any, error) {
	var d Decision
	if err := decode(r, &d); err != nil {
		return nil, err
	}
	if err := s.cfg.Accounts.Check(r.Context(), peer, d.Passphrase); err != nil {
		return nil, err
	}
	return s.cfg.Requests.Allow(r.Context(), r.PathValue("agency"), d.Root, who)
}

func (s *Server) motion(r *http.Request) (any, error) {
	d, err := time.ParseDuration(r.FormValue("for"))
	if err != nil || d <= 0 || d > time.Hour {
		return nil, errBody
	}
	return struct{}{}, s.cfg.Motion(r.PathValue("camera"), d)
}

// network switches, if the body says so, and answers which it is.
func (s *Server) network(r *http.Request) (any, error) {
	var state string
	if err := decode(r, &state); err != nil {
		return nil, err
	}
	switch state {
	case "":
	case config.On, config.Off:
		if err := s.cfg.Network(state == config.On); err != nil {
			return nil, err
		}
	default:
		return nil, errBody
	}
	return onOff(s.cfg.Status.Network()), nil
}

// passphrase sets or replaces the owner's passphrase: the way back in for who
// owns the machine but forgot it. All sessions end.
func (s *Server) passphrase(r *http.Request) (any, error) {
	var d Decision
	if err := decode(r, &d); err != nil {
		return nil, err
	}
	return struct{}{}, s.cfg.Accounts.SetPassphrase(r.Context(), d.Passphrase, true)
}

// Fault is the body of an answer that is not 200.
type Fault struct {
	Error string `json:"error"`
}

func (s *Server) answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status, words := fault(err)
		if status == http.StatusInternalServerError {
			s.cfg.Log.Error("control call failed", "err", err)
		}
		w.WriteHeader(status)
		v = Fault{words}
	}
	_ = json.NewEncoder(w).Encode(v) // the caller went away: nothing to tell it
}

// ErrNoCamera is for calls that name a camera that is not configured.
var ErrNoCamera = errors.New("no such camera")

// fault maps an error to a status and words for a person.
func fault(err error) (status int, words string) {
	var refusal *bulletin.Refusal
	var field *request.FieldError
	switch {
	case errors.As(err, &refusal):
		return http.StatusUnprocessableEntity, refusal.Detail
	case errors.Is(err, request.ErrNotFound), errors.Is(err, request.ErrUnknown), errors.Is(err, ErrNoCamera),
		errors.Is(err, account.ErrNoPerson), errors.Is(err, account.ErrNoToken):
		return http.StatusNotFound, err.Error()
	case errors.Is(err, request.ErrState):
		return http.StatusConflict, request.ErrState.Error()
	case errors.Is(err, request.ErrDigest):
		return http.StatusConflict, request.ErrDigest.Error() + "; nothing was sent"
	case errors.As(err, &field):
		return http.StatusUnprocessableEntity, field.Error()
	case errors.Is(err, request.ErrNotByHand), errors.Is(err, request.ErrNotGiven), errors.Is(err, request.ErrAgain), errors.Is(err, request.ErrForm):
		return http.StatusConflict, err.Error()
	case errors.Is(err, evidence.ErrPortal):
		return http.StatusUnprocessableEntity, evidence.ErrPortal.Error()
	case errors.Is(err, request.ErrNotYours):
		return http.StatusUnprocessableEntity, request.ErrNotYours.Error()
	case errors.Is(err, clip.ErrNoFootage):
		return http.StatusUnprocessableEntity, clip.ErrNoFootage.Error()
	case errors.Is(err, account.ErrThrottled):
		return http.StatusTooManyRequests, account.ErrThrottled.Error()
	case errors.Is(err, account.ErrWrong), errors.Is(err, account.ErrNoOwner):
		return http.StatusForbidden, err.Error()
	case errors.Is(err, account.ErrWeak), errors.Is(err, account.ErrLong):
		return http.StatusUnprocessableEntity, "the passphrase needs 8 to 1000 characters"
	case errors.Is(err, account.ErrName), errors.Is(err, account.ErrLabel), errors.Is(err, account.ErrRole), errors.Is(err, account.ErrFirst):
		return http.StatusUnprocessableEntity, err.Error()
	case errors.Is(err, account.ErrTokenName), errors.Is(err, account.ErrScope), errors.Is(err, account.ErrExpiry):
		return http.StatusUnprocessableEntity, err.Error()
	case errors.Is(err, account.ErrTokenExists), errors.Is(err, account.ErrTokens):
		return http.StatusConflict, err.Error()
	case errors.Is(err, config.ErrUnwritten):
		return http.StatusConflict, config.ErrUnwritten.Error()
	case errors.Is(err, errMayNot):
		return http.StatusForbidden, errMayNot.Error()
	case errors.Is(err, account.ErrExists):
		return http.StatusConflict, "there is somebody of this name"
	case errors.Is(err, request.ErrBlocked), errors.Is(err, request.ErrTarget), errors.Is(err, request.ErrRoot),
		errors.Is(err, request.ErrAllowlist), errors.Is(err, request.ErrSecond):
		return http.StatusConflict, err.Error()
	case errors.Is(err, homekit.ErrNoAccessory):
		return http.StatusNotFound, err.Error()
	case errors.Is(err, homekit.ErrPaired), errors.Is(err, homekit.ErrTries), errors.Is(err, errNoHomeKit):
		return http.StatusConflict, err.Error()
	case errors.Is(err, errBody):
		return http.StatusBadRequest, errBody.Error()
	}
	return http.StatusInternalServerError, "the hub could not do this; its log says why"
}
