package webrtc

import (
	"fmt"
	"strings"
)

// fragment is the part of an SDP fragment (RFC 8840) that matters here.
type fragment struct{ ufrag, pwd string }

// readFragment reads the body of a PATCH. Candidates in it are not looked at.
func readFragment(b []byte) (f fragment, err error) {
	known := false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "a=ice-ufrag":
			err = set(&f.ufrag, value, 4)
		case "a=ice-pwd":
			err = set(&f.pwd, value, 22)
		}
		if err != nil {
			return fragment{}, err
		}
		if line != "" && (len(line) < 2 || line[1] != '=') {
			return fragment{}, fmt.Errorf("%w: a line that is none of SDP", errOffer)
		}
		known = known || strings.HasPrefix(line, "a=")
	}
	if !known || (f.ufrag == "") != (f.pwd == "") {
		return fragment{}, fmt.Errorf("%w: a fragment without its parts", errOffer)
	}
	return f, nil
}

// set takes an ICE credential of RFC 8839 5.4, which may be told for each
// section as long as it is the same.
func set(into *string, value string, least int) error {
	if len(value) < least || len(value) > 256 || strings.Trim(value, iceChars) != "" || *into != "" && *into != value {
		return fmt.Errorf("%w: ICE credentials", errOffer)
	}
	*into = value
	return nil
}

const iceChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// restarts reports whether the credentials are others than the offer's.
func (f fragment) restarts(offer string) bool {
	return f.ufrag != "" && !strings.Contains(offer, "a=ice-ufrag:"+f.ufrag+"\r\n")
}

// into is the offer with the fragment's credentials.
func (f fragment) into(offer string) string {
	var b strings.Builder
	for line := range strings.Lines(offer) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + f.ufrag + "\r\n"
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + f.pwd + "\r\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// fragmentOf is the part of an answer that an ICE restart changes: that of the
// section that tags the bundle.
func fragmentOf(answer string) string {
	var b strings.Builder
	sections := 0
	for line := range strings.Lines(answer) {
		if strings.HasPrefix(line, "m=") {
			if sections++; sections > 1 {
				break
			}
			b.WriteString(line)
			continue
		}
		for _, keep := range []string{"a=ice-", "a=group:", "a=mid:", "a=candidate:", "a=end-of-candidates"} {
			if strings.HasPrefix(line, keep) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}
