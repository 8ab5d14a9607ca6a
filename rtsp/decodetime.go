package rtsp

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// decodeTimes finds the decode time of pictures, which RTP does not carry,
// from their order counts.
type decodeTimes struct {
	reorders bool
	extract  func(au [][]byte, pts int64) (int64, error)
	au       [1][]byte
	last     int64
	any      bool
}

// start begins with a new Format.
func (d *decodeTimes) start(f *Format) {
	*d = decodeTimes{}
	if f.Codec != H264 && f.Codec != H265 {
		return
	}
	pic, _ := parseSPS(f.SPS, f.Codec == H265)
	if d.reorders = pic.reorders; !d.reorders {
		return
	}
	// The extractors know parameter sets from the access units they are given.
	if f.Codec == H265 {
		x := &h265.DTSExtractor{}
		x.Initialize()
		d.extract = func(au [][]byte, pts int64) (int64, error) {
			d.extract = x.Extract
			return x.Extract(append([][]byte{f.VPS, f.SPS, f.PPS}, au...), pts)
		}
		return
	}
	x := &h264.DTSExtractor{}
	x.Initialize()
	d.extract = func(au [][]byte, pts int64) (int64, error) {
		d.extract = x.Extract
		return x.Extract(append([][]byte{f.SPS, f.PPS}, au...), pts)
	}
}

// next is the decode time of the picture whose first slice is given. It is
// later than the one before by at least a tick, also where the camera's order
// counts make no sense.
func (d *decodeTimes) next(slice []byte, pts int64) int64 {
	dts := pts
	if d.reorders {
		d.au[0] = slice
		if v, err := d.extract(d.au[:], pts); err == nil {
			dts = v
		}
	}
	if d.any && dts <= d.last {
		dts = d.last + 1
	}
	d.last, d.any = dts, true
	return dts
}
