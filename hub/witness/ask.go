package witness

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxAsk is the most bytes of an ask: 63 hashes, and a checkpoint with many signatures.
const MaxAsk = 24 << 10

// maxProof is the most hashes of a consistency proof (C2SP tlog-witness).
const maxProof = 63

// ErrAsk is the error of bytes that are no ask.
var ErrAsk = errors.New("this is not what an agency asks a witness with")

// Ask is what a log asks a witness: the body of an add-checkpoint request.
type Ask struct {
	Old        int64          // size of the tree that the witness signed for last; 0 before the first
	Proof      tlog.TreeProof // that the tree of Old is the beginning of the checkpoint's
	Checkpoint []byte         // a signed note
}

// Format is the ask's bytes.
func (a Ask) Format() []byte {
	b := fmt.Appendf(nil, "old %d\n", a.Old)
	for _, h := range a.Proof {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return append(append(b, '\n'), a.Checkpoint...)
}

// ParseAsk reads an ask. Nothing of it is verified.
func ParseAsk(text []byte) (Ask, error) {
	if len(text) > MaxAsk {
		return Ask{}, ErrAsk
	}
	top, checkpoint, ok := bytes.Cut(text, []byte("\n\n"))
	if !ok {
		return Ask{}, ErrAsk
	}
	lines := strings.Split(string(top), "\n")
	digits, ok := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || old < 0 || strconv.FormatInt(old, 10) != digits || len(lines)-1 > maxProof {
		return Ask{}, ErrAsk
	}
	a := Ask{Old: old, Checkpoint: checkpoint}
	for _, l := range lines[1:] {
		h, err := tlog.ParseHash(l)
		if err != nil || h.String() != l {
			return Ask{}, ErrAsk
		}
		a.Proof = append(a.Proof, h)
	}
	return a, nil
}

// ErrCosignature is the error of an answer without the witness's signature.
var ErrCosignature = errors.New("the answer is not this witness's signature for this checkpoint")

// Read verifies a witness's answer to an ask about a checkpoint, and returns
// its signature.
func Read(answer []byte, checkpoint string, w *torchwood.CosignatureVerifier) (note.Signature, error) {
	if len(answer) > MaxAsk {
		return note.Signature{}, ErrCosignature
	}
	n, err := note.Open(append([]byte(checkpoint+"\n"), answer...), note.VerifierList(w))
	if err != nil || n.Text != checkpoint || len(n.Sigs) != 1 {
		return note.Signature{}, ErrCosignature
	}
	return n.Sigs[0], nil
}
