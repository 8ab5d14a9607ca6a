package ui

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"gatehouse/hub/config"
	"gatehouse/hub/recording"
)

// TestEveryMistakeHasWords holds the console's words to the sentences of package
// config and of the texts that people type: each is in the table, and no other.
func TestEveryMistakeHasWords(t *testing.T) {
	said := map[string]bool{}
	sentences := func(file string, of func(call *ast.CallExpr) ast.Expr) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.CallExpr:
				if lit, ok := of(x).(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					said[text] = true
				}
			}
			return true
		})
	}
	for _, name := range []string{"check.go", "rules.go", "decode.go", "size.go"} {
		sentences("../hub/config/"+name, func(call *ast.CallExpr) ast.Expr {
			fun, ok := call.Fun.(*ast.SelectorExpr)
			switch {
			case !ok:
			case fun.Sel.Name == "at" && len(call.Args) >= 2:
				return call.Args[1]
			case fun.Sel.Name == "fail" && len(call.Args) >= 3:
				return call.Args[2]
			case fun.Sel.Name == "New" || fun.Sel.Name == "Errorf":
				return call.Args[0]
			}
			return nil
		})
	}
	delete(said, "%s")
	if len(said) < 70 {
		t.Errorf("only %d sentences were found", len(said))
	}
	for text := range said {
		if mistakes[text] == "" && !strings.Contains(text, "%w") {
			t.Errorf("no words for %q", text)
		}
	}
	others := allText(t, "../hub/label/label.go", "../hub/bulletin/text.go", "storage.go")
	for text := range mistakes {
		if !said[text] && !strings.Contains(others, text) && text != "is longer than 64 characters" {
			t.Errorf("nothing says %q", text)
		}
	}
}

func allText(t *testing.T, files ...string) (text string) {
	for _, name := range files {
		b, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	return text
}

// TestMistakesSpeakThePage: what is wrong with a file is said in the page's
// language, arguments and all; what has no words there keeps its own.
func TestMistakesSpeakThePage(t *testing.T) {
	_, err := config.Parse([]byte("home: {timezone: Mars/Base}\nlive: {port: 99999}\nsharing: {hold_quota: lots, rings: 1000}\nhomekit: {language: la}\nnonsense: 1\ncameras:\n" +
		"  - {name: a, url: 'rtsp://h/', label: ' '}\n  - {name: a, url: 'rtsp://h/', label: \"x\\u202ey\", homekit: on}\n"))
	problems, ok := err.(config.Problems)
	if !ok || len(problems) < 8 {
		t.Fatal(err)
	}
	files, _ := fs.Glob(os.DirFS("locales"), "*.json")
	for _, name := range files {
		l := localeOf(t, strings.TrimSuffix(name, ".json"))
		for _, p := range problems {
			s := l.wrong(p)
			if s == "" || unicode.IsLower([]rune(s)[0]) || strings.Contains(s, "{a}") || strings.Contains(s, "%!") || strings.Contains(s, "%s") {
				t.Errorf("%s: %q", name, s)
			}
			if l.tag != "en" && strings.EqualFold(s, p.Text) {
				t.Errorf("%s: %q is English", name, s)
			}
			if p.Form == "should be one of %s" && !strings.Contains(s, "es") {
				t.Errorf("%s: %q lost what it may be", name, s)
			}
		}
	}
	en := localeOf(t, "en")
	if s := en.wrong(config.Problem{Text: "ünknown to us", Form: "ünknown to us"}); s != "Ünknown to us" {
		t.Error(s)
	}
}

func localeOf(t *testing.T, tag string) *locale {
	t.Helper()
	l, err := loadLocale(tag)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestEveryEndOfADeliveryHasWords: what a delivery says of itself is in the
// table, and pages say it in their language, one sentence after another.
func TestEveryEndOfADeliveryHasWords(t *testing.T) {
	es := localeOf(t, "es")
	sentence := regexp.MustCompile(`(?:fault\{(?:fmt\.Sprintf\()?|blocked\(bulletin\.\w+, |j\.Error = )"([^"]+\.) ?"`)
	n := 0
	for _, m := range sentence.FindAllStringSubmatch(allText(t, "../hub/delivery/words.go", "../hub/delivery/cancel.go", "../hub/delivery/outbox.go", "../hub/request/profile.go"), -1) {
		n++
		said := strings.ReplaceAll(m[1], "%d", "503")
		if reasons[m[1]] == "" {
			t.Errorf("no words for %q", m[1])
		}
		if got := es.told(said); got == said || strings.Contains(got, "{n}") || strings.Contains(said, "503") != strings.Contains(got, "503") {
			t.Errorf("%q is %q in Spanish", said, got)
		}
	}
	if n < 28 {
		t.Errorf("only %d sentences were found", n)
	}
	both := "Given up after 14 days. The receiver is in trouble (status 502)."
	if got := es.told(both); got != "Abandonado tras 14 días. El receptor tiene problemas (estado 502)." {
		t.Error(got)
	}
	for _, theirs := range []string{"", "Something else.", "Given up after 14 days. Something else.", "x. ", ". . "} {
		if got := es.told(theirs); got != theirs {
			t.Errorf("%q became %q", theirs, got)
		}
	}
}

// TestStorageIsClaimed: a folder that is newly named is claimed before the file
// says so; one that cannot be used changes nothing.
func TestStorageIsClaimed(t *testing.T) {
	d := newDesk(t, "porch")
	var claimed []string
	var refuse error
	d.cfg.Claim = func(path string) error {
		claimed = append(claimed, path)
		return refuse
	}
	d.h = New(d.cfg)
	save := func(page, path, days string) string {
		v := d.form(page)
		v.Set("path", path)
		v.Set("keep.days", days)
		return d.post(page, v).Body.String()
	}
	refuse = recording.ErrForeign
	if body := save("/settings/storage/0", "/mnt/usb", "30"); !strings.Contains(body, "Has other files in it") || d.read() != settingsFile {
		t.Errorf("a foreign folder:\n%s", d.read())
	}
	refuse = errors.New("read-only file system")
	if body := save("/settings/storage/new", "/mnt/usb", "30"); !strings.Contains(body, "Cannot be made or written") || d.read() != settingsFile {
		t.Errorf("an unwritable folder:\n%s", d.read())
	}
	claimed, refuse = nil, nil
	save("/settings/storage/0", "/mnt/usb", "-1")
	save("/settings/storage/0", "footage", "7")
	if len(claimed) > 0 {
		t.Errorf("%q were claimed beside a mistake, or though they are not new", claimed)
	}
	save("/settings/storage/0", "/mnt/usb/gatehouse", "7")
	if len(claimed) != 1 || claimed[0] != "/mnt/usb/gatehouse" || !strings.Contains(d.read(), "path: /mnt/usb/gatehouse") {
		t.Errorf("%q\n%s", claimed, d.read())
	}
}
