package request

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"gatehouse/hub/bulletin"
)

const (
	maxPasted = 16 << 10 // bytes of a mail's text, or of a QR code
	maxText   = 4000     // characters of what is asked
	maxLines  = 400
	maxLink   = 500
)

// Pasted is what a person's text, or a QR code, seems to say. All of it is a
// guess for the owner to look over; no address in it is ever asked for.
type Pasted struct {
	Text      string // in lines, without what cannot be seen
	Link      string // the only address of the web in it; "" if there is none, or more than one host
	Host      string // of the link
	Hosts     int    // different hosts that it names
	Reference string
}

var (
	// errHidden is what a text has that could make it look other than it is.
	errHidden = errors.New("has characters that cannot be seen, or that turn the direction of writing; type it instead")

	address   = regexp.MustCompile(`(?i)https?://[^\s<>"]+`) // QR codes often have it in capitals, which take less room
	reference = regexp.MustCompile(`(?i)\b(?:case|incident|report|reference|ref|file|expediente|caso|referencia)\b\.?[ \t]*` +
		`(?:(?:id|no|nr|number|num|número|nº|n°)\b\.?)?[ \t]*[:#]?[ \t]*([A-Z0-9][A-Z0-9./_-]{2,39})`)
	// unseen are characters that mail programs strew about and nobody sees.
	unseen = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u00ad", "", "\u200b", "", "\u2060", "", "\ufeff", "",
		"\t", " ", "\u00a0", " ", "\u202f", " ", "\u2007", " ", "\u2009", " ", "\u3000", " ", "\u2028", "\n", "\u2029", "\n")
)

// ReadPasted reads pasted text or the payload of a QR code. It fetches nothing.
// A text over 16 KiB or with hidden characters is a *FieldError.
func ReadPasted(text string) (Pasted, error) {
	if len(text) > maxPasted {
		return Pasted{}, &FieldError{"paste", fmt.Sprintf("is larger than %d KiB", maxPasted>>10)}
	}
	clean, err := cleanText(text)
	if err != nil {
		return Pasted{}, &FieldError{"paste", err.Error()}
	}
	p := Pasted{Text: clean}
	hosts := map[string]string{}
	for _, link := range address.FindAllString(clean, 64) {
		link = strings.TrimRight(link, ".,;:!?)]}'*_")
		host := linkHost(link)
		if _, again := hosts[host]; host != "" && !again {
			hosts[host] = link
		}
	}
	if p.Hosts = len(hosts); p.Hosts == 1 {
		for p.Host, p.Link = range hosts { //nolint:revive // the only one
		}
	}
	without := address.ReplaceAllString(clean, " ")
	for _, m := range reference.FindAllStringSubmatch(without, 16) {
		if strings.ContainsAny(m[1], "0123456789") {
			p.Reference = strings.TrimRight(m[1], "./_-")
			break
		}
	}
	if utf8.RuneCountInString(p.Text) > maxText {
		return Pasted{}, &FieldError{"paste", fmt.Sprintf("is longer than %d characters", maxText)}
	}
	return p, nil
}

// cleanText is a text of lines without what cannot be seen. White space at the
// ends of lines, and more than one empty line, are left out.
func cleanText(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", errors.New("is not text")
	}
	text = norm.NFC.String(unseen.Replace(text))
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if bulletin.PlainText(line) != "" {
			return "", errHidden
		}
		if line == "" && (len(out) == 0 || out[len(out)-1] == "") {
			continue
		}
		if out = append(out, line); len(out) > maxLines {
			return "", fmt.Errorf("has more than %d lines", maxLines)
		}
	}
	return strings.TrimSpace(strings.Join(out, "\n")), nil
}
