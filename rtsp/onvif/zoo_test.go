package onvif_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/rtsp/onvif"
	"gatehouse/rtsp/onvif/onviftest"
)

// outcome is what must happen with a device of the zoo. The zero value: it all
// works, the login is a token, motion is heard of within seconds.
type outcome struct {
	login      string       // how requests to the media service log in
	noSnapshot bool         // there is none, and it is said
	events     onvif.Reason // why there are no events
	silent     bool         // what it tells is not motion
	ownEnd     bool         // motion ends by itself
	resubs     bool         // one subscription follows another, and nothing is lost
	renews     bool
	offset     time.Duration // of the clock that is shown
	noClock    bool          // it is not known
}

// zoo has a row for each script of onviftest.
var zoo = map[string]outcome{
	"usual":                 {},
	"open":                  {},
	"digest-only":           {login: "digest"},
	"digest-sha256":         {login: "digest"},
	"digest-and-token":      {login: "digest+token"},
	"bare-401":              {noClock: true},
	"clock-behind":          {offset: -time.Hour},
	"clock-reset":           {offset: -onviftest.ClockReset},
	"local-as-utc":          {offset: 10 * time.Hour},
	"locked-clock":          {login: "digest", noClock: true},
	"snapshot-basic":        {},
	"https":                 {},
	"https-plain-addresses": {},

	"wrong-host":             {},
	"unusable-host":          {},
	"behind-translation":     {},
	"second-port":            {},
	"second-port-wrong-host": {},
	"capabilities-only":      {},
	"media2":                 {},
	"media2-broken":          {},
	"login-in-address":       {},
	"no-snapshot":            {noSnapshot: true},

	"bare-ampersand": {},
	"other-prefixes": {},
	"latin1":         {},
	"chunked":        {},
	"old-faults":     {},

	"no-events":            {events: onvif.ReasonUnsupported},
	"empty-reference":      {},
	"urn-reference":        {},
	"reference-parameters": {},
	"short-grants":         {renews: true},
	"no-initial-time":      {},
	"no-renew":             {resubs: true},
	"no-renew-one-slot":    {resubs: true},
	"no-synchronize":       {},
	"no-wait":              {},
	"closes-idle":          {renews: true},
	"max-timeout":          {resubs: true},
	"late-messages":        {},
	"zero-times":           {},

	"motion-alarm":        {},
	"motion-region":       {},
	"field-detector":      {},
	"people-reolink":      {},
	"vehicle-reolink":     {},
	"people-tapo":         {},
	"smart-tapo":          {},
	"vmd-axis":            {},
	"person-unknown-name": {},
	"slash-topic":         {},
	"no-operation":        {},
	"line-crossed":        {ownEnd: true},
	"tamper":              {silent: true},
	"bell":                {silent: true},
	"digital-input":       {silent: true},
}

// TestDeviceZoo goes the whole way with every device of the zoo.
func TestDeviceZoo(t *testing.T) {
	for name := range zoo {
		if !slices.ContainsFunc(onviftest.Scripts(), func(s onviftest.Script) bool { return s.Name == name }) {
			t.Errorf("there is no script %s", name)
		}
	}
	for _, s := range onviftest.Scripts() {
		want, ok := zoo[s.Name]
		if !ok {
			t.Errorf("script %s has no row", s.Name)
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, s.Quirks, func(c *onvif.Config) {
				if want.ownEnd {
					c.Stuck = time.Second
				}
			})
			r.media(want)
			r.events(want)
		})
	}
}

// media checks profiles, the clock and the snapshot.
func (r *rig) media(want outcome) {
	t := r.t
	list, err := r.cam.Profiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	main, sub := onvif.Pick(list)
	const stream = "rtsp://127.0.0.1:554/Streaming/Channels/101?transportmode=unicast&profile=Profile_1"
	if main == nil || sub == nil || main.Stream != stream || sub.Width != 640 {
		t.Errorf("picked %+v and %+v", main, sub)
	}
	still, err := r.cam.Snapshot(t.Context())
	var e *onvif.Error
	switch {
	case want.noSnapshot && (!errors.As(err, &e) || e.Reason != onvif.ReasonUnsupported):
		t.Errorf("snapshot: %v", err)
	case !want.noSnapshot && (err != nil || len(still) < 100):
		t.Errorf("snapshot of %d bytes, %v", len(still), err)
	}
	if st := r.cam.State(); st.ClockKnown == want.noClock || (st.Offset-want.offset).Abs() > 5*time.Second {
		t.Errorf("the clock is %v off, want %v", st.Offset, want.offset)
	}
	if want.login == "" {
		return
	}
	if n := slices.IndexFunc(r.dev.Calls(), func(c onviftest.Call) bool {
		return c.Name == "GetStreamUri" && c.Login == want.login && c.Status == 200
	}); n < 0 {
		t.Errorf("no login by %s", want.login)
	}
}

// events checks that motion is heard of, at the right time, once.
func (r *rig) events(want outcome) {
	t := r.t
	r.dev.Motion(false) // a state to tell, so that the first poll need not wait
	stop := r.listen()
	if want.events != "" {
		r.awaitPhase(onvif.PhaseOffline)
		if st := r.cam.State(); st.Reason != want.events || !strings.HasSuffix(st.Cause.String(), ".") {
			t.Errorf("state %+v", st)
		}
		return
	}
	r.awaitPhase(onvif.PhaseLive)
	switch {
	case want.resubs:
		r.await("another subscription", func() bool { return r.dev.Count("CreatePullPointSubscription") >= 2 })
	case want.renews:
		r.await("a renewal", func() bool { return r.dev.Count("Renew") >= 2 })
	}
	began := time.Now()
	r.dev.Motion(true)
	switch {
	case want.silent:
		r.dev.Set(onviftest.Property{Topic: "tns1:VideoSource/MotionAlarm", Source: "V", Name: "State", Value: "true"})
		r.awaitMotion("+")
		if m := r.last(); m.Topic != "VideoSource/MotionAlarm" {
			t.Errorf("heard %+v", m)
		}
		return
	case want.ownEnd:
		r.awaitMotion("+-")
		return
	}
	r.awaitMotion("+")
	m := r.last()
	if now := time.Now(); m.At.After(now) || m.At.Before(began.Add(-2*time.Second)) || m.Source != "VideoSourceToken_1" {
		t.Errorf("motion of %q at %v, it began %v", m.Source, m.At, began)
	}
	r.dev.Motion(true) // a repeat is no news
	r.dev.Motion(false)
	r.awaitMotion("+-")
	stop()
	if n := r.dev.Subscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
	if want.resubs && strings.Contains(r.log.String(), "offline") {
		t.Errorf("what is no trouble was logged as one:\n%s", r.log)
	}
}

// TestNoCredentialsElsewhere is a device that names another device in every
// address: that one must not hear of us.
func TestNoCredentialsElsewhere(t *testing.T) {
	t.Parallel()
	other, err := onviftest.New(onviftest.Config{Addr: "127.0.0.2:0"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, onviftest.Quirks{Host: other.Addr()})
	r.start(other.Run)
	if _, err := r.cam.Profiles(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := r.cam.Snapshot(t.Context()); err != nil {
		t.Error(err)
	}
	r.listen()
	r.awaitPhase(onvif.PhaseLive)
	r.dev.Motion(true)
	r.awaitMotion("+")
	if calls := other.Calls(); len(calls) > 0 {
		t.Errorf("the other device heard %+v", calls)
	}
	for _, c := range r.dev.Calls() {
		noSecrets(t, c.Body)
	}
}

// TestBadAnswers names the reason for each kind of trouble, in a sentence.
func TestBadAnswers(t *testing.T) {
	bomb := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>`
	for name, c := range map[string]struct {
		quirks onviftest.Quirks
		change func(*onvif.Config)
		reason onvif.Reason
	}{
		"wrong password":        {quirks: onviftest.Quirks{}, change: password("wrong"), reason: onvif.ReasonAuth},
		"wrong digest password": {quirks: onviftest.Quirks{Login: onviftest.LoginDigest}, change: password("wrong"), reason: onvif.ReasonAuth},
		"no password":           {quirks: onviftest.Quirks{Bare401: true}, change: func(c *onvif.Config) { c.URL = strip(c.URL) }, reason: onvif.ReasonAuth},
		"unknown certificate":   {quirks: onviftest.Quirks{TLS: true}, change: func(c *onvif.Config) { c.TLS = "" }, reason: onvif.ReasonCertificate},
		"another certificate": {quirks: onviftest.Quirks{TLS: true}, change: func(c *onvif.Config) {
			c.TLS = "sha256:" + strings.Repeat("0", 64)
		}, reason: onvif.ReasonCertificate},
		"redirect":   {quirks: onviftest.Quirks{Redirect: "http://127.0.0.2/"}, reason: onvif.ReasonRefused},
		"no XML":     {quirks: onviftest.Quirks{Raw: "<html><body>It works!<br></body></html>"}, reason: onvif.ReasonGarbage},
		"nothing":    {quirks: onviftest.Quirks{Raw: " "}, reason: onvif.ReasonGarbage},
		"bomb":       {quirks: onviftest.Quirks{Raw: bomb}, reason: onvif.ReasonGarbage},
		"deep":       {quirks: onviftest.Quirks{Raw: strings.Repeat("<a>", 100_000)}, reason: onvif.ReasonGarbage},
		"many":       {quirks: onviftest.Quirks{Raw: "<a>" + strings.Repeat("<b/>", 100_000)}, reason: onvif.ReasonGarbage},
		"endless":    {quirks: onviftest.Quirks{Endless: true}, reason: onvif.ReasonGarbage},
		"no service": {quirks: onviftest.Quirks{}, change: func(c *onvif.Config) { c.URL = "http://127.0.0.1:1" }, reason: onvif.ReasonUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := []func(*onvif.Config){}
			if c.change != nil {
				change = append(change, c.change)
			}
			r := newRig(t, c.quirks, change...)
			_, err := r.cam.Profiles(t.Context())
			var e *onvif.Error
			if !errors.As(err, &e) || e.Reason != c.reason || !strings.HasSuffix(e.Cause.String(), ".") {
				t.Fatalf("err = %#v", err)
			}
			noSecrets(t, err.Error()+e.Cause.String())
			if _, err := r.cam.Snapshot(t.Context()); err == nil {
				t.Error("there is a snapshot")
			}
			if c.reason == onvif.ReasonCertificate && !strings.Contains(e.Cause.String(), r.dev.Fingerprint()) {
				t.Errorf("%q does not say the fingerprint", e.Cause.String())
			}
			logins := 0
			for _, call := range r.dev.Calls() {
				if call.Login != "none" {
					logins++
				}
			}
			if logins > 2 {
				t.Errorf("%d logins with one wrong password: devices lock accounts", logins)
			}
			r.listen()
			r.awaitPhase(onvif.PhaseOffline)
			if st := r.cam.State(); st.Reason != c.reason || st.Cause != e.Cause {
				t.Errorf("state %+v, want %q", st, e.Cause.String())
			}
		})
	}
}

func password(p string) func(*onvif.Config) {
	return func(c *onvif.Config) {
		u, _ := url.Parse(c.URL)
		u.User = url.UserPassword(onviftest.User, p)
		c.URL = u.String()
	}
}

func strip(raw string) string {
	u, _ := url.Parse(raw)
	u.User = nil
	return u.String()
}
