package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/hub/account"
	"gatehouse/hub/config"
	"gatehouse/hub/sqlite"
)

// TestCertificateStopsNoHub: the hub goes on with a certificate that cannot be
// read and with half an authority, as a power cut leaves one, and has a problem
// to show.
func TestCertificateStopsNoHub(t *testing.T) {
	for name, c := range map[string]struct {
		own   bool
		left  string // of the authority
		says  string
		trust bool
	}{
		"a certificate that is not there": {true, "", "HTTPS does not run", false},
		"a key alone":                     {false, "root.key", "trust it again", true},
		"a certificate alone":             {false, "root.crt", "trust it again", true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			house, err := sqlite.OpenHouse(t.Context(), filepath.Join(dir, houseDB))
			if err != nil {
				t.Fatal(err)
			}
			defer house.Close()
			cfg := &config.Config{}
			if c.own {
				cfg.HTTPS.Certificate, cfg.HTTPS.Key = filepath.Join(dir, "hub.pem"), filepath.Join(dir, "hub.key")
			}
			if c.left != "" {
				if err := os.Mkdir(filepath.Join(dir, "https"), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "https", c.left), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			h := &hub{data: dir, listen: "127.0.0.1:0", front: &frontDoor{}, cfg: cfg, log: slog.New(slog.DiscardHandler), accounts: account.New(account.Config{Store: house})}
			if err := h.openConsole(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer h.listener.Close()
			defer h.front.close()
			if says := h.certs.Trouble().String(); !strings.Contains(says, c.says) {
				t.Errorf("it says %q", says)
			}
			if trust := h.consoleTrust(); !trust.HTTPS || (trust.Fingerprint != "") != c.trust {
				t.Errorf("%+v", trust)
			}
		})
	}
}
