package rtsp

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// params are the parameter sets of a video track, as the camera sent them last.
type params struct {
	hevc          bool
	vps, sps, pps []byte
	ppsID         uint64
	format        *Format // made of them; nil when they changed or are incomplete
}

// offer takes a parameter set and reports whether it changes what is known.
// A picture parameter set with another id than the first is left alone: a
// Format holds one, and the others reach a decoder with the pictures.
func (p *params) offer(kind nalKind, nal []byte) bool {
	var to *[]byte
	switch kind {
	case nalVPS:
		to = &p.vps
	case nalSPS:
		to = &p.sps
	case nalPPS:
		to = &p.pps
	default:
		return false
	}
	if bytes.Equal(*to, nal) {
		return false
	}
	if kind == nalPPS {
		id, ok := ppsID(nal, p.hevc)
		if !ok || p.pps != nil && id != p.ppsID {
			return false
		}
		p.ppsID = id
	}
	if kind == nalSPS {
		if _, ok := parseSPS(nal, p.hevc); !ok {
			return false
		}
	}
	*to = bytes.Clone(nal)
	p.format = nil
	return true
}

// complete reports whether a Format can be made.
func (p *params) complete() bool {
	return p.sps != nil && p.pps != nil && (p.vps != nil || !p.hevc)
}

// make returns the Format of the parameter sets, the same one until they change.
func (p *params) make(codec Codec, rate int) *Format {
	if p.format == nil {
		dim, _ := parseSPS(p.sps, p.hevc)
		p.format = &Format{
			Codec: codec, ClockRate: rate, VPS: p.vps, SPS: p.sps, PPS: p.pps,
			Width: dim.width, Height: dim.height,
		}
	}
	return p.format
}

type picture struct {
	width, height int
	reorders      bool // pictures may be sent in another order than shown
}

// parseSPS reads the size of the picture from a sequence parameter set.
func parseSPS(nal []byte, hevc bool) (picture, bool) {
	if hevc {
		var s h265.SPS
		if len(nal) < 3 || s.Unmarshal(nal) != nil || s.Width() <= 0 || s.Height() <= 0 {
			return picture{}, false
		}
		p := picture{s.Width(), s.Height(), false}
		for _, n := range s.MaxNumReorderPics {
			p.reorders = p.reorders || n > 0
		}
		return p, true
	}
	var s h264.SPS
	if len(nal) < 4 || s.Unmarshal(nal) != nil || s.Width() <= 0 || s.Height() <= 0 {
		return picture{}, false
	}
	p := picture{s.Width(), s.Height(), true}
	switch {
	case s.PicOrderCntType == 2, s.ProfileIdc == 66: // output order is decoding order (ITU-T H.264 7.4.2.1.1, A.2.1)
		p.reorders = false
	case s.VUI != nil && s.VUI.BitstreamRestriction != nil:
		p.reorders = s.VUI.BitstreamRestriction.MaxNumReorderFrames > 0
	}
	return p, true
}

// ppsID is the id of a picture parameter set: the first ue(v) of both codecs.
func ppsID(nal []byte, hevc bool) (uint64, bool) {
	head := 1
	if hevc {
		head = 2
	}
	zeros := 0
	for i := head * 8; i < len(nal)*8; i++ {
		if nal[i/8]>>(7-i%8)&1 == 0 {
			zeros++
			continue
		}
		if zeros > 16 || i+1+zeros > len(nal)*8 {
			return 0, false
		}
		return 1<<zeros - 1 + uint64(readBits(nal, i+1, zeros)), true
	}
	return 0, false
}
