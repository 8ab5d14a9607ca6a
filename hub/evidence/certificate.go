package evidence

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"

	"gatehouse/hub/bulletin"
)

// certificateName is a declaration for a person to read, complete and sign, in
// the style of the Federal Rules of Evidence, 902(13) and (14).
const certificateName = "certificate.pdf"

// Sizes of the certificate, in points: US letter.
const (
	sheetWidth  = 612
	sheetMargin = 62
	bodySize    = 9.5
	bodyLead    = 13
)

// sheet is a certificate in the making.
type sheet struct{ *fpdf.Fpdf }

// certificate makes the declaration of a package. Equal manifests give equal
// bytes. Nobody has signed it: the lines for that are empty.
func certificate(m Manifest) ([]byte, error) {
	s := sheet{fpdf.New("P", "pt", "Letter", "")}
	s.SetMargins(sheetMargin, sheetMargin, sheetMargin)
	s.SetAutoPageBreak(true, sheetMargin)
	s.SetCreationDate(m.SealedAt)
	s.SetModificationDate(m.SealedAt)
	s.SetCatalogSort(true)
	s.SetTitle("Certificate of records, package "+m.Package, true)
	s.SetCreator(printable(m.Software), true)
	for style, font := range map[string][]byte{"": goregular.TTF, "B": gobold.TTF} {
		s.AddUTF8FontFromBytes("go", style, bytes.Clone(font)) // it works on the bytes
	}
	s.SetFooterFunc(func() {
		s.SetY(-sheetMargin + 18)
		s.SetFont("go", "", 8)
		s.CellFormat(0, 10, fmt.Sprintf("%s, page %d", m.Package, s.PageNo()), "", 0, "C", false, 0, "")
	})
	s.AddPage()
	s.head(m)
	s.declaration(m)
	s.videos(m)
	s.gaps(m)
	s.limits(m)
	s.signature()
	var b bytes.Buffer
	if err := s.Output(&b); err != nil {
		return nil, fmt.Errorf("writing the certificate: %w", err)
	}
	return b.Bytes(), nil
}

func (s sheet) head(m Manifest) {
	s.SetFont("go", "B", 15)
	s.MultiCell(0, 20, "Certificate of records made by an electronic process, and of copies of electronic data", "", "L", false)
	s.Ln(4)
	s.text("Prepared by a machine for a person to check, complete and sign, in the style of the Federal Rules of Evidence, " +
		"902(13) and 902(14). NOT SIGNED: until a person signs it, it certifies nothing. It is no legal advice.")
	s.fact("Package", m.Package)
	s.fact("Sealed", utcText(m.SealedAt))
	s.fact("For", m.Request.Agency)
	s.fact("Request", m.Request.ID)
	s.fact("Its SHA-256", m.Request.SHA256)
}

// declaration is what the person who signs is to state.
func (s sheet) declaration(m Manifest) {
	s.title("Declaration")
	for i, p := range []string{
		"I am ______________________________ (name), ______________________________ (owner, custodian or other). " +
			"I run the recorder described below and am able to state this from my own knowledge of how it is used.",
		"The recorder is a computer with the program " + m.Software + " (SHA-256 " + m.Binary + "). It receives coded video from " +
			"cameras over a network and writes the coded pictures to disk as they arrive, without encoding them again. It does so by " +
			"itself, in the ordinary course of its operation, and nobody has to act for a recording to be made.",
		"While it records, it computes the SHA-256 digest of each piece, ties the pieces of a recording together in a hash tree, ties " +
			"each recording to the one before it, and notes the results about once an hour in a log to which entries can only be added.",
		"The files listed below are copies from these recordings, made by the same program when the package was sealed. The coded " +
			"pictures are those that were recorded, bit for bit; the program wrote a new index around them so that they play. Each copy " +
			"begins with the key frame at or before the chosen start. Where the list says without-audio, sound was left out if there was any.",
		"Each copy is identified by its SHA-256 digest, and each track in it by a digest of its own. The digests stand in a manifest " +
			"that is signed (Ed25519) with the recorder's key, whose id is " + bulletin.PublicKey{Ed25519: m.Hub}.ID() + ". The program " +
			"\"gatehouse verify\", or the common tools named in README.txt, recompute the digests from the files and compare them.",
		clockWords(m),
	} {
		s.text(fmt.Sprintf("%d.  %s", i+1, p))
	}
}

func (s sheet) videos(m Manifest) {
	s.title("The files")
	for _, c := range m.Clips {
		s.SetFont("go", "B", bodySize)
		s.MultiCell(0, bodyLead, printable(c.File), "", "L", false)
		s.fact("Camera", c.Alias+" (a name of this package only)")
		s.fact("Shows", utcText(c.From)+" to "+utcText(c.To)+"; clock: "+c.Clock)
		s.fact("Size", fmt.Sprintf("%d bytes", c.Bytes))
		s.fact("SHA-256", c.SHA256)
		if v := c.Video; v != nil {
			s.fact("Video", fmt.Sprintf("%s, %d x %d, %.3f pictures a second, %d pictures; SHA-256 of the track", v.Codec, v.Width, v.Height, v.FrameRate, v.Samples))
			s.fact("", v.SHA256)
		}
		if a := c.Audio; a != nil {
			s.fact("Sound", fmt.Sprintf("%s, %d samples; SHA-256 of the track", a.Codec, a.Samples))
			s.fact("", a.SHA256)
		}
		s.fact("Derivation", strings.Join(c.Derivation, ", "))
		s.Ln(4)
	}
}

func (s sheet) gaps(m Manifest) {
	if len(m.Gaps) == 0 {
		return
	}
	s.title("Chosen and not recorded")
	for _, g := range m.Gaps {
		s.text(fmt.Sprintf("%s: %s to %s (%s)", g.Alias, utcText(g.From), utcText(g.To), g.Reason))
	}
}

// limits say what a reader must not take the certificate for.
func (s sheet) limits(m Manifest) {
	s.title("What this does not state")
	for _, p := range []string{
		"What or whom the pictures show, or where the cameras stand.",
		"That the cameras sent what they saw: the recorder keeps what came over the network, and cannot look into a camera.",
		"That the times are exact: how good they are is said above, and in the manifest for each file.",
		"That a copy is complete: what the owner did not choose is not in it, and what was chosen and not recorded is listed as that.",
		"That the keys are the recorder's: compare them with what you were told in another way.",
	} {
		s.text("-  " + p)
	}
	if lacks(m) {
		s.text("Letters that the typeface of this page lacks stand as [U+...], their number in Unicode. README.txt has them as they are.")
	}
}

func (s sheet) signature() {
	s.title("Signature")
	s.text("I declare under penalty of perjury under the laws of ______________________________ that the foregoing is true and correct.")
	s.Ln(8)
	for _, what := range []string{"Executed on", "At", "Name", "Signature"} {
		s.SetFont("go", "", bodySize)
		s.CellFormat(90, 24, what, "", 0, "L", false, 0, "")
		s.CellFormat(280, 24, "", "B", 1, "L", false, 0, "")
	}
}

func (s sheet) title(t string) {
	s.Ln(7)
	s.SetFont("go", "B", 11.5)
	s.MultiCell(0, 17, t, "", "L", false)
}

func (s sheet) text(t string) {
	s.SetFont("go", "", bodySize)
	s.MultiCell(0, bodyLead, printable(t), "", "L", false)
	s.Ln(3)
}

func (s sheet) fact(name, value string) {
	s.SetFont("go", "", bodySize)
	s.CellFormat(72, bodyLead, name, "", 0, "L", false, 0, "")
	s.MultiCell(sheetWidth-2*sheetMargin-72, bodyLead, printable(value), "", "L", false)
}

func utcText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 UTC") }

// typeface is read to know which letters it has.
var typeface = sync.OnceValue(func() *sfnt.Font {
	f, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		panic(fmt.Sprintf("the typeface cannot be read: %v", err)) // a test reads it
	}
	return f
})

// printable is a text, on one line, in letters that the typeface has (Latin, Greek, Cyrillic);
// others are written as their numbers: nothing is left out without a trace.
func printable(text string) string {
	var b strings.Builder
	var buf sfnt.Buffer
	for _, r := range oneLine(text) {
		if i, err := typeface().GlyphIndex(&buf, r); err == nil && i != 0 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return b.String()
}

// lacks says whether the names on the certificate have letters that the typeface lacks.
func lacks(m Manifest) bool {
	for _, t := range []string{m.Request.Agency, m.Request.ID, m.Software} {
		if printable(t) != oneLine(t) {
			return true
		}
	}
	return false
}
