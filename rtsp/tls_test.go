package rtsp

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gatehouse/rtsp/rtsptest"
)

// certificate is a self-signed one that ends at the time given.
func certificate(t *testing.T, end time.Time) (tls.Certificate, string) {
	t.Helper()
	cert, fingerprint, err := rtsptest.SelfSigned(end)
	if err != nil {
		t.Fatal(err)
	}
	return cert, fingerprint
}

// newTLSRig is newRig for a camera that asks for a login and speaks RTSPS.
func newTLSRig(t *testing.T, config *tls.Config, edit func(*Config)) *rig {
	t.Helper()
	s, err := rtsptest.NewServer(rtsptest.Config{
		TLS: config, Log: slog.New(slog.DiscardHandler),
		Cameras: map[string]rtsptest.Camera{"c": rtsptest.ScriptNamed("digest").Camera},
	})
	if err != nil {
		t.Fatal(err)
	}
	background(t, "server", s.Run)
	r := &rig{t: t, name: "c", server: s, logs: &logs{}, ctx: t.Context()}
	cfg := Config{
		Camera: "c", URL: strings.Replace(s.URL("c"), "://", "://admin:secret@", 1),
		Log: slog.New(slog.NewTextHandler(r.logs, nil)), Retry: 50 * time.Millisecond,
	}
	edit(&cfg)
	r.source = NewSource(cfg)
	r.reader = r.source.Reader(16 << 20)
	background(t, "source", r.source.Run)
	return r
}

// TestRTSPS: a camera's certificate is pinned or vouched for, or nothing is
// said to it, least of all the login.
func TestRTSPS(t *testing.T) {
	year := time.Now().AddDate(1, 0, 0)
	good, print := certificate(t, year)
	expired, expiredPrint := certificate(t, time.Now().AddDate(0, 0, -1))
	_, otherPrint := certificate(t, year)
	leaf, err := x509.ParseCertificate(good.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	colons := pinPrefix
	for i, c := range strings.ToUpper(strings.TrimPrefix(print, pinPrefix)) {
		if i > 0 && i%2 == 0 {
			colons += ":"
		}
		colons += string(c)
	}
	for name, x := range map[string]struct {
		cert   tls.Certificate
		newest uint16 // TLS version; 0 for any
		edit   func(*Config)
		detail string // empty if it must be read
	}{
		"right pin":            {good, 0, func(c *Config) { c.TLS = print }, ""},
		"right pin, TLS 1.2":   {good, tls.VersionTLS12, func(c *Config) { c.TLS = print }, ""},
		"as openssl prints it": {good, 0, func(c *Config) { c.TLS = colons }, ""},
		"pinned and expired":   {expired, 0, func(c *Config) { c.TLS = expiredPrint }, ""},
		"vouched for":          {good, 0, func(c *Config) { c.roots = roots }, ""},
		"wrong pin": {
			good, 0, func(c *Config) { c.TLS = otherPrint },
			"The camera shows another certificate than the one that is pinned: " + print + ". Find out why before you change the pin.",
		},
		"wrong pin, vouched for": {
			good, 0, func(c *Config) { c.TLS, c.roots = otherPrint, roots },
			"The camera shows another certificate than the one that is pinned: " + print + ". Find out why before you change the pin.",
		},
		"no pin": {
			good, 0, func(*Config) {},
			"The camera's certificate is not vouched for by anybody this machine trusts. If the camera shows the same fingerprint, pin it with tls: " + print + ".",
		},
		"vouched for under another name": {
			good, 0, func(c *Config) { c.roots, c.URL = roots, strings.Replace(c.URL, "127.0.0.1", "localhost", 1) },
			"The camera's certificate is not vouched for by anybody this machine trusts. If the camera shows the same fingerprint, pin it with tls: " + print + ".",
		},
		"TLS 1.1": {
			good, tls.VersionTLS11, func(c *Config) { c.TLS = print },
			"No encrypted connection to the camera could be made: does it speak RTSPS, TLS 1.2 or newer, on this port?",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newTLSRig(t, &tls.Config{Certificates: []tls.Certificate{x.cert}, MinVersion: tls.VersionTLS10, MaxVersion: x.newest}, x.edit)
			if x.detail == "" {
				r.checkWithin(r.items(10*time.Second, videoUnits(20)), 2*time.Second)
				return
			}
			it, err := r.reader.Next(t.Context())
			reason := ReasonUntrusted
			if x.newest == tls.VersionTLS11 {
				reason = ReasonRefused
			}
			if err != nil || it.Break == nil || it.Break.Reason != reason || it.Break.Detail != x.detail {
				t.Errorf("%+v %v", it.Break, err)
			}
			if strings.Contains(r.logs.String(), "secret") {
				t.Error(r.logs)
			}
		})
	}
}

func TestRTSPSToPlainCamera(t *testing.T) {
	t.Parallel()
	r := newRig(t, rtsptest.ScriptNamed("plain").Camera, func(c *Config) { c.URL = strings.Replace(c.URL, "rtsp:", "rtsps:", 1) })
	it, err := r.reader.Next(t.Context())
	if err != nil || it.Break == nil || it.Break.Reason != ReasonRefused || !strings.Contains(it.Break.Detail, "does it speak RTSPS") {
		t.Errorf("%+v %v", it.Break, err)
	}
}

// Nothing is encrypted less than the owner wrote.
func TestConfigThatContradictsItself(t *testing.T) {
	pinned := pinPrefix + strings.Repeat("ab", 32)
	for detail, c := range map[string]Config{
		"Pictures that come by UDP are not encrypted: an rtsps:// address needs TCP.": {URL: "rtsps://h/x", Transport: UDP},
		"A certificate is pinned, but the address is not an rtsps:// address.":        {URL: "rtsp://h/x", TLS: pinned},
		"The pinned certificate is not sha256: and 64 hexadecimal digits.":            {URL: "rtsps://h/x", TLS: pinned[:70]},
		"The camera's transport is not known.":                                        {URL: "rtsp://h/x", Transport: "multicast"},
		"The camera's address is not an rtsp:// or rtsps:// address.":                 {URL: "https://h/x"},
	} {
		c.Log = slog.New(slog.DiscardHandler)
		s := NewSource(c)
		r := s.Reader(1 << 10)
		background(t, "source", s.Run)
		it, err := r.Next(t.Context())
		if err != nil || it.Break == nil || it.Break.Reason != ReasonRefused || it.Break.Detail != detail {
			t.Errorf("%+v %v, want %s", it.Break, err, detail)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"rtsp://h/x":                    "h:554",
		"rtsps://h/x":                   "h:322",
		"rtsps://a:b@h:8322/x":          "h:8322",
		"rtsp://[fd00::1]/x":            "[fd00::1]:554",
		"rtsp://a:b@[fe80::1%25eth0]/x": "[fe80::1%eth0]:554",
	} {
		u, err := parseAddress(in)
		if err != nil || address(u) != want {
			t.Errorf("%s: %v, %v", in, u, err)
			continue
		}
		if got := withoutZone(u).String(); strings.Contains(got, "eth0") || !strings.HasSuffix(got, "/x") {
			t.Errorf("%s is asked for as %s", in, got)
		}
	}
}

func FuzzPin(f *testing.F) {
	f.Add(pinPrefix + strings.Repeat("0a:", 31) + "ff")
	f.Add("sha256:zz")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := ParsePin(s)
		if !ok {
			return
		}
		if again, ok := ParsePin(p.String()); !ok || again != p {
			t.Errorf("%q became %s", s, p)
		}
	})
}

func TestParsePin(t *testing.T) {
	pairs := strings.Repeat(":ab", 31)
	for s, want := range map[string]bool{
		pinPrefix + strings.Repeat("aB", 32): true,
		pinPrefix + "AB" + pairs:             true,
		pinPrefix + "ab" + pairs + ":":       false,
		pinPrefix + ":ab" + pairs:            false,
		pinPrefix + "a:bab" + pairs[3:]:      false,
		pinPrefix + "ab" + pairs[3:]:         false,
		"ab" + pairs:                         false,
		"sha1:" + "ab" + pairs:               false,
	} {
		if _, ok := ParsePin(s); ok != want {
			t.Errorf("%q: %v", s, ok)
		}
	}
}
