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

// Pin is the SHA-256 fingerprint of a certificate in DER.
type Pin [sha256.Size]byte

// String is the fingerprint as ParsePin reads it.
func (p Pin) String() string { return pinPrefix + hex.EncodeToString(p[:]) }

// ParsePin reads a fingerprint as this program, openssl and browsers write it:
// "sha256:" and 64 hexadecimal digits, with a colon between each two or none.
func ParsePin(s string) (Pin, bool) {
	digits, ok := strings.CutPrefix(s, pinPrefix)
	if strings.Contains(digits, ":") {
		pairs := strings.Split(digits, ":")
		ok = ok && len(pairs) == sha256.Size
		for _, two := range pairs {
			ok = ok && len(two) == 2
		}
		digits = strings.Join(pairs, "")
	}
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) != sha256.Size {
		return Pin{}, false
	}
	return Pin(b), true
}

// certificateError is a camera's certificate that was not accepted.
type certificateError struct {
	shown  Pin  // what the camera presented
	pinned bool // the owner had pinned another
	err    error
}

func (e *certificateError) Error() string {
	return fmt.Sprintf("certificate %s: %v", e.shown, e.err)
}

func (e *certificateError) Unwrap() error { return e.err }

// cause says to the owner what to compare and what to write.
func (e *certificateError) cause() Cause {
	code := "camera-untrusted"
	if e.pinned {
		code = "camera-pin"
	}
	return Cause{Code: code, Pin: e.shown.String()}
}

var errPin = errors.New("not the pinned certificate")

// tlsConfig verifies a camera's certificate against the pin, which then stands
// in for name, dates and issuer: cameras sign their own. Without a pin it
// verifies as a browser does, against roots (nil for the system's).
func tlsConfig(host string, want *Pin, roots *x509.CertPool) *tls.Config {
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
		if shown := Pin(sha256.Sum256(s.PeerCertificates[0].Raw)); shown != *want {
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
