package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/config"
	"gatehouse/ui"
)

// TestConsoleRules: what the console shows is what the file has, its mistakes are told at their places in the text,
// and what is written leaves the rest of the file alone.
func TestConsoleRules(t *testing.T) {
	for text, want := range map[string]int{"": 0, "\n": 0, "[]": 0, "- {action: hide}\n# why\n- level: fire\n  action: notify\n": 2, "[{action: hide}]\n": 1} {
		if list, bad := parseRules(text); len(list) != want || bad != nil {
			t.Errorf("%q: %v, %v", text, list, bad)
		}
	}
	_, bad := parseRules("- {action: hide}\n- {action: approve}\n- colour: red\n  action: hide\n")
	var places [][2]int
	for _, m := range bad {
		places = append(places, [2]int{m.Line, m.Column})
	}
	if diff := cmp.Diff([][2]int{{2, 4}, {3, 3}}, places); diff != "" {
		t.Errorf("%+v (-want +got):\n%s", bad, diff)
	}

	h := &hub{data: t.TempDir()}
	file := filepath.Join(h.data, config.File)
	const rest = "# mine\nlisten: 127.0.0.1:0 # here\n"
	if err := os.WriteFile(file, []byte(rest+"rules:\n  # why\n  - {level: federal, action: hide}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.editor = config.NewEditor(h.data, func(c *config.Config) { h.cfg = c })
	for _, text := range []string{"- {level: fire, action: notify} # quick\n", "", "# none yet\n[]\n", "- action: require_two\n"} {
		_, version, err := h.editor.Read()
		if err != nil {
			t.Fatal(err)
		}
		if err := h.saveRules(version, text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		data, err := os.ReadFile(file)
		if err != nil || string(data[:len(rest)]) != rest {
			t.Errorf("%q, %v: the file is now\n%s", text, err, data)
		}
		want, _ := parseRules(text)
		if got := rulesOf(h.config().Rules); cmp.Diff(want, got) != "" {
			t.Errorf("%q: in force is %v, want %v", text, got, want)
		}
	}
	if err := h.saveRules("older", "- {action: hide}\n"); !errors.Is(err, ui.ErrEdited) {
		t.Errorf("an older version: %v", err)
	}
	if err := os.WriteFile(file, []byte("nonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.saveRules("", "- {action: hide}\n"); !errors.Is(err, ui.ErrEdit) {
		t.Errorf("a file with mistakes: %v", err)
	}
}
