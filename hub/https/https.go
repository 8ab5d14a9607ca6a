// Package https is the console's encryption: the owner's own certificate, or
// one by a certificate authority that is this home's alone, and one port that
// takes HTTPS and plain HTTP.
package https

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/hub/finding"
)

// Config configures Certificates.
type Config struct {
	Dir         string // of the local authority, made if it is absent
	Certificate string // the owner's own chain as PEM; empty: the local authority is used
	Key         string
	Names       []string // that the console answers to, beside addresses, localhost and *.local
	Log         *slog.Logger
	Now         func() time.Time // default time.Now
}

// Certificates answers handshakes.
type Certificates struct {
	cfg  Config
	root *ca // nil with the owner's own certificate, and where the authority cannot be had
	// aside is where what was left of a damaged authority lies; empty if there was none.
	aside string

	mu    sync.Mutex // guards the rest
	leaf  *tls.Certificate
	files [2]stamp // of the owner's own, as they were read
	bad   error    // why their newer state, or the authority, is not used
}

// stamp tells a file's states apart.
type stamp struct {
	at   time.Time
	size int64
}

// Open reads the owner's certificate, or the local authority, which it makes
// at the first start. It never fails, since the hub records whatever becomes of
// its console: Trouble tells what is wrong, and without a certificate handshakes
// are refused.
func Open(cfg Config) *Certificates {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Certificates{cfg: cfg}
	if cfg.Certificate != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.bad = c.read()
	} else {
		c.root, c.aside, c.bad = openCA(cfg.Dir, cfg.Names)
	}
	if c.bad != nil {
		cfg.Log.Error("the console does not encrypt", "err", c.bad)
	} else if c.aside != "" {
		cfg.Log.Warn("the home's certificate authority was made anew", "path", c.aside)
	}
	return c
}

// Root is the local authority's certificate (DER) and its SHA-256 in hex; nil
// with the owner's own certificate.
func (c *Certificates) Root() (der []byte, fingerprint string) {
	if c.root == nil {
		return nil, ""
	}
	sum := sha256.Sum256(c.root.cert.Raw)
	return c.root.cert.Raw, hex.EncodeToString(sum[:])
}

// Trouble is what the owner should mend about the certificate, if anything.
func (c *Certificates) Trouble() finding.Finding {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.bad == nil && c.aside != "":
		return finding.New("https-remade", "file", c.aside)
	case c.bad == nil:
		return finding.Finding{}
	case c.leaf != nil:
		return finding.New("https-before").Quoting(c.bad.Error())
	case c.cfg.Certificate != "":
		return finding.New("https-off").Quoting(c.bad.Error())
	}
	return finding.New("https-off-restart").Quoting(c.bad.Error())
}

// TLS is the configuration of the console's server. It names its protocols:
// a server that serves plain HTTP first would otherwise offer HTTP/2 and not
// speak it.
func (c *Certificates) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.certificate, NextProtos: []string{"h2", "http/1.1"}}
}

// certificate is called at each handshake: a file that was renewed, a
// certificate that grows old and an address that is new are noticed then.
func (c *Certificates) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.root == nil {
		return c.own()
	}
	var here netip.Addr
	if a, ok := hello.Conn.LocalAddr().(*net.TCPAddr); ok {
		here = a.AddrPort().Addr().Unmap().WithZone("")
	}
	if c.leaf == nil || c.stale() || c.root.vouchesFor(here) && !slices.ContainsFunc(c.leaf.Leaf.IPAddresses, func(ip net.IP) bool { return ip.Equal(here.AsSlice()) }) {
		leaf, err := c.root.issue(c.cfg.Now(), c.names(), append(addresses(), here))
		if err != nil {
			return nil, err
		}
		c.leaf = leaf
	}
	return c.leaf, nil
}

func (c *Certificates) stale() bool {
	now := c.cfg.Now()
	from := c.leaf.Leaf.NotBefore.Add(leafSkew)
	return now.Sub(from) > leafRenew || now.Before(from.Add(-leafSkew))
}

// names are those of this machine and those configured.
func (c *Certificates) names() []string {
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "" {
		names = append(names, host)
		if !strings.Contains(host, ".") {
			names = append(names, host+".local")
		}
	}
	return append(names, c.cfg.Names...)
}

// addresses are those of this machine's interfaces now.
func addresses() []netip.Addr {
	var out []netip.Addr
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the address of the connection is added anyway
	}
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap().WithZone(""))
		}
	}
	return out
}

// own is the owner's certificate; an error if there is none to use.
func (c *Certificates) own() (*tls.Certificate, error) {
	if was := c.bad; c.cfg.Certificate != "" && c.stamps() != c.files {
		if c.bad = c.read(); c.bad != nil && was == nil {
			c.cfg.Log.Warn("the console's certificate cannot be read", "err", c.bad)
		}
	}
	if c.leaf == nil {
		return nil, c.bad
	}
	return c.leaf, nil
}

// read takes the files as they are; what is not a pair leaves the old one in use.
func (c *Certificates) read() error {
	c.files = c.stamps()
	pair, err := tls.LoadX509KeyPair(c.cfg.Certificate, c.cfg.Key)
	if err != nil {
		return fmt.Errorf("reading the certificate in %s and its key in %s: %w", c.cfg.Certificate, c.cfg.Key, err)
	}
	c.leaf = &pair
	return nil
}

// Reach lists where other devices at home find a listener, as host and port:
// its address, or those of this machine's interfaces if it takes connections at
// all of them, IPv4 first. It is empty for a listener on loopback.
func Reach(listener net.Addr) (list []string) {
	at, err := netip.ParseAddrPort(listener.String())
	if err != nil {
		return nil
	}
	found := []netip.Addr{at.Addr().Unmap().WithZone("")}
	if at.Addr().IsUnspecified() {
		found = addresses()
	}
	slices.SortStableFunc(found, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	for _, a := range found {
		if !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			list = append(list, netip.AddrPortFrom(a, at.Port()).String())
		}
	}
	return list
}

func (c *Certificates) stamps() (s [2]stamp) {
	for i, path := range []string{c.cfg.Certificate, c.cfg.Key} {
		if info, err := os.Stat(path); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}
