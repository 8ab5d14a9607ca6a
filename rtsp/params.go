package rtsp

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// params are the parameter sets of a video track, as the camera sent them last.
type params struct {
	codec         Codec
	vps, sps, pps []byte // sps: of AV1 its sequence header, of JPEG the header that first had its size
	ppsID         uint64
	bare          bool    // H.265 without a VPS will do
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
		id, ok := ppsID(nal, p.codec == H265)
		if !ok || p.pps != nil && id != p.ppsID {
			return false
		}
		p.ppsID = id
	}
	if kind == nalSPS {
		pic, ok := parsePicture(nal, p.codec)
		if !ok {
			return false
		}
		if p.codec == MJPEG && p.sps != nil { // tables may change from picture to picture
			if old, _ := parsePicture(p.sps, MJPEG); old == pic {
				return false
			}
		}
	}
	*to = bytes.Clone(nal)
	p.format = nil
	return true
}

// known reports whether all is there that every camera sends.
func (p *params) known() bool {
	return p.sps != nil && (p.pps != nil || p.codec == AV1 || p.codec == MJPEG)
}

// complete reports whether a Format can be made.
func (p *params) complete() bool {
	return p.known() && (p.vps != nil || p.bare || p.codec != H265)
}

// make returns the Format of the parameter sets, the same one until they change.
func (p *params) make(rate int) *Format {
	if p.format == nil {
		dim, _ := parsePicture(p.sps, p.codec)
		p.format = &Format{Codec: p.codec, ClockRate: rate, Width: dim.width, Height: dim.height}
		switch p.codec {
		case H264, H265:
			p.format.VPS, p.format.SPS, p.format.PPS = p.vps, p.sps, p.pps
		case AV1:
			s, _ := parseAV1Sequence(p.sps)
			p.format.Config = s.record(p.sps)
		}
	}
	return p.format
}

type picture struct {
	width, height int
	reorders      bool  // pictures may be sent in another order than shown
	sampling      uint8 // of luma, JPEG: a change of it is another picture format too
}

// parsePicture reads the size of the picture from what a codec has for a
// sequence parameter set.
func parsePicture(b []byte, codec Codec) (picture, bool) {
	switch codec {
	case AV1:
		s, err := parseAV1Sequence(b)
		return picture{width: s.width, height: s.height}, err == nil
	case MJPEG:
		return parseJPEG(b)
	}
	return parseSPS(b, codec == H265)
}

// parseSPS reads the size of the picture from a sequence parameter set.
func parseSPS(nal []byte, hevc bool) (picture, bool) {
	if hevc {
		var s h265.SPS
		if len(nal) < 3 || s.Unmarshal(nal) != nil || s.Width() <= 0 || s.Height() <= 0 {
			return picture{}, false
		}
		p := picture{width: s.Width(), height: s.Height()}
		for _, n := range s.MaxNumReorderPics {
			p.reorders = p.reorders || n > 0
		}
		return p, true
	}
	var s h264.SPS
	if len(nal) < 4 || s.Unmarshal(nal) != nil || s.Width() <= 0 || s.Height() <= 0 {
		return picture{}, false
	}
	p := picture{width: s.Width(), height: s.Height(), reorders: true}
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
