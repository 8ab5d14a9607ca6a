package rtsp

import "encoding/binary"

// build appends the header of a picture: SOI to SOS.
func (h *jpegHeader) build(b []byte) ([]byte, error) {
	has, sos := map[byte]bool{}, len(h.extension)
	ok := segments(h.extension, func(at int, marker byte, _ []byte) {
		if has[marker] = true; marker == jpegSOS {
			sos = at
		}
	})
	if !ok {
		return nil, errUnit
	}
	for marker := range has {
		switch {
		case marker == jpegSOF0, marker == jpegDHT, marker == jpegDQT, marker == jpegDRI, marker == jpegSOS, marker == jpegCOM:
		case marker >= jpegAPP0 && marker < jpegAPP0+16:
		default:
			return nil, errUnit // not baseline (T.81 4.11), which is all that RFC 2435 is for
		}
	}
	b = append(b, 0xff, jpegSOI)
	if !h.extended {
		b = append(b, "\xff\xe0\x00\x10JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"...)
	}
	tables, err := h.quantization()
	if err != nil && !has[jpegDQT] {
		return nil, err
	}
	b = append(b, tables...)
	if !has[jpegDHT] {
		for i, t := range standardHuffman {
			b = segment(b, jpegDHT, []byte{byte(i&1<<4 | i>>1)}, []byte(t))
		}
	}
	b = append(b, h.extension[:sos]...)
	if h.restart != 0 && !has[jpegDRI] {
		b = segment(b, jpegDRI, binary.BigEndian.AppendUint16(nil, h.restart))
	}
	if !has[jpegSOF0] {
		if h.width == 0 || h.height == 0 || h.kind&63 > 1 || h.kind >= 128 {
			return nil, errUnit
		}
		count, _ := h.tables.count()
		chroma := byte(1)
		if count == 1 {
			chroma = 0
		}
		sampling := byte(0x21) // type 0 is 4:2:2, type 1 4:2:0 (RFC 2435 4.1)
		if h.kind&63 == 1 {
			sampling = 0x22
		}
		size := binary.BigEndian.AppendUint16([]byte{8}, uint16(h.height))
		size = binary.BigEndian.AppendUint16(size, uint16(h.width))
		b = segment(b, jpegSOF0, size, []byte{3, 1, sampling, 0, 2, 0x11, chroma, 3, 0x11, chroma})
	}
	if has[jpegSOS] { // the last of the extension (ONVIF 5.1.3.2)
		return append(b, h.extension[sos:]...), nil
	}
	return segment(b, jpegSOS, []byte{3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0}), nil
}

// segment appends a marker segment.
func segment(b []byte, marker byte, parts ...[]byte) []byte {
	n := 2
	for _, p := range parts {
		n += len(p)
	}
	b = binary.BigEndian.AppendUint16(append(b, 0xff, marker), uint16(n))
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// quantization is the DQT segments of a picture: the tables that were sent or
// those that Q stands for (RFC 2435 4.2).
func (h *jpegHeader) quantization() (b []byte, err error) {
	switch {
	case h.q >= 128:
		if h.tables.data == nil {
			return nil, errUnit
		}
		h.tables.each(func(id int, wide bool, data []byte) {
			if wide {
				id |= 0x10
			}
			b = segment(b, jpegDQT, []byte{byte(id)}, data)
		})
		return b, nil
	case h.q == 0 || h.q >= 100:
		return nil, errUnit
	}
	scale := 200 - 2*int(h.q)
	if h.q < 50 {
		scale = 5000 / int(h.q)
	}
	for id, standard := range standardQuantization {
		var table [64]byte
		for i, v := range []byte(standard) {
			table[i] = byte(min(max((int(v)*scale+50)/100, 1), 255))
		}
		b = segment(b, jpegDQT, []byte{byte(id)}, table[:])
	}
	return b, nil
}

// standardQuantization are the tables of T.81 K.1 in zigzag order: luma, chroma.
var standardQuantization = [2]string{
	"\x10\x0b\x0c\x0e\x0c\x0a\x10\x0e\x0d\x0e\x12\x11\x10\x13\x18\x28" +
		"\x1a\x18\x16\x16\x18\x31\x23\x25\x1d\x28\x3a\x33\x3d\x3c\x39\x33" +
		"\x38\x37\x40\x48\x5c\x4e\x40\x44\x57\x45\x37\x38\x50\x6d\x51\x57" +
		"\x5f\x62\x67\x68\x67\x3e\x4d\x71\x79\x70\x64\x78\x5c\x65\x67\x63",
	"\x11\x12\x12\x18\x15\x18\x2f\x1a\x1a\x2f\x63\x42\x38\x42\x63\x63" +
		"\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63" +
		"\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63" +
		"\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63\x63",
}

// standardHuffman are the tables of T.81 K.3, each with its 16 counts before its
// symbols: luma DC, luma AC, chroma DC, chroma AC.
var standardHuffman = [4]string{
	"\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b",
	"\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d" +
		"\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07" +
		"\x22\x71\x14\x32\x81\x91\xa1\x08\x23\x42\xb1\xc1\x15\x52\xd1\xf0" +
		"\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28" +
		"\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49" +
		"\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69" +
		"\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89" +
		"\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7" +
		"\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5" +
		"\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2" +
		"\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8" +
		"\xf9\xfa",
	"\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00" +
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b",
	"\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77" +
		"\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71" +
		"\x13\x22\x32\x81\x08\x14\x42\x91\xa1\xb1\xc1\x09\x23\x33\x52\xf0" +
		"\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26" +
		"\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48" +
		"\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68" +
		"\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87" +
		"\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5" +
		"\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3" +
		"\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda" +
		"\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8" +
		"\xf9\xfa",
}
