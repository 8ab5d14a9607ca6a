package ui

import (
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"gatehouse/hub/account"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
	"gatehouse/rtsp"
)

var (
	templateKey = regexp.MustCompile(`\b(?:t|tb) "([^"]+)"|"(?:Label|What)" "([^"]+)"`)
	goKey       = regexp.MustCompile(`"((?:note|timeline|error|code|reason|state|job|camera|stream|category|attest|level|clock|ledger\.kind|side|map|requests\.tab)\.[a-z.-]+|[a-z]+\.title)"`)
)

// builtKeys are keys that Go puts together from values of other packages.
func builtKeys() []string {
	var keys []string
	add := func(prefix string, names ...string) {
		for _, n := range names {
			keys = append(keys, prefix+n)
		}
	}
	add("category.", bulletin.Categories()...)
	add("attest.", bulletin.Attestations()...)
	add("fate.", "rings", "digest", "two_people", "held", "hidden", "declined", "elsewhere", "not_listed", "refused", "withdrawn")
	add("rule.then.", "hide", "digest", "notify", "hold", "require_two", "decline")
	add("rule.if.", "agency", "level", "category", "missing", "km2", "minutes", "age", "cameras", "hours", "in-case", "in-30-days",
		"keep", "unused", "onward", "not-onward", "faces", "no-faces")
	add("level.", "municipal", "county", "state", "federal", "fire", "other")
	add("stream.", "main", "sub")
	add("form.", "https-more")
	add("send.", "linked", "linked-not")
	for _, f := range waitingForms {
		add("form.", f)
	}
	add("keeping.end.", "same", "days-30", "days-90", "days-365", "never", "day")
	add("kept.", "until", "until-released", "ended")
	add("result.disposition.", bulletin.Used, bulletin.Unused, bulletin.Destroyed)
	add("", "found.quote")
	for code := range catalogue() {
		add("", foundKey(code))
	}
	for _, m := range mends {
		add("", m.Label)
	}
	add("mend.", "camera")
	for _, key := range mistakes {
		add("", key)
	}
	for _, key := range reasons {
		add("", key)
	}
	add("note.", "logged-out", "passphrase-changed", "declined", "agency-added", "agency-removed", "session-ended", "logged-out-everywhere",
		"person-changed", "person-removed", "uninvited", "passkey-added", "passkey-removed", "token-ended", "rules-saved", "kept", "kept-changed", "kept-released", "network-on", "network-off", "homekit-closed", "homekit-removed", "homekit-reset")
	add("role.", "owner", "approver", "viewer")
	for _, s := range account.Scopes() {
		add("scope.", string(s))
	}
	for _, s := range []request.State{
		request.Refused, request.NotListed, request.Unmatched, request.Hidden, request.Waiting, request.Prepared,
		request.Approved, request.Sent, request.Ready, request.HandedOver, request.Failed, request.Declined, request.Expired, request.Withdrawn,
	} {
		add("state.", string(s))
	}
	for _, s := range []delivery.State{delivery.Cooling, delivery.Sending, delivery.Retrying, delivery.Done, delivery.Failed, delivery.Cancelled} {
		add("job.", string(s))
	}
	for _, r := range []rtsp.Reason{
		rtsp.ReasonRefused, rtsp.ReasonAuth, rtsp.ReasonStalled, rtsp.ReasonClosed, rtsp.ReasonLost, rtsp.ReasonGarbage,
		rtsp.ReasonSlow, rtsp.ReasonCodec, rtsp.ReasonClock, rtsp.ReasonSSRC, rtsp.ReasonUntrusted, rtsp.ReasonNoCodec, rtsp.ReasonShutdown,
		rtsp.ReasonOff, rtsp.ReasonNoMotion, rtsp.ReasonStore, rtsp.ReasonCrash,
	} {
		add("reason.", string(r))
	}
	for _, c := range []bulletin.Code{
		bulletin.BadFile, bulletin.BadProof, bulletin.Stale, bulletin.RolledBack, bulletin.BadEnvelope, bulletin.BadSignature,
		bulletin.MissingRole, bulletin.DoubleRole, bulletin.BadSchema, bulletin.TooLarge, bulletin.UnknownAgency, bulletin.OldProfile,
		bulletin.RootChanged, bulletin.BadWindow, bulletin.BadArea, bulletin.OutOfArea, bulletin.BadTarget, bulletin.Expired,
		bulletin.Replayed, bulletin.NotAllowed,
	} {
		add("code.", string(c))
	}
	for _, k := range []ledger.Kind{
		ledger.Received, ledger.Refused, ledger.Held, ledger.Shown, ledger.Declined, ledger.Expired, ledger.Withdrawn,
		ledger.Prepared, ledger.Agreed, ledger.LockMay, ledger.LockMayNot, ledger.LockRefused, ledger.Approved, ledger.Cancelled, ledger.Sent, ledger.Receipt, ledger.Failed, ledger.Disposed, ledger.AgencyAdded,
		ledger.Given, ledger.HandedOver, ledger.Noted, ledger.Kept, ledger.KeptChanged, ledger.Released,
		ledger.AgencyChanged, ledger.AgencyRemoved, ledger.Recordings, ledger.OwnerMade, ledger.Restored,
	} {
		add("ledger.kind.", string(k))
	}
	add("field.", "who", "reference", "place", "text", "link", "way", "window", "answer_by", "cameras", "paste", "request", "to", "at", "note", "receipt")
	add("handover.field.", "portal", "case", "who", "place", "request", "clip", "package", "digest")
	add("error.field.", "safe", "do")
	add("date.", "day", "months", "months-short", "days", "days-short")
	add("lang.", "name")
	add("bell.", "title", "idle", "promise", "may-refuse", "open", "elsewhere", "case", "where", "when", "answer-by", "by", "no-picture", "waits", "nth")
	for _, e := range explanations {
		add("error."+e.key+".", "what", "safe", "do")
	}
	add("", slices.Collect(maps.Values(reasons))...)
	settingsKeys(add)
	add("error.internal.", "what", "safe", "do")
	add("error.refusal.", "safe", "do")
	return keys
}

// written collects the keys that stand in templates and code.
func written(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	collect := func(files fs.FS, pattern string, re *regexp.Regexp) {
		names, err := fs.Glob(files, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if strings.HasSuffix(n, "_test.go") {
				continue
			}
			b, err := fs.ReadFile(files, n)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range re.FindAllStringSubmatch(string(b), -1) {
				used[strings.Join(m[1:], "")] = true
			}
		}
	}
	collect(os.DirFS("."), "templates/*.html", templateKey)
	collect(os.DirFS("."), "*.go", goKey)
	return used
}

func TestEveryTextExistsAndIsUsed(t *testing.T) {
	names, err := fs.Glob(localeFiles, "locales/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no locale", err)
	}
	used := written(t)
	for _, k := range builtKeys() {
		used[k] = true
	}
	if len(used) < 300 {
		t.Fatalf("only %d keys found: the patterns are wrong", len(used))
	}
	for _, n := range names {
		l, err := loadLocale(strings.TrimSuffix(path.Base(n), ".json"))
		if err != nil {
			t.Fatal(err)
		}
		var missing, unused []string
		for k := range used {
			if !l.has(k) {
				missing = append(missing, k)
			}
		}
		for k, m := range l.texts {
			if !used[k] {
				unused = append(unused, k)
			}
			if m.Other == "" {
				t.Errorf("%s: %s is empty", n, k)
			}
			m.each(func(s *string) {
				if strings.ContainsAny(*s, "!¡") {
					t.Errorf("%s: %s exclaims", n, k)
				}
			})
		}
		sort.Strings(missing)
		sort.Strings(unused)
		if len(missing)+len(unused) > 0 {
			t.Errorf("%s: missing %v, unused %v", n, missing, unused)
		}
	}
}

var place = regexp.MustCompile(`\{[a-z0-9]+\}`)

// TestLocalesSayTheSame: each language has the places of the English text, in
// every plural form that the language has, and no sentence left in English.
func TestLocalesSayTheSame(t *testing.T) {
	list := allLocales()
	if len(list) < 2 {
		t.Fatal("one language only")
	}
	places := func(s string) string {
		found := place.FindAllString(s, -1)
		sort.Strings(found)
		return strings.Join(found, "")
	}
	for _, l := range list[1:] {
		for k, m := range l.texts {
			en := list[0].texts[k]
			if m.Other == en.Other && len(words.FindAllString(place.ReplaceAllString(m.Other, ""), -1)) > 2 && k != "date.day" {
				t.Errorf("%s: %s is in English", l.tag, k)
			}
			if (en.One == "") != (m.One == "") {
				t.Errorf("%s: %s: only one of the languages has a singular", l.tag, k)
			}
			m.each(func(s *string) {
				if places(*s) != places(en.Other) {
					t.Errorf("%s: %s: %q has other places than %q", l.tag, k, *s, en.Other)
				}
			})
		}
		for key, n := range map[string]int{"date.months": 12, "date.months-short": 12, "date.days": 7, "date.days-short": 7} {
			if got := len(strings.Fields(l.say(key))); got != n {
				t.Errorf("%s: %s has %d names", l.tag, key, got)
			}
		}
	}
}

func TestManners(t *testing.T) {
	at := time.Date(2026, 11, 21, 13, 5, 0, 0, fixtureZone)
	for tag, want := range map[string]string{
		"en": "Sat 21 Nov 2026, 13:05 | November Saturday | 48.3 MB | 999 B | 0.21 | 12,345 clips",
		"es": "sáb 21 nov 2026, 13:05 | noviembre sábado | 48,3 MB | 999 B | 0,21 | 12.345 clips",
	} {
		l, err := loadLocale(tag)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join([]string{
			l.date(at, dayForm+", "+clockForm), l.date(at, "January Monday"), l.size(48_318_442), l.size(999), l.number(0.2149, 2),
			strings.SplitAfter(l.say("decide.send", "n", 12345, "long", "x", "agency", "x"), "clips")[0],
		}, " | ")
		got = strings.NewReplacer("Send ", "", "Enviar ", "").Replace(got)
		if got != want || l.dir() != "ltr" {
			t.Errorf("%s: %s, want %s", tag, got, want)
		}
	}
}

// TestPluralForms: a language may have more of them than one and many.
func TestPluralForms(t *testing.T) {
	l := &locale{lang: language.Arabic, print: message.NewPrinter(language.English), texts: map[string]forms{
		"clips": {Zero: "z", One: "o", Two: "t", Few: "f {n}", Many: "m {n}", Other: "x {n}"},
	}}
	var got []string
	for _, n := range []any{0, 1, 2, int64(3), 11, 100, "1"} {
		got = append(got, l.say("clips", "n", n))
	}
	if s := strings.Join(got, ", "); s != "z, o, t, f 3, m 11, x 100, x \u20681\u2069" {
		t.Error(s)
	}
	if l.dir() != "rtl" {
		t.Error("Arabic is written from right to left")
	}
}

func TestLanguageIsChosen(t *testing.T) {
	h := newHouse().handler(t)
	for _, tt := range []struct{ set, accept, want string }{
		{"", "", "en"},
		{"", "es-MX,es;q=0.9,en;q=0.5", "es"},
		{"", "fr-FR, de;q=0.7", "en"},
		{"", "fr, es;q=0.1", "es"},
		{"", ";;q=;*", "en"},
		{"", strings.Repeat("es,", 4000), "es"},
		{"en", "es", "en"},
		{"es", "en", "es"},
		{"xx", "es", "es"},
	} {
		w := visit(h, http.MethodGet, "/settings", nil, func(r *http.Request) {
			r.Header.Set("Accept-Language", tt.accept)
			r.AddCookie(&http.Cookie{Name: languageCookie, Value: tt.set})
		})
		if !strings.Contains(w.Body.String(), `<html lang="`+tt.want+`" dir="ltr">`) {
			t.Errorf("set %q, asked for %.20q: %.60q, want %s", tt.set, tt.accept, w.Body, tt.want)
		}
	}
}

func TestDisplayIsKept(t *testing.T) {
	h := newHouse().handler(t)
	for _, tt := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"language": {"es"}, "looks": {"dark"}, "next": {"/settings"}}, "/settings gatehouse_language=es gatehouse_looks=dark"},
		{url.Values{"language": {""}, "next": {"//evil.example"}}, "/ gatehouse_language="},
		{url.Values{"looks": {"pink"}}, "/ gatehouse_looks="},
	} {
		w := visit(h, http.MethodPost, "/display", tt.form, noSession)
		got := w.Header().Get("Location")
		for _, ck := range w.Result().Cookies() {
			got += " " + ck.Name + "=" + ck.Value
			if (ck.Value == "") != (ck.MaxAge < 0) {
				t.Errorf("%v: cookie %v", tt.form, ck)
			}
		}
		if w.Code != http.StatusSeeOther || got != tt.want {
			t.Errorf("%v: %d %q, want %q", tt.form, w.Code, got, tt.want)
		}
	}
	w := visit(h, http.MethodGet, "/settings", nil, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: looksCookie, Value: "dark"}) })
	if !strings.Contains(w.Body.String(), `dir="ltr" data-looks="dark">`) || !strings.Contains(w.Body.String(), `content="dark"`) {
		t.Error("the page does not take the colours that were set")
	}
}

var (
	action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	tag    = regexp.MustCompile(`(?s)<[^>]*>`)
	words  = regexp.MustCompile(`[A-Za-z]{2,}`)
)

// TestTemplatesHoldNoText: words belong in locales. The product's name is no word.
func TestTemplatesHoldNoText(t *testing.T) {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(templateFiles, n)
		if err != nil {
			t.Fatal(err)
		}
		text := tag.ReplaceAllString(action.ReplaceAllString(string(b), ""), " ")
		text = strings.ReplaceAll(text, "Gatehouse", "")
		if m := words.FindAllString(text, -1); m != nil {
			t.Errorf("%s has text of its own: %v", n, m)
		}
	}
}

func TestFill(t *testing.T) {
	l := &locale{lang: language.English, print: message.NewPrinter(language.English), texts: map[string]forms{
		"clips": {One: "{n} clip for {who}", Other: "{n} clips for {who}"},
		"plain": {Other: "a < b"},
	}}
	for _, tt := range []struct {
		key  string
		args []any
		want string
	}{
		{"clips", []any{"n", 1, "who", "you"}, "1 clip for you"},
		{"clips", []any{"n", 2, "who", "{n}"}, "2 clips for {n}"},
		{"plain", nil, "a < b"},
	} {
		got, err := l.t(tt.key, tt.args...)
		if err != nil || got != tt.want {
			t.Errorf("t(%q, %v) = %q, %v; want %q", tt.key, tt.args, got, err, tt.want)
		}
	}
	for _, args := range [][]any{{"n"}, {"n", 1, "who"}} {
		if _, err := l.t("clips", args...); err == nil {
			t.Errorf("odd arguments %v were taken", args)
		}
	}
	if _, err := l.t("absent"); err == nil {
		t.Error("an absent key was taken")
	}
	got, err := l.tb("clips", "n", 2, "who", `<b>"x"`)
	if want := `<bdi>2</bdi> clips for <bdi>&lt;b&gt;&#34;x&#34;</bdi>`; err != nil || string(got) != want {
		t.Errorf("tb = %q, %v; want %q", got, err, want)
	}
	if got, err = l.tb("plain"); err != nil || got != "a &lt; b" {
		t.Errorf("tb does not escape the text itself: %q, %v", got, err)
	}
}

// TestNoTextTwice wants each key once: of two, the later hides the earlier.
func TestNoTextTwice(t *testing.T) {
	for _, name := range []string{"en", "es"} {
		b, err := os.ReadFile("locales/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^  "([^"]+)":`).FindAllSubmatch(b, -1) {
			if key := string(m[1]); seen[key] {
				t.Errorf("%s: %s stands twice", name, key)
			} else {
				seen[key] = true
			}
		}
		if len(seen) < 500 {
			t.Errorf("%s: %d keys found", name, len(seen))
		}
	}
}
