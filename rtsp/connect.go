package rtsp

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"
)

// UserAgent is what cameras are told. Some cameras refuse clients that name
// none; it never changes, so that cameras that log it show one client.
const UserAgent = "Gatehouse"

const (
	dialTimeout  = 10 * time.Second
	writeTimeout = 2 * time.Second // RTSP requests are small: only a dead peer blocks them
	never        = 100 * 365 * 24 * time.Hour
	maxMoves     = 3 // redirections in a row
)

// target is a camera as its Config names it, checked.
type target struct {
	u      *base.URL
	udp    bool
	silent bool // no sound is asked for
	pin    *Pin // of the certificate; nil if none is pinned
	roots  *x509.CertPool
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

// newTarget checks a Config. Its errors never quote the address.
func newTarget(cfg *Config) (*target, *failure) {
	refuse := func(code string, err error) (*target, *failure) {
		return nil, &failure{ReasonRefused, Cause{Code: code}, err}
	}
	u, err := parseAddress(cfg.URL)
	if err != nil {
		return refuse("camera-address", err)
	}
	t := &target{u: u, udp: cfg.Transport == UDP, silent: cfg.Silent, roots: cfg.roots, dial: cfg.Dial}
	switch {
	case !t.udp && cfg.Transport != TCP && cfg.Transport != "":
		return refuse("camera-transport", errConfig)
	case t.udp && u.Scheme == "rtsps":
		return refuse("camera-udp", errConfig)
	case cfg.TLS == "":
		return t, nil
	case u.Scheme != "rtsps":
		return refuse("camera-pin-plain", errConfig)
	}
	p, ok := ParsePin(cfg.TLS)
	if !ok {
		return refuse("camera-pin-form", errConfig)
	}
	t.pin = &p
	return t, nil
}

// address is where to dial: host and port.
func address(u *base.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "rtsps":
		port = "322"
	default:
		port = "554"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// converse connects to the camera, reads until the connection ends or ctx does,
// and says why it ended. It follows the camera to another address on the same
// host and leaves no goroutine behind.
func converse(ctx context.Context, t *target, st *stream) *failure {
	u := t.u
	for range maxMoves + 1 {
		f, moved := talk(ctx, t, u, st)
		if u != t.u {
			f.err = errors.New(scrub(f.err, u))
		}
		if moved == "" || ctx.Err() != nil {
			return f
		}
		if u = follow(u, moved); u == nil {
			return &failure{ReasonRefused, Cause{Code: "camera-moved"}, errMoved}
		}
	}
	return &failure{ReasonRefused, Cause{Code: "camera-moves"}, errMoved}
}

// follow is the address that a camera at u sends its clients to, or nil. The
// login goes along, so it must be on the same host, which may spell its own
// address only one way, and as safe as before.
func follow(u *base.URL, location string) *base.URL {
	if strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//") {
		location = u.Scheme + "://" + u.Host + location
	}
	to, err := base.ParseURL(location)
	if err != nil || to.Scheme != u.Scheme || !strings.EqualFold(to.Hostname(), u.Hostname()) {
		return nil
	}
	to.User = u.User
	return to
}

// talk is one connection of converse. moved is where an answer to DESCRIBE sends
// us, empty if nowhere.
func talk(ctx context.Context, t *target, u *base.URL, st *stream) (f *failure, moved string) {
	d := newDialog(t, u, st)
	if err := d.client.Start2(); err != nil {
		return failed(err, false), ""
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		d.client.Close()
	})
	err := d.play()
	playing := err == nil
	if playing {
		err = d.client.Wait()
	}
	d.client.Close()
	if !stop() {
		<-closed
	}
	deaf := false
	if d.udp != nil {
		d.udp.close()
		if e := d.udp.sink.failed(); e != nil {
			err = e
		}
		deaf = playing && !d.udp.heard.Load()
	}
	f = failed(err, playing)
	switch status := errorStatus(err); {
	case status == base.StatusUnsupportedTransport && t.udp:
		f.cause = Cause{Code: "camera-no-udp"}
	case status == base.StatusUnsupportedTransport && u.Scheme == "rtsp":
		f.cause = Cause{Code: "camera-no-tcp"}
	case deaf && f.reason == ReasonStalled:
		f.cause = Cause{Code: "camera-deaf"}
	}
	return f, d.moved
}

func newDialog(t *target, u *base.URL, st *stream) *dialog {
	d := &dialog{target: t, at: u, u: withoutZone(u), st: st, sink: st}
	if t.udp {
		d.sink = dialogOnly{&guard{sink: st}}
	}
	tcp := gortsplib.TransportTCP
	d.client = gortsplib.Client{
		// TLS is ours, below what the library sees; so is UDP.
		Scheme:    "rtsp",
		Host:      d.u.Host,
		Transport: &tcp,
		UserAgent: UserAgent,
		// The library's own time limit counts frames, which it never sees; the
		// demux watches units instead.
		ReadTimeout:       never,
		WriteTimeout:      writeTimeout,
		DialContext:       d.dial,
		OnRequest:         d.onRequest,
		OnResponse:        d.onResponse,
		OnServerRequest:   d.onServerRequest,
		OnServerResponse:  d.onServerResponse,
		OnTransportSwitch: func(error) {},
		OnPacketsLost:     func(uint64) {},
		OnDecodeError:     func(error) {},
	}
	return d
}

// withoutZone is u as the camera may read it: the zone of an IPv6 address means
// something on this machine alone (RFC 6874 4).
func withoutZone(u *base.URL) *base.URL {
	host, zone, ok := strings.Cut(u.Host, "%")
	if !ok {
		return u
	}
	_, rest, _ := strings.Cut(zone, "]")
	plain := u.Clone()
	plain.Host = host + "]" + rest
	return plain
}

// dial ignores the address that the library found: it knows no zones.
func (d *dialog) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	c, err := d.target.dial(ctx, network, address(d.at))
	if err != nil {
		return nil, err
	}
	if d.at.Scheme == "rtsps" {
		if c, err = secure(ctx, c, tlsConfig(d.u.Hostname(), d.target.pin, d.target.roots)); err != nil {
			return nil, err
		}
	}
	d.conn, d.demux = c, newDemux(c, d.sink)
	return d.demux, nil
}

// play asks for the wanted media, and for nothing else.
func (d *dialog) play() error {
	from, medias, err := d.describe()
	if err != nil {
		return err
	}
	wanted := choose(medias, !d.target.silent)
	if len(wanted) == 0 {
		return errNoCodec
	}
	for i, w := range wanted {
		err := d.setup(from, i, w)
		if status := errorStatus(err); i == 0 && from.String() != d.u.String() &&
			(status == base.StatusNotFound || status == base.StatusBadRequest) {
			from = d.u // the camera does not know itself by the base that it gave
			err = d.setup(from, i, w)
		}
		if err != nil {
			if i > 0 && (errorStatus(err) != 0 || errors.Is(err, errTransport)) {
				continue // pictures without sound are better than nothing
			}
			return err
		}
		d.st.addTrack(w.track)
	}
	d.st.ready.Store(true)
	if d.udp != nil {
		d.udp.start(d.client.Close)
	}
	if _, err = d.client.Play(nil); err == nil && d.udp == nil {
		d.demux.gather()
	}
	return err
}

// setup asks for the i-th wanted media.
func (d *dialog) setup(from *base.URL, i int, w wantedMedia) error {
	if d.target.udp {
		if err := d.openPair(byte(2*i), w.track); err != nil {
			return err
		}
	}
	if _, err := d.client.Setup(from, w.media, 0, 0); err != nil {
		return err
	}
	if d.wrong != nil {
		return d.wrong
	}
	if d.target.udp {
		w.track.channel = d.pair.channel
		d.pair.to, d.pair.used = d.answer.ports, true
		return nil
	}
	w.track.channel = d.asked
	if d.answer.has {
		w.track.channel = d.answer.channels[0]
	}
	for _, t := range d.st.tracks {
		if w.track.channel-t.channel+1 <= 2 {
			return errTransport // the channels of another track
		}
	}
	return nil
}

// openPair gives the next SETUP ports to receive on: those of the one before, if
// the camera refused that. RTP frames will go to channel, RTCP frames to the next.
func (d *dialog) openPair(channel byte, t *track) (err error) {
	if d.udp == nil {
		if d.udp, err = newDatagrams(d.sink.(dialogOnly).guard, d.conn); err != nil {
			return err
		}
	}
	if d.pair == nil || d.pair.used {
		if d.pair, err = d.udp.listen(); err != nil {
			return err
		}
	}
	d.pair.channel, d.pair.got.rate = channel, t.clock.rate
	return nil
}

// describe asks for the camera's description. One that the library cannot read
// as a whole is read media by media, since cameras announce metadata and back
// channels in wild ways beside perfectly good pictures.
func (d *dialog) describe() (*base.URL, []*description.Media, error) {
	desc, _, err := d.client.Describe(d.u)
	if err == nil {
		return d.here(desc.BaseURL), desc.Medias, nil
	}
	medias := splitDescription(string(d.body))
	if len(medias) == 0 {
		return nil, nil, err
	}
	return d.here(d.base), medias, nil
}

// here is an address of the camera as we reach it, with the login.
func (d *dialog) here(u *base.URL) *base.URL {
	u = u.Clone()
	u.Scheme, u.Host, u.User = d.u.Scheme, d.u.Host, d.u.User
	return u
}

// splitDescription reads each media section of a session description (RFC 4566)
// by itself and leaves out what cannot be read.
func splitDescription(body string) []*description.Media {
	body = strings.ReplaceAll(body, "\r\n", "\n")
	var medias []*description.Media
	for i, section := range strings.Split("\n"+body, "\nm=") {
		if i == 0 {
			continue
		}
		text := "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=" +
			strings.ReplaceAll(strings.TrimRight(section, "\n"), "\n", "\r\n") + "\r\n"
		var s sdp.SessionDescription
		if s.Unmarshal([]byte(text)) != nil || len(s.MediaDescriptions) != 1 {
			continue
		}
		m := &description.Media{}
		if m.Unmarshal(s.MediaDescriptions[0]) == nil {
			medias = append(medias, m)
		}
	}
	return medias
}
