package rtsp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
)

// pinPrefix names the hash of a fingerprint.
const pinPrefix = "sha256:"

// pin is the SHA-256 fingerprint of a certificate in DER.
type pin [sha256.Size]byte

func (p pin) String() string { return pinPrefix + hex.EncodeToString(p[:]) }

// parsePin reads a fingerprint: 64 hexadecimal digits, with colons between them
// or without.
func parsePin(s string) (pin, bool) {
	var p pin
	digits, ok := strings.CutPrefix(s, pinPrefix)
	b, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if !ok || err != nil || len(b) != len(p) {
		return p, false
	}
	return pin(b), true
}

// certificateError is a camera's certificate that was not accepted.
type certificateError struct {
	shown  pin  // what the camera presented
	pinned bool // the owner had pinned another
	err    error
}

func (e *certificateError) Error() string {
	return fmt.Sprintf("certificate %s: %v", e.shown, e.err)
}

func (e *certificateError) Unwrap() error { return e.err }

// detail says to the owner what to compare and what to write.
func (e *certificateError) detail() string {
	if e.pinned {
		return "The camera shows another certificate than the one that is pinned: " + e.shown.String() +
			". Find out why before you change the pin."
	}
	return "The camera's certificate is not vouched for by anybody this machine trusts. If the camera shows the same fingerprint, pin it with tls: " +
		e.shown.String() + "."
}

var errPin = errors.New("not the pinned certificate")

// tlsConfig verifies a camera's certificate against the pin, which then stands
// in for name, dates and issuer: cameras sign their own. Without a pin it
// verifies as a browser does, against roots (nil for the system's).
func tlsConfig(host string, want *pin, roots *x509.CertPool) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: roots}
	if want == nil {
		return c
	}
	// VerifyConnection takes the place of the verification that is left out.
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errPin
		}
		if shown := pin(sha256.Sum256(s.PeerCertificates[0].Raw)); shown != *want {
			return &certificateError{shown, true, errPin}
		}
		return nil
	}
	return c
}

// secure does the handshake on c, which it closes if that fails.
func secure(ctx context.Context, c net.Conn, config *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	t := tls.Client(c, config)
	err := t.HandshakeContext(ctx)
	if err == nil {
		return t, nil
	}
	c.Close()
	var bad *tls.CertificateVerificationError
	if errors.As(err, &bad) && len(bad.UnverifiedCertificates) > 0 {
		return nil, &certificateError{sha256.Sum256(bad.UnverifiedCertificates[0].Raw), false, bad.Err}
	}
	return nil, fmt.Errorf("securing the connection: %w", &handshakeError{err})
}

// handshakeError is a TLS handshake that failed for another reason than the
// certificate, or the certificate's.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }
