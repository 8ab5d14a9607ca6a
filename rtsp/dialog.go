package rtsp

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/auth"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
)

// Bounds of the timeout that a camera announces for its session, in seconds.
// Keep-alives go out at 0.8 of it.
const (
	leastTimeout = 2
	mostTimeout  = 60
)

// dialog is one connection to a camera from dial to close. Its hooks stand
// between the library and the wire: what the library would fail on or do
// wrongly never reaches it. They run on the library's goroutine; what they
// leave for play is read after the library has answered.
type dialog struct {
	client gortsplib.Client
	target *target
	at     *base.URL // where to dial
	u      *base.URL // as requests name it
	st     *stream
	sink   sink       // st, or a guard of it
	udp    *datagrams // nil with TCP, and before the first SETUP
	pair   *portPair  // of the SETUP under way
	conn   net.Conn
	demux  *demux

	// The request under way, or the newest keep-alive.
	req     *base.Request
	cseq    int    // its number on the wire
	theirs  string // its number to the library
	retried bool   // it was sent anew with a new nonce

	login    *auth.Sender // nil before the camera asked
	accepted bool         // a login was accepted: what is refused later is the nonce
	session  string       // the newest session id
	playing  bool
	simple   bool        // keep-alives are OPTIONS: the camera refused GET_PARAMETER
	asked    byte        // interleaved channel that the library asked for in the newest SETUP
	answer   setupAnswer // to it
	wrong    error       // about answer
	moved    string      // Location of an answer that sends us elsewhere
	body     []byte      // of the answer to DESCRIBE
	base     *base.URL   // that it gives
	foreign  bool        // the camera's request under way is one we do not serve
}

// onRequest completes a request before it is sent.
func (d *dialog) onRequest(req *base.Request) {
	d.cseq++
	d.req, d.theirs, d.retried = req, req.Header["CSeq"][0], false
	if req.Method == base.Setup {
		if a, err := parseSetupAnswer(req.Header["Transport"][0]); err == nil && a.has {
			d.asked = a.channels[0]
		}
	}
	if req.Method == base.Setup && d.pair != nil {
		port := d.pair.port()
		req.Header["Transport"] = base.HeaderValue{fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", port, port+1)}
	}
	if req.Method == base.GetParameter && d.simple {
		req.Method = base.Options
	}
	d.stamp(req)
}

// stamp gives a request its number, the session's newest id and the login.
func (d *dialog) stamp(req *base.Request) {
	req.Header["CSeq"] = base.HeaderValue{strconv.Itoa(d.cseq)}
	if d.session != "" {
		req.Header["Session"] = base.HeaderValue{d.session}
	}
	if d.login != nil {
		d.login.AddAuthorization(req)
	}
}

// onResponse mends an answer before the library reads it.
func (d *dialog) onResponse(res *base.Response) {
	if res.Header == nil {
		res.Header = base.Header{}
	}
	if !d.answers(res) {
		res.Header["CSeq"] = base.HeaderValue{"0"} // the library numbers from 1
		return
	}
	res.Header["CSeq"] = base.HeaderValue{d.theirs}
	d.noteSession(res)
	if res.StatusCode == base.StatusUnauthorized {
		if d.again(res) {
			res.Header["CSeq"] = base.HeaderValue{"0"}
		}
		return
	}
	d.accepted = d.accepted || d.login != nil
	switch d.req.Method {
	case base.Options, base.GetParameter:
		d.aliveAnswered(res)
	case base.Describe:
		d.described(res)
	case base.Setup:
		d.setUp(res)
	case base.Play:
		d.playing = res.StatusCode == base.StatusOK
	}
}

// answers reports whether res belongs to the request under way. Some cameras
// leave the number out.
func (d *dialog) answers(res *base.Response) bool {
	v, ok := res.Header["CSeq"]
	return d.req != nil && (!ok || len(v) == 1 && strings.TrimSpace(v[0]) == strconv.Itoa(d.cseq))
}

// noteSession follows an id that changes and leaves the library a timeout that
// it can count with.
func (d *dialog) noteSession(res *base.Response) {
	v := res.Header["Session"]
	delete(res.Header, "Session")
	if len(v) == 0 {
		return
	}
	id, seconds := parseSession(v[0])
	if id == "" {
		return
	}
	d.session = id
	if seconds > 0 {
		id += fmt.Sprintf(";timeout=%d", min(max(seconds, leastTimeout), mostTimeout))
	}
	res.Header["Session"] = base.HeaderValue{id}
}

// again sends the request under way once more if the camera only wants another
// nonce, and reports whether it did. The first login is the library's, and a
// login that was never accepted is not tried twice: cameras lock accounts.
func (d *dialog) again(res *base.Response) bool {
	if d.u.User == nil || d.retried {
		return false
	}
	pass, _ := d.u.User.Password()
	login := &auth.Sender{WWWAuth: res.Header["WWW-Authenticate"], User: d.u.User.Username(), Pass: pass}
	if login.Initialize() != nil {
		return false
	}
	first := d.login == nil
	d.login = login
	if !(d.accepted || first && d.playing || !first && stale(res)) {
		return false
	}
	d.retried = true
	d.cseq++
	d.stamp(d.req)
	b, err := d.req.Marshal()
	if err != nil || d.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
		return false
	}
	_, err = d.conn.Write(b)
	return err == nil
}

// stale reports whether the camera says that only the nonce was old (RFC 2617
// 3.2.1).
func stale(res *base.Response) bool {
	for _, v := range res.Header["WWW-Authenticate"] {
		var a headers.Authenticate
		if a.Unmarshal(base.HeaderValue{v}) == nil && a.Stale != nil && strings.EqualFold(*a.Stale, "true") {
			return true
		}
	}
	return false
}

// aliveAnswered takes the answer to OPTIONS or a keep-alive. Whether a camera
// knows these methods says nothing of its stream.
func (d *dialog) aliveAnswered(res *base.Response) {
	if res.StatusCode == base.StatusOK {
		return
	}
	d.simple = d.simple || d.req.Method == base.GetParameter
	res.StatusCode = base.StatusOK
}

// described takes the answer to DESCRIBE.
func (d *dialog) described(res *base.Response) {
	if res.StatusCode == base.StatusMovedPermanently || res.StatusCode == base.StatusFound {
		if v := res.Header["Location"]; len(v) == 1 {
			d.moved = v[0]
		}
	}
	// The library would follow with the login, wherever it is sent.
	delete(res.Header, "Location")
	if res.StatusCode != base.StatusOK {
		return
	}
	d.body = res.Body
	res.Header["Content-Type"] = base.HeaderValue{"application/sdp"} // asked for by Accept
	d.base = d.contentBase(res)
	res.Header["Content-Base"] = base.HeaderValue{d.base.String()}
}

// contentBase is the address that the tracks' are relative to (RFC 2326
// C.1.1). Of what the camera says only path and query are taken: many do not
// know the address at which they are reached.
func (d *dialog) contentBase(res *base.Response) *base.URL {
	at := d.u.CloneWithoutCredentials()
	for _, name := range []string{"Content-Base", "Content-Location"} {
		v := res.Header[name]
		if len(v) == 0 {
			continue
		}
		text := strings.TrimSpace(v[0])
		if strings.HasPrefix(text, "/") {
			text = at.Scheme + "://" + at.Host + text
		}
		if said, err := base.ParseURL(text); err == nil && said.Host != "" {
			at.Path, at.RawPath, at.RawQuery = said.Path, said.RawPath, said.RawQuery
			break
		}
	}
	return at
}

// setUp takes the answer to SETUP. The library always gets the interleaved
// channels that it asked for: it moves no frames.
func (d *dialog) setUp(res *base.Response) {
	if res.StatusCode != base.StatusOK {
		return
	}
	d.answer, d.wrong = setupAnswer{}, errTransport
	if v := res.Header["Transport"]; len(v) > 0 {
		d.answer, d.wrong = parseSetupAnswer(v[0])
	}
	switch {
	case d.wrong != nil:
	case d.answer.secure:
		d.wrong = errSRTP
	case d.answer.many || d.answer.udp != (d.pair != nil):
		d.wrong = errTransport
	}
	res.Header["Transport"] = base.HeaderValue{fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", d.asked, d.asked+1)}
}

// onServerRequest lets the library answer what cameras ask of clients.
// REDIRECT and TEARDOWN end the session.
func (d *dialog) onServerRequest(req *base.Request) {
	switch req.Method {
	case base.GetParameter:
		d.foreign, req.Method = false, base.Options
	case base.SetParameter, base.Announce:
		d.foreign, req.Method = true, base.Options
	default:
		d.foreign = false
	}
}

func (d *dialog) onServerResponse(res *base.Response) {
	if d.foreign {
		res.StatusCode, res.StatusMessage = base.StatusNotImplemented, "Not Implemented"
	}
}
