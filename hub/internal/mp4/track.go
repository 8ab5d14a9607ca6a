package mp4

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"gatehouse/rtsp"
)

// Track describes one track of a file.
type Track struct {
	ID         uint32
	Timescale  uint32 // ticks a second
	Video      bool
	Width      int // luma samples; video
	Height     int
	SampleRate int // audio
	Channels   int
	Entry      []byte // the sample entry box, as NewTrack makes it
}

// ErrCodec means that a format cannot be stored.
var ErrCodec = errors.New("codec cannot be stored as MP4")

// NewTrack makes the track of a format.
func NewTrack(id uint32, f *rtsp.Format) (Track, error) {
	t := Track{
		ID: id, Timescale: uint32(f.ClockRate), Video: f.Video(),
		Width: f.Width, Height: f.Height, SampleRate: f.SampleRate, Channels: f.Channels,
	}
	if f.ClockRate <= 0 {
		return Track{}, fmt.Errorf("clock rate %d: %w", f.ClockRate, ErrCodec)
	}
	var err error
	switch f.Codec {
	case rtsp.H264:
		t.Entry, err = avc1(f)
	case rtsp.H265:
		t.Entry, err = hvc1(f)
	case rtsp.AV1:
		t.Entry, err = av01(f)
	case rtsp.MJPEG:
		t.Entry = visualEntry("jpeg", f, bare)
	case rtsp.AAC:
		t.Entry = t.audioEntry("mp4a", 16, func(b []byte) []byte { return esds(b, f.Config) })
	case rtsp.Opus:
		t.Entry = t.audioEntry("Opus", 16, t.dops)
	case rtsp.PCMU:
		t.Entry = t.audioEntry("ulaw", 16, bare)
	case rtsp.PCMA:
		t.Entry = t.audioEntry("alaw", 16, bare)
	case rtsp.LPCM:
		t.Entry, err = t.lpcm(f)
	default:
		err = fmt.Errorf("%q: %w", f.Codec, ErrCodec)
	}
	return t, err
}

// bare is a sample entry without a decoder configuration.
func bare(b []byte) []byte { return b }

// visualEntry is VisualSampleEntry, ISO/IEC 14496-12 12.1.3.
func visualEntry(name string, f *rtsp.Format, config func([]byte) []byte) []byte {
	return box(nil, name, func(b []byte) []byte {
		b = u16(zeros(b, 6), 1) // data reference 1
		b = zeros(b, 16)
		b = u16(u16(b, uint16(f.Width)), uint16(f.Height))
		b = u32(u32(b, 72<<16), 72<<16) // dots an inch
		b = u16(u32(b, 0), 1)           // one frame a sample
		b = zeros(b, 32)                // compressor name
		b = u16(u16(b, 24), 0xffff)     // depth, pre_defined
		return config(b)
	})
}

// audioEntry is AudioSampleEntry, ISO/IEC 14496-12 12.2.3.
func (t Track) audioEntry(name string, bits uint16, config func([]byte) []byte) []byte {
	return box(nil, name, func(b []byte) []byte {
		b = u16(zeros(b, 6), 1)
		b = zeros(b, 8)
		b = u32(u16(u16(b, uint16(t.Channels)), bits), 0)
		rate := uint32(t.SampleRate)
		if rate > 0xffff { // does not fit 16.16; the decoder configuration has it
			rate = 0
		}
		return config(u32(b, rate<<16))
	})
}

// avc1 makes a sample entry with AVCDecoderConfigurationRecord (ISO/IEC
// 14496-15 5.3.3.1).
func avc1(f *rtsp.Format) ([]byte, error) {
	var sps h264.SPS
	if err := sps.Unmarshal(f.SPS); err != nil {
		return nil, fmt.Errorf("parsing SPS: %w", err)
	}
	if len(f.SPS) < 4 || len(f.SPS) > 0xffff || len(f.PPS) == 0 || len(f.PPS) > 0xffff {
		return nil, fmt.Errorf("parameter sets of %d and %d bytes: %w", len(f.SPS), len(f.PPS), ErrCodec)
	}
	return visualEntry("avc1", f, func(b []byte) []byte {
		return box(b, "avcC", func(b []byte) []byte {
			b = append(b, 1)
			b = append(b, f.SPS[1:4]...)
			b = append(b, 0xff, 0xe1) // 4-byte lengths, one SPS
			b = append(u16(b, uint16(len(f.SPS))), f.SPS...)
			b = append(b, 1)
			b = append(u16(b, uint16(len(f.PPS))), f.PPS...)
			switch sps.ProfileIdc {
			case 66, 77, 88:
			default:
				b = append(b, 0xfc|byte(sps.ChromaFormatIdc), 0xf8|byte(sps.BitDepthLumaMinus8),
					0xf8|byte(sps.BitDepthChromaMinus8), 0)
			}
			return b
		})
	}), nil
}

// hvc1 makes a sample entry with HEVCDecoderConfigurationRecord (ISO/IEC
// 14496-15 8.3.2.1).
func hvc1(f *rtsp.Format) ([]byte, error) {
	var sps h265.SPS
	if err := sps.Unmarshal(f.SPS); err != nil {
		return nil, fmt.Errorf("parsing SPS: %w", err)
	}
	raw := h264.EmulationPreventionRemove(f.SPS)
	if len(raw) < 15 || len(f.SPS) > 0xffff || len(f.PPS) > 0xffff || len(f.VPS) > 0xffff {
		return nil, fmt.Errorf("SPS of %d bytes: %w", len(f.SPS), ErrCodec)
	}
	return visualEntry("hvc1", f, func(b []byte) []byte {
		return box(b, "hvcC", func(b []byte) []byte {
			b = append(b, 1)
			b = append(b, raw[3:15]...)                                  // profile, compatibility, constraints, level
			b = append(b, 0xf0, 0, 0xfc, 0xfc|byte(sps.ChromaFormatIdc)) // no spatial segmentation or parallelism stated
			b = append(b, 0xf8|byte(sps.BitDepthLumaMinus8), 0xf8|byte(sps.BitDepthChromaMinus8))
			b = append(b, 0, 0) // frame rate unknown
			nested := byte(0)
			if sps.TemporalIDNestingFlag {
				nested = 1
			}
			b = append(b, (sps.MaxSubLayersMinus1+1)<<3|nested<<2|3) // 4-byte lengths
			sets := [][]byte{f.VPS, f.SPS, f.PPS}
			if len(f.VPS) == 0 {
				sets = sets[1:]
			}
			b = append(b, byte(len(sets)))
			for _, set := range sets {
				kind := byte(0)
				if len(set) > 0 {
					kind = set[0] >> 1 & 0x3f
				}
				b = u16(append(b, 0x80|kind), 1)
				b = append(u16(b, uint16(len(set))), set...)
			}
			return b
		})
	}), nil
}

// esds is the elementary stream descriptor of AAC (ISO/IEC 14496-14 6.7.2).
func esds(b, config []byte) []byte {
	return fullBox(b, "esds", 0, 0, func(b []byte) []byte {
		info := descriptor(5, config)
		dec := append([]byte{0x40, 0x15}, make([]byte, 11)...) // AAC, audio stream, rates unknown
		es := append([]byte{0, 0, 0}, descriptor(4, append(dec, info...))...)
		return append(b, descriptor(3, append(es, descriptor(6, []byte{2})...))...)
	})
}

// descriptor has a four-byte expandable length (ISO/IEC 14496-1 8.3.3).
func descriptor(tag byte, body []byte) []byte {
	n := len(body)
	return append([]byte{tag, 0x80 | byte(n>>21), 0x80 | byte(n>>14), 0x80 | byte(n>>7), byte(n & 0x7f)}, body...)
}

// av01 makes a sample entry with AV1CodecConfigurationRecord (AV1 in ISO BMFF 2.3).
func av01(f *rtsp.Format) ([]byte, error) {
	if len(f.Config) < 4 || f.Config[0] != 0x81 {
		return nil, fmt.Errorf("AV1 configuration of %d bytes: %w", len(f.Config), ErrCodec)
	}
	return visualEntry("av01", f, func(b []byte) []byte {
		return box(b, "av1C", func(b []byte) []byte { return append(b, f.Config...) })
	}), nil
}

// dops is OpusSpecificBox (Opus in ISO BMFF 4.3.2), with one stream of up to two
// channels. RTP does not tell how much its encoder put before the first sample,
// and what is recorded mostly begins later, so nothing is to be skipped.
func (t Track) dops(b []byte) []byte {
	return box(b, "dOps", func(b []byte) []byte {
		b = u16(append(b, 0, byte(t.Channels)), 0)
		b = u16(u32(b, uint32(t.SampleRate)), 0) // no gain
		return append(b, 0)
	})
}

// lpcm makes the sample entry of big-endian samples. They are QuickTime's, which
// ffmpeg, GStreamer and Chromium open; ipcm with pcmC (ISO/IEC 23003-5) is known
// to none of Debian's, and has no unsigned samples of 8 bits.
func (t Track) lpcm(f *rtsp.Format) ([]byte, error) {
	switch f.BitDepth {
	case 8:
		return t.audioEntry("raw ", 8, bare), nil
	case 16:
		return t.audioEntry("twos", 16, bare), nil
	case 24:
		return t.audioEntry("in24", 24, bare), nil
	}
	return nil, fmt.Errorf("LPCM of %d bits: %w", f.BitDepth, ErrCodec)
}
