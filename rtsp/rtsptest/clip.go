package rtsptest

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/g711"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// clip is an MP4 file in memory: at most one video and one audio track.
type clip struct {
	video, audio *stream
}

// stream is one track of a clip. Times are in ticks of rate.
type stream struct {
	codec         string // "h264", "h265", "av1", "mjpeg", "aac", "opus", or that of a tone
	rate          int64
	vps, sps, pps []byte
	config        *mpeg4audio.AudioSpecificConfig
	channels      int
	samples       []sample
	length        int64 // sum of the durations: one round of the loop
}

// sample is one access unit.
type sample struct {
	dts, pts int64
	sync     bool
	data     [][]byte // see Sent
}

// maxClip bounds a file; it is read into memory.
const maxClip = 256 << 20

// readFile reads a file of fsys, or of the operating system if fsys is nil.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	var f fs.File
	var err error
	if fsys == nil {
		f, err = os.Open(name)
	} else {
		f, err = fsys.Open(name)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxClip+1))
	if err == nil && len(b) > maxClip {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxClip)
	}
	return b, err
}

func (s *stream) isVideo() bool {
	switch s.codec {
	case "h264", "h265", "av1", "mjpeg":
		return true
	}
	return false
}

// rescale changes the rate of all times.
func (s *stream) rescale(rate int64) {
	for i := range s.samples {
		s.samples[i].dts = s.samples[i].dts * rate / s.rate
		s.samples[i].pts = s.samples[i].pts * rate / s.rate
	}
	s.length = s.length * rate / s.rate
	s.rate = rate
}

// newTone makes a second of sound in G.711, a packet every 20 ms. No two
// packets are alike, so that a swap is noticed.
func newTone(codec string) (*stream, error) {
	const rate, frame = 8000, 160
	s := &stream{codec: codec, rate: rate, channels: 1, length: rate}
	pcm := make([]byte, 0, 2*rate)
	for i := range rate {
		swell := 2000 + 3000*float64(i)/rate
		v := int16(swell * math.Sin(2*math.Pi*440*float64(i)/rate))
		pcm = append(pcm, byte(v>>8), byte(v))
	}
	var enc []byte
	var err error
	width := 1 // bytes a sample
	switch codec {
	case "pcmu":
		enc, err = g711.Mulaw(pcm).Marshal()
	case "pcma":
		enc, err = g711.Alaw(pcm).Marshal()
	case "l8", "l16", "l24":
		enc, width = linear(pcm, codec)
	default:
		return nil, fmt.Errorf("no tone in codec %q", codec)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding G.711: %w", err)
	}
	for i := 0; i < rate; i += frame {
		s.samples = append(s.samples, sample{int64(i), int64(i), true, [][]byte{enc[i*width : (i+frame)*width]}})
	}
	return s, nil
}

// linear makes samples of RFC 3551 and RFC 3190 of big-endian ones of 16 bits.
func linear(pcm []byte, codec string) (enc []byte, width int) {
	for i := 0; i < len(pcm); i += 2 {
		switch codec {
		case "l8":
			enc = append(enc, pcm[i]^0x80) // unsigned
		case "l16":
			enc = append(enc, pcm[i:i+2]...)
		case "l24":
			enc = append(enc, pcm[i], pcm[i+1], byte(i))
		}
	}
	return enc, len(enc) * 2 / len(pcm)
}

// paramSets is what precedes a key frame that brings its parameter sets along.
func (s *stream) paramSets() [][]byte {
	switch s.codec {
	case "h265":
		return [][]byte{s.vps, s.sps, s.pps}
	case "h264":
		return [][]byte{s.sps, s.pps}
	}
	return nil
}

// isParamSet reports whether a NAL unit of the stream is a parameter set.
func (s *stream) isParamSet(nal []byte) bool {
	if s.codec != "h264" && s.codec != "h265" {
		return false
	}
	if s.codec == "h265" {
		t := h265.NALUType(nal[0] >> 1 & 0x3f)
		return t == h265.NALUType_VPS_NUT || t == h265.NALUType_SPS_NUT || t == h265.NALUType_PPS_NUT
	}
	t := h264.NALUType(nal[0] & 0x1f)
	return t == h264.NALUTypeSPS || t == h264.NALUTypePPS
}

// split takes a sample apart as it is sent.
func (s *stream) split(b []byte) ([][]byte, error) {
	switch s.codec {
	case "h264", "h265":
		var nals h264.AVCC
		err := nals.Unmarshal(b)
		return nals, err
	case "av1":
		return splitOBUs(b)
	case "mjpeg":
		return splitJPEG(b)
	}
	return [][]byte{b}, nil
}

// splitOBUs splits a sample at its OBUs, each with its size field (AV1 5.3).
func splitOBUs(b []byte) (obus [][]byte, err error) {
	for len(b) > 0 {
		var size av1.LEB128
		head := 1 + int(b[0]>>2&1)
		if b[0]&2 == 0 || head > len(b) {
			return nil, errMP4
		}
		n, err := size.Unmarshal(b[head:])
		if err != nil || int(size) > len(b)-head-n {
			return nil, errMP4
		}
		end := head + n + int(size)
		obus, b = append(obus, b[:end]), b[end:]
	}
	return obus, nil
}

// splitJPEG splits a JPEG into its header and what follows the scan header.
func splitJPEG(b []byte) ([][]byte, error) {
	for i := 2; i+4 <= len(b) && b[i] == 0xff; {
		end := i + 2 + int(b[i+2])<<8 + int(b[i+3])
		if end > len(b) {
			break
		}
		if b[i+1] == 0xda {
			return [][]byte{b[:end], b[end:]}, nil
		}
		i = end
	}
	return nil, errMP4
}
