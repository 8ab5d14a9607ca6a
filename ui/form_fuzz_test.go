package ui

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/config"
)

// FuzzTypedZones: zones that are written down again are read as the same.
func FuzzTypedZones(f *testing.F) {
	for _, s := range []string{"", "0 0.4, 1 0.4, 1 1", "- 0 0, 1 0, 1 1\n\n0 0,", "NaN 1, Inf -0", "a b c, 1e999 0x1p-2", "--1 2", ", ,\n-", "\u2003 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		zones := zonesOf(text)
		var lines []string
		for _, z := range zones {
			var corners []string
			sign := ""
			for _, x := range z.(config.Map) {
				if x.Key == "ignore" {
					sign = "- "
					continue
				}
				for _, corner := range x.Value.([]any) {
					corners = append(corners, strings.TrimSpace(fmt.Sprintln(corner.([]any)...)))
				}
			}
			line := strings.Join(corners, ", ")
			if sign == "" && strings.HasPrefix(line, "-") {
				return // the first corner of a zone that counts would be taken for the sign
			}
			lines = append(lines, sign+line)
		}
		for _, l := range lines {
			if strings.TrimSpace(strings.TrimPrefix(l, "-")) == "" {
				return // of empty corners alone nothing is left to write
			}
		}
		if diff := cmp.Diff(zones, zonesOf(strings.Join(lines, "\n"))); diff != "" {
			t.Errorf("%q written as %q:\n%s", text, lines, diff)
		}
	})
}

// FuzzTypedAddress: whatever is typed for a camera's address, its password is not
// shown, and goes to no other host.
func FuzzTypedAddress(f *testing.F) {
	for _, s := range []string{"cam.local/main", "cam.local:555/?password=x", "other.local/", "@other.local/", "cam.local@other.local/", "[::1]/", "%zz", "cam.local#@other/"} {
		f.Add(s)
	}
	const secret = "s3cr3t-s3cr3t"
	const before = "rtsp://owner:" + secret + "@cam.local/main"
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, secret) {
			return
		}
		if shown := withoutLogin("rtsp://owner:" + secret + "@" + text); strings.Contains(shown, secret) && !strings.Contains(text, "@") {
			t.Errorf("%q is shown as %q", text, shown)
		}
		if kept := keepLogin(before, "rtsp://"+text); strings.Contains(kept, secret) && !strings.Contains(kept, "@cam.local") {
			t.Errorf("%q becomes %q", text, kept)
		}
	})
}
