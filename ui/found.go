package ui

import (
	"html"
	"html/template"
	"slices"
	"strings"

	"gatehouse/hub/finding"
)

// foundKey is the locale key of a code. A code with a dot is a key already.
func foundKey(code string) string {
	if strings.Contains(code, ".") {
		return code
	}
	return "finding." + code
}

// found is the template function for what the hub found out: a sentence in the
// page's language, and after it the words of somebody else as they are. A code
// that has no words is said to have none, and its English is quoted.
func (l *locale) found(w finding.Words) template.HTML {
	code, args := w.Words()
	s, err := l.tb(foundKey(code), args...)
	quote := ""
	if f, ok := w.(finding.Finding); ok {
		quote = f.Quote
	}
	if err != nil {
		s, quote = template.HTML(html.EscapeString(l.say("finding.unknown"))), w.String() //nolint:gosec // escaped here
	}
	if quote != "" {
		s += template.HTML(" " + html.EscapeString(l.say("found.quote")) + ` <q lang="en" dir="ltr">` + html.EscapeString(quote) + `</q>`) //nolint:gosec // escaped here
	}
	return s
}

// known is a finding for a template; nil if nothing was found.
func known(f finding.Finding) finding.Words {
	if f.IsZero() {
		return nil
	}
	return f
}

// problemRow is a finding with the page on which it is mended.
type problemRow struct {
	What  finding.Words
	Link  string // empty if no page of the console mends it
	Label string // locale key of the link
}

// mends are the pages that mend findings, by their codes.
var mends = map[string]problemRow{
	"network-unwritten": {Link: "/settings", Label: "mend.network"},
	"restart":           {Link: "/settings/restart", Label: "restart.go"},
	"restart-unfit":     {Link: "/settings/access", Label: "mend.access"},
	"disk-failed":       {Link: "/settings/restart", Label: "restart.go"},
	"webrtc-off":        {Link: "/settings/live", Label: "mend.live"},
	"allowlist-file":    {Link: "/agencies", Label: "mend.agencies"},
	"homekit-off":       {Link: "/settings/doorbell", Label: "mend.homekit"},
	"storage":           {Link: "/settings/storage", Label: "mend.storage"},
	"disk-full-kept":    {Link: "/kept", Label: "mend.kept"},
	"storage-crowded":   {Link: "/kept", Label: "mend.kept"},
	"https-remade":      {Link: "/trust", Label: "mend.trust"},
	"https-before":      {Link: "/settings/https", Label: "mend.https"},
	"https-off":         {Link: "/settings/https", Label: "mend.https"},
	"https-off-restart": {Link: "/settings/https", Label: "mend.https"},
	"bulletin":          {Link: "/settings/feeds", Label: "mend.feeds"},
	"agency-keys":       {Link: "/agencies", Label: "mend.agencies"},
	"holds-full":        {Link: "/requests", Label: "mend.requests"},
}

// noMend are causes that their page cannot mend.
var noMend = map[string]bool{"motion-ffmpeg": true, "bulletin-future": true, "bulletin-stale": true, "bulletin-late": true}

// problemRow finds the page that mends a finding. A cause within it counts first.
func (c *console) problemRow(f finding.Finding) problemRow {
	row := mends[f.Code]
	if f.Code == "motion" {
		if cam, ok := c.camera(f.Arg("camera")); ok && !cam.Former {
			row.Link, row.Label = cameraPath(cam.Name), "mend.camera"
		}
	}
	for _, a := range f.Args {
		if cause, ok := a.(finding.Words); ok {
			code, _ := cause.Words()
			if better, ok := mends[code]; ok {
				row = better
			} else if noMend[code] {
				row = problemRow{}
			}
		}
	}
	if c.cfg.Settings == nil && strings.HasPrefix(row.Link, "/settings/") {
		row = problemRow{} // the page would not be there
	}
	row.What = f
	if name := f.Arg("camera"); name != "" { // people read what they call it
		called := f
		called.Args = slices.Clone(f.Args)
		for i := 0; i+1 < len(called.Args); i += 2 {
			if called.Args[i] == "camera" {
				called.Args[i+1] = c.called(name)
			}
		}
		row.What = called
	}
	return row
}
