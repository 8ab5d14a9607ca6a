package rtsptest

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Script is a misbehaviour of real cameras.
type Script struct {
	Name   string
	Doc    string // one sentence
	Camera Camera // on the clips of Clips
}

// Clips are the package's test clips. They are read from the source folder, so
// that no program carries them; see testdata/README.md.
func Clips() fs.FS {
	_, file, _, _ := runtime.Caller(0)
	return os.DirFS(filepath.Join(filepath.Dir(file), "testdata"))
}

// Scripts are the camera zoo. A picture group of the clips is 15 units long.
func Scripts() []Script {
	all := append(streamScripts(), append(clockScripts(), dialogScripts()...)...)
	for i := range all {
		c := &all[i].Camera
		c.FS, c.Loop, c.Record = Clips(), true, 4096
		if c.File == "" {
			c.File = "h264-aac.mp4"
		}
	}
	return all
}

// ScriptNamed returns one script; it panics if there is none of the name.
func ScriptNamed(name string) Script {
	for _, s := range Scripts() {
		if s.Name == name {
			return s
		}
	}
	panic("no script " + name)
}

// streamScripts are about packets and access units.
func streamScripts() []Script {
	return []Script{
		{"plain", "Nothing is wrong.", Camera{}},
		{"g711", "Sound is G.711.", Camera{Tone: "pcmu"}},
		{"g711-alaw", "Sound is G.711 A-law.", Camera{Tone: "pcma"}},
		{"h265", "The video is H.265.", Camera{File: "h265.mp4"}},
		{"b-frames", "H.264 pictures are sent in another order than shown.", Camera{File: "h264-bframes.mp4"}},
		{"h265-open-gop", "H.265 pictures that precede a key frame refer to the group before it.", Camera{File: "h265-bframes.mp4"}},
		{"slices", "A picture has two slices.", Camera{File: "h264-slices.mp4"}},
		{"no-params-in-sdp", "SPS and PPS come with the key frames alone.", Camera{BareSDP: true}},
		{"no-params-in-band", "SPS and PPS are in the description alone.", Camera{BareUnits: true}},
		{"h265-no-params-in-sdp", "H.265 parameter sets come with the key frames alone.", Camera{File: "h265.mp4", BareSDP: true}},
		{"params-change", "The picture size changes while the camera sends.", Camera{
			Second: "h264-slices.mp4", Faults: []Fault{{Kind: Switch, After: 30}},
		}},
		{"annex-b", "NAL units come with start codes inside RTP.", Camera{Faults: []Fault{{Kind: AnnexB}}}},
		{"fu-start-and-end", "Small NAL units are fragments with start and end set.", Camera{Faults: []Fault{{Kind: FUBoth}}}},
		{"no-marker", "No packet ends its access unit with the marker bit.", Camera{Faults: []Fault{{Kind: NoMarker}}}},
		{"all-markers", "Every NAL unit ends with the marker bit.", Camera{
			File: "h264-slices.mp4", Faults: []Fault{{Kind: AllMarkers}},
		}},
		{"loss", "Packets are missing from two pictures.", Camera{Faults: []Fault{{Kind: Drop, After: 20, For: 2}}}},
		{"audio-loss", "Packets are missing from the sound.", Camera{Faults: []Fault{{Kind: DropAudio, After: 20, For: 2}}}},
		{"duplicates", "Every packet comes twice.", Camera{Faults: []Fault{{Kind: Duplicate}}}},
		{"reordered", "Neighbouring packets come in the wrong order.", Camera{Faults: []Fault{{Kind: Reorder, After: 1}}}},
		{"renumbered", "Sequence numbers go on elsewhere.", Camera{Faults: []Fault{{Kind: Renumber, After: 20}}}},
		{"new-ssrc", "The encoder restarts while the connection stays.", Camera{Faults: []Fault{{Kind: NewSSRC, After: 30}}}},
		{"new-ssrc-bare", "The encoder restarts and brings no parameter sets.", Camera{
			BareUnits: true, Faults: []Fault{{Kind: NewSSRC, After: 30, Once: true}},
		}},
		{"garbage", "Bytes that are neither RTSP nor RTP come between frames.", Camera{
			Faults: []Fault{{Kind: Garbage, After: 20, For: 500}},
		}},
		{"endless-garbage", "The camera sends nothing but garbage at some point.", Camera{
			Faults: []Fault{{Kind: Garbage, After: 20, For: 1 << 20, Once: true}},
		}},
		{"stall", "The camera falls silent with the connection open.", Camera{Faults: []Fault{{Kind: Stall, After: 20, Once: true}}}},
		{"half-close", "The camera closes its direction of the connection.", Camera{
			Faults: []Fault{{Kind: HalfClose, After: 20, Once: true}},
		}},
		{"close", "The camera closes the connection.", Camera{Faults: []Fault{{Kind: Close, After: 20, Once: true}}}},
	}
}

// clockScripts are about RTP time and sender reports.
func clockScripts() []Script {
	return []Script{
		{"no-reports", "The camera sends no sender reports.", Camera{Clock: Clock{None: true}}},
		{"late-reports", "The first sender report comes after two seconds.", Camera{Clock: Clock{First: 2 * time.Second}}},
		{"wrap", "The 32-bit RTP time wraps after two seconds.", Camera{FirstRTP: 1<<32 - 2*90000}},
		{"jump-forward", "RTP times jump an hour ahead.", Camera{Faults: []Fault{{Kind: Jump, After: 30, By: time.Hour}}}},
		{"jump-back", "RTP times jump ten minutes back.", Camera{Faults: []Fault{{Kind: Jump, After: 30, By: -10 * time.Minute}}}},
		{"wild-clock", "The camera's clock is 26 years behind.", Camera{Clock: Clock{Offset: -26 * 365 * 24 * time.Hour}}},
		{"drifting-clock", "The camera's clock is an hour ahead and gains a second in twenty.", Camera{
			Clock: Clock{Offset: time.Hour, Drift: 0.05, Every: 500 * time.Millisecond},
		}},
		{"clock-set", "The camera's clock is set while it sends.", Camera{
			Clock: Clock{Every: 500 * time.Millisecond}, Faults: []Fault{{Kind: Step, After: 30, By: -5 * time.Second}},
		}},
	}
}

// dialogScripts are about RTSP.
func dialogScripts() []Script {
	const metadata = "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:trackID=8\r\n"
	const back = "m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\na=control:trackID=9\r\n"
	const odd = "m=audio 0 RTP/AVP 98\r\na=rtpmap:98 mpeg4-generic/16000/1\r\na=fmtp:98 mode=CELP-cbr\r\na=control:trackID=7\r\n"
	before := func(media string) func(string) string {
		return func(sdp string) string { return strings.Replace(sdp, "m=video", media+"m=video", 1) }
	}
	return []Script{
		{"digest", "The camera asks for Digest authentication with MD5.", Camera{User: "admin", Pass: "secret"}},
		{"digest-sha256", "The camera asks for Digest authentication with SHA-256.", Camera{
			User: "admin", Pass: "secret", Login: "sha256",
		}},
		{"basic", "The camera asks for Basic authentication.", Camera{User: "admin", Pass: "secret", Login: "basic"}},
		{"odd-password", "User name and password contain what separates parts of an address.", Camera{
			User: "us@er:/x", Pass: "p@ss:w/rd?#%",
		}},
		{"not-found", "The camera knows no such stream.", Camera{Status: map[string]int{"DESCRIBE": 404}}},
		{"forbidden", "The camera lets nobody see.", Camera{Status: map[string]int{"DESCRIBE": 403}}},
		{"setup-refused", "The camera refuses to set its streams up.", Camera{Status: map[string]int{"SETUP": 453}}},
		{"no-codec", "The camera offers a codec that is not stored, and metadata.", Camera{
			EditSDP: func(string) string {
				return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\na=control:*\r\n" +
					"m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=control:trackID=0\r\n" + metadata
			},
		}},
		{"metadata-and-back-channel", "Metadata and a back channel are offered before the video.", Camera{
			EditSDP: before(metadata + back),
		}},
		{"unreadable-media", "One of the media in the description makes no sense.", Camera{EditSDP: before(odd)}},
		{"audio-only", "There is sound and no picture.", Camera{
			EditSDP: func(sdp string) string {
				i, j := strings.Index(sdp, "m=video"), strings.Index(sdp, "m=audio")
				return sdp[:i] + sdp[j:]
			},
		}},
		{"absolute-control", "The tracks' addresses are absolute.", Camera{
			EditSDP: func(sdp string) string {
				return strings.ReplaceAll(sdp, "a=control:trackID", "a=control:rtsp://192.168.1.10/absolute-control/trackID")
			},
		}},
		{"endless-description", "The description does not end.", Camera{
			EditSDP: func(sdp string) string { return sdp + strings.Repeat("a=x-fill:0123456789\r\n", 1<<18) },
		}},
	}
}
