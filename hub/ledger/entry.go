package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/tlog"
)

// Limits of an entry. They bound what an auditor's reader must hold.
const (
	saltSize = 16
	maxText  = 8 << 10
	maxName  = 512 // request id or agency
	maxLeaf  = 128 << 10
)

// Append adds an entry within a caller's transaction, so that an entry and what
// it records are durable together or not at all. It returns it with Index and
// Salt, and as it was written: time in UTC and whole microseconds, control
// characters in Text as spaces, so that an entry is one line whatever an agency
// put in its name. An entry without a kind, a time or a text is refused.
func Append(tx Tx, e Entry) (Entry, error) {
	n, err := tx.Size()
	if err != nil {
		return Entry{}, fmt.Errorf("reading ledger size: %w", err)
	}
	e.Salt = make([]byte, saltSize)
	rand.Read(e.Salt) // never fails: crypto/rand ends the program instead
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	e.Text = strings.ToValidUTF8(oneLine(e.Text), "\uFFFD")
	leaf, err := encode(e)
	if err != nil {
		return Entry{}, fmt.Errorf("encoding ledger entry: %w", err)
	}
	if e, err = Decode(leaf); err != nil {
		return Entry{}, fmt.Errorf("encoding ledger entry: %w", err)
	}
	e.Index = n
	hashes, err := tlog.StoredHashes(n, leaf, tx)
	if err != nil {
		return Entry{}, fmt.Errorf("hashing ledger entry: %w", err)
	}
	if err := tx.Put(n, leaf, hashes); err != nil {
		return Entry{}, fmt.Errorf("storing ledger entry: %w", err)
	}
	return e, nil
}

func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s))
}

// Decode reads a leaf. It accepts the canonical form alone, so that one entry
// has one hash: members in the order of Entry, no white space, names in Data
// sorted, each once.
func Decode(leaf []byte) (Entry, error) {
	if len(leaf) > maxLeaf {
		return Entry{}, fmt.Errorf("entry of %d bytes; %d are allowed", len(leaf), maxLeaf)
	}
	d := json.NewDecoder(bytes.NewReader(leaf))
	d.DisallowUnknownFields()
	var e Entry
	if err := d.Decode(&e); err != nil {
		return Entry{}, fmt.Errorf("reading entry: %w", err)
	}
	if err := e.valid(); err != nil {
		return Entry{}, err
	}
	again, err := encode(e)
	if err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(again, leaf) {
		return Entry{}, errors.New("entry is not in canonical form")
	}
	return e, nil
}

func (e Entry) valid() error {
	switch {
	case len(e.Salt) != saltSize:
		return fmt.Errorf("salt of %d bytes; %d are wanted", len(e.Salt), saltSize)
	case e.Time.IsZero():
		return errors.New("entry has no time")
	case e.Time.Location() != time.UTC || e.Time != e.Time.Truncate(time.Microsecond):
		return errors.New("time of entry is not in UTC and whole microseconds")
	case !e.Kind.valid():
		return errors.New("entry has no kind, or one that is not lower-case words joined by dots")
	case e.Text == "" || len(e.Text) > maxText || e.Text != oneLine(e.Text):
		return errors.New("text of entry is empty, too long, or not one line")
	case len(e.Request) > maxName || len(e.Agency) > maxName:
		return errors.New("request or agency of entry is too long")
	}
	return nil
}

// valid accepts kinds of later versions too: an auditor's reader may be older.
func (k Kind) valid() bool {
	if k == "" || len(k) > 64 {
		return false
	}
	return strings.Trim(string(k), "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

// encode gives the canonical form.
func encode(e Entry) ([]byte, error) {
	if len(e.Data) > 0 {
		data, err := canonicalObject(e.Data)
		if err != nil {
			return nil, fmt.Errorf("reading data of entry: %w", err)
		}
		e.Data = data
	}
	var b bytes.Buffer
	j := json.NewEncoder(&b)
	j.SetEscapeHTML(false)
	if err := j.Encode(e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func canonicalObject(data []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a number is kept as it was written
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errors.New("not an object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	var b bytes.Buffer
	j := json.NewEncoder(&b)
	j.SetEscapeHTML(false)
	if err := j.Encode(m); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
