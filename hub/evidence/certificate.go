package evidence

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/pdf"
)

// certificateName is a declaration for a person to read, complete and sign, in
// the style of the Federal Rules of Evidence, 902(13) and (14).
const certificateName = "certificate.pdf"

// sheet is a certificate in the making.
type sheet struct{ *pdf.Sheet }

// certificate makes the declaration of a package. Equal manifests give equal
// bytes. Nobody has signed it: the lines for that are empty.
func certificate(m Manifest) ([]byte, error) {
	s := sheet{pdf.New("Certificate of records made by an electronic process, and of copies of electronic data", m.Package, m.Software, m.SealedAt)}
	s.head(m)
	s.declaration(m)
	s.videos(m)
	s.gaps(m)
	s.limits(m)
	s.signature()
	b, err := s.Bytes()
	if err != nil {
		return nil, fmt.Errorf("making the certificate: %w", err)
	}
	return b, nil
}

func (s sheet) head(m Manifest) {
	s.Text("Prepared by a machine for a person to check, complete and sign, in the style of the Federal Rules of Evidence, " +
		"902(13) and 902(14). NOT SIGNED: until a person signs it, it certifies nothing. It is no legal advice.")
	s.Fact("Package", m.Package)
	s.Fact("Sealed", utcText(m.SealedAt))
	s.Fact("For", m.Request.Agency)
	s.Fact("Request", m.Request.ID)
	if m.Request.Unverified {
		s.Fact("", "entered by the owner; who asked was not verified")
	}
	s.Fact("Its SHA-256", m.Request.SHA256)
}

// declaration is what the person who signs is to state.
func (s sheet) declaration(m Manifest) {
	s.Title("Declaration")
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
		s.Text(fmt.Sprintf("%d.  %s", i+1, p))
	}
}

func (s sheet) videos(m Manifest) {
	s.Title("The files")
	for _, c := range m.Clips {
		s.Head(c.File)
		s.Fact("Camera", c.Alias+" (a name of this package only)")
		s.Fact("Shows", utcText(c.From)+" to "+utcText(c.To)+"; clock: "+c.Clock)
		s.Fact("Size", fmt.Sprintf("%d bytes", c.Bytes))
		s.Fact("SHA-256", c.SHA256)
		if v := c.Video; v != nil {
			s.Fact("Video", fmt.Sprintf("%s, %d x %d, %.3f pictures a second, %d pictures; SHA-256 of the track", v.Codec, v.Width, v.Height, v.FrameRate, v.Samples))
			s.Fact("", v.SHA256)
		}
		if a := c.Audio; a != nil {
			s.Fact("Sound", fmt.Sprintf("%s, %d samples; SHA-256 of the track", a.Codec, a.Samples))
			s.Fact("", a.SHA256)
		}
		s.Fact("Derivation", strings.Join(c.Derivation, ", "))
		s.Space()
	}
}

func (s sheet) gaps(m Manifest) {
	if len(m.Gaps) == 0 {
		return
	}
	s.Title("Chosen and not recorded")
	for _, g := range m.Gaps {
		s.Text(fmt.Sprintf("%s: %s to %s (%s)", g.Alias, utcText(g.From), utcText(g.To), g.Reason))
	}
}

// limits say what a reader must not take the certificate for.
func (s sheet) limits(m Manifest) {
	s.Title("What this does not state")
	for _, p := range []string{
		"What or whom the pictures show, or where the cameras stand.",
		"That the cameras sent what they saw: the recorder keeps what came over the network, and cannot look into a camera.",
		"That the times are exact: how good they are is said above, and in the manifest for each file.",
		"That a copy is complete: what the owner did not choose is not in it, and what was chosen and not recorded is listed as that.",
		"That the keys are the recorder's: compare them with what you were told in another way.",
	} {
		s.Text("-  " + p)
	}
	if lacks(m) {
		s.Text("Letters that the typeface of this page lacks stand as [U+...], their number in Unicode. README.txt has them as they are.")
	}
}

func (s sheet) signature() {
	s.Title("Signature")
	s.Text("I declare under penalty of perjury under the laws of ______________________________ that the foregoing is true and correct.")
	s.Space()
	for _, what := range []string{"Executed on", "At", "Name", "Signature"} {
		s.Blank(what)
	}
}

func utcText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 UTC") }

// lacks says whether the names on the certificate have letters that the typeface lacks.
func lacks(m Manifest) bool {
	for _, t := range []string{m.Request.Agency, m.Request.ID, m.Software} {
		if pdf.Printable(t) != oneLine(t) {
			return true
		}
	}
	return false
}
