package rtsptest

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/auth"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
)

// Dialog is how a camera speaks RTSP. The zero Dialog is correct.
type Dialog struct {
	Host     string                             // that clients know the camera by; for a Memory, which hears all hosts
	Query    string                             // that every address must have
	Rewrite  func(method, answer string) string // changes an answer before it is sent; "" sends none
	Delay    time.Duration                      // before each answer
	Pause    time.Duration                      // after each byte of an answer
	Endless  string                             // "header" or "body": that of the description does not end
	Redirect int                                // so many times the description is said to be elsewhere; -1 for ever
	Public   string                             // methods that OPTIONS names
	Login    bool                               // OPTIONS needs a login too
	Nonce    int                                // requests that a nonce is good for; 0 for any number
	Sessions bool                               // every answer names a new session, and the one before is unknown then
	Timeout  time.Duration                      // of a session, which ends with it; default 60 s, which are only told
	Early    time.Duration                      // PLAY is answered this long after sending began
	Channel  func(track, asked int) int         // chooses interleaved channels; without, those asked for
}

// write sends an answer in the camera's manner and reports whether all went well.
func (x *session) write(cam *camera, method base.Method, res *base.Response) bool {
	text, err := res.Marshal()
	if err != nil {
		return false
	}
	var d Dialog
	if cam != nil {
		d = cam.Dialog
	}
	if d.Rewrite != nil {
		text = []byte(d.Rewrite(string(method), string(text)))
	}
	time.Sleep(d.Delay)
	x.mu.Lock()
	defer x.mu.Unlock()
	if d.Endless != "" && method == base.Describe && res.StatusCode == base.StatusOK {
		x.flood(text, d.Endless)
		return false
	}
	for d.Pause > 0 && len(text) > 1 {
		x.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := x.nc.Write(text[:1]); err != nil {
			return false
		}
		text = text[1:]
		time.Sleep(d.Pause)
	}
	x.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err = x.nc.Write(text)
	return err == nil
}

// flood sends an answer whose header or body goes on until the client leaves or
// has not read for writeTimeout.
func (x *session) flood(text []byte, part string) {
	line, rest, _ := bytes.Cut(text, []byte("\r\n"))
	first := append(line, "\r\n"...)
	if part == "body" {
		header, body, _ := bytes.Cut(rest, []byte("\r\n\r\n"))
		kept := strings.Split(string(header), "\r\n")
		for i, h := range kept {
			if strings.HasPrefix(h, "Content-Length:") {
				kept[i] = "Content-Length: 2000000000"
			}
		}
		first = append(append(first, strings.Join(kept, "\r\n")+"\r\n\r\n"...), body...)
	}
	more := bytes.Repeat([]byte("X-Fill: 0123456789\r\n"), 1<<10)
	for b := first; ; b = more {
		x.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := x.nc.Write(b); err != nil {
			return
		}
	}
}

// redirect is the answer of a camera that says it is elsewhere, or nil.
func (x *session) redirect(req *base.Request, cam *camera) *base.Response {
	cam.mu.Lock()
	defer cam.mu.Unlock()
	if cam.Dialog.Redirect >= 0 && cam.redirected >= cam.Dialog.Redirect {
		return nil
	}
	cam.redirected++
	return &base.Response{StatusCode: base.StatusFound, Header: base.Header{
		"Location": base.HeaderValue{req.URL.CloneWithoutCredentials().String()},
	}}
}

// login is the answer to a request that may not be handled yet, or nil.
func (x *session) login(req *base.Request, cam *camera) *base.Response {
	if cam.User == "" {
		return nil
	}
	methods := []auth.VerifyMethod{auth.VerifyMethodDigestMD5}
	switch cam.Login {
	case "sha256":
		methods = []auth.VerifyMethod{auth.VerifyMethodDigestSHA256}
	case "basic":
		methods = []auth.VerifyMethod{auth.VerifyMethodBasic}
	}
	stale := cam.Dialog.Nonce > 0 && x.logins >= cam.Dialog.Nonce
	if stale {
		x.nonce, x.logins = newNonce(), 0
	}
	if auth.Verify(req, cam.User, cam.Pass, methods, realm, x.nonce) == nil {
		x.logins++
		return nil
	}
	ask := auth.GenerateWWWAuthenticate(methods, realm, x.nonce)
	if stale {
		for i := range ask {
			ask[i] += `, stale="true"`
		}
	}
	return &base.Response{StatusCode: base.StatusUnauthorized, Header: base.Header{"WWW-Authenticate": ask}}
}

func newNonce() string { return fmt.Sprintf("%08x%08x", randUint32(), randUint32()) }

// sessionHeader checks the session that a request names and is the one to
// answer with.
func (x *session) sessionHeader(req *base.Request, cam *camera) (header string, known bool) {
	if len(x.chans) == 0 {
		return "", true
	}
	known = true // one that names no session means the only one there is
	if v := req.Header["Session"]; len(v) == 1 {
		id, _, _ := strings.Cut(v[0], ";")
		known = id == x.id
	}
	return fmt.Sprintf("%s;timeout=%d", x.id, int(cam.timeout()/time.Second)), known
}

func (c *camera) timeout() time.Duration {
	if c.Dialog.Timeout > 0 {
		return c.Dialog.Timeout
	}
	return time.Minute
}

// complete gives a response the headers that every response has.
func (x *session) complete(req *base.Request, res *base.Response) {
	if res.Header == nil {
		res.Header = base.Header{}
	}
	if v, ok := req.Header["CSeq"]; ok {
		res.Header["CSeq"] = v
	}
	if res.StatusMessage == "" {
		res.StatusMessage = http.StatusText(int(res.StatusCode))
	}
	if x.camera == nil || len(x.chans) == 0 {
		return
	}
	if x.camera.Dialog.Sessions {
		x.id = newNonce()
	}
	header, _ := x.sessionHeader(req, x.camera)
	res.Header["Session"] = base.HeaderValue{header}
}

// base is the Content-Base of what is at u.
func (s *Server) base(u *base.URL) string {
	at := u.CloneWithoutCredentials()
	at.Scheme = s.scheme()
	return strings.TrimSuffix(at.String(), "/") + "/"
}
