package rtsptest

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

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
	logins int // with nonce
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
		nonce: newNonce(),
		id:    newNonce(),
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
	cam, track := x.find(req.URL)
	res := x.handle(req, cam, track)
	x.complete(req, res)
	good := res.StatusCode == base.StatusOK
	unknown := res.StatusCode == base.StatusSessionNotFound || res.StatusCode == base.StatusUnauthorized
	if x.cancel != nil && x.camera.Dialog.Timeout > 0 && !unknown {
		x.nc.SetReadDeadline(time.Now().Add(x.camera.Dialog.Timeout))
	}
	var p *player
	if req.Method == base.Play && good && x.cancel == nil {
		p = x.newPlayer(time.Now())
		res.Header["RTP-Info"] = base.HeaderValue{p.info(req.URL)}
		if early := x.camera.Dialog.Early; early > 0 {
			x.start(ctx, p)
			p = nil
			time.Sleep(early)
		}
	}
	going := x.write(cam, req.Method, res) && req.Method != base.Teardown
	if p != nil && going {
		x.start(ctx, p)
	} else if p != nil {
		p.cam.stop()
	}
	return going
}

// start begins to send.
func (x *session) start(ctx context.Context, p *player) {
	limit := time.Time{}
	if t := x.camera.Dialog.Timeout; t > 0 {
		limit = time.Now().Add(t)
	}
	x.nc.SetReadDeadline(limit)
	ctx, x.cancel = context.WithCancel(ctx)
	x.player.Go(func() {
		defer x.nc.SetReadDeadline(time.Now().Add(setupTimeout))
		p.run(ctx)
	})
}

func (x *session) handle(req *base.Request, cam *camera, track int) *base.Response {
	if req.Method == base.Options && (cam == nil || !cam.Dialog.Login) {
		return options(cam)
	}
	if cam == nil {
		return &base.Response{StatusCode: base.StatusNotFound}
	}
	if res := x.login(req, cam); res != nil {
		return res
	}
	if code, ok := cam.Status[string(req.Method)]; ok {
		return &base.Response{StatusCode: base.StatusCode(code)}
	}
	if _, known := x.sessionHeader(req, cam); !known && req.Method != base.Options && req.Method != base.Describe {
		return &base.Response{StatusCode: base.StatusSessionNotFound, StatusMessage: "Session Not Found"}
	}
	switch req.Method {
	case base.Options:
		return options(cam)
	case base.Describe:
		if res := x.redirect(req, cam); res != nil {
			return res
		}
		return &base.Response{
			StatusCode: base.StatusOK,
			Header: base.Header{
				"Content-Type": base.HeaderValue{"application/sdp"},
				"Content-Base": base.HeaderValue{x.server.base(req.URL)},
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

func options(cam *camera) *base.Response {
	public := "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"
	if cam != nil && cam.Dialog.Public != "" {
		public = cam.Dialog.Public
	}
	return &base.Response{StatusCode: base.StatusOK, Header: base.Header{"Public": base.HeaderValue{public}}}
}

// find is the camera, and the track if one is named, of a request's address.
func (x *session) find(u *base.URL) (*camera, int) {
	if u == nil {
		return x.camera, 0
	}
	path := strings.Trim(u.Path, "/")
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	track := 0
	if i := strings.LastIndex(path, "trackID="); i >= 0 {
		n, err := strconv.Atoi(path[i+len("trackID="):])
		if err != nil {
			return nil, 0
		}
		path, track = path[:i], n
	}
	path, query, _ := strings.Cut(strings.TrimRight(path, "/?&"), "?")
	cam := x.server.cameras[strings.TrimRight(path, "/")]
	if cam == nil || strings.TrimRight(query, "/") != cam.Dialog.Query {
		return nil, 0
	}
	return cam, track
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
		if cam.Dialog.Channel != nil {
			ch = cam.Dialog.Channel(track, ch)
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
