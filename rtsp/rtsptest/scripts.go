package rtsptest

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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
	all := slices.Concat(streamScripts(), packetScripts(), codecScripts(), clockScripts(), dialogScripts(), addressScripts(), answerScripts(), loginScripts())
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

// packetScripts are about what RTP and RTCP allow or forbid.
func packetScripts() []Script {
	return []Script{
		{"long-gop", "A group of pictures is a minute long.", Camera{File: "h264-long-gop.mp4"}},
		{"big-picture", "A picture has 8 MiB.", Camera{Faults: []Fault{{Kind: Swell, After: 15, For: 1, Size: 8 << 20}}}},
		{"endless-picture", "A picture does not end.", Camera{Faults: []Fault{{Kind: Swell, After: 15, For: 1, Size: 20 << 20}}}},
		{"rtp-padding", "Packets are padded.", Camera{Faults: []Fault{{Kind: Padding}}}},
		{"rtp-extension", "Packets have the header extension of ONVIF.", Camera{Faults: []Fault{{Kind: Extension}}}},
		{"rtp-csrc", "Packets name contributing sources.", Camera{Faults: []Fault{{Kind: Sources}}}},
		{"unknown-payload-type", "Packets of a payload type that was not announced are numbered with the others.", Camera{
			Faults: []Fault{{Kind: Foreign}},
		}},
		{"unknown-source", "Another source sends on the channel of the video.", Camera{Faults: []Fault{{Kind: Stranger}}}},
		{"unasked-channel", "ONVIF metadata comes on a channel that nobody set up.", Camera{Faults: []Fault{{Kind: Unasked}}}},
		{"malformed-packets", "Frames that are no RTP packets come between the others.", Camera{Faults: []Fault{{Kind: Malformed}}}},
		{"undefined-payloads", "The payloads of two pictures are of a type that is not defined.", Camera{
			Faults: []Fault{{Kind: Undefined, After: 20, For: 2}},
		}},
		{"bye", "The camera says goodbye (RTCP) and goes on.", Camera{Faults: []Fault{{Kind: Bye, After: 20}}}},
		{"bye-and-silence", "The camera says goodbye (RTCP) and falls silent.", Camera{
			Faults: []Fault{{Kind: Bye, After: 20, Once: true}, {Kind: Stall, After: 20, Once: true}},
		}},
		{"reset", "The connection is reset in the middle of a frame.", Camera{Faults: []Fault{{Kind: Reset, After: 20, Once: true}}}},
		{"camera-asks", "The camera sends requests that its client must answer.", Camera{
			Faults: []Fault{
				{Kind: Say, After: 20, Text: "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"},
				{Kind: Say, After: 22, Text: "SET_PARAMETER rtsp://camera/ RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 6\r\n\r\na: b\r\n"},
				{Kind: Say, After: 24, Text: "ANNOUNCE rtsp://camera/ RTSP/1.0\r\nCSeq: 3\r\n\r\n"},
			},
		}},
	}
}
