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
	H264  Codec = "h264"
	H265  Codec = "h265"
	AV1   Codec = "av1"
	MJPEG Codec = "mjpeg"
	AAC   Codec = "aac"
	Opus  Codec = "opus"
	PCMU  Codec = "pcmu" // G.711 µ-law, 8 bits a sample
	PCMA  Codec = "pcma" // G.711 A-law, 8 bits a sample
	LPCM  Codec = "lpcm" // L8 (unsigned), L16 or L24 (big-endian) of RFC 3551 and RFC 3190
)

// ClockQuality says what a Unit's UTC rests on.
type ClockQuality uint8

// Clock qualities, best first.
const (
	ClockReport  ClockQuality = iota + 1 // RTCP sender reports of the camera, consistent with arrival
	ClockSuspect                         // sender reports exist but disagree with this machine's clock by more than 2 s; UTC is arrival time
	ClockArrival                         // no sender report yet, or none that goes with the RTP times; UTC is arrival time
	ClockUnset                           // this machine's own clock is not set (before 2026)
)

// Format describes one track as the camera sends it now. A Format is
// immutable: a camera that changes parameters is given a new one, so a changed
// pointer is a changed stream.
type Format struct {
	Track      int // position in Session.Formats
	Codec      Codec
	ClockRate  int    // RTP ticks a second
	VPS        []byte // H.265 only; empty if the camera never sends one
	SPS, PPS   []byte // H.264, H.265; never empty in a Format that reaches a Reader
	Width      int    // luma samples after cropping; video only
	Height     int
	Config     []byte // AAC: AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1); AV1: AV1CodecConfigurationRecord
	SampleRate int    // audio
	Channels   int    // audio; 2 for Opus, of whose packets each says for itself
	BitDepth   int    // of a sample; LPCM: 8, 16 or 24
}

// Video reports whether the track is video.
func (f *Format) Video() bool {
	switch f.Codec {
	case H264, H265, AV1, MJPEG:
		return true
	}
	return false
}

// Unit is one access unit: one coded picture (AV1: one temporal unit), or one
// audio frame (AAC: one raw data block; Opus: one packet; G.711 and LPCM: the
// samples of one packet). A Unit is immutable and shared by all Readers.
//
// Random is set where decoding can start with parameter sets known: at an IDR or
// IRAP picture, or an AV1 temporal unit that begins with a key frame that is
// shown. Of an H.264 camera that has sent no IDR for 4 s, it is also set at a
// recovery point (ITU-T H.264 D.2.8), behind which pictures may be incomplete
// until as many have passed as it says: up to a second or two with periodic intra
// refresh, none for the I pictures of an open group of pictures. Decoders
// show nothing or a picture that fills in up to there, and a right one after.
//
// Data is what was received, byte for byte:
//
//   - H.264, H.265: NAL units, SEI and AUD included, no start code or length.
//   - AV1: OBUs, each with its size field, which RTP leaves out (the payload is
//     exact, and so is the header but for the bit that says so). Temporal
//     delimiters are left out, as AV1 in ISO BMFF wants it.
//   - JPEG: what makes a JFIF file when put together. First the header, up to
//     the scan, which RFC 2435 does not carry and has receivers make; then the
//     entropy-coded scan, exact; then an EOI marker if the scan had none.
//   - Audio: one element, the frame, exact. LPCM is big-endian as in RTP.
type Unit struct {
	Format  *Format
	PTS     int64     // Format.ClockRate ticks since the Session's zero, unwrapped, never negative; zero is common to all tracks
	DTS     int64     // decode time in the same unit; equals PTS where pictures are not reordered; strictly increasing in a track
	UTC     time.Time // of PTS; never earlier than the Unit before it in the same Session and track, so for a reordered picture that of the latest PTS so far
	Clock   ClockQuality
	Arrived time.Time // when the last packet of the Unit was read
	Random  bool      // decoding can start here, see below; true for audio and JPEG
	Data    [][]byte  // see below

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

// Ticks is how long a frame of sound lasts by its own account, in
// Format.ClockRate ticks. It is 0 where nothing but the next Unit tells.
func (u *Unit) Ticks() int64 {
	f := u.Format
	switch {
	case len(u.Data) == 0:
	case f.Codec == Opus:
		return opusTicks(u.Data[0])
	case f.Codec == AAC && f.SampleRate > 0:
		return 1024 * int64(f.ClockRate) / int64(f.SampleRate)
	case (f.Codec == PCMU || f.Codec == PCMA) && f.Channels > 0:
		return int64(u.Size() / f.Channels)
	case f.Codec == LPCM && f.Channels > 0 && f.BitDepth >= 8:
		return int64(u.Size() / (f.Channels * f.BitDepth / 8))
	}
	return 0
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
	Cause  Cause  // of a connection that ended; none where a stream goes on
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
