// Package rtsp reads cameras.
//
// A [Source] keeps one RTSP session to one camera alive and hands what the
// camera sends, as access units with camera time and UTC, to any number of
// [Reader]s. A slow Reader loses whole groups of pictures and is told so; it
// never blocks the camera or another Reader.
package rtsp

import "time"

// Codec names an elementary stream as it is received and stored.
type Codec string

// Codecs a Source delivers.
const (
	H264 Codec = "h264"
	H265 Codec = "h265"
	AAC  Codec = "aac"
	PCMU Codec = "pcmu" // G.711 µ-law, 8 bits a sample
	PCMA Codec = "pcma" // G.711 A-law, 8 bits a sample
)

// ClockQuality says what a Unit's UTC rests on.
type ClockQuality uint8

// Clock qualities, best first.
const (
	ClockReport  ClockQuality = iota + 1 // RTCP sender reports of the camera, consistent with arrival
	ClockSuspect                         // sender reports exist but disagree with this machine's clock by more than 2 s; UTC is arrival time
	ClockArrival                         // no sender report yet; UTC is arrival time
	ClockUnset                           // this machine's own clock is not set (before 2026)
)

// Format describes one track as the camera sends it now. A Format is
// immutable: a camera that changes parameters is given a new one, so a changed
// pointer is a changed stream.
type Format struct {
	Track      int // position in Session.Formats
	Codec      Codec
	ClockRate  int    // RTP ticks a second
	VPS        []byte // H.265 only
	SPS, PPS   []byte // video; never empty in a Format that reaches a Reader
	Width      int    // luma samples after cropping; video only
	Height     int
	Config     []byte // AAC: AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1)
	SampleRate int    // audio
	Channels   int    // audio
}

// Video reports whether the track is video.
func (f *Format) Video() bool { return f.Codec == H264 || f.Codec == H265 }

// Unit is one access unit: one coded picture, or one audio frame (AAC: one raw
// data block; G.711: the samples of one packet). A Unit is immutable and shared
// by all Readers.
type Unit struct {
	Format  *Format
	PTS     int64     // Format.ClockRate ticks since the Session's zero, unwrapped, never negative; zero is common to all tracks
	DTS     int64     // decode time in the same unit; equals PTS where pictures are not reordered; strictly increasing in a track
	UTC     time.Time // of PTS; never earlier than the Unit before it in the same Session and track, so for a reordered picture that of the latest PTS so far
	Clock   ClockQuality
	Arrived time.Time // when the last packet of the Unit was read
	Random  bool      // decoding can start here (IDR or IRAP with parameter sets known); true for audio
	Data    [][]byte  // video: NAL units exactly as received, SEI and AUD included, no start code or length; audio: one element

	block *block // that Data lies in; nil if nobody counts who holds it
}

// Size is the number of payload bytes.
func (u *Unit) Size() int {
	n := 0
	for _, d := range u.Data {
		n += len(d)
	}
	return n
}

// Session begins the Units of one unbroken connection. Parameter changes,
// SSRC changes and clock steps end a Session like a reconnect does, so that
// everything between two Sessions fits one MP4 initialisation.
type Session struct {
	Formats []*Format // video first; complete (parameter sets known)
	Zero    time.Time // UTC of PTS 0
}

// Reason says why Units are missing.
type Reason string

// Reasons of a Break. They are stored in gap rows and shown to the owner.
const (
	ReasonRefused   Reason = "refused"   // the camera cannot be reached, or answered an RTSP error
	ReasonAuth      Reason = "auth"      // 401 or 403
	ReasonStalled   Reason = "stalled"   // connection open, no decodable access unit for the stall time
	ReasonClosed    Reason = "closed"    // the camera closed the connection or the transport failed
	ReasonLost      Reason = "lost"      // RTP packets missing; Units were incomplete and are left out up to the next Random one
	ReasonGarbage   Reason = "garbage"   // the stream could not be parsed
	ReasonSlow      Reason = "slow"      // this Reader was too slow
	ReasonCodec     Reason = "codec"     // parameters or tracks changed; no Unit need be missing
	ReasonClock     Reason = "clock"     // the camera's clock or timestamps jumped; no Unit need be missing
	ReasonSSRC      Reason = "ssrc"      // the camera restarted its encoder
	ReasonUntrusted Reason = "untrusted" // the camera's certificate is neither trusted nor pinned
	ReasonNoCodec   Reason = "no-codec"  // the camera offers no codec that Gatehouse stores
	ReasonShutdown  Reason = "shutdown"  // Source.Run returned
	ReasonOff       Reason = "off"       // the owner switched recording off
	ReasonNoMotion  Reason = "no-motion" // nothing moved, and the owner records motion only (written by recording)
	ReasonStore     Reason = "store"     // received, but no disk could keep it (written by recording)
	ReasonCrash     Reason = "crash"     // the hub was not running (written by recovery)
)

// Break tells a Reader that the Units before and after it do not join. From is
// the UTC at the end of the last Unit of the first track that this Reader got
// (zero if there was none).
// Reasons other than lost, slow, codec, clock and ssrc mean the camera is
// offline until the next Session.
type Break struct {
	Reason Reason
	From   time.Time
	Detail string // one plain sentence for people and logs; never credentials
}

// Item is what a Reader yields; exactly one field is set. The order is always
// Session, Units, Break, Session, Units, …; a Break may follow a Break (the
// reason changed while offline). After every Session and every Break the first
// video Unit is Random. A lost or slow Break within a connection is followed by
// a Session too: the same one again, whose PTS go on. Lost sound is told before
// the next Random video Unit, since the pictures up to there are whole. A Reader
// made while the camera is offline begins with the Break that says why.
type Item struct {
	Session *Session
	Unit    *Unit
	Break   *Break
}
