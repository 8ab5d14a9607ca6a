package api

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocumentHasEveryRoute: what is answered to is in the document, what is in
// the document is answered to, and nothing has another method than GET.
func TestDocumentHasEveryRoute(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Security []map[string][]string `json:"security"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	var served []string
	for _, r := range New(Config{}).routes() {
		served = append(served, r.path)
		if open := len(doc.Paths[r.path]["get"].Security) == 0; open != (r.scope == "") {
			t.Errorf("%s: the document says open %v", r.path, open)
		}
	}
	slices.Sort(served)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(doc.Paths)), served); diff != "" {
		t.Error(diff)
	}
	for path, ops := range doc.Paths {
		for method := range ops {
			if method != "get" && method != "head" {
				t.Errorf("%s has the method %s", path, method)
			}
		}
	}
}

// FuzzCursor: what is read from a cursor is what that place would write.
func FuzzCursor(f *testing.F) {
	f.Add(place{1, "x"}.cursor())
	f.Fuzz(func(t *testing.T, s string) {
		p, err := readCursor(s)
		if err != nil || s == "" {
			return
		}
		if again, err := readCursor(p.cursor()); err != nil || again != p {
			t.Errorf("%q: %v, %v", s, again, err)
		}
	})
}
