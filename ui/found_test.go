package ui

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/hub/finding"
	"gatehouse/hub/recording"
	"gatehouse/hub/survey"
	"gatehouse/rtsp"
)

// catalogue is every code that the hub may find, with its English.
func catalogue() map[string]string {
	all := finding.English()
	maps.Copy(all, rtsp.Causes())
	return all
}

// TestEveryFindingHasWords: the console's English of each code is the hub's, so
// that there is one sentence for it, and every other language has the same places.
// That no text is missing or left in English is held for all keys (TestLocalesSayTheSame).
func TestEveryFindingHasWords(t *testing.T) {
	if n := len(catalogue()); n < 80 {
		t.Fatalf("only %d codes", n)
	}
	for code, text := range catalogue() {
		key := foundKey(code)
		if got := english().texts[key].Other; got != text {
			t.Errorf("%s: %q on pages, %q elsewhere", code, got, text)
		}
		for _, l := range allLocales() {
			if !l.has(key) {
				t.Errorf("%s has no words in %s", code, l.tag)
			}
		}
	}
	for code := range mends {
		if _, ok := catalogue()[code]; !ok {
			t.Errorf("a page mends %s, which nobody finds", code)
		}
	}
	for code := range noMend {
		if _, ok := catalogue()[code]; !ok {
			t.Errorf("%s is found by nobody", code)
		}
	}
}

// example is a finding with something in each place, so that a sentence is whole.
func example(code, text string) finding.Finding {
	f := finding.New(code)
	for _, p := range place.FindAllString(text, -1) {
		name := strings.Trim(p, "{}")
		switch name {
		case "cause", "why":
			f.Args = append(f.Args, name, finding.New("disk-full"))
		case "n":
			f.Args = append(f.Args, name, 3)
		case "camera":
			f.Args = append(f.Args, name, "Front door")
		default:
			f.Args = append(f.Args, name, "<"+name+">")
		}
	}
	return f
}

// TestNoFindingIsEnglishInSpanish draws every code on the page of storage and
// health, on the live page and where a camera is added.
func TestNoFindingIsEnglishInSpanish(t *testing.T) {
	spanish := func(r *http.Request) { r.Header.Set("Accept-Language", "es") }
	for _, code := range slices.Sorted(maps.Keys(catalogue())) {
		text := catalogue()[code]
		h := newHouse()
		f := example(code, text)
		h.problems = []finding.Finding{f}
		cause := rtsp.Cause{Code: code, Status: 404, Pin: "sha256:00"}
		camera := rtsp.Causes()[code] != ""
		if camera {
			h.cause = cause
			h.failure = &survey.Failure{Step: survey.StepStream, Cause: cause}
		} else {
			h.stores = []recording.DiskStatus{{Path: "/srv", InUse: true, Problem: f}}
		}
		handler := h.handler(t)
		paths := []string{"/settings/health"}
		if camera {
			paths = []string{"/", cameraPath("Driveway")}
		}
		for _, path := range paths {
			w := visit(handler, http.MethodGet, path, nil, spanish)
			body := w.Body.String()
			if path == cameraPath("Driveway") {
				body += visit(handler, http.MethodPost, "/settings/cameras/add/draft", url.Values{"name": {"gate"}, "main": {"1"}}, spanish).Body.String()
			}
			if w.Code != http.StatusOK {
				t.Fatalf("%s %s: %d", code, path, w.Code)
			}
			for _, part := range place.Split(text, -1) {
				if part = strings.TrimSpace(part); len(part) > 12 && strings.Contains(body, strings.ReplaceAll(part, "'", "&#39;")) {
					t.Errorf("%s: %s says %q in Spanish", code, path, part)
				}
			}
			if strings.Contains(body, allLocales()[1].say("finding.unknown")) && code != "unknown" {
				t.Errorf("%s: %s has no words", code, path)
			}
			if strings.Contains(body, "&lt;") != (!camera && strings.Contains(text, "{") && strings.Contains(f.String(), "<")) {
				t.Errorf("%s: %s does not say what of: %s", code, path, f)
			}
		}
	}
}

// TestProblemsLeadToTheirMending: the link beside a problem leads to a page that
// is there, and a problem that no page mends has none.
func TestProblemsLeadToTheirMending(t *testing.T) {
	for name, c := range map[string]struct {
		f    finding.Finding
		want string
	}{
		"motion of a camera":       {finding.New("motion", "camera", "Front door", "cause", rtsp.Cause{Code: "onvif-login"}), cameraPath("Front door")},
		"motion without ffmpeg":    {finding.New("motion", "camera", "Front door", "cause", finding.New("motion-ffmpeg")), ""},
		"motion of a camera gone":  {finding.New("motion", "camera", "nobody", "cause", finding.New("motion-silent")), ""},
		"a full disk":              {finding.New("storage", "path", "/srv", "cause", finding.New("disk-full")), "/settings/storage"},
		"a disk full of holds":     {finding.New("storage", "path", "/srv", "cause", finding.New("disk-full-kept", "held", "9 GB")), "/kept"},
		"crowded":                  {finding.New("storage-crowded", "path", "/srv", "held", "9 GB", "room", "10 GB"), "/kept"},
		"HomeKit's address":        {finding.New("homekit-off").Quoting("bind: address in use"), "/settings/doorbell"},
		"the clock":                {finding.New("clock-ahead", "n", 40), ""},
		"a bulletin":               {finding.New("bulletin", "name", "b.example", "cause", finding.New("bulletin-unreached")), "/settings/feeds"},
		"a bulletin of the future": {finding.New("bulletin", "name", "b.example", "cause", finding.New("bulletin-future")), ""},
		"the quota of holds":       {finding.New("holds-full", "n", 2), "/requests"},
		"new keys":                 {finding.New("agency-keys", "name", "A", "agency", "a.example", "phone", "1"), "/agencies"},
		"a new authority":          {finding.New("https-remade", "file", "/x"), "/trust"},
		"a restart":                {finding.New("restart", "keys", "storage"), "/settings/restart"},
		"a restart that failed":    {finding.New("restart-unfit").Quoting("bind: address in use"), "/settings/access"},
		"a disk that failed":       {finding.New("storage", "path", "/srv", "cause", finding.New("disk-failed")), "/settings/restart"},
		"live view":                {finding.New("webrtc-off").Quoting("bind: address in use"), "/settings/live"},
		"a bad allowlist":          {finding.New("allowlist-file"), "/agencies"},
		"the network":              {finding.New("network-unwritten"), "/settings"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse()
			h.problems = []finding.Finding{c.f}
			handler := h.handler(t)
			body := visit(handler, http.MethodGet, "/settings/health", nil).Body.String()
			_, after, found := strings.Cut(body, `<ul class="problem-lines">`)
			lines, _, _ := strings.Cut(after, "</ul>")
			_, link, linked := strings.Cut(lines, `<a class="button" href="`)
			link, _, _ = strings.Cut(link, `"`)
			if !found || linked != (c.want != "") || link != c.want {
				t.Fatalf("link %q, want %q, in %s", link, c.want, lines)
			}
			if c.want != "" {
				if w := visit(handler, http.MethodGet, c.want, nil); w.Code != http.StatusOK {
					t.Errorf("%s answers %d", c.want, w.Code)
				}
			}
			if c.f.Quote != "" && !strings.Contains(lines, `<q lang="en" dir="ltr">`+c.f.Quote+`</q>`) {
				t.Errorf("the quoted words are not marked: %s", lines)
			}
		})
	}
}

// TestUnknownFinding: a code without words is said to have none, and quoted.
func TestUnknownFinding(t *testing.T) {
	for _, l := range allLocales() {
		got := string(l.found(finding.New("of-tomorrow").Quoting("<b>")))
		if !strings.HasPrefix(got, l.say("finding.unknown")) || !strings.Contains(got, "of-tomorrow (&lt;b&gt;)") {
			t.Errorf("%s: %s", l.tag, got)
		}
	}
}
