package slots

import "testing"

func TestProofs(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100, N} {
		tree := Tree{Seed: [32]byte{byte(n)}}
		for i := range n {
			tree.Contents = append(tree.Contents, [32]byte{byte(i), 1})
		}
		root := tree.Root()
		used := map[int]bool{}
		for i := 0; i < n; i += max(1, n/7) {
			p, err := tree.Prove(i)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(root, tree.Contents[i]); err != nil {
				t.Errorf("content %d of %d: %v", i, n, err)
			}
			if used[p.Slot] || len(p.Path) != depth {
				t.Errorf("slot %d is used twice, or %d hashes lead to the root", p.Slot, len(p.Path))
			}
			used[p.Slot] = true
			bad := []Proof{p, p, p, p}
			bad[0].Slot ^= 1
			bad[1].Slot = N
			bad[2].Salt[0] ^= 1
			bad[3].Path = append(p.Path[:depth:depth], Hash{})
			for j, b := range bad {
				if b.Check(root, tree.Contents[i]) == nil {
					t.Errorf("bad proof %d is accepted", j)
				}
			}
			if p.Check(root, [32]byte{9, 9}) == nil || p.Check([32]byte{}, tree.Contents[i]) == nil {
				t.Error("another content or root is accepted")
			}
		}
		if _, err := tree.Prove(n); err == nil {
			t.Error("an empty slot was proven")
		}
	}
}

// What one proof shows is the same whatever is in the other slots but for
// hashes that nobody can invert.
func TestSeedDecidesTheSlot(t *testing.T) {
	a := Tree{Seed: [32]byte{1}, Contents: [][32]byte{{1}}}
	b := Tree{Seed: [32]byte{1}, Contents: [][32]byte{{1}, {2}, {3}}}
	p, _ := a.Prove(0)
	q, _ := b.Prove(0)
	if p.Slot != q.Slot || p.Salt != q.Salt {
		t.Error("the slot tells of the others")
	}
	slots := map[int]bool{}
	for range 64 {
		tree := Tree{Seed: NewSeed(), Contents: [][32]byte{{1}}}
		p, _ := tree.Prove(0)
		slots[p.Slot] = true
	}
	if len(slots) < 32 {
		t.Errorf("64 seeds give %d slots", len(slots))
	}
}

func BenchmarkRoot(b *testing.B) {
	for b.Loop() {
		(&Tree{}).Root()
	}
}
