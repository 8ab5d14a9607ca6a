package rtsp

import (
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
)

type wantedMedia struct {
	media *description.Media
	track *track
}

// choose picks the first video and, with sound, the first audio that Gatehouse
// stores, in this order; never a back channel.
func choose(medias []*description.Media, sound bool) []wantedMedia {
	var wanted []wantedMedia
	for _, kind := range []description.MediaType{description.MediaTypeVideo, description.MediaTypeAudio} {
		if kind == description.MediaTypeAudio && !sound {
			continue
		}
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
		t := newVideo(H264)
		t.offer(f.SPS, f.PPS)
		return t
	case *format.H265:
		t := newVideo(H265)
		t.offer(f.VPS, f.SPS, f.PPS)
		return t
	case *format.AV1:
		return newVideo(AV1)
	case *format.MJPEG:
		return newVideo(MJPEG)
	case *format.Generic:
		if strings.EqualFold(f.RTPMap(), "JPEG/90000") { // with a dynamic payload type
			return newVideo(MJPEG)
		}
	case *format.MPEG4Audio:
		return newAAC(f)
	case *format.G711:
		codec := PCMA
		if f.MULaw {
			codec = PCMU
		}
		return newSound(codec, f.SampleRate, f.ChannelCount, 0)
	case *format.LPCM:
		return newSound(LPCM, f.SampleRate, f.ChannelCount, f.BitDepth)
	case *format.Opus:
		if f.ChannelCount <= 2 {
			// The description says two channels whatever is sent (RFC 7587 7);
			// each packet says how many it has, and decoders follow.
			return newSound(Opus, 48000, 2, 0)
		}
	}
	return nil
}

// newVideo returns a video track without parameter sets.
func newVideo(c Codec) *track {
	t := &track{codec: c, params: params{codec: c}}
	switch c {
	case H264:
		t.video = h264Codec{}
	case H265:
		t.video = h265Codec{}
	case AV1:
		t.video = av1Codec{}
	case MJPEG:
		t.video = &mjpegCodec{}
	}
	return t
}

// maxChannels bounds what a description may claim.
const maxChannels = 64

// newSound returns a track whose packets hold one frame each; bits is for LPCM.
// It is nil if the numbers make no sense.
func newSound(c Codec, rate, channels, bits int) *track {
	if rate <= 0 || channels <= 0 || channels > maxChannels {
		return nil
	}
	return &track{
		codec: c, block: channels * bits / 8,
		format: &Format{Codec: c, ClockRate: rate, SampleRate: rate, Channels: channels, BitDepth: bits},
	}
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
