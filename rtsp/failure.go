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
	errNoCodec   = errors.New("no codec that Gatehouse stores")
	errTransport = errors.New("no interleaved channels in the answer to SETUP")
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

// refused reports whether the camera answered a request with an error.
func refused(err error) bool {
	var status liberrors.ErrClientBadStatusCode
	return errors.As(err, &status)
}

func badDescription(err error) bool {
	var bad liberrors.ErrClientSDPInvalid
	return errors.As(err, &bad)
}

var errAddress = errors.New("not an rtsp:// address")

// parseAddress reads a camera's address. Its errors never quote it.
func parseAddress(s string) (*base.URL, error) {
	u, err := base.ParseURL(s)
	if err != nil || u.Scheme != "rtsp" || u.Host == "" {
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
