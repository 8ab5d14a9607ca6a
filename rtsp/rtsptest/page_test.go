package rtsptest

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write zoo.md")

// The page that people read is the table that the tests hold.
func TestPage(t *testing.T) {
	if *update {
		if err := os.WriteFile("zoo.md", []byte(page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile("zoo.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != page() {
		t.Error("zoo.md is not the zoo's table: run go test ./rtsp/rtsptest -run TestPage -update")
	}
}

// No row is of a script that does not exist.
func TestEveryRowHasItsScript(t *testing.T) {
	scripts := map[string]bool{}
	for _, s := range Scripts() {
		scripts[s.Name] = true
		if _, ok := MustOf(s.Name); !ok {
			t.Errorf("script %s has no row", s.Name)
		}
	}
	for name := range musts {
		if !scripts[name] {
			t.Errorf("row %s has no script", name)
		}
	}
}

// says tells in words what must come of a script.
func (m Must) says() string {
	var all []string
	switch {
	case m.Nothing:
		all = append(all, "nothing comes; told as "+strings.Join(m.Breaks, ", ")+fmt.Sprintf("; at most %d connections in %v", m.Tries, m.For))
	case len(m.Breaks) == 0:
		all = append(all, "every unit, bit by bit")
		if m.Begin > 0 {
			all[0] = fmt.Sprintf("begins within %v; from there every unit, bit by bit", m.Begin)
		}
	default:
		all = append(all, fmt.Sprintf("told as %s; the next picture within %v; ", strings.Join(m.Breaks, ", "), m.Silence))
		if m.Missing > 0 {
			all[0] += fmt.Sprintf("at most %d whole pictures missing, ", m.Missing)
		}
		all[0] += "the rest bit by bit"
	}
	if m.Clock != "" {
		all = append(all, "time by "+map[string]string{"arrival": "arrival", "suspect": "arrival, the camera's clock is suspect"}[m.Clock])
	}
	if m.Off > 0 {
		all = append(all, fmt.Sprintf("time within %v", m.Off))
	}
	if gaps := strings.Join(m.Gaps, ", "); gaps != "" {
		all = append(all, "gap "+gaps)
	} else if len(m.Breaks) > 0 {
		all = append(all, "no gap")
	}
	return strings.Join(all, "; ")
}

// page is the table of the zoo in Markdown, which stands in zoo.md.
func page() string {
	var b strings.Builder
	b.WriteString("# The camera zoo\n\nMade of `Scripts` and `MustOf` by `go test ./rtsp/rtsptest -run TestPage -update`.\n" +
		"`TestZoo` and `TestRecordTheZoo` hold every row; *gap* is what stands in the index afterwards.\n\n" +
		"| camera | what it does | what must come of it |\n|---|---|---|\n")
	for _, s := range Scripts() {
		m, _ := MustOf(s.Name)
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.Name, s.Doc, m.says())
	}
	return b.String()
}
