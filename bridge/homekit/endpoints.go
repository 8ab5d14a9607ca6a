package homekit

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"

	"gatehouse/bridge/homekit/stream"
)

// Control commands of a session (HAP R2, table 9-9).
const (
	commandEnd         = 0
	commandStart       = 1
	commandReconfigure = 4
)

// Answers to a set-up (HAP R2, table 9-17).
const (
	sessionReady = 0
	sessionBusy  = 1
	sessionError = 2
)

// wish is what a controller writes to set up a session (HAP R2, table 9-15).
type wish struct {
	id           [16]byte
	addr         netip.Addr
	video, sound half
}

// half is one medium of a wish.
type half struct {
	port      uint16
	key, salt []byte
}

// selection is what a controller writes to begin a session or to end it (HAP R2, table 9-8).
type selection struct {
	id           [16]byte
	command      byte
	width        int
	height       int
	video, sound selected
	soundRate    int           // samples a second; 0 if no sound is wanted
	packetTime   time.Duration // of sound; 0 if not said
	controller   string        // who made it, not as it says but as it was verified
}

// selected is one medium of a selection.
type selected struct {
	payloadType byte
	packet      int           // largest packet in bytes; 0 if not said
	report      time.Duration // between RTCP packets
}

// parseWish reads a set-up request. Only the id is needed for an answer of error.
func parseWish(items []tlv) (w wish, known, ok bool) {
	id, _ := find(items, 1)
	if known = len(id) == len(w.id); !known {
		return w, false, false
	}
	copy(w.id[:], id)
	at, err := nested(items, 3)
	if err != nil {
		return w, true, false
	}
	text, _ := find(at, 2)
	if w.addr, err = netip.ParseAddr(string(text)); err != nil {
		return w, true, false
	}
	w.addr = w.addr.Unmap()
	vOK := w.video.read(items, 4, at, 3)
	sOK := w.sound.read(items, 5, at, 4)
	return w, true, vOK && sOK
}

// read reads a medium's port and its SRTP parameters.
func (h *half) read(items []tlv, tag byte, at []tlv, portTag byte) bool {
	srtp, err := nested(items, tag)
	if err != nil || findByte(srtp, 1) != suiteAES80 {
		return false
	}
	h.key, _ = find(srtp, 2)
	h.salt, _ = find(srtp, 3)
	h.port = uint16(findUint(at, portTag))
	return h.port != 0 && len(h.key) == stream.KeySize && len(h.salt) == stream.SaltSize
}

// parseSelection reads a selection. What a controller does not say is zero.
func parseSelection(items []tlv) (s selection, ok bool) {
	control, err := nested(items, 1)
	if err != nil {
		return s, false
	}
	id, _ := find(control, 1)
	if len(id) != len(s.id) {
		return s, false
	}
	copy(s.id[:], id)
	command, found := find(control, 2)
	if !found || len(command) != 1 {
		return s, false
	}
	s.command = command[0]
	if s.command != commandStart {
		return s, true
	}
	video, err1 := nested(items, 2)
	attrs, err2 := nested(video, 3)
	vRTP, err3 := nested(video, 4)
	sound, err4 := nested(items, 3)
	params, err5 := nested(sound, 2)
	sRTP, err6 := nested(sound, 3)
	for _, err := range []error{err1, err2, err3, err4, err5, err6} {
		if err != nil {
			return s, false
		}
	}
	if findByte(video, 1) != codecH264 {
		return s, false
	}
	s.width, s.height = int(findUint(attrs, 1)), int(findUint(attrs, 2))
	s.video.read(vRTP)
	s.sound.read(sRTP)
	if len(params) > 0 {
		s.soundRate = map[byte]int{1: 16000, 2: 24000}[findByte(params, 3)]
		s.soundRate = max(s.soundRate, 8000)
	}
	s.packetTime = time.Duration(min(findUint(params, 4), 120)) * time.Millisecond
	return s, true
}

func (m *selected) read(items []tlv) {
	m.payloadType = findByte(items, 1) & 0x7f
	m.packet = int(findUint(items, 5))
	if b, _ := find(items, 4); len(b) == 4 { // a float of seconds
		if f := math.Float32frombits(binary.LittleEndian.Uint32(b)); f > 0 && f < 60 {
			m.report = time.Duration(f * float32(time.Second))
		}
	}
}

// nested returns the items within the first item of a tag; none if there is none.
func nested(items []tlv, tag byte) ([]tlv, error) {
	b, _ := find(items, tag)
	return parseTLV(b)
}

// findUint returns the first item of a tag as a little-endian number of up to 4
// bytes, otherwise 0.
func findUint(items []tlv, tag byte) (n uint32) {
	b, _ := find(items, tag)
	if len(b) > 4 {
		return 0
	}
	for i, v := range b {
		n |= uint32(v) << (8 * i)
	}
	return n
}

// offered is the answer to a wish that was granted (HAP R2, table 9-17): where
// this side is, the controller's keys for both directions, and what the packets
// will be known by.
func offered(w wish, here netip.Addr, video, sound stream.Medium, videoPort, soundPort uint16) []byte {
	version := byte(0)
	if here.Is6() {
		version = 1
	}
	at := appendTLV(nil, 1, []byte{version})
	at = appendTLV(at, 2, []byte(here.WithZone("").String()))
	at = appendTLV(at, 3, binary.LittleEndian.AppendUint16(nil, videoPort))
	at = appendTLV(at, 4, binary.LittleEndian.AppendUint16(nil, soundPort))
	keys := func(h half) []byte {
		b := appendTLV(nil, 1, []byte{suiteAES80})
		return appendTLV(appendTLV(b, 2, h.key), 3, h.salt)
	}
	b := appendTLV(nil, 1, w.id[:])
	b = appendTLV(b, 2, []byte{sessionReady})
	b = appendTLV(b, 3, at)
	b = appendTLV(b, 4, keys(w.video))
	b = appendTLV(b, 5, keys(w.sound))
	b = appendTLV(b, 6, binary.LittleEndian.AppendUint32(nil, video.SSRC))
	return appendTLV(b, 7, binary.LittleEndian.AppendUint32(nil, sound.SSRC))
}

// refused is the answer to a wish that was not.
func refused(id [16]byte, why byte) []byte {
	return appendTLV(appendTLV(nil, 1, id[:]), 2, []byte{why})
}
