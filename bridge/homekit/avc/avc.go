// Package avc encodes a still picture as H.264 in the Constrained Baseline
// profile: a key frame, and frames that repeat it for a few bytes each. It is
// made for drawn cards that a home app wants as video. Clauses are those of
// ITU-T H.264 (08/2021).
package avc

import (
	"errors"
	"image"
)

// MaxSide is the longest width or height, in pixels, of a picture.
const MaxSide = 1920

// ErrSize is returned for a picture that is empty, too large, or of an odd size.
var ErrSize = errors.New("width and height must be even, and between 2 and 1920")

// Still is a picture as video. Its methods may be called at once; what they
// return must not be changed.
type Still struct {
	sps, pps []byte
	keys     [2][]byte
	blocks   int // macroblocks
	header   sliceHeader
}

// Encode encodes a picture with a quantisation parameter from 10, which nobody
// can tell from the original, to 51.
func Encode(img image.Image, qp int) (*Still, error) {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if w < 2 || h < 2 || w > MaxSide || h > MaxSide || w%2 != 0 || h%2 != 0 {
		return nil, ErrSize
	}
	e := newEncoder(img, min(max(qp, 10), 51))
	for y := 0; y < len(e.source[0].pix)/e.source[0].stride; y += 16 {
		for x := 0; x < e.wide*16; x += 16 {
			e.macroblock(x, y)
		}
	}
	s := &Still{sps: sps(w, h), pps: pps(), blocks: len(e.modes) / 16, header: sliceHeader{qp: min(max(qp, 10), 51)}}
	for i := range s.keys {
		var b bitWriter
		s.header.writeKey(&b, uint32(i))
		b.join(&e.bitWriter)
		s.keys[i] = b.nal(3, 5)
	}
	return s, nil
}

// Parameters returns the sequence and the picture parameter set, as NAL units.
func (s *Still) Parameters() (sps, pps []byte) { return s.sps, s.pps }

// Key returns the n-th key frame, a NAL unit. Key frames that follow each other
// must have numbers that do.
func (s *Still) Key(n int) []byte { return s.keys[n&1] }

// Repeat returns the n-th frame after a key frame, from 1, as a NAL unit: all its macroblocks are skipped.
func (s *Still) Repeat(n int) []byte {
	var b bitWriter
	s.header.writeRepeat(&b, uint32(n))
	b.ue(uint32(s.blocks)) // mb_skip_run
	return b.nal(2, 1)
}

func newEncoder(img image.Image, qp int) *encoder {
	w, h := (img.Bounds().Dx()+15)/16*16, (img.Bounds().Dy()+15)/16*16
	colour := qp
	if qp >= 30 {
		colour = chromaQP[qp-30]
	}
	return &encoder{
		source:  planes(img, w, h),
		decoded: [3]plane{newPlane(w, h), newPlane(w/2, h/2), newPlane(w/2, h/2)},
		luma:    newQuantiser(qp), chroma: newQuantiser(colour),
		lambda: 1 << max(qp/6-2, 0),
		wide:   w / 16,
		counts: [3][]uint8{make([]uint8, w*h/16), make([]uint8, w*h/64), make([]uint8, w*h/64)},
		modes:  make([]uint8, w*h/16),
	}
}

// frameBits is the length of frame_num.
const frameBits = 8

// MaxRepeats is how many frames may follow a key frame.
const MaxRepeats = 1<<frameBits - 1

// sps returns the sequence parameter set (7.3.2.1.1).
func sps(w, h int) []byte {
	var b bitWriter
	mw, mh := (w+15)/16, (h+15)/16
	b.put(66, 8)   // profile_idc: Baseline
	b.put(0xC0, 8) // constraint_set0 and 1: also Main
	b.put(level(mw*mh), 8)
	b.ue(0)             // seq_parameter_set_id
	b.ue(frameBits - 4) // log2_max_frame_num_minus4
	b.ue(2)             // pic_order_cnt_type: output is in order of decoding
	b.ue(1)             // max_num_ref_frames
	b.put(0, 1)         // gaps_in_frame_num_value_allowed_flag
	b.ue(uint32(mw - 1))
	b.ue(uint32(mh - 1))
	b.put(1, 1) // frame_mbs_only_flag
	b.put(1, 1) // direct_8x8_inference_flag
	if right, bottom := (mw*16-w)/2, (mh*16-h)/2; right+bottom > 0 {
		b.put(1, 1)
		b.ue(0)
		b.ue(uint32(right))
		b.ue(0)
		b.ue(uint32(bottom))
	} else {
		b.put(0, 1)
	}
	b.put(1, 1) // vui_parameters_present_flag (E.1.1)
	b.put(0, 2) // aspect ratio, overscan
	b.put(1, 1) // video_signal_type_present_flag
	b.put(5, 3) // video_format: unspecified
	b.put(0, 1) // video_full_range_flag
	b.put(1, 1) // colour_description_present_flag
	b.put(1, 8) // BT.709
	b.put(1, 8)
	b.put(1, 8)
	b.put(0, 5) // chroma location, timing, both HRDs, pic_struct
	b.put(1, 1) // bitstream_restriction_flag
	b.put(1, 1) // motion_vectors_over_pic_boundaries_flag
	b.ue(0)     // max_bytes_per_pic_denom
	b.ue(0)     // max_bits_per_mb_denom
	b.ue(16)
	b.ue(16)
	b.ue(0) // max_num_reorder_frames
	b.ue(1) // max_dec_frame_buffering
	return b.nal(3, 7)
}

// level is level_idc for a picture of n macroblocks, 30 a second (Table A-1).
func level(n int) uint32 {
	switch {
	case n <= 396:
		return 20
	case n <= 1620:
		return 30
	case n <= 3600:
		return 31
	}
	return 40
}

// pps returns the picture parameter set (7.3.2.2).
func pps() []byte {
	var b bitWriter
	b.ue(0)     // pic_parameter_set_id
	b.ue(0)     // seq_parameter_set_id
	b.put(0, 2) // CAVLC; bottom_field_pic_order
	b.ue(0)     // one slice group
	b.ue(0)     // one reference
	b.ue(0)
	b.put(0, 3) // no weighted prediction
	b.se(0)     // pic_init_qp_minus26
	b.se(0)
	b.se(0)     // chroma_qp_index_offset
	b.put(1, 1) // deblocking_filter_control_present_flag
	b.put(0, 2) // constrained_intra_pred_flag, redundant_pic_cnt_present_flag
	return b.nal(3, 8)
}

// sliceHeader writes slice headers (7.3.3).
type sliceHeader struct{ qp int }

func (s sliceHeader) writeKey(b *bitWriter, id uint32) {
	b.ue(0) // first_mb_in_slice
	b.ue(7) // slice_type: I, all of them
	b.ue(0) // pic_parameter_set_id
	b.put(0, frameBits)
	b.ue(id)    // idr_pic_id
	b.put(0, 2) // dec_ref_pic_marking
	s.end(b)
}

func (s sliceHeader) writeRepeat(b *bitWriter, n uint32) {
	b.ue(0)
	b.ue(5) // slice_type: P, all of them
	b.ue(0)
	b.put(n, frameBits)
	b.put(0, 3) // references and their marking: the usual ones
	s.end(b)
}

// end turns deblocking off: it would soften the writing.
func (s sliceHeader) end(b *bitWriter) {
	b.se(s.qp - 26)
	b.ue(1) // disable_deblocking_filter_idc
}
