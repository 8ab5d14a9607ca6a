package agency

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// Files of an agency's folder. The keys of people and of the root are meant to
// be moved to where their holders keep them; the others serve the machine that
// publishes and receives.
const (
	profileFile    = "profile.json"      // as a person may edit it
	signedProfile  = "profile.dsse.json" // as published
	feedFile       = "feed.json"         // what a hub's owner enters: addresses and verifier keys
	offlineDir     = "offline"           // root-1.key …
	keysDir        = "keys"
	officerKey     = "keys/officer.key"
	supervisorKey  = "keys/supervisor.key"
	receiptKey     = "keys/receipt.key"
	logKey         = "keys/log.key"       // C2SP note signer
	witnessKey     = "keys/witness.key"   // cosigns checkpoints
	identityKey    = "keys/recipient.age" // age identity
	tlsKey         = "keys/tls.key"
	tlsCertificate = "keys/tls.crt"
)

const pemKey = "PRIVATE KEY" // PKCS #8

func newKey() (ed25519.PrivateKey, bulletin.PublicKey, error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	return key, bulletin.PublicKey{Ed25519: pub}, err
}

// writeKey writes a private key as PKCS #8 PEM, readable by its owner only.
func writeKey(name string, key crypto.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return durable.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), 0o600)
}

// LoadKey reads an Ed25519 private key, PKCS #8 PEM.
func LoadKey(name string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading key: %w", err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemKey || len(bytes.TrimSpace(rest)) != 0 {
		return nil, fmt.Errorf("reading key: %s is not one PEM private key", filepath.Base(name))
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading key: %s is not a PKCS #8 key", filepath.Base(name))
	}
	k, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("reading key: %s is not an Ed25519 key", filepath.Base(name))
	}
	return k, nil
}

// LoadIdentities reads the agency's age identities, if it keeps them on this machine.
func LoadIdentities(dir string) ([]age.Identity, error) {
	return LoadIdentity(filepath.Join(dir, identityKey))
}

// LoadIdentity reads a file of age identities.
func LoadIdentity(name string) ([]age.Identity, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading identity: %w", err)
	}
	ids, err := age.ParseIdentities(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading identity: %s is not an age key: %w", filepath.Base(name), err)
	}
	return ids, nil
}

// ErrNoProfile is the error of a folder whose profile the roots have not signed yet.
var ErrNoProfile = errors.New("there is no signed profile yet: the roots sign profile.json, and then it is installed")

// LoadProfile reads and verifies the agency's signed profile.
func LoadProfile(dir string) (bulletin.VerifiedProfile, error) {
	env, err := os.ReadFile(filepath.Join(dir, signedProfile))
	if errors.Is(err, os.ErrNotExist) {
		return bulletin.VerifiedProfile{}, fmt.Errorf("reading profile in %s: %w", dir, ErrNoProfile)
	}
	if err != nil {
		return bulletin.VerifiedProfile{}, fmt.Errorf("reading profile: %w", err)
	}
	p, err := bulletin.OpenProfile(bytes.TrimSpace(env))
	if err != nil {
		return p, fmt.Errorf("reading profile: %w", err)
	}
	return p, nil
}

// signers sign checkpoints: the log, and the agency's own witness.
type signers struct {
	log     note.Signer
	logKey  string // C2SP verifier key
	witness *torchwood.CosignatureSigner
}

func loadSigners(dir, agency string) (signers, error) {
	text, err := os.ReadFile(filepath.Join(dir, logKey))
	if err != nil {
		return signers{}, fmt.Errorf("reading the log's key: %w", err)
	}
	var s signers
	skey := strings.TrimSpace(string(text))
	if s.log, err = note.NewSigner(skey); err != nil {
		return signers{}, fmt.Errorf("reading the log's key: %w", err)
	}
	// NewSigner has checked the form: PRIVATE+KEY+name+hash+base64 of the algorithm and the seed.
	fields := strings.SplitN(skey, "+", 5)
	raw, err := base64.StdEncoding.DecodeString(fields[len(fields)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize || s.log.Name() != logName(agency) {
		return signers{}, errors.New("reading the log's key: it is not this agency's")
	}
	pub := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	if s.logKey, err = note.NewEd25519VerifierKey(s.log.Name(), pub); err != nil {
		return signers{}, fmt.Errorf("reading the log's key: %w", err)
	}
	key, err := LoadKey(filepath.Join(dir, witnessKey))
	if err != nil {
		return signers{}, err
	}
	if s.witness, err = torchwood.NewCosignatureSigner(witnessName(agency), key); err != nil {
		return signers{}, fmt.Errorf("reading the witness's key: %w", err)
	}
	return s, nil
}

func logName(agency string) string     { return agency + "/gatehouse" }
func witnessName(agency string) string { return agency + "/witness" }

// writeTLS makes a key and a self-signed certificate for a host and returns the
// SHA-256 of its SubjectPublicKeyInfo, which the profile pins in place of a certificate authority.
func writeTLS(dir, hostPort string, now time.Time) ([]byte, error) {
	host := hostPort
	if h, _, err := net.SplitHostPort(hostPort); err == nil {
		host = h
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	if err := writeKey(filepath.Join(dir, tlsKey), key); err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := durable.WriteFile(filepath.Join(dir, tlsCertificate), text, 0o600); err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	pin := sha256.Sum256(spki)
	return pin[:], nil
}

func loadTLS(dir string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, tlsCertificate), filepath.Join(dir, tlsKey))
	if err != nil {
		return nil, fmt.Errorf("reading TLS key: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"},
	}, nil
}
