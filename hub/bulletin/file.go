package bulletin

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a .ghb file.
const (
	MaxFile     = 8 << 20  // bytes as it is
	MaxInflated = 64 << 20 // bytes inflated
	MaxLines    = 100_000

	maxLine = MaxEnvelope + 2*maxProof + 1<<10 // an escape takes two bytes at most in a proof
)

// ReadFile parses a .ghb file (gzip JSON Lines) of untrusted origin: at most 8 MiB
// compressed, 64 MiB and 100,000 lines inflated. A bad line is passed to bad and skipped; a bad file is the error.
//
// Lines come as they are inflated: those before the place where a file proves
// bad have been passed on. An error of each ends the reading and is returned as it is.
// Lines are counted from 1. bad may be nil.
func ReadFile(data []byte, each func(Line) error, bad func(line int, r *Refusal)) error {
	if len(data) > MaxFile {
		return refuse(BadFile, "The file is larger than 8 MiB.")
	}
	src := bytes.NewReader(data)
	z, err := gzip.NewReader(src)
	if err != nil {
		return refuse(BadFile, "The file is not gzip.")
	}
	z.Multistream(false)
	if err := readLines(z, each, bad); err != nil {
		return err
	}
	if src.Len() != 0 {
		return refuse(BadFile, "There is something after the end of the file.")
	}
	return nil
}

func readLines(z io.Reader, each func(Line) error, bad func(int, *Refusal)) error {
	limited := &io.LimitedReader{R: z, N: MaxInflated + 1}
	in := bufio.NewReaderSize(limited, maxLine)
	for n := 1; ; n++ {
		text, err := in.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		end := errors.Is(err, io.EOF)
		switch {
		case limited.N == 0:
			return refuse(BadFile, "The file inflates to more than 64 MiB.")
		case err != nil && !end:
			return refuse(BadFile, "The file is damaged.")
		case end && len(text) == 0 && !long:
			return nil
		case n > MaxLines:
			return refuse(BadFile, "The file has more than 100,000 lines.")
		}
		if err := oneLine(n, text, long, each, bad); err != nil {
			return err
		}
		if end {
			return nil
		}
	}
}

func oneLine(n int, text []byte, long bool, each func(Line) error, bad func(int, *Refusal)) error {
	l, r := Line{}, lineTooLong
	if !long {
		l, r = parseLine(bytes.TrimSuffix(text, []byte("\n")))
	}
	if r == nil {
		return each(l)
	}
	if bad != nil {
		bad(n, r)
	}
	return nil
}

// parseLine reads {"kind":…,"env":{…},"proof":…}, each member exactly once. The
// envelope's bytes are kept as they stand.
func parseLine(text []byte) (Line, *Refusal) {
	if !utf8.Valid(text) {
		return Line{}, lineNotUTF8
	}
	s := scanner{text: string(text)}
	var kind, env, proof string
	seen := [3]bool{}
	ok := s.take('{')
	for first := true; ok; first = false {
		var more bool
		if more, ok = s.next(first, '}'); !ok || !more {
			break
		}
		var name string
		if name, ok = s.name(); !ok {
			break
		}
		i := slices.Index(lineMembers[:], name)
		if i < 0 || seen[i] {
			ok = false
			break
		}
		seen[i] = true
		switch i {
		case 0:
			kind, ok = s.str()
		case 1:
			s.space()
			from := s.at
			ok = s.skip(maxDepth)
			env = s.text[from:s.at]
		case 2:
			proof, ok = s.str()
		}
	}
	if s.space(); !ok || s.at != len(s.text) || seen != [3]bool{true, true, true} {
		return Line{}, lineMalformed
	}
	l := Line{Kind: Kind(kind), Envelope: []byte(env), Proof: []byte(proof)}
	return l, l.check(true)
}

// Nobody changes these: a file may have 100,000 lines of nothing, and each
// would cost more than itself.
var (
	lineTooLong   = refuse(TooLarge, "The line is too long.")
	lineNotUTF8   = refuse(BadFile, "The line is not valid UTF-8.")
	lineMalformed = refuse(BadFile, "The line is not a JSON object of kind, env and proof.")
)

var lineMembers = [...]string{"kind", "env", "proof"}

// check wants a line of a known kind, with an envelope that is one line of
// JSON. Parsed is an envelope that is known to be a JSON value.
func (l Line) check(parsed bool) *Refusal {
	switch l.Kind {
	case KindProfile, KindRequest, KindUpdate, KindDisposition:
	default:
		return refuse(BadFile, "The line is of an unknown kind.")
	}
	switch {
	case len(l.Envelope) > MaxEnvelope:
		return refuse(TooLarge, "The envelope is larger than 64 KiB.")
	case len(l.Proof) == 0 || len(l.Proof) > maxProof || !utf8.Valid(l.Proof):
		return refuse(BadFile, "The line has no proof, or one that is too large.")
	case !parsed && !isObject(l.Envelope) || l.Envelope[0] != '{' || bytes.ContainsAny(l.Envelope, "\r\n"):
		return refuse(BadFile, "The line has no envelope.")
	}
	return nil
}

// isObject wants exactly one JSON object and nothing around it.
func isObject(env []byte) bool {
	s := scanner{text: string(env)}
	return utf8.Valid(env) && strings.HasPrefix(s.text, "{") && s.skip(maxDepth) && s.at == len(s.text)
}

// WriteFile builds a .ghb file; equal lines give equal bytes (of one Go
// release: its compressor is part of what decides them).
func WriteFile(lines []Line) ([]byte, error) {
	if len(lines) > MaxLines {
		return nil, fmt.Errorf("writing bulletin: %d lines, at most %d fit", len(lines), MaxLines)
	}
	var file bytes.Buffer
	z, err := gzip.NewWriterLevel(&file, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("writing bulletin: %w", err)
	}
	inflated := 0
	for i, l := range lines {
		if r := l.check(false); r != nil {
			return nil, fmt.Errorf("writing line %d: %w", i+1, r)
		}
		proof, err := compact(string(l.Proof))
		if err != nil {
			return nil, fmt.Errorf("writing line %d: %w", i+1, err)
		}
		n, err := fmt.Fprintf(z, "{\"kind\":%q,\"env\":%s,\"proof\":%s}\n", string(l.Kind), l.Envelope, proof)
		if err != nil {
			return nil, fmt.Errorf("writing line %d: %w", i+1, err)
		}
		inflated += n
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("writing bulletin: %w", err)
	}
	if file.Len() > MaxFile || inflated > MaxInflated {
		return nil, fmt.Errorf("writing bulletin: %d bytes, %d inflated, are more than a hub would read", file.Len(), inflated)
	}
	return file.Bytes(), nil
}
