// Package pdf makes the few plain documents that the hub prints: text, facts and
// tables, in fonts that are part of the file. Equal content gives equal bytes.
package pdf

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

// Sizes in points. Sheets are US letter.
const (
	width  = 612
	margin = 62
	size   = 9.5
	lead   = 13
	label  = 72 // width of a fact's name
)

// Sheet is a document in the making. All texts pass Printable.
type Sheet struct{ f *fpdf.Fpdf }

// New begins a document. The foot stands on each page before the page's number;
// at is when it says it was made.
func New(title, foot, creator string, at time.Time) *Sheet {
	s := &Sheet{fpdf.New("P", "pt", "Letter", "")}
	s.f.SetMargins(margin, margin, margin)
	s.f.SetAutoPageBreak(true, margin)
	s.f.SetCreationDate(at)
	s.f.SetModificationDate(at)
	s.f.SetCatalogSort(true) // or its order is a map's
	s.f.SetTitle(Printable(title), true)
	s.f.SetCreator(Printable(creator), true)
	for style, font := range map[string][]byte{"": goregular.TTF, "B": gobold.TTF} {
		s.f.AddUTF8FontFromBytes("go", style, bytes.Clone(font)) // it works on the bytes
	}
	s.f.SetFooterFunc(func() {
		s.f.SetY(-margin + 18)
		s.f.SetFont("go", "", 8)
		s.f.CellFormat(0, 10, fmt.Sprintf("%s, page %d", Printable(foot), s.f.PageNo()), "", 0, "C", false, 0, "")
	})
	s.f.AddPage()
	s.paragraph("B", 15, 20, title)
	s.f.Ln(4)
	return s
}

// Bytes ends the document.
func (s *Sheet) Bytes() ([]byte, error) {
	var b bytes.Buffer
	if err := s.f.Output(&b); err != nil {
		return nil, fmt.Errorf("writing PDF: %w", err)
	}
	return b.Bytes(), nil
}

func (s *Sheet) paragraph(style string, size, lead float64, text string) {
	s.f.SetFont("go", style, size)
	s.f.MultiCell(0, lead, Printable(text), "", "L", false)
}

// Title begins a section.
func (s *Sheet) Title(text string) {
	s.f.Ln(7)
	s.paragraph("B", 11.5, 17, text)
}

// Head is a bold line.
func (s *Sheet) Head(text string) { s.paragraph("B", size, lead, text) }

// Text is a paragraph.
func (s *Sheet) Text(text string) {
	s.paragraph("", size, lead, text)
	s.f.Ln(3)
}

// Fact is a name and a value beside it.
func (s *Sheet) Fact(name, value string) {
	s.f.SetFont("go", "", size)
	s.f.CellFormat(label, lead, Printable(name), "", 0, "L", false, 0, "")
	s.f.MultiCell(width-2*margin-label, lead, Printable(value), "", "L", false)
}

// Space is a little room.
func (s *Sheet) Space() { s.f.Ln(4) }

// Blank is a line for a person to write on.
func (s *Sheet) Blank(name string) {
	s.f.SetFont("go", "", size)
	s.f.CellFormat(90, 24, Printable(name), "", 0, "L", false, 0, "")
	s.f.CellFormat(280, 24, "", "B", 1, "L", false, 0, "")
}

// Row is a row of a table: its first cell is wide and cut where it is too long for it, the others
// are narrow and to the right.
func (s *Sheet) Row(bold bool, cells ...string) {
	style := map[bool]string{true: "B"}[bold]
	s.f.SetFont("go", style, size)
	const narrow = 46
	for i, c := range cells {
		w, align := float64(narrow), "R"
		if i == 0 {
			w, align = width-2*margin-narrow*float64(len(cells)-1), "L"
		}
		s.f.CellFormat(w, lead+2, s.fit(Printable(c), w-6), "B", 0, align, false, 0, "")
	}
	s.f.Ln(lead + 2)
}

// fit cuts a text to a width.
func (s *Sheet) fit(text string, w float64) string {
	r := []rune(text)
	for len(r) > 0 && s.f.GetStringWidth(string(r)) > w {
		r = append(r[:max(len(r)-2, 0)], '…')
		if len(r) == 1 {
			break
		}
	}
	return string(r)
}

// typeface is read to know which letters it has.
var typeface = sync.OnceValue(func() *sfnt.Font {
	f, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		panic(fmt.Sprintf("the typeface cannot be read: %v", err)) // a test reads it
	}
	return f
})

// Printable is a text, on one line, in letters that the typeface has: Latin,
// Greek, Cyrillic. Others stand as [U+…], their number: nothing is left out
// without a trace.
func Printable(text string) string {
	var b strings.Builder
	var buf sfnt.Buffer
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			r = ' '
		}
		if i, err := typeface().GlyphIndex(&buf, r); err == nil && i != 0 && r < 0x10000 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return strings.TrimSpace(b.String())
}
