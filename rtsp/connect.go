package rtsp

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
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

type wantedMedia struct {
	media *description.Media
	track *track
}

// choose picks the first video and the first audio that Gatehouse stores, in
// this order; never a back channel.
func choose(medias []*description.Media) []wantedMedia {
	var wanted []wantedMedia
	for _, kind := range []description.MediaType{description.MediaTypeVideo, description.MediaTypeAudio} {
		for _, m := range medias {
			if m.Type != kind || m.IsBackChannel {
				continue
			}
			if t := firstTrack(m); t != nil {
				if t.format != nil {
					t.format.Track = len(wanted)
				}
				wanted = append(wanted, wantedMedia{m, t})
				break
			}
		}
	}
	return wanted
}

func firstTrack(m *description.Media) *track {
	for _, f := range m.Formats {
		if t := newTrack(f); t != nil {
			t.pt = f.PayloadType()
			t.clock.rate = int64(f.ClockRate())
			return t
		}
	}
	return nil
}

// newTrack returns a track for a format that Gatehouse stores, or nil.
func newTrack(f format.Format) *track {
	if f.ClockRate() <= 0 {
		return nil
	}
	switch f := f.(type) {
	case *format.H264:
		t := &track{codec: H264, video: h264Codec{}}
		t.offer(f.SPS, f.PPS)
		return t
	case *format.H265:
		t := &track{codec: H265, video: h265Codec{}}
		t.params.hevc = true
		t.offer(f.VPS, f.SPS, f.PPS)
		return t
	case *format.MPEG4Audio:
		return newAAC(f)
	case *format.G711:
		t := &track{codec: PCMA}
		if f.MULaw {
			t.codec = PCMU
		}
		t.format = &Format{Codec: t.codec, ClockRate: f.ClockRate(), SampleRate: f.SampleRate, Channels: f.ChannelCount}
		return t
	}
	return nil
}

// offer takes the parameter sets of the description.
func (t *track) offer(nals ...[]byte) {
	for _, nal := range nals {
		if len(nal) > 0 {
			t.params.offer(t.video.kind(nal), nal)
		}
	}
}

func newAAC(f *format.MPEG4Audio) *track {
	if f.Config == nil || f.Config.SampleRate <= 0 {
		return nil
	}
	config, err := f.Config.Marshal()
	if err != nil {
		return nil
	}
	return &track{
		codec: AAC,
		aac:   &aacReader{aacLayout: aacLayout{f.SizeLength, f.IndexLength, f.IndexDeltaLength}},
		// A frame is 1024 samples of the core coder; with SBR the RTP clock
		// usually runs at twice its rate (RFC 3640 4.1).
		frameTicks: int64(1024 * f.ClockRate() / f.Config.SampleRate),
		format: &Format{
			Codec: AAC, ClockRate: f.ClockRate(), Config: config,
			SampleRate: f.Config.SampleRate, Channels: f.Config.ChannelCount,
		},
	}
}
