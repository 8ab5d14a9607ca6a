package rtsp

import (
	"bytes"
	"strconv"
)

// headerEnd returns the length of an RTSP header with the empty line that ends
// it, or -1 if it is not in b. Lines may end with a line feed alone (RFC 2326 4).
func headerEnd(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
		switch rest := b[at:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return at + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return at + 2
		}
	}
}

// mend writes the header of an RTSP message in the one form that the library
// reads, and appends it to to: lines end with CRLF, names are followed by a
// colon and values by nothing, a status line is of RTSP/1.0 and has a reason. A
// line without a colon is left out, and so is a Content-Length that is no number
// or not the first.
func mend(to, header []byte) []byte {
	length := false
	for first := true; len(header) > 0; first = false {
		line, rest, _ := bytes.Cut(header, []byte("\n"))
		header = rest
		line = bytes.Trim(line, " \t\r")
		if first {
			to = append(mendStatus(to, line), "\r\n"...)
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if name = bytes.TrimSpace(name); !ok || len(name) == 0 {
			continue
		}
		if bytes.EqualFold(name, []byte("content-length")) {
			if _, ok := parseLength(value); !ok || length {
				continue // the library reads no body if there are two, and nothing if it is no number
			}
			length = true
		}
		to = append(append(to, name...), ": "...)
		to = append(append(to, bytes.TrimSpace(value)...), "\r\n"...)
	}
	return append(to, "\r\n"...)
}

// mendStatus appends a status line. A request line, and what has no status,
// stays as it is.
func mendStatus(to, line []byte) []byte {
	_, rest, _ := bytes.Cut(line, []byte(" "))
	code, reason, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	if !bytes.HasPrefix(line, []byte("RTSP/")) || len(code) == 0 {
		return append(to, line...)
	}
	to = append(append(to, "RTSP/1.0 "...), code...)
	if reason = bytes.TrimSpace(reason); len(reason) == 0 {
		reason = []byte("-")
	}
	return append(append(to, ' '), reason...)
}

// contentLength is the Content-Length in a header that mend wrote, 0 if there
// is none that can be read.
func contentLength(header []byte) int {
	for len(header) > 0 {
		line, rest, _ := bytes.Cut(header, []byte("\r\n"))
		header = rest
		name, value, _ := bytes.Cut(line, []byte(": "))
		if !bytes.EqualFold(name, []byte("content-length")) {
			continue
		}
		n, _ := parseLength(value)
		return n
	}
	return 0
}

func parseLength(value []byte) (int, bool) {
	n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
	return int(n), err == nil
}
