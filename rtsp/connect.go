package rtsp

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"
)

// UserAgent is what cameras are told. Some cameras refuse clients that name
// none; it never changes, so that cameras that log it show one client.
const UserAgent = "Gatehouse"

const (
	dialTimeout  = 10 * time.Second
	writeTimeout = 2 * time.Second // RTSP requests are small: only a dead peer blocks them
	never        = 1000 * time.Hour
)

// dialog is one connection to a camera from dial to close.
type dialog struct {
	client gortsplib.Client
	u      *base.URL
	st     *stream
	body   []byte // of the newest response
}

// converse connects to the camera, reads until the connection ends or ctx does,
// and says why it ended. It leaves no goroutine behind.
func converse(ctx context.Context, u *base.URL, st *stream) *failure {
	d := &dialog{u: u, st: st}
	tcp := gortsplib.TransportTCP
	d.client = gortsplib.Client{
		Scheme:    u.Scheme,
		Host:      u.Host,
		Transport: &tcp,
		UserAgent: UserAgent,
		// The library's own time limit counts frames, which it never sees; the
		// demux watches units instead.
		ReadTimeout:       never,
		WriteTimeout:      writeTimeout,
		DialContext:       d.dial,
		OnResponse:        func(r *base.Response) { d.body = r.Body },
		OnTransportSwitch: func(error) {},
		OnPacketsLost:     func(uint64) {},
		OnDecodeError:     func(error) {},
	}
	if err := d.client.Start2(); err != nil {
		return failed(err, false)
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
	return failed(err, playing)
}

func (d *dialog) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return newDemux(c, d.st), nil
}

// play asks for the wanted media, and for nothing else.
func (d *dialog) play() error {
	base, medias, err := d.describe()
	if err != nil {
		return err
	}
	wanted := choose(medias)
	if len(wanted) == 0 {
		return errNoCodec
	}
	for i, w := range wanted {
		res, err := d.client.Setup(base, w.media, 0, 0)
		if err != nil {
			if i > 0 && refused(err) {
				continue // pictures without sound are better than nothing
			}
			return err
		}
		var th headers.Transport
		if err := th.Unmarshal(res.Header["Transport"]); err != nil || th.InterleavedIDs == nil {
			return errTransport
		}
		w.track.channel = byte(th.InterleavedIDs[0])
		d.st.addTrack(w.track)
	}
	d.st.ready.Store(true)
	_, err = d.client.Play(nil)
	return err
}

// describe asks for the camera's description. One that the library cannot read
// as a whole is read media by media, since cameras announce metadata and back
// channels in wild ways beside perfectly good pictures.
func (d *dialog) describe() (*base.URL, []*description.Media, error) {
	desc, _, err := d.client.Describe(d.u)
	if err == nil {
		return desc.BaseURL, desc.Medias, nil
	}
	if !badDescription(err) {
		return nil, nil, err
	}
	medias := splitDescription(string(d.body))
	if len(medias) == 0 {
		return nil, nil, err
	}
	return d.u, medias, nil
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
