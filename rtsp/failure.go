package rtsp

import (
	"errors"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
)

var (
	errNoCodec = errors.New("no codec that Gatehouse stores")
	errConfig  = errors.New("the camera's configuration cannot work")
	errMoved   = errors.New("the camera sends its clients to another address")
	errAddress = errors.New("not an rtsp:// or rtsps:// address")
)

// failure is why a connection ended.
type failure struct {
	reason Reason
	cause  Cause
	err    error
}

// failed finds the reason in the error that ended a connection. playing tells
// that the camera had agreed to send.
func failed(err error, playing bool) *failure {
	f := &failure{reason: ReasonRefused, err: err}
	var (
		status liberrors.ErrClientBadStatusCode
		auth   liberrors.ErrClientAuthSetup
		dial   *net.OpError
		lookup *net.DNSError
		cert   *certificateError
		shake  *handshakeError
	)
	switch {
	case errors.As(err, &status):
		f.cause = Cause{Code: "camera-status", Status: int(status.Code)}
		if status.Code == base.StatusUnauthorized || status.Code == base.StatusForbidden {
			f.reason, f.cause = ReasonAuth, Cause{Code: "camera-login"}
		}
	case errors.As(err, &auth):
		f.reason, f.cause = ReasonAuth, Cause{Code: "camera-login-kind"}
	case errors.Is(err, errNoCodec):
		f.reason, f.cause = ReasonNoCodec, Cause{Code: "camera-no-codec"}
	case errors.Is(err, errSSRC):
		f.reason, f.cause = ReasonSSRC, Cause{Code: "camera-restarted"}
	case errors.Is(err, errGarbage), errors.Is(err, errMessage), badDescription(err):
		f.reason, f.cause = ReasonGarbage, Cause{Code: "camera-garbage"}
	case errors.Is(err, errStall) && playing:
		f.reason, f.cause = ReasonStalled, Cause{Code: "camera-stalled"}
	case errors.Is(err, errStall):
		f.cause = Cause{Code: "camera-silent"}
	case errors.Is(err, errTransport):
		f.cause = Cause{Code: "camera-way"}
	case errors.Is(err, errSRTP):
		f.cause = Cause{Code: "camera-srtp"}
	case errors.As(err, &cert):
		f.reason, f.cause = ReasonUntrusted, cert.cause()
	case errors.As(err, &shake):
		f.cause = Cause{Code: "camera-handshake"}
	case errors.As(err, &lookup):
		f.cause = Cause{Code: "camera-name"}
	case errors.As(err, &dial) && dial.Op == "dial":
		f.cause = Cause{Code: "camera-unreachable"}
	case playing:
		f.reason, f.cause = ReasonClosed, Cause{Code: "camera-closed"}
	case errors.Is(err, io.EOF), errors.As(err, &dial):
		f.cause = Cause{Code: "camera-closed-soon"}
	default:
		f.cause = Cause{Code: "camera-odd"}
	}
	return f
}

// errorStatus is the error that the camera answered a request with, 0 if it did
// not.
func errorStatus(err error) base.StatusCode {
	var status liberrors.ErrClientBadStatusCode
	if errors.As(err, &status) {
		return status.Code
	}
	return 0
}

func badDescription(err error) bool {
	var bad liberrors.ErrClientSDPInvalid
	return errors.As(err, &bad)
}

// parseAddress reads a camera's address. Its errors never quote it.
func parseAddress(s string) (*base.URL, error) {
	u, err := base.ParseURL(s)
	if err != nil || u.Host == "" {
		return nil, errAddress
	}
	return u, nil
}

// scrub returns the text of err without anything of the address but the host:
// libraries and cameras quote addresses with credentials in them, and some
// cameras have credentials in the path or query.
func scrub(err error, u *base.URL) string {
	text := err.Error()
	if u == nil {
		return text
	}
	secrets := []string{(*url.URL)(u).RequestURI(), u.Path, u.RawQuery}
	if u.User != nil {
		pass, _ := u.User.Password()
		secrets = append(secrets, u.User.String(), pass, url.QueryEscape(pass), url.PathEscape(pass),
			u.User.Username(), url.QueryEscape(u.User.Username()), url.PathEscape(u.User.Username()))
	}
	for _, s := range secrets {
		if len(s) > 1 || s != "" && s != "/" {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	return text
}
