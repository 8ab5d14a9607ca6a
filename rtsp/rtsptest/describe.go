package rtsptest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// payloadType is the RTP payload type of a track.
func (s *stream) payloadType(track int) uint8 {
	if s.codec == "mjpeg" {
		return 26 // RFC 3551 table 5
	}
	return uint8(96 + track)
}

// describe is the camera's session description (RFC 4566).
func (c *camera) describe() string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n")
	for i, s := range c.tracks {
		kind := "video"
		if s != c.clip.video {
			kind = "audio"
		}
		pt := s.payloadType(i)
		fmt.Fprintf(&b, "m=%s 0 RTP/AVP %d\r\n", kind, pt)
		rtpmap, fmtp := s.formatLines(!c.BareSDP)
		fmt.Fprintf(&b, "a=rtpmap:%d %s\r\n", pt, rtpmap)
		if fmtp != "" {
			fmt.Fprintf(&b, "a=fmtp:%d %s\r\n", pt, fmtp)
		}
		fmt.Fprintf(&b, "a=control:trackID=%d\r\n", i)
	}
	if c.EditSDP != nil {
		return c.EditSDP(b.String())
	}
	return b.String()
}

// formatLines are the rtpmap and fmtp values of a track.
func (s *stream) formatLines(params bool) (rtpmap, fmtp string) {
	b64 := base64.StdEncoding.EncodeToString
	switch s.codec {
	case "h264":
		fmtp = "packetization-mode=1"
		if params {
			fmtp += fmt.Sprintf("; profile-level-id=%X; sprop-parameter-sets=%s,%s", s.sps[1:4], b64(s.sps), b64(s.pps))
		}
		return "H264/90000", fmtp
	case "h265":
		if params {
			fmtp = fmt.Sprintf("sprop-vps=%s; sprop-sps=%s; sprop-pps=%s", b64(s.vps), b64(s.sps), b64(s.pps))
		}
		return "H265/90000", fmtp
	case "aac":
		config, _ := s.config.Marshal()
		return fmt.Sprintf("mpeg4-generic/%d/%d", s.rate, s.config.ChannelCount),
			"streamtype=5; profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=" +
				hex.EncodeToString(config)
	}
	switch s.codec {
	case "av1":
		return "AV1/90000", ""
	case "mjpeg":
		return "JPEG/90000", ""
	case "opus":
		return "opus/48000/2", ""
	}
	return fmt.Sprintf("%s/%d", strings.ToUpper(s.codec), s.rate), ""
}
