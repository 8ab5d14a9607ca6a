package ui

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"sort"
	"strings"
	"testing"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/delivery"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
	"gatehouse/rtsp"
)

var (
	templateKey = regexp.MustCompile(`\b(?:t|tb) "([^"]+)"|"Label" "([^"]+)"`)
	goKey       = regexp.MustCompile(`"((?:note|error|code|reason|state|job|camera|stream|category|attest|level|clock|ledger\.kind)\.[a-z.-]+|[a-z]+\.title)"`)
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
	add("level.", "municipal", "county", "state", "federal", "fire", "other")
	add("stream.", "main", "sub")
	add("result.disposition.", bulletin.Used, bulletin.Unused, bulletin.Destroyed)
	add("note.", "logged-out", "passphrase-changed", "declined", "agency-added", "agency-removed")
	for _, s := range []request.State{
		request.Refused, request.NotListed, request.Unmatched, request.Hidden, request.Waiting, request.Prepared,
		request.Approved, request.Sent, request.Failed, request.Declined, request.Expired, request.Withdrawn,
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
		ledger.Prepared, ledger.Agreed, ledger.Approved, ledger.Cancelled, ledger.Sent, ledger.Receipt, ledger.Failed, ledger.Disposed, ledger.AgencyAdded,
		ledger.AgencyChanged, ledger.AgencyRemoved, ledger.Recordings, ledger.OwnerMade,
	} {
		add("ledger.kind.", string(k))
	}
	for _, e := range explanations {
		add("error."+e.key+".", "what", "safe", "do")
	}
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
			if m.Other == "" || strings.Contains(m.Other+m.One, "!") {
				t.Errorf("%s: %s is empty or exclaims", n, k)
			}
		}
		sort.Strings(missing)
		sort.Strings(unused)
		if len(missing)+len(unused) > 0 {
			t.Errorf("%s: missing %v, unused %v", n, missing, unused)
		}
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
	l := &locale{texts: map[string]message{
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
