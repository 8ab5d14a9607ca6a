package rtsptest

import "regexp"

var sdpVPS = regexp.MustCompile(`sprop-vps=[^;]*; `)

// codecScripts are about what cameras send.
func codecScripts() []Script {
	return []Script{
		{"av1", "The video is AV1.", Camera{File: "av1.mp4"}},
		{"av1-params-change", "The sequence header of AV1 changes while the camera sends.", Camera{
			File: "av1.mp4", Second: "av1-small.mp4", Faults: []Fault{{Kind: Switch, After: 30}},
		}},
		{"mjpeg", "The video is Motion JPEG, the sound L16.", Camera{File: "mjpeg.mp4", Tone: "l16"}},
		{"mjpeg-size-change", "The size of Motion JPEG changes while the camera sends.", Camera{
			File: "mjpeg.mp4", Second: "mjpeg-small.mp4", Faults: []Fault{{Kind: Switch, After: 30}},
		}},
		{"mjpeg-loss", "Packets are missing from two pictures of Motion JPEG.", Camera{
			File: "mjpeg.mp4", Faults: []Fault{{Kind: Drop, After: 20, For: 2}},
		}},
		{"opus", "The sound is Opus.", Camera{File: "h264-opus.mp4"}},
		{"lpcm", "The sound is LPCM of 16 bits.", Camera{Tone: "l16"}},
		{"lpcm-8", "The sound is LPCM of 8 bits.", Camera{Tone: "l8"}},
		{"lpcm-24", "The sound is LPCM of 24 bits.", Camera{Tone: "l24"}},
		{"intra-refresh", "H.264 without an IDR: every second a wave of intra macroblocks.", Camera{
			File: "intra-refresh.mp4", BareUnits: true,
		}},
		{"h265-no-vps", "H.265 has no VPS anywhere.", Camera{
			File: "h265.mp4", BareUnits: true, EditSDP: func(sdp string) string { return sdpVPS.ReplaceAllString(sdp, "") },
		}},
	}
}
