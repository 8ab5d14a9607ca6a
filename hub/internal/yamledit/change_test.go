package yamledit

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const commented = `# our home
home:
  name:   Porch Street   # what the neighbours call it
  position: {lat: 52.51, lon: 13.40} # ümläut
  # timezone: Europe/Berlin

storage:
- path: /srv/footage
  keep: {days: 30, bytes: 1.5TB}
cameras:
  # the front
  - name: porch  # by the door
    url: 'rtsp://owner:p%40ss@192.168.1.10/main'
    keep:
      days: 4 # short

  - name: hall
    # inside
    url: "rtsp://192.168.1.11:8554/live"
    record: off
# rules follow
rules:
  # federal first
  - {level: federal, action: hide}
  - over_km2: 1
    action: hide
  # - {level: state, action: hide}
sharing: {rings: 3, quiet_hours: [{from: 22:00, to: 07:00}]}
# the end
`

type size struct{}

func (size) String() string { return "2GB" }

var camera = Map{{"name", "gate"}, {"url", "rtsp://u:p@h/1"}, {"keep", Map{{"days", 3}}}}

func TestRewrite(t *testing.T) {
	for _, x := range []struct {
		name     string
		change   Change
		old, new string // the only difference
	}{
		{"a scalar keeps spaces and comment", Set("home.name", "Haus: 1 # x"), "Porch Street  ", `"Haus: 1 # x"  `},
		{"inside braces", Set("home.position.lat", -3.5), "lat: 52.51", "lat: -3.5"},
		{"a mapping by what differs", Set("home.position", Map{{"lat", 52.51}, {"lon", 7.0}}), "lon: 13.40", "lon: 7"},
		{"a new key", Set("home.timezone", "Europe/Berlin"), "# ümläut\n", "# ümläut\n  timezone: Europe/Berlin\n"},
		{"a new key of a list's entry", Set("cameras[name=porch].exterior", false), "# short\n", "# short\n    exterior: false\n"},
		{"a new key of the last entry", Set("cameras[1].keep.days", 9), "record: off\n", "record: off\n    keep: {days: 9}\n"},
		{"a new key in braces", Set("storage[0].keep.free", size{}), "1.5TB}", "1.5TB, free: 2GB}"},
		{"a new key of the file", Set("listen", "0.0.0.0:80"), "07:00}]}\n", "07:00}]}\nlisten: 0.0.0.0:80\n"},
		{"a new mapping", Set("intake.listen", "0.0.0.0:81"), "07:00}]}\n", "07:00}]}\nintake:\n  listen: 0.0.0.0:81\n"},
		{"a quoted scalar", Set("cameras[name=hall].url", "rtsp://h/1"), `"rtsp://192.168.1.11:8554/live"`, "rtsp://h/1"},
		{"rename", Set("cameras[name=hall].name", "123"), "name: hall", `name: "123"`},
		{"delete a key", Delete("cameras[name=hall].record"), "    record: off\n", ""},
		{"delete in braces", Delete("storage[0].keep.bytes"), ", bytes: 1.5TB", ""},
		{"delete the first in braces", Delete("storage[0].keep.days"), "days: 30, ", ""},
		{"delete after a dash", Delete("rules[1].over_km2"), "over_km2: 1\n    ", ""},
		{"remove an entry", Delete("cameras[name=porch]"), "  - name: porch  # by the door\n    url: 'rtsp://owner:p%40ss@192.168.1.10/main'\n    keep:\n      days: 4 # short\n", ""},
		{"add an entry", Append("cameras", camera), "record: off\n", "record: off\n  - name: gate\n    url: rtsp://u:p@h/1\n    keep: {days: 3}\n"},
		{"add an entry in brackets", Append("sharing.quiet_hours", Map{{"from", "12:00"}, {"to", "13:00"}}), "07:00}]", "07:00}, {from: 12:00, to: 13:00}]"},
		{"a list by what differs", Set("sharing.quiet_hours", []any{Map{{"from", "23:00"}, {"to", "07:00"}}}), "22:00", "23:00"},
		{"nothing changes", Set("sharing.rings", 3), "", ""},
		{"delete what is not there", Delete("home.timezone"), "", ""},
		{
			"a person's lines", SetText("rules", "# mine\n\n- {action: digest}\n"),
			"  # federal first\n  - {level: federal, action: hide}\n  - over_km2: 1\n    action: hide\n  # - {level: state, action: hide}\n", "  # mine\n\n  - {action: digest}\n",
		},
	} {
		want := strings.Replace(commented, x.old, x.new, 1)
		if x.old != "" && strings.Count(commented, x.old) != 1 {
			t.Fatalf("%s: the test is wrong", x.name)
		}
		for _, file := range []struct {
			name string
			as   func(string) string
		}{
			{"unix", func(s string) string { return s }},
			{"dos", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }},
			{"no last line end", func(s string) string { return strings.TrimSuffix(s, "\n") }},
		} {
			got, err := Rewrite([]byte(file.as(commented)), x.change)
			if err != nil {
				t.Errorf("%s, %s: %v", x.name, file.name, err)
				continue
			}
			if diff := cmp.Diff(file.as(want), string(got)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", x.name, file.name, diff)
			}
		}
	}
}

func TestRewriteLittleFiles(t *testing.T) {
	for _, x := range []struct {
		old     string
		changes []Change
		new     string
	}{
		{"", []Change{Set("home.name", "A"), Append("cameras", camera)}, "home:\n  name: A\ncameras:\n  - name: gate\n    url: rtsp://u:p@h/1\n    keep: {days: 3}\n"},
		{"# only this", []Change{Set("listen", "a:1")}, "# only this\nlisten: a:1"},
		{"---\n# c\n", []Change{Set("listen", "a:1")}, "---\n# c\nlisten: a:1\n"},
		{"cameras: [] # none yet\nlisten: a:1\n", []Change{Append("cameras", camera)}, "cameras: # none yet\n  - name: gate\n    url: rtsp://u:p@h/1\n    keep: {days: 3}\nlisten: a:1\n"},
		{"cameras:\n", []Change{Append("cameras", camera)}, "cameras:\n  - name: gate\n    url: rtsp://u:p@h/1\n    keep: {days: 3}\n"},
		{"home: # c\nlisten: a:1\n", []Change{Set("home.name", "A")}, "home: # c\n  name: A\nlisten: a:1\n"},
		{"cameras:\n- name: a\n  url: rtsp://h/1", []Change{Delete("cameras[name=a]")}, "cameras:"},
		{"{listen: 'a:1', home: {}}\n", []Change{Set("home.name", "A: b"), Set("listen", "b:1")}, "{listen: b:1, home: {name: \"A: b\"}}\n"},
		{"rules: [{action: hide}] # c\n", []Change{SetText("rules", "- action: digest")}, "rules: # c\n  - action: digest\n"},
		{"listen: a:1\n", []Change{SetText("rules", "- action: digest\n# x\n")}, "listen: a:1\nrules:\n  - action: digest\n  # x\n"},
		{"rules:\n- action: hide\nlisten: a:1\n", []Change{SetText("rules", "")}, "rules:\nlisten: a:1\n"},
		{"sharing: {digest: 18:00}\n", []Change{Set("sharing.cool_down.min", 90*time.Second), Set("sharing.opt_out", true)}, "sharing: {digest: 18:00, cool_down: {min: 1m30s}, opt_out: true}\n"},
		{"home:\n  name: |\n    A\n    B\nlisten: a:1\n", []Change{Set("home.name", "C\nD")}, "home:\n  name: \"C\\nD\"\nlisten: a:1\n"},
	} {
		got, err := Rewrite([]byte(x.old), x.changes...)
		if err != nil {
			t.Errorf("%q: %v", x.old, err)
		} else if diff := cmp.Diff(x.new, string(got)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", x.old, diff)
		}
	}
}

func TestRewriteRefuses(t *testing.T) {
	for _, x := range []struct {
		old    string
		change Change
	}{
		{"a: &x 1\nlisten: *x\n", Set("home.name", "A")},
		{"home: !!map {name: b}\n", Set("home.name", "A")},
		{"a: 1\n---\nb: 1\n", Set("home.name", "A")},
		{"home: [1", Set("home.name", "A")},
		{"sharing: {\n  rings: 3, # three\n  digest: 18:00}\n", Delete("sharing.rings")},
		{"cameras:\n  - name: a # b\n    url: c\n", Delete("cameras[0].name")},
		{"home: text\n", Set("home.name", "A")},
		{"cameras: []\n", Set("cameras[name=a].url", "rtsp://h")},
		{"rules: []\n", SetText("rules", "- a\nb: [")},
		{"rules: []\n", SetText("rules", "- a\n--- \nlisten: b:1")},
		{"rules: []\n", SetText("rules", "- &a {action: hide}\n- *a\n")},
	} {
		var refused *Refused
		if got, err := Rewrite([]byte(x.old), x.change); !errors.As(err, &refused) {
			t.Errorf("%q: %v, made %q", x.old, err, got)
		}
	}
}

func TestText(t *testing.T) {
	const want = "# federal first\n- {level: federal, action: hide}\n- over_km2: 1\n  action: hide\n# - {level: state, action: hide}\n"
	for _, file := range []string{commented, strings.ReplaceAll(commented, "\n", "\r\n")} {
		got, err := Text([]byte(file), "rules")
		if err != nil || got != want {
			t.Errorf("text = %q, %v", got, err)
		}
		again, err := Rewrite([]byte(file), SetText("rules", got))
		if err != nil || string(again) != file {
			t.Errorf("writing back what was read changed the file: %v\n%s", err, cmp.Diff(file, string(again)))
		}
	}
	if got, err := Text([]byte("listen: a:1\n"), "rules"); got != "" || err != nil {
		t.Errorf("text of nothing = %q, %v", got, err)
	}
}

// FuzzRewrite holds that an edit is refused or changes one stretch of bytes, that
// what is outside of it stays, and that the value reads back.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{commented, "", "# c", "cameras: []\r\n", "home:\n  name: |\n    x\n", "home: {name: 'a''b'}", "\ufeffhome:\n"} {
		f.Add([]byte(s), "x: y # z")
	}
	f.Fuzz(func(t *testing.T, data []byte, value string) {
		for _, c := range []Change{Set("home.name", value), Set("listen", value), Append("cameras", Map{{"name", value}}), Delete("home"), Delete("cameras[0]"), SetText("rules", value)} {
			got, err := Rewrite(data, c)
			if err != nil {
				continue
			}
			before, err := readYAML(unixLines(data))
			if err != nil {
				t.Fatal("an edit of a text that cannot be read")
			}
			after, err := readYAML(unixLines(got))
			if err != nil {
				t.Fatalf("%+v of %q made %q: %v", c, data, got, err)
			}
			if c.kind == setValue {
				steps, _ := parsePath(c.path)
				if at := after.find(steps); at.rest != nil || at.value().scalar != "text "+value {
					t.Fatalf("%+v of %q made %q", c, data, got)
				}
			}
			if c.kind == deleteValue || c.kind == setText {
				continue
			}
			// Comments survive, in their order.
			rest := got
			for i, tk := range before.tokens {
				if !strings.HasPrefix(tk.Type.String(), "Comment") {
					continue
				}
				words := bytes.TrimRight(before.data[before.starts[i]:before.lineEnd(before.starts[i])], " \t\r")
				j := bytes.Index(rest, words)
				if j < 0 {
					t.Fatalf("%+v of %q made %q and lost %q", c, data, got, words)
				}
				rest = rest[j+len(words):]
			}
		}
	})
}
