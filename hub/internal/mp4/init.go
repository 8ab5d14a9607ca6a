package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Ident binds a file to its place in a chain of segments. It is a uuid box
// inside the initialisation, so that the initialisation's digest covers it and
// an index can be rebuilt from the files. It names no camera.
type Ident struct {
	Chain    [16]byte  // random, one a camera and stream
	Run      int64     // Unix microseconds of the run's first sample
	Seq      int64     // position in the chain
	Previous [32]byte  // link of the segment before
	Start    time.Time // of the first sample, microseconds
}

// identType is the extended type of the box: a random UUID of Gatehouse's own.
var identType = [16]byte{
	0x6f, 0x0b, 0x41, 0x9c, 0x52, 0x3d, 0x4e, 0x77, 0x9a, 0x84, 0x1e, 0xd2, 0x63, 0x0c, 0xf5, 0x28,
}

const identVersion = 1

// Positions in every file.
const (
	ftypSize = 28
	// PatchOffset is where the free box stands that becomes a mdat header.
	PatchOffset = ftypSize
	// PatchSize is the length of both.
	PatchSize = 16
	// InitOffset is where the initialisation begins.
	InitOffset = PatchOffset + PatchSize
)

// maxInit bounds the initialisation; ours is about 1.5 kB.
const maxInit = 1 << 20

// ErrFormat means that a file does not begin as a segment does.
var ErrFormat = errors.New("not a segment file")

// AppendFileType appends the ftyp box.
func AppendFileType(b []byte) []byte {
	return box(b, "ftyp", func(b []byte) []byte {
		return append(b, "iso6\x00\x00\x02\x00iso6isommp41"...)
	})
}

// AppendHead appends what an open file begins with: ftyp, free and the initialisation.
func AppendHead(b []byte, tracks []Track, id Ident) []byte {
	b = AppendFileType(b)
	b = box(b, "free", func(b []byte) []byte { return zeros(b, 8) })
	return AppendInit(b, tracks, id)
}

// AppendInit appends the initialisation: a moov that announces fragments.
func AppendInit(b []byte, tracks []Track, id Ident) []byte {
	return box(b, "moov", func(b []byte) []byte {
		b = mvhd(b, id.Start, tracks[0].Timescale, 0, tracks)
		b = appendIdent(b, id)
		for _, t := range tracks {
			b = t.trak(b, id.Start, nil)
		}
		return box(b, "mvex", func(b []byte) []byte {
			for _, t := range tracks {
				b = fullBox(b, "trex", 0, 0, func(b []byte) []byte {
					return u32(u32(u32(u32(u32(b, t.ID), 1), 0), 0), t.defaultFlags())
				})
			}
			return b
		})
	})
}

func appendIdent(b []byte, id Ident) []byte {
	return box(b, "uuid", func(b []byte) []byte {
		b = append(b, identType[:]...)
		b = append(b, identVersion)
		b = append(b, id.Chain[:]...)
		b = u64(u64(b, uint64(id.Run)), uint64(id.Seq))
		b = append(b, id.Previous[:]...)
		return u64(b, uint64(id.Start.UnixMicro()))
	})
}

// PatchMdat returns the bytes that replace free at PatchOffset: the header of a
// mdat that ends at end.
func PatchMdat(end int64) [PatchSize]byte {
	var p [PatchSize]byte
	p[3] = 1 // 64-bit size follows
	copy(p[4:], "mdat")
	binary.BigEndian.PutUint64(p[8:], uint64(end-PatchOffset))
	return p
}

// parseInit reads the body of an initialisation.
func parseInit(body []byte) (id Ident, tracks []Track, err error) {
	found := false
	for {
		name, child, rest, ok := next(body)
		if !ok {
			break
		}
		switch name {
		case "uuid":
			if v, ok := parseIdent(child); ok {
				id, found = v, true
			}
		case "trak":
			t, ok := parseTrak(child)
			if !ok {
				return Ident{}, nil, fmt.Errorf("track %d: %w", len(tracks)+1, ErrFormat)
			}
			tracks = append(tracks, t)
		}
		body = rest
	}
	if !found || len(tracks) == 0 || len(body) != 0 {
		return Ident{}, nil, fmt.Errorf("initialisation incomplete: %w", ErrFormat)
	}
	return id, tracks, nil
}

func parseIdent(body []byte) (id Ident, ok bool) {
	c := cursor{b: body}
	if string(c.take(16)) != string(identType[:]) || c.u8() != identVersion {
		return Ident{}, false
	}
	copy(id.Chain[:], c.take(16))
	id.Run, id.Seq = int64(c.u64()), int64(c.u64())
	copy(id.Previous[:], c.take(32))
	id.Start = time.UnixMicro(int64(c.u64())).UTC()
	return id, !c.bad && len(c.b) == 0 && id.Seq >= 0
}

func parseTrak(body []byte) (t Track, ok bool) {
	c := cursor{b: find(body, "tkhd")}
	v, _ := c.versioned()
	c.take(8 << (v & 1)) // creation and modification time
	t.ID = c.u32()
	c.take(4 + 4<<(v&1) + 16 + 36) // reserved, duration, layout, matrix
	t.Width, t.Height = int(c.u32()>>16), int(c.u32()>>16)

	h := cursor{b: descend(body, "mdia", "mdhd")}
	v, _ = h.versioned()
	h.take(8 << (v & 1))
	t.Timescale = h.u32()

	r := cursor{b: descend(body, "mdia", "hdlr")}
	r.take(8)
	kind := string(r.take(4))
	t.Video = kind == "vide"

	stsd := descend(body, "mdia", "minf", "stbl", "stsd")
	if len(stsd) < 8 {
		return Track{}, false
	}
	_, entry, rest, found := next(stsd[8:])
	t.Entry = stsd[8 : len(stsd)-len(rest)]
	if !t.Video && len(entry) >= 28 {
		t.Channels = int(binary.BigEndian.Uint16(entry[16:]))
		t.SampleRate = int(binary.BigEndian.Uint32(entry[24:]) >> 16)
	}
	return t, found && !c.bad && !h.bad && !r.bad && t.ID != 0 && t.Timescale != 0 &&
		(t.Video || kind == "soun")
}
