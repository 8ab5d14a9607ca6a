package rtsptest

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

var errMP4 = errors.New("malformed MP4")

// maxSamples bounds a track: a day at 60 pictures a second.
const maxSamples = 24 * 3600 * 60

// boxes calls yield for each box in b (ISO/IEC 14496-12 4.2).
func boxes(b []byte, yield func(kind string, payload []byte) error) error {
	for len(b) > 0 {
		if len(b) < 8 {
			return errMP4
		}
		size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		switch {
		case size == 0:
			size = uint64(len(b))
		case size == 1 && len(b) >= 16:
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size < head || size > uint64(len(b)) {
			return errMP4
		}
		if err := yield(string(b[4:8]), b[head:size]); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// find returns the payload of the first box at a path, nil if there is none.
func find(b []byte, path ...string) []byte {
	var found []byte
	boxes(b, func(kind string, payload []byte) error {
		if kind != path[0] || found != nil {
			return nil
		}
		if found = payload; len(path) > 1 {
			found = find(payload, path[1:]...)
		}
		return nil
	})
	return found
}

// table reads a counted table of 32-bit fields after version and flags: rows of
// width fields.
func table(b []byte, width int) ([][]uint32, error) {
	if b == nil {
		return nil, nil
	}
	if len(b) < 8 {
		return nil, errMP4
	}
	n := int(binary.BigEndian.Uint32(b[4:]))
	b = b[8:]
	if n > maxSamples || len(b) < n*width*4 {
		return nil, errMP4
	}
	rows := make([][]uint32, n)
	for i := range rows {
		rows[i] = make([]uint32, width)
		for j := range rows[i] {
			rows[i][j] = binary.BigEndian.Uint32(b[(i*width+j)*4:])
		}
	}
	return rows, nil
}

// parseClip reads the first video and the first audio track of an MP4 file
// that is not fragmented.
func parseClip(b []byte) (*clip, error) {
	moov := find(b, "moov")
	if moov == nil {
		return nil, fmt.Errorf("reading MP4: %w", errMP4)
	}
	c := &clip{}
	err := boxes(moov, func(kind string, trak []byte) error {
		if kind != "trak" {
			return nil
		}
		s, err := parseTrack(b, trak)
		if err != nil || s == nil || len(s.samples) == 0 || s.length <= 0 {
			return err
		}
		to := &c.audio
		if s.isVideo() {
			to = &c.video
		}
		if *to == nil {
			*to = s
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading MP4: %w", err)
	case c.video == nil && c.audio == nil:
		return nil, fmt.Errorf("no track that can be sent")
	case c.video != nil && !c.video.samples[0].sync:
		return nil, fmt.Errorf("video does not begin with a key frame")
	}
	return c, nil
}

// parseTrack reads one track of file; it is nil if its codec is not for cameras.
func parseTrack(file, trak []byte) (*stream, error) {
	mdhd, stbl := find(trak, "mdia", "mdhd"), find(trak, "mdia", "minf", "stbl")
	stsd := find(stbl, "stsd")
	if len(mdhd) < 24 || len(stsd) < 16 {
		return nil, nil
	}
	s := &stream{rate: int64(binary.BigEndian.Uint32(mdhd[12:]))}
	if mdhd[0] == 1 {
		s.rate = int64(binary.BigEndian.Uint32(mdhd[20:]))
	}
	if s.rate <= 0 {
		return nil, errMP4
	}
	known := false
	err := boxes(stsd[8:], func(kind string, entry []byte) error {
		if known {
			return nil
		}
		var err error
		known, err = s.parseEntry(kind, entry)
		return err
	})
	if err != nil || !known {
		return nil, err
	}
	if err := s.parseSamples(file, stbl); err != nil {
		return nil, err
	}
	if s.isVideo() {
		s.rescale(90000)
	} else if n := len(s.samples); n > 1 {
		// The last frame is as long as the others; files say otherwise to trim it.
		s.length = s.samples[n-1].dts + s.samples[1].dts
	}
	return s, nil
}

// parseEntry reads the codec from a sample entry (ISO/IEC 14496-12 8.5.2).
func (s *stream) parseEntry(kind string, b []byte) (known bool, err error) {
	const videoHead, audioHead = 78, 28
	switch kind {
	case "avc1", "avc3", "hvc1", "hev1":
		if len(b) < videoHead {
			return false, errMP4
		}
		if kind[0] == 'a' {
			s.codec = "h264"
			return true, s.parseAVCC(find(b[videoHead:], "avcC"))
		}
		s.codec = "h265"
		return true, s.parseHVCC(find(b[videoHead:], "hvcC"))
	case "av01":
		s.codec = "av1"
		return true, nil
	case "mp4v": // as ffmpeg names Motion JPEG in MP4; what it is shows in its samples
		s.codec = "mjpeg"
		return true, nil
	case "Opus":
		s.codec = "opus"
		return true, nil
	case "mp4a":
		if len(b) < audioHead {
			return false, errMP4
		}
		s.codec = "aac"
		esds := find(b[audioHead:], "esds")
		if len(esds) < 4 {
			return false, errMP4
		}
		s.config = &mpeg4audio.AudioSpecificConfig{}
		return true, s.config.Unmarshal(decoderInfo(esds[4:]))
	}
	return false, nil
}

// parseAVCC reads the first parameter sets of ISO/IEC 14496-15 5.3.3.1.
func (s *stream) parseAVCC(b []byte) error {
	if len(b) < 6 {
		return errMP4
	}
	b = b[5:]
	for _, to := range []*[]byte{&s.sps, &s.pps} {
		if len(b) < 3 || b[0]&0x1f == 0 {
			return errMP4
		}
		count := int(b[0] & 0x1f)
		b = b[1:]
		for i := range count {
			nal, rest, err := cutNAL(b)
			if err != nil {
				return err
			}
			if b = rest; i == 0 {
				*to = nal
			}
		}
	}
	return nil
}

// parseHVCC reads the first parameter sets of ISO/IEC 14496-15 8.3.3.1.
func (s *stream) parseHVCC(b []byte) error {
	if len(b) < 23 {
		return errMP4
	}
	arrays := int(b[22])
	b = b[23:]
	for range arrays {
		if len(b) < 3 {
			return errMP4
		}
		kind, count := b[0]&0x3f, int(binary.BigEndian.Uint16(b[1:]))
		b = b[3:]
		for range count {
			nal, rest, err := cutNAL(b)
			if err != nil {
				return err
			}
			b = rest
			for k, to := range map[byte]*[]byte{32: &s.vps, 33: &s.sps, 34: &s.pps} {
				if kind == k && *to == nil {
					*to = nal
				}
			}
		}
	}
	if s.vps == nil || s.sps == nil || s.pps == nil {
		return errMP4
	}
	return nil
}

// cutNAL takes a NAL unit with a 16-bit size before it off b.
func cutNAL(b []byte) (nal, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, errMP4
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	if n < 6 || n > len(b) {
		return nil, nil, errMP4
	}
	return b[2:n], b[n:], nil
}

// decoderInfo finds the DecoderSpecificInfo in MPEG-4 descriptors (ISO/IEC
// 14496-1 7.2.6), nil if there is none.
func decoderInfo(b []byte) []byte {
	for len(b) >= 2 {
		tag, size := b[0], 0
		b = b[1:]
		for i := 0; i < 4 && len(b) > 0; i++ {
			c := b[0]
			b = b[1:]
			size = size<<7 | int(c&0x7f)
			if c&0x80 == 0 {
				break
			}
		}
		if size > len(b) {
			return nil
		}
		body := b[:size]
		switch {
		case tag == 5:
			return body
		case tag == 3 && size > 3: // ES descriptor; optional fields are not used in MP4
			b = body[3:]
		case tag == 4 && size > 13: // DecoderConfigDescriptor
			b = body[13:]
		default:
			b = b[size:]
		}
	}
	return nil
}

// parseSamples reads the sample tables (ISO/IEC 14496-12 8.6 and 8.7).
func (s *stream) parseSamples(file, stbl []byte) error {
	spans, err := sampleSpans(stbl, uint64(len(file)))
	if err != nil {
		return err
	}
	for _, sp := range spans {
		data := [][]byte{file[sp[0]:sp[1]]}
		if data, err = s.split(data[0]); err != nil {
			return fmt.Errorf("splitting sample: %w", err)
		}
		s.samples = append(s.samples, sample{data: data})
	}
	return s.parseTimes(stbl)
}

// parseTimes fills in decode and composition times and sync flags.
func (s *stream) parseTimes(stbl []byte) error {
	stts, err1 := table(find(stbl, "stts"), 2)
	ctts, err2 := table(find(stbl, "ctts"), 2)
	stss, err3 := table(find(stbl, "stss"), 1)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	i := 0
	for _, run := range stts {
		for n := uint32(0); n < run[0] && i < len(s.samples); n++ {
			s.samples[i].dts, s.samples[i].pts = s.length, s.length
			s.length += int64(run[1])
			i++
		}
	}
	if i < len(s.samples) {
		return errMP4
	}
	i = 0
	for _, run := range ctts {
		for n := uint32(0); n < run[0] && i < len(s.samples); n++ {
			s.samples[i].pts += int64(int32(run[1]))
			i++
		}
	}
	for i := range s.samples {
		s.samples[i].sync = stss == nil
	}
	for _, n := range stss {
		if n[0] >= 1 && int(n[0]) <= len(s.samples) {
			s.samples[n[0]-1].sync = true
		}
	}
	return nil
}

// sampleSpans are the samples' places in a file of size bytes.
func sampleSpans(stbl []byte, size uint64) ([][2]uint64, error) {
	stsz := find(stbl, "stsz")
	if len(stsz) < 12 {
		return nil, errMP4
	}
	same, count := binary.BigEndian.Uint32(stsz[4:]), binary.BigEndian.Uint32(stsz[8:])
	stsc, err := table(find(stbl, "stsc"), 3)
	if err != nil || count > maxSamples || same == 0 && uint64(len(stsz)) < 12+4*uint64(count) {
		return nil, errMP4
	}
	chunks, err := chunkOffsets(stbl)
	if err != nil {
		return nil, err
	}
	var spans [][2]uint64
	run := 0
	for i, at := range chunks {
		for run+1 < len(stsc) && uint32(i+1) >= stsc[run+1][0] {
			run++
		}
		if run >= len(stsc) {
			return nil, errMP4
		}
		for n := uint32(0); n < stsc[run][1] && uint32(len(spans)) < count; n++ {
			length := uint64(same)
			if same == 0 {
				length = uint64(binary.BigEndian.Uint32(stsz[12+4*len(spans):]))
			}
			if at > size || length > size-at {
				return nil, errMP4
			}
			spans = append(spans, [2]uint64{at, at + length})
			at += length
		}
	}
	return spans, nil
}

func chunkOffsets(stbl []byte) ([]uint64, error) {
	width, b := 1, find(stbl, "stco")
	if b == nil {
		width, b = 2, find(stbl, "co64")
	}
	rows, err := table(b, width)
	if err != nil {
		return nil, err
	}
	offsets := make([]uint64, len(rows))
	for i, row := range rows {
		for _, v := range row {
			offsets[i] = offsets[i]<<32 | uint64(v)
		}
	}
	return offsets, nil
}
