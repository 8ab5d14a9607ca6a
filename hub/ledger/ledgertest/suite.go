package ledgertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/ledger"
)

// TestStore is the conformance suite of ledger.Store. open returns an empty one.
func TestStore(t *testing.T, open func(t *testing.T) ledger.Store) {
	t.Run("empty", func(t *testing.T) { testEmpty(t, open(t)) })
	t.Run("append", func(t *testing.T) { testAppend(t, open(t)) })
	t.Run("all or none", func(t *testing.T) { testAllOrNone(t, open(t)) })
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, open(t)) })
}

func entry(i int, request string) ledger.Entry {
	return ledger.Entry{
		Time: time.Date(2026, 11, 21, 21, 0, i, 0, time.UTC), Kind: ledger.Received,
		Request: request, Text: fmt.Sprintf("Entry %d.", i),
	}
}

func testEmpty(t *testing.T, s ledger.Store) {
	if n, err := s.Size(); n != 0 || err != nil {
		t.Fatalf("size %d, %v", n, err)
	}
	if l, err := s.Leaves(t.Context(), 0, 10); len(l) != 0 || err != nil {
		t.Fatalf("leaves %d, %v", len(l), err)
	}
	if l, err := s.ByRequest(t.Context(), "none"); len(l) != 0 || err != nil {
		t.Fatalf("by request %v, %v", l, err)
	}
	if h, err := s.ReadHashes(nil); len(h) != 0 || err != nil {
		t.Fatalf("no hashes asked for: %v, %v", h, err)
	}
	if _, err := s.ReadHashes([]int64{0}); err == nil {
		t.Fatal("a hash that is not there was read")
	}
}

func testAppend(t *testing.T, s ledger.Store) {
	const n = 70
	for i := 0; i < n; i += 7 {
		var batch []ledger.Entry
		for j := range 7 {
			batch = append(batch, entry(i+j, []string{"", "a", "b"}[(i+j)%3]))
		}
		got, err := s.AppendEntries(t.Context(), batch...)
		if err != nil {
			t.Fatal(err)
		}
		for j, e := range got {
			if e.Index != int64(i+j) || len(e.Salt) != 16 {
				t.Fatalf("entry %d has index %d, %d bytes of salt", i+j, e.Index, len(e.Salt))
			}
		}
	}
	leaves, err := s.Leaves(t.Context(), 60, 100)
	if err != nil || len(leaves) != 10 {
		t.Fatalf("leaves at the end: %d, %v", len(leaves), err)
	}
	if e, err := ledger.Decode(leaves[0]); err != nil || e.Text != "Entry 60." {
		t.Fatalf("leaf 60 is %q, %v", e.Text, err)
	}
	list, err := s.ByRequest(t.Context(), "b")
	if err != nil || len(list) != 23 || list[0] != 2 || !slices.IsSorted(list) {
		t.Fatalf("entries of b: %v, %v", list, err)
	}
	all, err := s.Leaves(t.Context(), 0, n)
	if err != nil {
		t.Fatal(err)
	}
	for i, leaf := range all {
		h, err := s.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(i))})
		if err != nil || h[0] != tlog.RecordHash(leaf) {
			t.Fatalf("hash of entry %d: %v", i, err)
		}
	}
	// Out of order and repeated, as TreeHash and ProveRecord may ask.
	if h, err := s.ReadHashes([]int64{5, 2, 5}); err != nil || len(h) != 3 || h[0] != h[2] || h[0] == h[1] {
		t.Fatalf("hashes 5, 2, 5: %v, %v", h, err)
	}
}

func testAllOrNone(t *testing.T, s ledger.Store) {
	if _, err := s.AppendEntries(t.Context(), entry(0, "a"), ledger.Entry{Text: "no kind, no time"}); err == nil {
		t.Fatal("an entry without a kind was appended")
	}
	if n, _ := s.Size(); n != 0 {
		t.Fatalf("half a transaction was kept: %d entries", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.AppendEntries(ended, entry(0, "a")); err == nil {
		t.Fatal("appended after the context ended")
	}
	if _, err := s.AppendEntries(t.Context(), entry(0, "a")); err != nil {
		t.Fatal(err)
	}
}

func testConcurrent(t *testing.T, s ledger.Store) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 8 {
				if _, err := s.AppendEntries(t.Context(), entry(i*8+j, "a")); err != nil {
					t.Error(err)
				}
				n, err := s.Size()
				if err != nil {
					t.Error(err)
				}
				if _, err := tlog.TreeHash(n, s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n, _ := s.Size(); n != 64 {
		t.Fatalf("%d entries of 64", n)
	}
}
