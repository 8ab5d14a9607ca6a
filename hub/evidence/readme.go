package evidence

import (
	"bytes"
	"fmt"
	"strings"
	"text/template"

	"gatehouse/hub/bulletin"
)

// readme explains a package in plain words.
func readme(m Manifest) []byte {
	var b bytes.Buffer
	if err := readmeText.Execute(&b, struct {
		Manifest
		KeyID string
	}{m, bulletin.PublicKey{Ed25519: m.Hub}.ID()}); err != nil {
		panic(fmt.Sprintf("the template does not fit its data: %v", err)) // a test renders it
	}
	return b.Bytes()
}

// oneLine keeps names from outside from looking like lines of the text.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' }), " ")
}

var readmeText = template.Must(template.New("README").Funcs(template.FuncMap{"line": oneLine, "join": strings.Join}).Parse(
	`Package {{.Package}}
====================

Video that the owner of a home sealed for {{line .Request.Agency}} on {{.SealedAt.Format "2 January 2006, 15:04:05"}} UTC,
in answer to the request {{line .Request.ID}}. Giving it was voluntary.
{{- if .Request.Unverified}}
The owner entered the request by hand; the recorder has not verified who asked.
{{- end}}

What is in it
-------------
{{range .Clips}}  {{.File}}
      {{.From.Format "2006-01-02 15:04:05.000"}} to {{.To.Format "2006-01-02 15:04:05.000"}} UTC, {{.Bytes}} bytes, clock: {{.Clock}}
      SHA-256 {{.SHA256}}
{{end}}{{range .Gaps}}  Not recorded: {{.Alias}}, {{.From.Format "2006-01-02 15:04:05.000"}} to {{.To.Format "15:04:05.000"}} UTC ({{.Reason}})
{{end}}
  The videos are what the cameras sent, bit for bit; nothing was encoded again.
  They begin with the key frame at or before the chosen start. They play in any
  player. Cameras have names of this package only (cam-A and so on).

  clock: report   the camera's own clock, by its RTCP sender reports
         suspect  the camera's reports disagreed with the recorder's clock by more
                  than 2 s; times are those of arrival
         arrival  the camera told no time; times are those of arrival
         unset    the recorder's clock was not set; times are not to be relied on

  certificate.pdf      a declaration for a person to check, complete and sign;
                       nobody has signed it
  manifest.dsse.json   what the recorder says of all this, signed (in-toto, DSSE)
  custody/             from the videos to the recordings they were cut from, and
                       what the home's ledger says of the request
  request/             {{if .Request.Unverified}}what the owner says was asked; nobody has signed it{{else}}the request, exactly as it was asked, and who signed it{{end}}

What is not in it
-----------------
  The owner's approval: it names the digest of the sealed file and is therefore
  later than everything in here. It is in the ledger of the home.

How to check it with common tools
---------------------------------
{{if .Request.Unverified}}  Locked with a passphrase (.age), which you were told in another way:

      age -d {{.Package}}.age > {{.Package}}.tar
{{else}}  Sealed (.ghe), with your age identity in key.txt:

      age -d -i key.txt {{.Package}}.ghe > {{.Package}}.tar
{{end}}      tar -xf {{.Package}}.tar
      cd {{.Package}} && sha256sum -c SHA256SUMS

  Plain files: sha256sum -c SHA256SUMS in their folder.

  SHA256SUMS lists every file but itself. The signed manifest lists the same
  digests under "subject", so that a person who changes a file has to break the
  signature too.

How to check all of it
----------------------
      gatehouse verify {{if .Request.Unverified}}{{.Package}}.tar{{else}}--identity key.txt {{.Package}}.ghe{{end}}

  or, on the tar or the unpacked folder, gatehouse verify {{.Package}}. It needs
  no network. It checks every digest and signature, that the request was
  {{if .Request.Unverified}}the one that the owner entered, that the ledger's entries are in the ledger{{else if .BulletinKey}}published in the agency's log, that the ledger's entries are in the ledger{{else}}signed by the agency, that the ledger's entries are in the ledger{{end}},
  and that every picture in the videos is one that was recorded, in its place.

Keys named by this package
--------------------------
  Compare them with what you were told in another way: a forger would name keys
  of their own.

  recorder   {{printf "%x" .Hub}}
             key id {{.KeyID}}
  ledger     {{.Ledger}}
{{- if .BulletinKey}}
  bulletin   {{line .BulletinKey}}
{{- end}}

  Made by {{.Software}}, program SHA-256
  {{.Binary}}
`))
