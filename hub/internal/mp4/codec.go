package mp4

import (
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Codec names the track's codec as RFC 6381 does ("avc1.4D4028"); JPEG, G.711 and
// LPCM have no such name and are given by their sample entry. It is empty if the
// entry is none that this package writes.
func (t Track) Codec() string {
	name, body, _, ok := next(t.Entry)
	switch {
	case !ok:
		return ""
	case slices.Contains(plain, name):
		return name
	case name == "mp4a" && len(body) > 28:
		return aacCodec(find(body[28:], "esds"))
	case name == "avc1" && len(body) > 78:
		if c := find(body[78:], "avcC"); len(c) >= 4 {
			return "avc1." + strings.ToUpper(hex.EncodeToString(c[1:4]))
		}
	case name == "hvc1" && len(body) > 78:
		if c := find(body[78:], "hvcC"); len(c) >= 13 {
			return hevcCodec(c)
		}
	case name == "av01" && len(body) > 78:
		if c := find(body[78:], "av1C"); len(c) >= 4 {
			return av1CodecName(c)
		}
	}
	return ""
}

// plain are the sample entries that say all by their name.
var plain = []string{"jpeg", "Opus", "ulaw", "alaw", "twos", "in24", "raw "}

// Browser reports whether browsers play the codec from fragments (Media Source,
// HLS). They play no JPEG, G.711 or LPCM so, and refuse what has such a track.
func (t Track) Browser() bool {
	name, _, _, _ := next(t.Entry)
	switch name {
	case "avc1", "hvc1", "av01", "mp4a", "Opus":
		return true
	}
	return false
}

// aacCodec reads the object type of the AudioSpecificConfig that esds ends with.
func aacCodec(e []byte) string {
	const at = 4 + 5 + 3 + 5 + 13 + 5 // version; ES, its id; decoder, its fields; info
	if len(e) <= at {
		return ""
	}
	kind := e[at] >> 3
	if kind == 31 && len(e) > at+1 {
		kind = 32 + (e[at]&7)<<3 | e[at+1]>>5
	}
	return fmt.Sprintf("mp4a.40.%d", kind)
}

// hevcCodec follows ISO/IEC 14496-15 annex E.3.
func hevcCodec(c []byte) string {
	s := "hvc1."
	if space := c[1] >> 6; space > 0 {
		s += string(rune('A' + space - 1))
	}
	compat := bits.Reverse32(uint32(c[2])<<24 | uint32(c[3])<<16 | uint32(c[4])<<8 | uint32(c[5]))
	tier := "L"
	if c[1]&0x20 != 0 {
		tier = "H"
	}
	s += fmt.Sprintf("%d.%X.%s%d", c[1]&0x1f, compat, tier, c[12])
	last := 11
	for last >= 6 && c[last] == 0 {
		last--
	}
	for i := 6; i <= last; i++ {
		s += fmt.Sprintf(".%X", c[i])
	}
	return s
}

// av1CodecName follows AV1 in ISO BMFF 5: profile, level and tier, bit depth.
func av1CodecName(c []byte) string {
	tier, depth := "M", 8
	if c[2]&0x80 != 0 {
		tier = "H"
	}
	switch {
	case c[2]&0x20 != 0:
		depth = 12
	case c[2]&0x40 != 0:
		depth = 10
	}
	return fmt.Sprintf("av01.%d.%02d%s.%02d", c[1]>>5, c[1]&0x1f, tier, depth)
}
