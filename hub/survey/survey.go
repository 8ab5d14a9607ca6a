// Package survey looks around for an owner who sets the hub up: which cameras
// are near, what one offers, whether its stream really comes, which disks there are.
//
// It looks only when it is asked to, and no further than this network: cameras
// are called by link-local multicast, and logins go to the host the owner named.
package survey

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"gatehouse/rtsp"
	"gatehouse/rtsp/onvif"
)

// Survey remembers what was found. Its methods may be called at once.
type Survey struct {
	// Discover finds devices; [onvif.Discover] of all networks by default.
	Discover func(context.Context) ([]onvif.Found, error)
	// Patience is how long a stream is tried; default 10 s.
	Patience time.Duration
	// Picture makes a JPEG of a key frame; without it a trial has no pictures.
	Picture func(context.Context, *rtsp.Unit) ([]byte, error)
	Log     *slog.Logger // required

	trying singleflight.Group
	saving sync.Mutex // one draft at a time becomes a camera

	mu     sync.Mutex // guards the rest
	found  []onvif.Found
	looked time.Time
	drafts map[string]Draft
	noted  map[string]Measured
}

// Draft is a camera that has answered and is not saved yet. It is kept for half
// an hour, in memory: it holds a login.
type Draft struct {
	ID       string
	Host     string // for people
	Info     onvif.Info
	Profiles []onvif.Profile // empty for a pasted rtsp:// address
	Main     string          // token of the suggested profiles
	Sub      string
	Clock    time.Duration // the camera's clock minus this machine's
	Picture  []byte        // JPEG; nil if it gives none
	Trial    *Trial        // the last that did not fail; nil before
	Saved    string        // the camera that the draft became; then nothing else is left of it

	onvif string // address with the login, or empty
	tls   string
	login *url.Userinfo
	paste string // rtsp:// address with the login, or empty
	at    time.Time
}

const (
	draftLife = 30 * time.Minute
	maxDrafts = 64
)

// Find calls the cameras of the network and waits three seconds for answers.
func (s *Survey) Find(ctx context.Context) error {
	discover := s.Discover
	if discover == nil {
		discover = func(ctx context.Context) ([]onvif.Found, error) {
			return onvif.Discover(ctx, onvif.DiscoverConfig{})
		}
	}
	list, err := discover(ctx)
	if err != nil {
		s.Log.Info("looking for cameras failed", "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found, s.looked = list, time.Now()
	return err
}

// Found is what the newest [Survey.Find] found, and when that was; zero if never.
func (s *Survey) Found() ([]onvif.Found, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.found), s.looked
}

// Login is a camera's address and login as the owner typed them.
type Login struct {
	Address  string // host, host:port, http[s]:// of its ONVIF service, or rtsp[s]:// of its stream
	User     string
	Password string
	TLS      string // the certificate's fingerprint, if it is encrypted and not trusted
}

// ErrAddress is an address that is none.
var ErrAddress = errors.New("not the address of a camera")

// Ask asks a camera what it offers and keeps the answer as a draft. Its errors
// are ErrAddress, *onvif.Error or, for rtsp://, *Failure.
func (s *Survey) Ask(ctx context.Context, l Login) (Draft, error) {
	u, err := l.url()
	if err != nil {
		return Draft{}, err
	}
	d := Draft{ID: rand.Text(), Host: u.Hostname(), tls: strings.TrimSpace(l.TLS), login: u.User, at: time.Now()}
	if u.Scheme == "rtsp" || u.Scheme == "rtsps" {
		d.paste = u.String()
		s.keep(d)
		return d, nil
	}
	d.onvif = u.String()
	cam, err := onvif.New(onvif.Config{Camera: "new", URL: d.onvif, TLS: d.tls, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return Draft{}, ErrAddress
	}
	if d.Info, err = cam.Info(ctx); err != nil {
		return Draft{}, err
	}
	if d.Profiles, err = cam.Profiles(ctx); err != nil {
		return Draft{}, err
	}
	d.Profiles = slices.DeleteFunc(d.Profiles, func(p onvif.Profile) bool { return p.Stream == "" })
	main, sub := onvif.Pick(d.Profiles)
	if main != nil {
		d.Main = main.Token
	}
	if sub != nil {
		d.Sub = sub.Token
	}
	if st := cam.State(); st.ClockKnown {
		d.Clock = st.Offset
	}
	d.Picture, _ = cam.Snapshot(ctx) // many have none, or not for this login
	s.keep(d)
	return d, nil
}

// url is the address with the login. A bare host is asked by http.
func (l Login) url() (*url.URL, error) {
	text := strings.TrimSpace(l.Address)
	if ip, err := netip.ParseAddr(text); err == nil && ip.Is6() {
		text = "[" + strings.ReplaceAll(text, "%", "%25") + "]"
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "rtsp", "rtsps"}, u.Scheme) {
		return nil, ErrAddress
	}
	if l.User != "" {
		u.User = url.UserPassword(l.User, l.Password)
	}
	return u, nil
}

func (s *Survey) keep(d Draft) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drafts == nil {
		s.drafts = map[string]Draft{}
	}
	for id, old := range s.drafts {
		if time.Since(old.at) > draftLife || len(s.drafts) >= maxDrafts {
			delete(s.drafts, id)
		}
	}
	s.drafts[d.ID] = d
}

// Draft finds a draft that is not too old.
func (s *Survey) Draft(id string) (Draft, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.drafts[id]
	return d, ok && time.Since(d.at) < draftLife
}

// Alike tries a login that one camera took at the others of its kind that were
// found and whose hosts are not in known, once each, and drafts those that take it.
func (s *Survey) Alike(ctx context.Context, of Draft, known []string) (list []Draft) {
	found, _ := s.Found()
	kind := ""
	for _, f := range found {
		if f.Source.String() == of.Host {
			kind = f.Hardware
		}
	}
	if kind == "" || of.login == nil {
		return nil
	}
	pass, _ := of.login.Password()
	for _, f := range found {
		host := f.Source.String()
		if f.Hardware != kind || host == of.Host || slices.Contains(known, host) {
			continue
		}
		if d, err := s.Ask(ctx, Login{Address: f.Address(), User: of.login.Username(), Password: pass, TLS: of.tls}); err == nil {
			list = append(list, d)
		}
	}
	return list
}

// Addresses are what gatehouse.yml needs of a draft, with the login in them.
type Addresses struct{ Main, Sub, ONVIF, TLS string }

// Addresses are those of the chosen profiles, by token; an empty sub is none.
func (d Draft) Addresses(main, sub string) (Addresses, error) {
	a := Addresses{ONVIF: d.onvif, TLS: d.tls}
	if d.paste != "" {
		a.Main = d.paste
		return a, nil
	}
	for _, p := range d.Profiles {
		u, err := url.Parse(p.Stream)
		if err != nil {
			continue
		}
		u.User = d.login
		if p.Token == main {
			a.Main = u.String()
		}
		if p.Token == sub && sub != main {
			a.Sub = u.String()
		}
	}
	if a.Main == "" {
		return a, ErrAddress
	}
	return a, nil
}

// Stream is what [Survey.Try] reads.
func (a Addresses) Stream(address string) rtsp.Config {
	tls := a.TLS
	if !strings.HasPrefix(address, "rtsps:") {
		tls = ""
	}
	return rtsp.Config{Camera: "new", URL: address, TLS: tls}
}

// Noted is what was measured of a camera since the hub started.
func (s *Survey) Noted(camera string) (Measured, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.noted[camera]
	return m, ok
}
