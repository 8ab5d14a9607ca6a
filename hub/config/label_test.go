package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLabels(t *testing.T) {
	for text, want := range map[string]string{ // what people read, or what is wrong
		"":                                    "a",
		"label: Einfahrt Süd":                 "Einfahrt Süd",
		"label: '  Su\u0308d '":               "Süd",
		"label: مدخل البيت":                   "مدخل البيت",
		"label: Front door 🚪":                 "Front door 🚪",
		"label: 7":                            "7",
		"label: a":                            "a",
		`label: "x\u202Ey"`:                   "! contains a control or invisible character",
		`label: "x\u0007y"`:                   "! contains a control or invisible character",
		"label: ''":                           "! is empty",
		"label:":                              "! is empty",
		"label: x\xff":                        "! contains a damaged character",
		"label: " + strings.Repeat("ü", 64):   strings.Repeat("ü", 64),
		"label: " + strings.Repeat("ü", 65):   "! is longer than 64 characters",
		"label: b":                            "! another camera is called so",
		"label: Garage":                       "! another camera is called so",
		"label: [x]":                          "! should be a single value",
		"label: 'Front door, 2 # no comment'": "Front door, 2 # no comment",
	} {
		c, err := Parse([]byte("cameras:\n  - {name: b, url: 'rtsp://h/1', label: Garage}\n  - name: a\n    url: rtsp://h/2\n    " + text + "\n"))
		var problems Problems
		got := ""
		switch {
		case errors.As(err, &problems) && len(problems) == 1:
			got = "! " + problems[0].Text
			if key := problems[0].Key; key != "cameras[1].label" && !(key == "cameras[0].label" && problems[0].Line == 2) {
				t.Errorf("%q: a problem of %s", text, key)
			}
		case err != nil:
			t.Errorf("%q: %v", text, err)
			continue
		default:
			got = c.Cameras[1].Called()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestLabelsAreEdited: a label of any script goes into the file and out of it
// again, and every comment stays.
func TestLabelsAreEdited(t *testing.T) {
	dir := t.TempDir()
	const before = "# ours\ncameras:\n  # by the door\n  - name: porch # the folder\n    url: rtsp://h/1\n  - name: hall\n    url: rtsp://h/2 # new\n"
	if err := os.WriteFile(filepath.Join(dir, File), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	e := NewEditor(dir, nil)
	for _, label := range []string{"Einfahrt Süd", "مدخل: 1 # لا", "Front door 🚪", "- x", "true", "12", "'", `"`, "María", "@home", "ünï " + strings.Repeat("🚪", 60)} {
		c, err := e.Edit("", Set("cameras[name=porch].label", label))
		if err != nil || c.Cameras[0].Label != label {
			t.Fatalf("%q: %v", label, err)
		}
		text, _, _ := e.Read()
		file, err := Values(text)
		if got := file.Value("cameras[0].label"); err != nil || got != label {
			t.Errorf("%q is read as %q, %v", label, got, err)
		}
		for _, comment := range []string{"# ours\n", "  # by the door\n", "name: porch # the folder\n", "url: rtsp://h/2 # new\n"} {
			if !strings.Contains(string(text), comment) {
				t.Errorf("%q: %q is gone from\n%s", label, comment, text)
			}
		}
	}
	if _, err := e.Edit("", Delete("cameras[name=porch].label")); err != nil {
		t.Fatal(err)
	}
	text, _, _ := e.Read()
	if diff := cmp.Diff(before, string(text)); diff != "" {
		t.Error(diff)
	}
}
