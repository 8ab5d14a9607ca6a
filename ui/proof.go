package ui

import (
	"archive/zip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
)

// entryView is one entry with its proof, which was checked to draw the page.
type entryView struct {
	Row   ledgerRow
	Size  int64
	Hash  string // of the leaf, RFC 6962
	Words string
	Leaf  string // the entry as it is hashed
	Key   string
	Head  string // the signed checkpoint
}

// entry is the page of one entry of the ledger.
func (c *console) entry(w http.ResponseWriter, r *http.Request) {
	p, err := c.proven(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	size, err := c.cfg.Ledger.Size()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	sum := tlog.RecordHash(p.Leaf)
	v := entryView{
		Row: c.ledgerRow(p.Entry), Size: size, Hash: group(hex.EncodeToString(sum[:])), Words: hashWords(hex.EncodeToString(sum[:])),
		Leaf: string(p.Leaf), Key: c.cfg.LedgerKey,
	}
	if _, head, ok := strings.Cut(string(p.Proof), "\n\n"); ok {
		v.Head = head
	}
	c.render(w, r, http.StatusOK, "entry", view{Title: "ledger.title", Place: "ledger", Body: v})
}

func (c *console) proven(r *http.Request) (ledger.Proven, error) {
	n, err := strconv.ParseInt(r.PathValue("index"), 10, 64)
	if err != nil {
		return ledger.Proven{}, ledger.ErrNoEntry
	}
	return c.cfg.Ledger.ProveEntry(r.Context(), n)
}

// proofLine is one line of a proof download: what a stranger needs to check an
// entry with the hub's verifier key.
type proofLine struct {
	Index int64  `json:"index"`
	Leaf  []byte `json:"leaf"`  // the entry's exact bytes
	Proof []byte `json:"proof"` // C2SP tlog-proof
}

// proof downloads a request's entries with their proofs as JSON Lines.
func (c *console) proof(w http.ResponseWriter, r *http.Request) {
	proven, err := c.cfg.Ledger.Prove(r.Context(), r.PathValue("request"))
	if err == nil && len(proven) == 0 {
		err = fmt.Errorf("proving entries: %w", request.ErrNotFound)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	writeProofs(w, proven)
}

// entryProof downloads the proof of one entry.
func (c *console) entryProof(w http.ResponseWriter, r *http.Request) {
	p, err := c.proven(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	writeProofs(w, []ledger.Proven{p})
}

func writeProofs(w http.ResponseWriter, list []ledger.Proven) {
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Set("Content-Disposition", `attachment; filename="ledger-proof.jsonl"`)
	enc := json.NewEncoder(w)
	for _, p := range list {
		if enc.Encode(proofLine{p.Entry.Index, p.Leaf, p.Proof}) != nil {
			return // the browser left
		}
	}
}

// ledgerExport downloads the whole ledger with its checkpoint and key: the files
// of `gatehouse ledger export`, for `gatehouse ledger check`. An archive that a
// fault cut short has no directory, so that nobody takes it for whole.
func (c *console) ledgerExport(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="ledger.zip"`)
	z := zip.NewWriter(w)
	add := func(name string) (io.Writer, error) {
		return z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: c.cfg.Now()})
	}
	lines, err := add("ledger.jsonl")
	var checkpoint []byte
	if err == nil {
		checkpoint, err = c.cfg.Ledger.Export(r.Context(), lines)
	}
	for _, f := range []struct{ name, text string }{{"ledger.checkpoint", string(checkpoint)}, {"ledger.key", c.cfg.LedgerKey + "\n"}} {
		var file io.Writer
		if err == nil {
			if file, err = add(f.name); err == nil {
				_, err = io.WriteString(file, f.text)
			}
		}
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		c.explainFor(r, err)
		panic(http.ErrAbortHandler) // the status is out already; the browser must not take this for a whole file
	}
}

// receipt downloads what the receiver of a delivery signed.
func (c *console) receipt(w http.ResponseWriter, r *http.Request) {
	job, ok, err := c.job(r.Context(), r.PathValue("id"))
	if err == nil && (!ok || len(job.Receipt) == 0) {
		err = errNoPage
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="receipt.json"`)
	_, _ = w.Write(job.Receipt)
}

// checkpoint downloads the signed head of the ledger.
func (c *console) checkpoint(w http.ResponseWriter, r *http.Request) {
	b, err := c.cfg.Ledger.Checkpoint(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="ledger-checkpoint.txt"`)
	_, _ = w.Write(b)
}
