package homekit

import (
	"encoding/base64"
	"encoding/binary"
)

// Values of the camera stream characteristics (HAP R2, 9).
const (
	codecH264  = 0
	codecOpus  = 3
	suiteAES80 = 0 // AES_CM_128_HMAC_SHA1_80
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
