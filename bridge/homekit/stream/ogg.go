package stream

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

var errOgg = errors.New("malformed ogg page")

// oggMax bounds a packet: six times what Opus can be.
const oggMax = 8 << 10

// oggReader takes the packets out of an Ogg stream (RFC 3533, 6).
type oggReader struct {
	src  *bufio.Reader
	laps []byte // lengths in the page that are not read yet
	part []byte // of a packet that goes on in the next page
}

// next returns a packet; it is the caller's.
func (r *oggReader) next() ([]byte, error) {
	for {
		for len(r.laps) == 0 {
			if err := r.page(); err != nil {
				return nil, err
			}
		}
		n := int(r.laps[0])
		r.laps = r.laps[1:]
		if len(r.part)+n > oggMax {
			return nil, errOgg
		}
		at := len(r.part)
		r.part = append(r.part, make([]byte, n)...)
		if _, err := io.ReadFull(r.src, r.part[at:]); err != nil {
			return nil, err
		}
		if n < 255 {
			packet := r.part
			r.part = nil
			return packet, nil
		}
	}
}

// page reads the head of a page.
func (r *oggReader) page() error {
	var head [27]byte
	if _, err := io.ReadFull(r.src, head[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(head[:]) != 0x4f676753 || head[4] != 0 { // OggS, version 0
		return errOgg
	}
	r.laps = make([]byte, head[26])
	_, err := io.ReadFull(r.src, r.laps)
	return err
}
