package rtsp

import (
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
)

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
