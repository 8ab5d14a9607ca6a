package homekit

import "errors"

// tlv is one item of a TLV8 message (HAP R2, 14.1).
type tlv struct {
	tag byte
	val []byte
}

var errTLV = errors.New("malformed tlv8")

// appendTLV appends one item, split into fragments of at most 255 bytes.
func appendTLV(dst []byte, tag byte, val []byte) []byte {
	for len(val) > 255 {
		dst = append(append(dst, tag, 255), val[:255]...)
		val = val[255:]
	}
	return append(append(dst, tag, byte(len(val))), val...)
}

// appendList appends items of one tag with the zero-length separator that
// keeps neighbours of the same tag from being read as fragments of one.
func appendList(dst []byte, tag byte, vals ...[]byte) []byte {
	for i, v := range vals {
		if i > 0 {
			dst = append(dst, 0, 0)
		}
		dst = appendTLV(dst, tag, v)
	}
	return dst
}

// parseTLV splits b into items and joins fragments. The values are copies.
func parseTLV(b []byte) ([]tlv, error) {
	var items []tlv
	joinable := false // the last fragment was full, so the same tag continues it
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return nil, errTLV
		}
		tag, val := b[0], b[2:2+int(b[1])]
		b = b[2+int(b[1]):]
		if n := len(items); joinable && items[n-1].tag == tag {
			items[n-1].val = append(items[n-1].val, val...)
		} else {
			items = append(items, tlv{tag, append([]byte(nil), val...)})
		}
		joinable = len(val) == 255
	}
	return items, nil
}

// find returns the first item of a tag.
func find(items []tlv, tag byte) ([]byte, bool) {
	for _, it := range items {
		if it.tag == tag {
			return it.val, true
		}
	}
	return nil, false
}

// findByte returns the first item of a tag if it is a single byte, otherwise 0.
func findByte(items []tlv, tag byte) byte {
	if v, ok := find(items, tag); ok && len(v) == 1 {
		return v[0]
	}
	return 0
}
