package ui

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLedgerEntry(t *testing.T) {
	h := newHouse().handler(t)
	w := visit(h, http.MethodGet, "/ledger/entry/3", nil)
	for _, want := range []string{"Entry 3", "among 64 entries", "Lakeside Police asked for video", `href="/requests/` + sentID + `"`, "gatehouse.example/ledger&#43;1c0ffee5"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	for _, bad := range []string{"64", "-1", "x", "99999999999999999999"} {
		if w := visit(h, http.MethodGet, "/ledger/entry/"+bad, nil); w.Code != 404 || !strings.Contains(w.Body.String(), "The ledger has no such entry.") {
			t.Errorf("entry %s: %d", bad, w.Code)
		}
	}
	if w := visit(h, http.MethodGet, "/ledger/entry/3/proof.jsonl", nil); w.Code != 200 || strings.Count(w.Body.String(), "\n") != 1 {
		t.Errorf("proof: %d %q", w.Code, w.Body)
	}
}

func TestLedgerExport(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	w := visit(h, http.MethodGet, "/ledger/export.zip", nil)
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, fmt.Sprint(f.Name, " ", f.UncompressedSize64))
	}
	if diff := cmp.Diff([]string{"ledger.jsonl 4092", "ledger.checkpoint 38", "ledger.key 45"}, names); diff != "" {
		t.Error(diff)
	}
	house.ledger.fault = errors.New("gone")
	defer func() {
		if recover() == nil {
			t.Error("a ledger cut short was handed out as a whole one")
		}
	}()
	visit(h, http.MethodGet, "/ledger/export.zip", nil)
}

func TestReceiptDownload(t *testing.T) {
	h := newHouse().handler(t)
	if w := visit(h, http.MethodGet, "/requests/"+sentID+"/receipt", nil); w.Code != 200 || w.Body.String() != "{}" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	for _, id := range []string{coolingID, waitingID, "none"} {
		if w := visit(h, http.MethodGet, "/requests/"+id+"/receipt", nil); w.Code != 404 {
			t.Errorf("%s: %d, want 404", id, w.Code)
		}
	}
}

func TestLedgerDownloads(t *testing.T) {
	h := newHouse().handler(t)
	w := visit(h, http.MethodGet, "/ledger/proof/"+sentID, nil)
	if lines := strings.Count(w.Body.String(), "\n"); w.Code != 200 || lines < 5 || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("proof: %d, %d lines, %v", w.Code, lines, w.Header())
	}
	if w := visit(h, http.MethodGet, "/ledger/proof/none", nil); w.Code != 404 {
		t.Errorf("proof of nothing: %d", w.Code)
	}
	if w := visit(h, http.MethodGet, "/ledger/checkpoint", nil); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "gatehouse\n") {
		t.Errorf("checkpoint: %d %q", w.Code, w.Body)
	}
}
