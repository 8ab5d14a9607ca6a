package rtsptest

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

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
	codec         string // "h264", "h265", "aac", "pcmu", "pcma"
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
	data     [][]byte // NAL units, or one audio frame
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

func (s *stream) isVideo() bool { return s.codec == "h264" || s.codec == "h265" }

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
	switch codec {
	case "pcmu":
		enc, err = g711.Mulaw(pcm).Marshal()
	case "pcma":
		enc, err = g711.Alaw(pcm).Marshal()
	default:
		return nil, fmt.Errorf("no tone in codec %q", codec)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding G.711: %w", err)
	}
	for i := 0; i < len(enc); i += frame {
		s.samples = append(s.samples, sample{int64(i), int64(i), true, [][]byte{enc[i : i+frame]}})
	}
	return s, nil
}

// paramSets is what precedes a key frame that brings its parameter sets along.
func (s *stream) paramSets() [][]byte {
	if s.codec == "h265" {
		return [][]byte{s.vps, s.sps, s.pps}
	}
	return [][]byte{s.sps, s.pps}
}

// isParamSet reports whether a NAL unit of the stream is a parameter set.
func (s *stream) isParamSet(nal []byte) bool {
	if s.codec == "h265" {
		t := h265.NALUType(nal[0] >> 1 & 0x3f)
		return t == h265.NALUType_VPS_NUT || t == h265.NALUType_SPS_NUT || t == h265.NALUType_PPS_NUT
	}
	t := h264.NALUType(nal[0] & 0x1f)
	return t == h264.NALUTypeSPS || t == h264.NALUTypePPS
}
