package homekit

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"sync"

	"github.com/brutella/hap/service"
)

// Values of the camera stream characteristics (HAP R2, 9).
const (
	codecH264  = 0
	codecOpus  = 3
	suiteAES80 = 0 // AES_CM_128_HMAC_SHA1_80

	slotFree     = 0
	sessionError = 2

	commandEnd = 0
)

// frameSizes are the sizes offered to controllers, which also ask for
// snapshots in them. 320×240 at 15 frames a second is what a watch needs.
var frameSizes = []struct {
	w, h uint16
	fps  byte
}{
	{1920, 1080, 30},
	{1280, 720, 30},
	{640, 360, 30},
	{480, 270, 30},
	{320, 180, 30},
	{1280, 960, 30},
	{640, 480, 30},
	{480, 360, 30},
	{320, 240, 15},
}

func videoConfig() []byte {
	var params []byte
	params = appendList(params, 1, []byte{0}, []byte{1}, []byte{2}) // baseline, main, high
	params = appendList(params, 2, []byte{0}, []byte{1}, []byte{2}) // levels 3.1, 3.2, 4.0
	params = appendTLV(params, 3, []byte{0})                        // non-interleaved packets
	var attrs [][]byte
	for _, f := range frameSizes {
		a := appendTLV(nil, 1, binary.LittleEndian.AppendUint16(nil, f.w))
		a = appendTLV(a, 2, binary.LittleEndian.AppendUint16(nil, f.h))
		attrs = append(attrs, appendTLV(a, 3, []byte{f.fps}))
	}
	codec := appendTLV(nil, 1, []byte{codecH264})
	codec = appendTLV(codec, 2, params)
	codec = appendList(codec, 3, attrs...)
	return appendTLV(nil, 1, codec)
}

func audioConfig() []byte {
	opus := func(rate byte) []byte {
		p := appendTLV(nil, 1, []byte{1}) // mono
		p = appendTLV(p, 2, []byte{0})    // variable bit rate
		p = appendTLV(p, 3, []byte{rate})
		return appendTLV(appendTLV(nil, 1, []byte{codecOpus}), 2, p)
	}
	b := appendList(nil, 1, opus(1), opus(2)) // 16 and 24 kHz
	return appendTLV(b, 2, []byte{0})         // no comfort noise
}

func rtpConfig() []byte { return appendTLV(nil, 2, []byte{suiteAES80}) }

// slot is one camera stream slot. It has no live stream to give: a session set
// up on it is answered with an error, as the specification asks of a camera
// that cannot stream, and never left to time out.
type slot struct {
	svc *service.CameraRTPStreamManagement

	mu     sync.Mutex
	answer []byte // to the last setup request
}

func newSlot() *slot {
	s := &slot{svc: service.NewCameraRTPStreamManagement()}
	s.svc.SupportedVideoStreamConfiguration.SetValue(videoConfig())
	s.svc.SupportedAudioStreamConfiguration.SetValue(audioConfig())
	s.svc.SupportedRTPConfiguration.SetValue(rtpConfig())
	s.svc.StreamingStatus.SetValue(appendTLV(nil, 1, []byte{slotFree}))
	s.svc.SetupEndpoints.SetValueRequestFunc = s.setUp
	s.svc.SetupEndpoints.ValueRequestFunc = s.lastAnswer
	s.svc.SelectedRTPStreamConfiguration.SetValueRequestFunc = s.selectStream
	return s
}

// setUp answers a controller's wish for a session.
func (s *slot) setUp(v any, _ *http.Request) (any, int) {
	id, ok := sessionID(v)
	if !ok {
		return nil, codeInvalid
	}
	s.mu.Lock()
	s.answer = appendTLV(appendTLV(nil, 1, id), 2, []byte{sessionError})
	s.mu.Unlock()
	return nil, codeDone
}

// lastAnswer is what the controller reads after writing its wish.
func (s *slot) lastAnswer(*http.Request) (any, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return base64.StdEncoding.EncodeToString(s.answer), codeDone
}

// selectStream accepts the end of a session and refuses to start one.
func (s *slot) selectStream(v any, _ *http.Request) (any, int) {
	items, ok := decodeTLV(v)
	if !ok {
		return nil, codeInvalid
	}
	control, _ := find(items, 1)
	cmd, err := parseTLV(control)
	if err != nil {
		return nil, codeInvalid
	}
	if op, ok := find(cmd, 2); ok && len(op) == 1 && op[0] == commandEnd {
		return nil, codeDone
	}
	return nil, codeUnknown
}

// sessionID returns the 16-byte id of a setup request.
func sessionID(v any) ([]byte, bool) {
	items, ok := decodeTLV(v)
	if !ok {
		return nil, false
	}
	id, ok := find(items, 1)
	return id, ok && len(id) == 16
}

func decodeTLV(v any) ([]tlv, bool) {
	s, ok := v.(string)
	if !ok {
		return nil, false
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, false
	}
	items, err := parseTLV(b)
	return items, err == nil
}
