package request

import (
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"gatehouse/hub/bulletin"
)

func FuzzParseAllowed(f *testing.F) {
	good, err := yaml.Marshal(Allowed{
		Agency: "police.springfield.example", Name: "Springfield: \"Police\" #1",
		Root:     "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		CallBack: "+1 916 555 0100", Added: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(append(good, "private_uploads: yes\n"...))
	f.Add([]byte("agency: &a [*a, *a]\n"))
	f.Add([]byte("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"))
	f.Add([]byte("? - : !!binary\n"))
	f.Add([]byte("agency: a.b\nadded: 2026-11-21\n---\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parseAllowed(data)
		if err != nil {
			return
		}
		// What is let through names a file safely, and survives being written.
		if !bulletin.IsDNSName(a.Agency) || len(a.Root) != 64 || a.Name == "" || a.CallBack == "" || a.Added.IsZero() {
			t.Fatalf("let through %+v", a)
		}
		again, err := yaml.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := parseAllowed(again); err != nil || b != a {
			t.Fatalf("%+v became %+v, %v by way of\n%s", a, b, err, again)
		}
	})
}

func FuzzReadPasted(f *testing.F) {
	for _, s := range []string{
		"https://lakeside.evidence.example/c/9f2", "Case no. 2026-1 <https://nice.example/u?x=1&y=2>.\r\n\r\nThank you", "https://a.example@b.example/",
		"\u202eabc", "a\u200bb", "incident: #77/1-x", "e\u0301", "https://[::1]:8443/x", "https://xn--vidence-x2a.example", "\xff", "https:///x", "https://a.example:99999999/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ReadPasted(s)
		if err != nil {
			return
		}
		for line := range strings.SplitSeq(p.Text, "\n") {
			if bad := bulletin.PlainText(line); bad != "" {
				t.Fatalf("%q %s", line, bad)
			}
		}
		if len([]rune(p.Text)) > maxText || (p.Link == "") != (p.Host == "") || p.Link != "" && (linkHost(p.Link) != p.Host || !strings.Contains(p.Text, p.Link)) {
			t.Fatalf("%+v", p)
		}
		again, err := ReadPasted(p.Text) // what is shown is read as the same
		if err != nil || again.Text != p.Text || again.Link != p.Link || again.Reference != p.Reference {
			t.Fatalf("%+v became %+v, %v", p, again, err)
		}
	})
}
