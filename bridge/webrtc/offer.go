package webrtc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"gatehouse/rtsp"
)

// What is wrong with an offer.
var (
	errOffer   = errors.New("the offer cannot be read")
	errNoCodec = errors.New("no codec in common")
)

// offer is what a browser can take.
type offer struct {
	sdp          string // without candidates
	video, audio []payload
}

// payload is one format of an offer.
type payload struct {
	pt    uint8
	codec webrtc.RTPCodecCapability
}

// param is a parameter of the format, in lower case, or empty.
func (p *payload) param(name string) string {
	for f := range strings.SplitSeq(p.codec.SDPFmtpLine, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		if strings.EqualFold(k, name) {
			return strings.ToLower(v)
		}
	}
	return ""
}

// readOffer reads an offer: at most one section of video and one of sound, both
// to be received (WHEP 4.2). Candidates are left out: nothing is ever sent to one.
func readOffer(b []byte) (*offer, error) {
	var d sdp.SessionDescription
	if err := d.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("%w: %w", errOffer, err)
	}
	o := &offer{}
	d.Attributes = withoutCandidates(d.Attributes)
	for _, m := range d.MediaDescriptions {
		m.Attributes = withoutCandidates(m.Attributes)
		for _, a := range m.Attributes {
			if a.Key == "sendonly" || a.Key == "inactive" {
				return nil, fmt.Errorf("%w: nothing would be received", errOffer)
			}
		}
		var into *[]payload
		switch m.MediaName.Media {
		case "video":
			into = &o.video
		case "audio":
			into = &o.audio
		default:
			return nil, fmt.Errorf("%w: a section that is neither video nor audio", errOffer)
		}
		if *into != nil {
			return nil, fmt.Errorf("%w: two sections of %s", errOffer, m.MediaName.Media)
		}
		*into = payloads(m)
	}
	if len(d.MediaDescriptions) == 0 {
		return nil, fmt.Errorf("%w: nothing is wanted", errOffer)
	}
	out, err := d.Marshal()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOffer, err)
	}
	o.sdp = string(out)
	return o, nil
}

func withoutCandidates(list []sdp.Attribute) []sdp.Attribute {
	return slices.DeleteFunc(list, func(a sdp.Attribute) bool {
		return a.Key == "candidate" || a.Key == "end-of-candidates"
	})
}

// static are the payload types of RFC 3551 that need no rtpmap.
var static = map[uint8]string{0: "PCMU/8000", 8: "PCMA/8000"}

func payloads(m *sdp.MediaDescription) []payload {
	list := []payload{} // not nil: the section is there
	for _, f := range m.MediaName.Formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		pt := uint8(n)
		name, fmtp := static[pt], ""
		for _, a := range m.Attributes {
			if rest, ok := strings.CutPrefix(a.Value, f+" "); ok {
				switch a.Key {
				case "rtpmap":
					name = rest
				case "fmtp":
					fmtp = rest
				}
			}
		}
		if p, ok := newPayload(pt, m.MediaName.Media, name, fmtp); ok {
			list = append(list, p)
		}
	}
	return list
}

// newPayload reads an encoding as rtpmap has it: name/rate[/channels].
func newPayload(pt uint8, media, encoding, fmtp string) (p payload, ok bool) {
	parts := strings.Split(encoding, "/")
	if len(parts) < 2 {
		return payload{}, false
	}
	rate, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil {
		return payload{}, false
	}
	p = payload{pt: pt, codec: webrtc.RTPCodecCapability{
		MimeType: media + "/" + strings.ToUpper(parts[0]), ClockRate: uint32(rate), SDPFmtpLine: fmtp,
	}}
	if len(parts) > 2 {
		n, err := strconv.ParseUint(parts[2], 10, 8)
		if err != nil {
			return payload{}, false
		}
		p.codec.Channels = uint16(n)
	}
	return p, true
}

// videoFor chooses the format that pictures of f go as, unchanged.
func (o *offer) videoFor(f *rtsp.Format) (payload, error) {
	if f.Codec != rtsp.H264 || len(f.SPS) < 4 {
		return payload{}, fmt.Errorf("%w: %s", errNoCodec, f.Codec)
	}
	best, found := payload{}, -1
	for _, p := range o.video {
		if p.codec.MimeType != webrtc.MimeTypeH264 || p.codec.ClockRate != 90000 || p.param("packetization-mode") != "1" {
			continue
		}
		if n := fits([3]byte(f.SPS[1:4]), p.param("profile-level-id")); n > found {
			best, found = p, n
		}
	}
	if found < 0 {
		return payload{}, fmt.Errorf("%w: H.264 with profile %x", errNoCodec, f.SPS[1:4])
	}
	return best, nil
}

// Profiles of H.264 (ITU-T H.264 A.2) in which each includes those before it, as
// far as cameras use them.
const (
	profileBaseline = iota // constrained, or without what it adds
	profileMain
	profileHigh
	profileOther // more bits or colours, which browsers do not decode
)

func rank(idc, constraints byte) int {
	switch idc {
	case 66:
		return profileBaseline
	case 77:
		if constraints&0x80 != 0 { // it is baseline too
			return profileBaseline
		}
		return profileMain
	case 88:
		return profileMain
	case 100:
		return profileHigh
	}
	return profileOther
}

// fits says how well a stream with these three bytes of its SPS goes with an
// offered profile-level-id; negative if it does not. Levels are not looked at:
// browsers offer 3.1 and decode all.
//
// A stream of a higher profile than the offer fits still, at the end of the
// list: browsers that offer baseline alone have decoders that know all three,
// and a player that sees no picture takes another way.
func fits(stream [3]byte, offered string) int {
	if offered == "" {
		offered = "42000a" // RFC 6184 8.1: baseline at level 1
	}
	b, err := hex.DecodeString(offered)
	if err != nil || len(b) != 3 {
		return -1
	}
	have, want := rank(stream[0], stream[1]), rank(b[0], b[1])
	switch {
	case have == profileOther || want == profileOther:
		return -1
	case stream[0] == b[0] && stream[1] == b[1]:
		return 20
	case want >= have:
		return 10 + have - want // the nearest that includes the stream
	}
	return want
}

// audioFor chooses the format that sound of f goes as, unchanged.
func (o *offer) audioFor(f *rtsp.Format) (payload, bool) {
	want := map[rtsp.Codec]string{
		rtsp.Opus: webrtc.MimeTypeOpus, rtsp.PCMU: webrtc.MimeTypePCMU, rtsp.PCMA: webrtc.MimeTypePCMA,
	}[f.Codec]
	for _, p := range o.audio {
		if want == "" || !strings.EqualFold(p.codec.MimeType, want) || int(p.codec.ClockRate) != f.ClockRate {
			continue
		}
		if f.Codec == rtsp.Opus || f.Channels == max(1, int(p.codec.Channels)) {
			return p, true
		}
	}
	return payload{}, false
}
