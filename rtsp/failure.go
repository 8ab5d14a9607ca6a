package rtsp

import (
	"errors"
	"fmt"
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

// failure is why a connection ended. detail is for people and never quotes
// what a camera or a library wrote.
type failure struct {
	reason Reason
	detail string
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
		f.detail = fmt.Sprintf("The camera answered with error %d.", int(status.Code))
		if status.Code == base.StatusUnauthorized || status.Code == base.StatusForbidden {
			f.reason, f.detail = ReasonAuth, "The camera does not accept the user name or password."
		}
	case errors.As(err, &auth):
		f.reason, f.detail = ReasonAuth, "The camera asks for a login of a kind that is not known."
	case errors.Is(err, errNoCodec):
		f.reason, f.detail = ReasonNoCodec, "The camera offers no video or sound that can be stored."
	case errors.Is(err, errSSRC):
		f.reason, f.detail = ReasonSSRC, "The camera restarted its encoder."
	case errors.Is(err, errGarbage), errors.Is(err, errMessage), badDescription(err):
		f.reason, f.detail = ReasonGarbage, "What the camera sends cannot be read."
	case errors.Is(err, errStall) && playing:
		f.reason, f.detail = ReasonStalled, "The camera stays connected but sends no pictures."
	case errors.Is(err, errStall):
		f.detail = "The camera does not answer."
	case errors.Is(err, errTransport):
		f.detail = "The camera does not send in the way that it was asked to."
	case errors.Is(err, errSRTP):
		f.detail = "The camera encrypts its pictures by SRTP, which Gatehouse does not read. rtsps:// encrypts them as well."
	case errors.As(err, &cert):
		f.reason, f.detail = ReasonUntrusted, cert.detail()
	case errors.As(err, &shake):
		f.detail = "No encrypted connection to the camera could be made: does it speak RTSPS, TLS 1.2 or newer, on this port?"
	case errors.As(err, &lookup):
		f.detail = "The camera's name cannot be resolved."
	case errors.As(err, &dial) && dial.Op == "dial":
		f.detail = "The camera cannot be reached."
	case playing:
		f.reason, f.detail = ReasonClosed, "The camera closed the connection."
	case errors.Is(err, io.EOF), errors.As(err, &dial):
		f.detail = "The camera closed the connection before it sent anything."
	default:
		f.detail = "The camera's answer was not understood."
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
