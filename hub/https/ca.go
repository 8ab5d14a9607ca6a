package https

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/hub/internal/durable"
)

// The root's life is fixed and not counted from now: a small computer may have
// no clock at its first start.
var (
	rootFrom = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rootTo   = time.Date(2046, 1, 1, 0, 0, 0, 0, time.UTC)
)

const (
	leafFor   = 90 * 24 * time.Hour
	leafRenew = 60 * 24 * time.Hour // of its age
	leafSkew  = 24 * time.Hour      // that the clock of a browser may be behind
)

// homeDomains are names that mean nothing outside a home (RFC 6761, 6762,
// 8375, and what routers use). With homeNets they are all that the root can
// vouch for, beside the names configured when it was made: who steals its key
// can pretend to be no site on the Internet.
var (
	homeDomains = []string{"localhost", "local", "home.arpa", "internal", "lan", "home"}
	homeNets    = []string{
		"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
		"::1/128", "fc00::/7", "fe80::/10",
	}
)

// ca is the home's own certificate authority.
type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// errBroken means that what lies in the folder is no whole authority.
var errBroken = errors.New("it is not whole")

// openCA reads the authority in a folder, or makes it where there is none. One
// that is half there or damaged is moved into a folder beside and made anew;
// aside then names that folder. Files that cannot be read now are left alone:
// they may be whole.
func openCA(dir string, names []string) (c *ca, aside string, err error) {
	c, err = readCA(dir)
	if errors.Is(err, errBroken) {
		if aside, err = setAside(dir); err != nil {
			return nil, "", fmt.Errorf("moving a damaged certificate authority away: %w", err)
		}
	}
	if c == nil && err == nil {
		if err = makeCA(dir, names); err != nil {
			return nil, "", fmt.Errorf("making the local certificate authority: %w", err)
		}
		c, err = readCA(dir)
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading the local certificate authority in %s: %w", dir, err)
	}
	return c, aside, nil
}

// Files of the authority.
const (
	rootCert = "root.crt"
	rootKey  = "root.key"
)

// readCA gives nil for a folder without an authority, and errBroken for half of one.
func readCA(dir string) (*ca, error) {
	cert, errCert := os.ReadFile(filepath.Join(dir, rootCert))
	key, errKey := os.ReadFile(filepath.Join(dir, rootKey))
	noCert, noKey := errors.Is(errCert, os.ErrNotExist), errors.Is(errKey, os.ErrNotExist)
	switch {
	case noCert && noKey:
		return nil, nil
	case errCert != nil && !noCert || errKey != nil && !noKey:
		return nil, errors.Join(errCert, errKey)
	case noCert || noKey:
		return nil, errBroken
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	}
	private, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%w: %s is not an authority of this program", errBroken, rootCert)
	}
	return &ca{pair.Leaf, private}, nil
}

// setAside moves what there is of an authority into a new folder, so that an
// owner who has the other half in a backup loses nothing.
func setAside(dir string) (string, error) {
	aside, err := os.MkdirTemp(dir, "damaged-")
	if err != nil {
		return "", err
	}
	for _, name := range []string{rootCert, rootKey} {
		if err := durable.Rename(filepath.Join(dir, name), filepath.Join(aside, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return aside, nil
}

// makeCA writes the key first: a certificate without its key is of no use. A
// power cut between the two leaves half an authority, which no device trusts
// yet and the next start makes anew.
func makeCA(dir string, names []string) error {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial := rand.Text()[:8]
	t := &x509.Certificate{
		SerialNumber: newSerial(), NotBefore: rootFrom, NotAfter: rootTo,
		Subject:               pkix.Name{CommonName: "Gatehouse " + serial + " (this home only)"},
		IsCA:                  true,
		BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: homeDomains,
	}
	for _, n := range names {
		if _, err := netip.ParseAddr(n); err != nil && !within(n, t.PermittedDNSDomains) {
			t.PermittedDNSDomains = append(t.PermittedDNSDomains, strings.ToLower(n))
		}
	}
	for _, n := range homeNets {
		_, ipnet, err := net.ParseCIDR(n)
		if err != nil {
			return err
		}
		t.PermittedIPRanges = append(t.PermittedIPRanges, ipnet)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(dir, rootKey), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, rootCert), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}

// issue makes a certificate for those of the names and addresses that the root may vouch for.
func (c *ca) issue(now time.Time, names []string, addrs []netip.Addr) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the console's key: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: newSerial(), NotBefore: now.Add(-leafSkew), NotAfter: now.Add(leafFor),
		Subject:     pkix.Name{CommonName: "Gatehouse console"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if within(n, c.cert.PermittedDNSDomains) {
			t.DNSNames = append(t.DNSNames, strings.ToLower(n))
		}
	}
	for _, a := range addrs {
		if c.vouchesFor(a) {
			t.IPAddresses = append(t.IPAddresses, a.AsSlice())
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, c.cert, &key.PublicKey, c.key)
	if err != nil {
		return nil, fmt.Errorf("making the console's certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the console's certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, c.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func (c *ca) vouchesFor(a netip.Addr) bool {
	for _, n := range c.cert.PermittedIPRanges {
		if n.Contains(a.AsSlice()) {
			return true
		}
	}
	return false
}

// within reports whether a name is one of the domains or below one (RFC 5280, 4.2.1.10).
func within(name string, domains []string) bool {
	name = strings.ToLower(name)
	for _, d := range domains {
		if name == d || strings.HasSuffix(name, "."+d) {
			return true
		}
	}
	return false
}

func newSerial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[0] &= 0x7f // positive
	return new(big.Int).SetBytes(b)
}
