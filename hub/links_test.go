package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

// TestLinks follows every relative link of the documents, and looks for the
// tests that docs/quality.md names.
func TestLinks(t *testing.T) {
	out, err := exec.Command("git", "-C", "..", "ls-files", "--cached", "--others", "--exclude-standard", "*.md").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		path := filepath.Join("..", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}

// TestNamedTestsExist keeps docs/quality.md honest: each test it names in back
// quotes is in the tree.
func TestNamedTestsExist(t *testing.T) {
	text, err := os.ReadFile("../docs/quality.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+|[a-z0-9-]+\\.txtar|[a-z.]+\\.spec\\.mjs)`").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[1], ".") {
			if hits, _ := filepath.Glob("testdata/script/" + m[1]); len(hits) == 0 {
				if _, err := os.Stat("../ui/e2e/" + m[1]); err != nil {
					t.Errorf("quality.md names %s, which is not there", m[1])
				}
			}
			continue
		}
		if err := exec.Command("git", "-C", "..", "grep", "-q", "--untracked", "-E", "func "+m[1]+"\\(", "--", "*_test.go", "*test/*.go").Run(); err != nil {
			t.Errorf("quality.md names %s, which is not there", m[1])
		}
	}
}
