package https

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, cfg Config) *Certificates {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	c := Open(cfg)
	if c.bad != nil {
		t.Fatal(c.bad)
	}
	return c
}

// serve answers "plain" or "secure" on one port.
func serve(t *testing.T, c *Certificates) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	split := NewSplit(ln)
	srv := &http.Server{TLSConfig: c.TLS(), ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		word := "plain"
		if r.TLS != nil {
			word = "secure"
		}
		_, _ = io.WriteString(w, word)
	})}
	ended := make(chan error, 3)
	go func() { ended <- split.Run(context.Background()) }()
	go func() { ended <- srv.Serve(split.Plain()) }()
	go func() { ended <- srv.ServeTLS(split.Secure(), "", "") }()
	t.Cleanup(func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		for range 3 {
			<-ended
		}
	})
	return ln.Addr().String()
}

func get(t *testing.T, url string, roots *x509.CertPool, name string) (string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: name}, DisableKeepAlives: true, ForceAttemptHTTP2: true,
	}, Timeout: time.Minute}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// TestOnePortTakesBoth: browsers that trust the root are answered over HTTPS,
// by name and by address, plain HTTP on the same port as well; and silent
// connections hold up nobody, the end included.
func TestOnePortTakesBoth(t *testing.T) {
	c := open(t, Config{Dir: t.TempDir()})
	addr := serve(t, c)
	silent, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	der, _ := c.Root()
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	for _, name := range []string{"", "localhost"} {
		if got, err := get(t, "https://"+addr, roots, name); got != "secure" || err != nil {
			t.Errorf("https as %q: %q, %v", name, got, err)
		}
	}
	if got, err := get(t, "http://"+addr, nil, ""); got != "plain" || err != nil {
		t.Errorf("http: %q, %v", got, err)
	}
	if _, err := get(t, "https://"+addr, x509.NewCertPool(), ""); err == nil {
		t.Error("a stranger trusts the certificate")
	}
}

func TestRootIsKeptAndItsKeyIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "https")
	first, print := open(t, Config{Dir: dir}).Root()
	again, same := open(t, Config{Dir: dir, Names: []string{"new.example"}}).Root()
	if !bytes.Equal(first, again) || print != same || len(print) != 64 {
		t.Error("a second start made another root")
	}
	for _, name := range []string{"root.key", "root.crt"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestDamagedAuthorityIsMadeAnew: whatever a power cut or a person left of the
// two files, the hub starts, encrypts, says what it did and loses nothing.
func TestDamagedAuthorityIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no key":           func(dir string) error { return os.Remove(filepath.Join(dir, rootKey)) },
		"no certificate":   func(dir string) error { return os.Remove(filepath.Join(dir, rootCert)) },
		"an empty file":    func(dir string) error { return os.Truncate(filepath.Join(dir, rootKey), 0) },
		"half a file":      func(dir string) error { return os.Truncate(filepath.Join(dir, rootCert), 200) },
		"not an authority": func(dir string) error { return notAnAuthority(t, dir) },
		"another's key": func(dir string) error {
			other := t.TempDir()
			open(t, Config{Dir: other})
			return os.Rename(filepath.Join(other, rootKey), filepath.Join(dir, rootKey))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, first := open(t, Config{Dir: dir}).Root()
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			left := list(t, dir)
			c := open(t, Config{Dir: dir})
			_, second := c.Root()
			if second == first || second == "" || !strings.Contains(c.Trouble().String(), "trust it again") || !strings.Contains(c.Trouble().String(), c.aside) {
				t.Errorf("root %s, trouble %q", second, c.Trouble())
			}
			if kept := list(t, c.aside); !slices.Equal(kept, left) {
				t.Errorf("kept %v of %v", kept, left)
			}
			if _, err := c.certificate(hello(t)); err != nil {
				t.Error(err)
			}
			again := open(t, Config{Dir: dir})
			if _, third := again.Root(); third != second || !again.Trouble().IsZero() {
				t.Errorf("at the next start: another root, or %q", again.Trouble())
			}
		})
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// notAnAuthority puts a pair that is whole and may sign nothing in place of the root.
func notAnAuthority(t *testing.T, dir string) error {
	pair, err := open(t, Config{Dir: dir}).root.issue(time.Now(), []string{"localhost"}, nil)
	if err != nil {
		return err
	}
	return writePair(pair, filepath.Join(dir, rootCert), filepath.Join(dir, rootKey))
}

// writePair writes a certificate and its key as an owner has them.
func writePair(pair *tls.Certificate, cert, key string) error {
	der, err := x509.MarshalECPrivateKey(pair.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600))
}

// TestNoAuthority: where none can be made or read, the hub starts and says so,
// handshakes fail, plain HTTP goes on, and files that may be whole stay.
func TestNoAuthority(t *testing.T) {
	file := filepath.Join(t.TempDir(), "https")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unread := t.TempDir()
	for _, name := range []string{rootCert, rootKey} {
		if err := os.Mkdir(filepath.Join(unread, name), 0o700); err != nil { // reading it fails, for root as well
			t.Fatal(err)
		}
	}
	for _, dir := range []string{file, unread} {
		c := Open(Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if der, _ := c.Root(); der != nil || !strings.Contains(c.Trouble().String(), "HTTPS does not run") {
			t.Errorf("root %v, trouble %q", der, c.Trouble())
		}
		addr := serve(t, c)
		if got, err := get(t, "http://"+addr, nil, ""); got != "plain" || err != nil {
			t.Errorf("http: %q, %v", got, err)
		}
		if _, err := get(t, "https://"+addr, nil, ""); err == nil {
			t.Error("https without a certificate")
		}
	}
	if names := list(t, unread); len(names) != 2 {
		t.Errorf("what cannot be read was moved: %v", names)
	}
}

// TestRootVouchesForHomesOnly: OpenSSL, which had no part in making it, takes a
// certificate of the root for a name in the home, and refuses one for a site
// on the Internet that who stole the key would make.
func TestRootVouchesForHomesOnly(t *testing.T) {
	dir := t.TempDir()
	c := open(t, Config{Dir: dir, Names: []string{"hub.example.org"}})
	now := time.Now()
	verify := func(leaf []byte) string {
		path := filepath.Join(dir, "leaf.pem")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command("openssl", "verify", "-purpose", "sslserver", "-CAfile", filepath.Join(dir, "root.crt"), path).CombinedOutput()
		return string(out)
	}
	mine, err := c.root.issue(now, []string{"localhost", "hub.local", "hub.example.org", "bank.example"},
		[]netip.Addr{netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("fd00::5"), netip.MustParseAddr("203.0.113.7")})
	if err != nil {
		t.Fatal(err)
	}
	if out := verify(mine.Certificate[0]); !strings.Contains(out, "OK") {
		t.Errorf("openssl refuses the console's certificate: %s", out)
	}
	if names := mine.Leaf.DNSNames; !slices.Equal(names, []string{"localhost", "hub.local", "hub.example.org"}) || len(mine.Leaf.IPAddresses) != 2 {
		t.Errorf("names %v, addresses %v", names, mine.Leaf.IPAddresses)
	}
	for _, forged := range []*x509.Certificate{
		{DNSNames: []string{"bank.example"}}, {IPAddresses: []net.IP{net.IPv4(203, 0, 113, 7)}},
	} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		forged.SerialNumber, forged.NotBefore, forged.NotAfter = newSerial(), now.Add(-time.Hour), now.Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, forged, c.root.cert, &key.PublicKey, c.root.key)
		if err != nil {
			t.Fatal(err)
		}
		if out := verify(der); !strings.Contains(out, "permitted subtree violation") {
			t.Errorf("openssl on a forged certificate: %s", out)
		}
	}
}

func hello(t *testing.T) *tls.ClientHelloInfo {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return &tls.ClientHelloInfo{Conn: a}
}

func TestLeafIsRenewed(t *testing.T) {
	now := time.Now().Truncate(time.Second) // certificates count no smaller times
	c := open(t, Config{Dir: t.TempDir(), Now: func() time.Time { return now }})
	ask := func() string {
		t.Helper()
		pair, err := c.certificate(hello(t))
		if err != nil {
			t.Fatal(err)
		}
		if now.Before(pair.Leaf.NotBefore) || now.After(pair.Leaf.NotAfter) {
			t.Errorf("valid from %v to %v, now %v", pair.Leaf.NotBefore, pair.Leaf.NotAfter, now)
		}
		return pair.Leaf.SerialNumber.String()
	}
	first := ask()
	now = now.Add(leafRenew)
	if ask() != first {
		t.Error("renewed early")
	}
	now = now.Add(time.Second)
	second := ask()
	if second == first {
		t.Error("not renewed")
	}
	now = now.Add(-365 * 24 * time.Hour) // the clock was wrong
	if ask() == second {
		t.Error("a certificate of the future stays")
	}
}

// TestOwnCertificate: files that are renewed are taken up, and a bad pair leaves
// the one before in use and says so.
func TestOwnCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "hub.pem"), filepath.Join(dir, "hub.key")
	write := func(serial int) {
		ca := open(t, Config{Dir: filepath.Join(dir, "ca")}).root
		pair, err := ca.issue(time.Now(), []string{"localhost"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := writePair(pair, cert, key); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{cert, key} {
			at := time.Now().Add(time.Duration(serial) * time.Second)
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := Open(Config{Certificate: cert, Key: key, Log: slog.New(slog.DiscardHandler)})
	if _, err := c.certificate(hello(t)); err == nil || !strings.Contains(c.Trouble().String(), "HTTPS does not run") {
		t.Errorf("without the files: %v, trouble %q", err, c.Trouble())
	}
	write(1)
	ask := func() string {
		t.Helper()
		pair, err := c.certificate(hello(t))
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.String()
	}
	first := ask()
	if der, _ := c.Root(); der != nil || first != ask() || !c.Trouble().IsZero() {
		t.Errorf("root %v, trouble %q", der, c.Trouble())
	}
	write(2)
	second := ask()
	if second == first || !c.Trouble().IsZero() {
		t.Errorf("the renewed files are not used: %s", c.Trouble())
	}
	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ask() != second || c.Trouble().IsZero() {
		t.Errorf("a bad file: trouble %q", c.Trouble())
	}
	write(3)
	if ask() == second || !c.Trouble().IsZero() {
		t.Errorf("mended: %s", c.Trouble())
	}
}

func TestReach(t *testing.T) {
	for listen, want := range map[string][]string{
		"127.0.0.1:80": nil, "[::1]:80": nil, "192.168.1.20:8443": {"192.168.1.20:8443"}, "[fd00::20]:8443": {"[fd00::20]:8443"}, "[fe80::1]:80": nil,
	} {
		a, err := net.ResolveTCPAddr("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := Reach(a); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", listen, got, want)
		}
	}
	for _, hostport := range Reach(&net.TCPAddr{IP: net.IPv6unspecified, Port: 8443}) {
		if a, err := netip.ParseAddrPort(hostport); err != nil || a.Port() != 8443 || a.Addr().IsLoopback() || a.Addr().IsUnspecified() {
			t.Errorf("%s: %v", hostport, err)
		}
	}
}
