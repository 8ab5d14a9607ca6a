package recording

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"gatehouse/hub/internal/mp4"
	"gatehouse/rtsp"
)

// bundle is the fragments of one write, and before the first of a segment its
// head: bytes of its own, and those of access units, which it does not copy.
// It is used again for the next write.
type bundle struct {
	own   []byte
	seen  int      // of own, in parts
	parts [][]byte // in the order of the file
	size  int64

	fragments []mp4.Fragment
	spans     []leadSpan
	leaves    []Hash
	sha       hash.Hash
}

// reset forgets all, so that nothing is kept from being freed.
func (b *bundle) reset() {
	clear(b.parts)
	b.own, b.seen, b.parts, b.size = b.own[:0], 0, b.parts[:0], 0
	b.fragments, b.spans, b.leaves = b.fragments[:0], b.spans[:0], b.leaves[:0]
}

// settle makes a part of the bytes that were appended to own. A part stays as it
// is when own grows into other memory.
func (b *bundle) settle() {
	if b.seen < len(b.own) {
		b.add(b.own[b.seen:len(b.own):len(b.own)])
		b.seen = len(b.own)
	}
}

func (b *bundle) add(part []byte) {
	b.parts = append(b.parts, part)
	b.size += int64(len(part))
}

// unit appends a unit as it is stored: NAL units with their length before them,
// everything else as it is.
func (b *bundle) unit(u *rtsp.Unit) {
	lengths := mp4.Lengths(u.Format)
	for _, d := range u.Data {
		if lengths {
			b.own = binary.BigEndian.AppendUint32(b.own, uint32(len(d)))
		}
		b.settle()
		b.add(d)
	}
}

// leaf adds the digest of all that was appended since there were from parts.
func (b *bundle) leaf(from int) {
	b.settle()
	if b.sha == nil {
		b.sha = sha256.New()
	}
	b.sha.Reset()
	for _, p := range b.parts[from:] {
		b.sha.Write(p)
	}
	b.leaves = append(b.leaves, Hash{})
	b.sha.Sum(b.leaves[len(b.leaves)-1][:0])
}

// vectored is a file that writes parts as if they were one.
type vectored interface {
	WriteParts(parts [][]byte, off int64) error
}

// write writes all at off, in one call where the file can.
func (b *bundle) write(f file, off int64) error {
	if v, ok := f.(vectored); ok {
		return v.WriteParts(b.parts, off)
	}
	whole := make([]byte, 0, b.size)
	for _, p := range b.parts {
		whole = append(whole, p...)
	}
	_, err := f.WriteAt(whole, off)
	return err
}
