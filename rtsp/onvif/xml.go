package onvif

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// Bounds of a document. A camera's longest honest answer, the profiles of a
// recorder with 64 channels, has about 20,000 elements at depth 9.
const (
	maxBody  = 1 << 20
	maxDepth = 64
	maxNodes = 50_000
)

var errDocument = errors.New("not an XML document that can be read")

// node is an element. Devices choose prefixes freely and get namespaces wrong
// now and then, so elements are looked for by local name alone; the namespace
// is kept for what must be sent back (WS-Addressing reference parameters).
type node struct {
	name     xml.Name
	attrs    []xml.Attr
	text     string // of the element itself, without the white space around it
	children []*node
}

// parseXML reads a document of at most maxBody bytes. A document type
// declaration is refused (SOAP 1.2 part 1, 5: there is none), entities beside
// XML's own five stay text, and bytes that are no character become U+FFFD.
func parseXML(b []byte) (*node, error) {
	if len(b) > maxBody {
		return nil, fmt.Errorf("%w: larger than %d bytes", errDocument, maxBody)
	}
	d := xml.NewDecoder(bytes.NewReader(toUTF8(b)))
	d.Strict = false // addresses with a bare & in them are common
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var root *node
	var open []*node
	var texts [][]byte // of the open elements
	for count := 0; ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) && root != nil && len(open) == 0 {
			return root, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s", errDocument, plain(err.Error(), 160)) // it quotes names of any length
		}
		switch t := tok.(type) {
		case xml.Directive:
			return nil, fmt.Errorf("%w: it has a document type", errDocument)
		case xml.StartElement:
			if count++; count > maxNodes || len(open) == maxDepth || root != nil && len(open) == 0 {
				return nil, fmt.Errorf("%w: too many elements", errDocument)
			}
			n := &node{name: t.Name, attrs: t.Copy().Attr}
			if root == nil {
				root = n
			} else {
				parent := open[len(open)-1]
				parent.children = append(parent.children, n)
			}
			open, texts = append(open, n), append(texts, nil)
		case xml.EndElement:
			last := len(open) - 1
			open[last].text = string(bytes.TrimSpace(texts[last]))
			open, texts = open[:last], texts[:last]
		case xml.CharData:
			if len(open) > 0 {
				last := len(texts) - 1
				texts[last] = append(texts[last], t...)
			}
		}
	}
}

// toUTF8 decodes what the document's declaration says, which cameras from
// before 2010 set to ISO 8859-1. Any other encoding is taken for UTF-8.
func toUTF8(b []byte) []byte {
	head := strings.ToLower(string(b[:min(len(b), 100)]))
	if decl, _, ok := strings.Cut(head, "?>"); ok && (strings.Contains(decl, "8859-1") || strings.Contains(decl, "1252")) {
		if out, err := charmap.Windows1252.NewDecoder().Bytes(b); err == nil {
			return out
		}
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}

// child returns the first child of the local name, or nil. A nil node has none.
func (n *node) child(name string) *node {
	if n != nil {
		for _, c := range n.children {
			if c.name.Local == name {
				return c
			}
		}
	}
	return nil
}

// at follows the first children of the names.
func (n *node) at(names ...string) *node {
	for _, name := range names {
		n = n.child(name)
	}
	return n
}

// all returns the children of the local name.
func (n *node) all(name string) (list []*node) {
	if n != nil {
		for _, c := range n.children {
			if c.name.Local == name {
				list = append(list, c)
			}
		}
	}
	return list
}

// value returns the text at the end of a path of names, or "".
func (n *node) value(names ...string) string {
	if n = n.at(names...); n != nil {
		return n.text
	}
	return ""
}

func (n *node) attr(name string) string {
	if n != nil {
		for _, a := range n.attrs {
			if a.Name.Local == name {
				return a.Value
			}
		}
	}
	return ""
}

// appendXML writes n with its namespaces and the text escaped. Attributes are
// written without a namespace, but for those given.
func (n *node) appendXML(b *bytes.Buffer, extra string) {
	fmt.Fprintf(b, "<%s xmlns=%s%s", n.name.Local, quote(n.name.Space), extra)
	for _, a := range n.attrs {
		if a.Name.Space == "" && a.Name.Local != "xmlns" {
			fmt.Fprintf(b, " %s=%s", a.Name.Local, quote(a.Value))
		}
	}
	b.WriteByte('>')
	b.WriteString(escape(n.text))
	for _, c := range n.children {
		c.appendXML(b, "")
	}
	fmt.Fprintf(b, "</%s>", n.name.Local)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

func quote(s string) string { return `"` + escape(s) + `"` }
