package rtsptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/auth"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/conn"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
)

const (
	setupTimeout = time.Minute      // for a client that does not ask to play
	writeTimeout = 10 * time.Second // for a client that does not read
	realm        = "camera"
)

// session is one connection of a client.
type session struct {
	server *Server
	nc     net.Conn
	conn   *conn.Conn
	nonce  string
	id     string
	camera *camera
	chans  map[int]int // interleaved channel by track
	udp    *udpPorts   // nil with TCP

	mu     sync.Mutex // guards writing
	player sync.WaitGroup
	cancel context.CancelFunc // of the player
}

// serve answers one client until it leaves or ctx ends.
func (s *Server) serve(ctx context.Context, nc net.Conn) {
	x := &session{
		server: s, nc: nc, conn: conn.NewConn(nc),
		nonce: fmt.Sprintf("%08x%08x", randUint32(), randUint32()),
		id:    fmt.Sprintf("%08x", randUint32()),
		chans: map[int]int{},
	}
	defer func() {
		x.player.Wait()
		if x.udp != nil {
			x.udp.close()
		}
	}()
	defer func() {
		if x.cancel != nil {
			x.cancel()
		}
		nc.Close()
	}()
	nc.SetReadDeadline(time.Now().Add(setupTimeout))
	for {
		in, err := x.conn.Read()
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				s.cfg.Log.Debug("rtsp client left", "peer", nc.RemoteAddr().String(), "err", err)
			}
			return
		}
		req, ok := in.(*base.Request)
		if !ok {
			continue // receiver reports
		}
		if !x.answer(ctx, req) {
			return
		}
	}
}

// answer handles one request and reports whether the connection goes on.
func (x *session) answer(ctx context.Context, req *base.Request) bool {
	res := x.handle(req)
	if res.Header == nil {
		res.Header = base.Header{}
	}
	if v, ok := req.Header["CSeq"]; ok {
		res.Header["CSeq"] = v
	}
	if len(x.chans) > 0 {
		res.Header["Session"] = base.HeaderValue{x.id + ";timeout=60"}
	}
	if res.StatusMessage == "" {
		res.StatusMessage = http.StatusText(int(res.StatusCode))
	}
	x.mu.Lock()
	x.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	err := x.conn.WriteResponse(res)
	x.mu.Unlock()
	if err != nil || req.Method == base.Teardown {
		return false
	}
	if req.Method == base.Play && res.StatusCode == base.StatusOK && x.cancel == nil {
		x.nc.SetReadDeadline(time.Time{})
		ctx, x.cancel = context.WithCancel(ctx)
		x.player.Go(func() {
			defer x.nc.SetReadDeadline(time.Now().Add(setupTimeout))
			x.play(ctx)
		})
	}
	return true
}

func (x *session) handle(req *base.Request) *base.Response {
	if req.Method == base.Options {
		return &base.Response{StatusCode: base.StatusOK, Header: base.Header{
			"Public": base.HeaderValue{"OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"},
		}}
	}
	cam, track := x.find(req.URL)
	if cam == nil {
		return &base.Response{StatusCode: base.StatusNotFound}
	}
	if res := x.login(req, cam); res != nil {
		return res
	}
	if code, ok := cam.Status[string(req.Method)]; ok {
		return &base.Response{StatusCode: base.StatusCode(code)}
	}
	switch req.Method {
	case base.Describe:
		return &base.Response{
			StatusCode: base.StatusOK,
			Header: base.Header{
				"Content-Type": base.HeaderValue{"application/sdp"},
				"Content-Base": base.HeaderValue{x.server.scheme() + "://" + req.URL.Host + "/" + cam.path + "/"},
			},
			Body: []byte(cam.describe()),
		}
	case base.Setup:
		return x.setup(req, cam, track)
	case base.Play:
		if len(x.chans) == 0 {
			return &base.Response{StatusCode: base.StatusMethodNotValidInThisState}
		}
		return &base.Response{StatusCode: base.StatusOK, Header: base.Header{"Range": base.HeaderValue{"npt=0-"}}}
	case base.GetParameter, base.SetParameter, base.Teardown:
		return &base.Response{StatusCode: base.StatusOK}
	}
	return &base.Response{StatusCode: base.StatusNotImplemented}
}

// find is the camera, and the track if one is named, of a request's address.
func (x *session) find(u *base.URL) (*camera, int) {
	if u == nil {
		return x.camera, 0
	}
	path := strings.Trim(u.Path, "/")
	track := 0
	if i := strings.LastIndex(path, "trackID="); i >= 0 {
		n, err := strconv.Atoi(path[i+len("trackID="):])
		if err != nil {
			return nil, 0
		}
		path, track = strings.Trim(path[:i], "/"), n
	}
	return x.server.cameras[path], track
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
	if auth.Verify(req, cam.User, cam.Pass, methods, realm, x.nonce) == nil {
		return nil
	}
	return &base.Response{StatusCode: base.StatusUnauthorized, Header: base.Header{
		"WWW-Authenticate": auth.GenerateWWWAuthenticate(methods, realm, x.nonce),
	}}
}

func (x *session) setup(req *base.Request, cam *camera, track int) *base.Response {
	if x.camera != nil && x.camera != cam || x.cancel != nil {
		return &base.Response{StatusCode: base.StatusMethodNotValidInThisState}
	}
	if track < 0 || track >= len(cam.tracks) {
		return &base.Response{StatusCode: base.StatusNotFound}
	}
	var th headers.Transports
	if err := th.Unmarshal(req.Header["Transport"]); err != nil {
		return &base.Response{StatusCode: base.StatusBadRequest}
	}
	for _, t := range th {
		if !cam.serves(t) {
			continue
		}
		if t.Protocol == headers.TransportProtocolUDP {
			return x.setupUDP(cam, track, t)
		}
		ch := 2 * track
		if t.InterleavedIDs != nil && t.InterleavedIDs[0] >= 0 && t.InterleavedIDs[0] < 255 {
			ch = t.InterleavedIDs[0]
		}
		x.camera, x.chans[track] = cam, ch
		unicast := headers.TransportDeliveryUnicast
		answer := headers.Transport{
			Protocol: headers.TransportProtocolTCP, Delivery: &unicast, InterleavedIDs: &[2]int{ch, ch + 1},
		}
		return &base.Response{StatusCode: base.StatusOK, Header: base.Header{"Transport": answer.Marshal()}}
	}
	return &base.Response{StatusCode: base.StatusUnsupportedTransport, StatusMessage: "Unsupported Transport"}
}
