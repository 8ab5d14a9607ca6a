// Package slots is a Merkle tree of a fixed number of slots that does not tell
// how many of them are taken, nor by what.
package slots

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// N is the number of slots of a Tree.
const N = 256

// depth is the length of a slot's audit path.
const depth = 8

// Tree is an RFC 6962 Merkle tree over N records. Content i is in the i-th slot
// of an order that Seed decides. With || for joining bytes and slot as four of them, big-endian:
//
//	taken: SHA-256("gatehouse slot v1" || 0x00 || salt || content)
//	empty: SHA-256("gatehouse empty slot v1" || 0x00 || Seed || slot)
//	salt = SHA-256("gatehouse slot salt v1" || 0x00 || Seed || slot)
//
// Whoever knows Seed can tell which slots are empty.
type Tree struct {
	Seed     [32]byte
	Contents [][32]byte // at most N
}

// NewSeed returns a random Seed.
func NewSeed() (seed [32]byte) {
	rand.Read(seed[:]) // never fails: crypto/rand ends the program instead
	return seed
}

// Proof shows that a content is in a tree. Its JSON has hashes in hexadecimal.
type Proof struct {
	Slot int    `json:"slot"`
	Salt Hash   `json:"salt"`
	Path []Hash `json:"path"` // audit path of RFC 6962 2.1.1
}

// Hash is a SHA-256 digest.
type Hash [32]byte

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts 64 hexadecimal digits.
func (h *Hash) UnmarshalText(b []byte) error {
	v, err := hex.DecodeString(string(b))
	if err != nil || len(v) != len(h) {
		return errors.New("not a SHA-256 digest in hexadecimal")
	}
	*h = Hash(v)
	return nil
}

const (
	takenDomain = "gatehouse slot v1\x00"
	emptyDomain = "gatehouse empty slot v1\x00"
	saltDomain  = "gatehouse slot salt v1\x00"
	orderDomain = "gatehouse slot order v1\x00"
)

func derive(domain string, seed [32]byte, slot int) [32]byte {
	b := append([]byte(domain), seed[:]...)
	return sha256.Sum256(binary.BigEndian.AppendUint32(b, uint32(slot)))
}

func taken(salt, content [32]byte) [32]byte {
	b := append([]byte(takenDomain), salt[:]...)
	return sha256.Sum256(append(b, content[:]...))
}

// order is the slot of each content: the slots sorted by
//
//	SHA-256("gatehouse slot order v1" || 0x00 || Seed || slot)
func (t *Tree) order() []int {
	type place struct {
		by   [32]byte
		slot int
	}
	var places [N]place
	for i := range places {
		places[i] = place{derive(orderDomain, t.Seed, i), i}
	}
	slices.SortFunc(places[:], func(a, b place) int { return bytes.Compare(a.by[:], b.by[:]) })
	order := make([]int, N)
	for i, p := range places {
		order[i] = p.slot
	}
	return order
}

// stored are the hashes of the tree in tlog's order.
func (t *Tree) stored() hashes {
	var records [N][32]byte
	for i := range records {
		records[i] = derive(emptyDomain, t.Seed, i)
	}
	order := t.order()
	for i, content := range t.Contents {
		records[order[i]] = taken(derive(saltDomain, t.Seed, order[i]), content)
	}
	h := make(hashes, 0, 2*N)
	for i, r := range records {
		more, err := tlog.StoredHashes(int64(i), r[:], h)
		if err != nil {
			panic(err) // hashes refuses only what was not stored yet
		}
		h = append(h, more...)
	}
	return h
}

// Root is the tree's hash.
func (t *Tree) Root() [32]byte {
	root, err := tlog.TreeHash(N, t.stored())
	if err != nil {
		panic(err) // as above
	}
	return root
}

// Prove proves content i.
func (t *Tree) Prove(i int) (Proof, error) {
	if i < 0 || i >= len(t.Contents) {
		return Proof{}, errors.New("there is no such content")
	}
	slot := t.order()[i]
	p := Proof{Slot: slot, Salt: derive(saltDomain, t.Seed, slot)}
	path, err := tlog.ProveRecord(N, int64(slot), t.stored())
	for _, h := range path {
		p.Path = append(p.Path, Hash(h))
	}
	return p, err
}

// RootOf is the root of the tree in which p places content. It fails if p has
// not the form of a proof.
func (p Proof) RootOf(content [32]byte) (root [32]byte, err error) {
	if p.Slot < 0 || p.Slot >= N || len(p.Path) != depth {
		return root, errors.New("a slot's proof is malformed")
	}
	record := taken(p.Salt, content)
	h := tlog.RecordHash(record[:])
	for i, sibling := range p.Path {
		if p.Slot>>i&1 == 1 {
			h = tlog.NodeHash(tlog.Hash(sibling), h)
		} else {
			h = tlog.NodeHash(h, tlog.Hash(sibling))
		}
	}
	return h, nil
}

// Check reports whether p shows that content is in the tree of a root.
func (p Proof) Check(root, content [32]byte) error {
	is, err := p.RootOf(content)
	if err == nil && is != root {
		err = errors.New("the slot does not lead to the root")
	}
	return err
}

// hashes are the stored hashes of a tree that is being built or is whole.
type hashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(h)) {
			return nil, errors.New("a hash is asked for that is not stored")
		}
		out[i] = h[x]
	}
	return out, nil
}
