package ui

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var vendorLine = regexp.MustCompile(`(?m)^([0-9a-f]{64})  (\S+)  (\S+)@(\S+)  (\S+)$`)

func TestVendoredFilesAreWhatTheyWere(t *testing.T) {
	list, err := fs.ReadFile(staticFiles, "static/vendor/VENDOR.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{"vendor/VENDOR.txt": true}
	for _, m := range vendorLine.FindAllStringSubmatch(string(list), -1) {
		listed[m[2]] = true
		b, err := fs.ReadFile(staticFiles, "static/"+m[2])
		if err != nil {
			t.Error(err)
			continue
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != m[1] {
			t.Errorf("%s is not the file that VENDOR.txt lists", m[2])
		}
	}
	files, err := fs.ReadDir(staticFiles, "static/vendor")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !listed["vendor/"+f.Name()] {
			t.Errorf("vendor/%s is not in VENDOR.txt", f.Name())
		}
	}
	if !listed["icons.svg"] || len(listed) < 5 {
		t.Errorf("VENDOR.txt lists only %v", listed)
	}
}

// TestNoSides: a rule says start and end, not left and right, or it is wrong in
// a language that runs the other way.
func TestNoSides(t *testing.T) {
	css, err := fs.ReadFile(staticFiles, "static/console.css")
	if err != nil {
		t.Fatal(err)
	}
	sides := regexp.MustCompile(`(?:margin|padding|border)-(?:left|right)|[{;]\s*(?:left|right)\s*:|text-align:\s*(?:left|right)|float:|(?:inset|margin|padding):(?:\s+[^\s;]+){4}`)
	inner := regexp.MustCompile(`\w*(?:-\w+)*\([^()]*\)`)
	for i, line := range strings.Split(string(css), "\n") {
		// A function's blanks are no separators.
		plain := line
		for range 3 {
			plain = inner.ReplaceAllString(plain, "f")
		}
		if m := sides.FindString(plain); m != "" {
			t.Errorf("line %d has sides: %s", i+1, m)
		}
	}
}

// TestIcons: every icon that a page names is a symbol of the sprite, and the
// sprite has no other.
func TestIcons(t *testing.T) {
	sprite, err := fs.ReadFile(staticFiles, "static/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, re := range []*regexp.Regexp{regexp.MustCompile(`"icon" "([a-z0-9-]+)"`)} {
		names, _ := fs.Glob(templateFiles, "templates/*.html")
		for _, n := range names {
			b, _ := fs.ReadFile(templateFiles, n)
			for _, m := range re.FindAllStringSubmatch(string(b), -1) {
				named[m[1]] = true
			}
		}
	}
	house := newHouse()
	house.archive.broken = true
	h := house.handler(t)
	ref := regexp.MustCompile(`icons\.svg#([a-z0-9-]+)"`)
	for _, path := range append([]string{"/requests/" + sentID + "/result"}, everyPage...) {
		for _, m := range ref.FindAllStringSubmatch(visit(h, http.MethodGet, path, nil).Body.String(), -1) {
			named[m[1]] = true
		}
	}
	for n := range named {
		if !strings.Contains(string(sprite), `<symbol id="`+n+`"`) {
			t.Errorf("no icon %q", n)
		}
	}
}

func TestAssetsAreImmutable(t *testing.T) {
	h := newHouse().handler(t)
	a := newAssets()
	for name, kind := range map[string]string{
		"console.css": "text/css; charset=utf-8", "js/console.mjs": "text/javascript; charset=utf-8",
		"vendor/hls.light.min.mjs": "text/javascript; charset=utf-8", "icons.svg": "image/svg+xml",
	} {
		w := visit(h, http.MethodGet, a.url(name), nil, noSession)
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	for _, path := range []string{"/static/0/console.css", a.url(""), a.url("vendor/"), a.url("absent.css"), a.url("../ui.go"), a.url("%2e%2e/ui.go")} {
		if w := visit(h, http.MethodGet, path, nil, noSession); w.Code == 200 {
			t.Errorf("%s: 200", path)
		}
	}
}

// TestTextsGoByGzip: to who takes it, with the length that is sent, and under another
// tag than the plain text; an answer that a browser has is not sent again.
func TestTextsGoByGzip(t *testing.T) {
	h := newHouse().handler(t)
	for name, text := range map[string]bool{"console.css": true, "js/console.mjs": true, "icons.svg": true, "app/icon-192.png": false} {
		tags := map[string]string{}
		for _, takes := range []string{"gzip, deflate, br", "br, gzip;q=0", ""} {
			more := func(r *http.Request) { r.Header.Set("Accept-Encoding", takes) }
			w := visit(h, http.MethodGet, newAssets().url(name), nil, noSession, more)
			want := ""
			if text && strings.HasPrefix(takes, "gzip") {
				want = "gzip"
			}
			if got := w.Header().Get("Content-Encoding"); w.Code != http.StatusOK || got != want || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s for %q: %d, encoding %q, want %q; %v", name, takes, w.Code, got, want, w.Header())
			}
			if w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
				t.Errorf("%s for %q: length %q of %d bytes", name, takes, w.Header().Get("Content-Length"), w.Body.Len())
			}
			tag := w.Header().Get("ETag")
			if tag == "" || tags[tag] != "" && tags[tag] != "as "+want {
				t.Errorf("%s for %q: tag %q is that of another form", name, takes, tag)
			}
			tags[tag] = "as " + want
			again := visit(h, http.MethodGet, newAssets().url(name), nil, noSession, more, func(r *http.Request) { r.Header.Set("If-None-Match", tag) })
			if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("%s for %q, which the browser has: %d, %d bytes", name, takes, again.Code, again.Body.Len())
			}
			head := visit(h, http.MethodHead, newAssets().url(name), nil, noSession, more)
			if head.Header().Get("Content-Length") != w.Header().Get("Content-Length") || head.Body.Len() != 0 {
				t.Errorf("%s for %q: HEAD is answered with %v", name, takes, head.Header())
			}
		}
	}
}

// TestSizesAreOnTheScale: letters have one of seven sizes, distances and corners are
// tokens; a pixel or two is for the eye.
func TestSizesAreOnTheScale(t *testing.T) {
	css, err := fs.ReadFile(staticFiles, "static/console.css")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(css), "")
	if !strings.Contains(text, "--s1: 4px; --s2: 8px; --s3: 12px; --s4: 16px; --s5: 24px; --s6: 32px; --s7: 48px; --s8: 64px;") {
		t.Error("the scale of distances is another")
	}
	letters := []string{"12", "14", "16", "18", "22", "28", "36"}
	rule := regexp.MustCompile(`[{;\s]((?:font|margin|padding|gap|row-gap|column-gap|border-[a-z-]*radius|border-radius)(?:-[a-z-]+)?):\s*([^;}]*)`)
	size := regexp.MustCompile(`([0-9.]+)(px|r?em)\b`)
	found := 0
	for _, m := range rule.FindAllStringSubmatch(text, -1) {
		for _, n := range size.FindAllStringSubmatch(m[2], -1) {
			found++
			small, err := strconv.ParseFloat(n[1], 64)
			switch ok := n[2] == "px" && err == nil; {
			case !ok, strings.HasPrefix(m[1], "font") && !slices.Contains(letters, n[1]), !strings.HasPrefix(m[1], "font") && small > 2:
				t.Errorf("%s: %s is not on the scale", m[1], m[2])
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d sizes were found", found)
	}
}

func TestWords(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range byteWords {
		if seen[w] || len(w) < 3 || len(w) > 8 {
			t.Errorf("word %q is doubled or of an odd length", w)
		}
		seen[w] = true
	}
	if len(byteWords) != 256 {
		t.Fatalf("%d words, want one a byte", len(byteWords))
	}
	if got := hashWords("000102030405ff"); got != strings.Join(byteWords[:6], " ") {
		t.Errorf("hashWords = %q", got)
	}
	for _, bad := range []string{"", "00", "zz0102030405"} {
		if got := hashWords(bad); got != "" {
			t.Errorf("hashWords(%q) = %q, want nothing", bad, got)
		}
	}
}
