package recording

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// String is the digest in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Root is the Merkle tree hash of RFC 6962 section 2.1 over a segment's leaves.
// Record 0 is the SHA-256 digest of the initialisation (the file's first moov
// box, as the segment had it from the first write on) and record i that of
// fragment i (its prft, moof and mdat boxes) in file order, so that
//
//	leaf(i)    = SHA-256(0x00 ‖ SHA-256(bytes i))
//	node(l, r) = SHA-256(0x01 ‖ l ‖ r)
//
// Plain digests as records let anyone check a fragment with sha256sum. The root
// of no leaves is the zero Hash.
func Root(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		return Hash{}
	case 1:
		return Hash(tlog.RecordHash(leaves[0][:]))
	}
	k := 1 << (bits.Len(uint(len(leaves)-1)) - 1) // largest power of two below len
	return Hash(tlog.NodeHash(tlog.Hash(Root(leaves[:k])), tlog.Hash(Root(leaves[k:]))))
}

func digest(b []byte) Hash { return sha256.Sum256(b) }

// linkDomain and gapDomain keep the digests apart from all others.
const (
	linkDomain = "gatehouse segment link v1\x00"
	gapDomain  = "gatehouse gaps v1\x00"
)

// MakeLink computes the segment's place in its chain:
//
//	link = SHA-256("gatehouse segment link v1" ‖ 0x00 ‖ Chain ‖ Run ‖ Seq ‖ Root ‖
//	               Previous ‖ Start ‖ Clock ‖ Gaps)
//
// with Run, Seq and Start (Unix microseconds) as big-endian 64-bit integers and
// Clock as one byte. No name of a camera is in it.
func (s Segment) MakeLink() Hash {
	b := make([]byte, 0, 256)
	b = append(b, linkDomain...)
	b = append(b, s.Chain[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Run))
	b = binary.BigEndian.AppendUint64(b, uint64(s.Seq))
	b = append(b, s.Root[:]...)
	b = append(b, s.Previous[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Start.UnixMicro()))
	b = append(b, byte(s.Clock))
	b = append(b, s.Gaps[:]...)
	return sha256.Sum256(b)
}

// GapDigest commits a segment to what is missing before it: the gaps whose To
// is the segment's Start, ordered by From, then Reason.
//
//	SHA-256("gatehouse gaps v1" ‖ 0x00 ‖ { From ‖ To ‖ length of Reason ‖ Reason }…)
//
// with times as in [Segment.MakeLink] and the length as one byte. It is the
// zero Hash if nothing is missing.
func GapDigest(gaps []Gap) Hash {
	if len(gaps) == 0 {
		return Hash{}
	}
	b := []byte(gapDomain)
	for _, g := range gaps {
		b = binary.BigEndian.AppendUint64(b, uint64(g.From.UnixMicro()))
		b = binary.BigEndian.AppendUint64(b, uint64(g.To.UnixMicro()))
		b = append(append(b, byte(len(g.Reason))), g.Reason...)
	}
	return sha256.Sum256(b)
}

// gapsEndingAt picks the gaps whose To is t, ordered as GapDigest wants them.
func gapsEndingAt(gaps []Gap, t time.Time) (ending []Gap) {
	for _, g := range gaps {
		if g.To.Equal(t) {
			ending = append(ending, g)
		}
	}
	slices.SortFunc(ending, func(a, b Gap) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Reason, b.Reason))
	})
	return ending
}

// newChain makes the random id of a chain.
func newChain() (id [16]byte) {
	rand.Read(id[:])
	return id
}
