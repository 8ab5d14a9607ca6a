package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport is the package tree of docs/design/architecture.md: every package
// of ours and which others of ours it may import, beside hub/internal. A
// package that is not listed is an error, so that a new room is a decision.
var mayImport = map[string]string{
	"rtsp":                        "",
	"rtsp/rtsptest":               "",
	"rtsp/rtsptest/bubble":        "",
	"rtsp/onvif":                  "rtsp",
	"rtsp/onvif/onviftest":        "",
	"hub/internal/durable":        "",
	"hub/internal/ffmpeg":         "",
	"hub/internal/mp4":            "rtsp",
	"hub/internal/pdf":            "",
	"hub/internal/slots":          "",
	"hub/internal/steady":         "",
	"hub/internal/uplink":         "",
	"hub/internal/yamledit":       "",
	"hub/internal/mp4/mp4test":    "rtsp",
	"hub/internal/bench":          "rtsp/rtsptest",
	"hub/finding":                 "",
	"hub/config":                  "rtsp hub/bulletin hub/label",
	"hub/identity":                "",
	"hub/survey":                  "rtsp rtsp/onvif",
	"hub/account":                 "hub/label",
	"hub/backup":                  "",
	"hub/label":                   "hub/bulletin",
	"hub/https":                   "hub/finding",
	"hub/bulletin":                "",
	"hub/bulletin/bulletintest":   "hub/bulletin",
	"hub/ledger":                  "",
	"hub/ledger/ledgertest":       "hub/ledger",
	"images/demo":                 "images/demo/script",
	"images/demo/make":            "images/demo/script",
	"images/demo/script":          "",
	"hub/recording":               "rtsp hub/finding",
	"hub/recording/recordingtest": "rtsp hub/recording",
	"bridge/homekit":              "bridge/homekit/avc bridge/homekit/stream rtsp",
	"bridge/homekit/avc":          "",
	"bridge/homekit/stream":       "rtsp",
	"bridge/matter/cert":          "bridge/matter/tlv",
	"bridge/matter/code":          "",
	"bridge/matter/message":       "",
	"bridge/matter/securechannel": "",
	"bridge/matter/tlv":           "",
	"bridge/webrtc":               "rtsp",
	"hub/motion":                  "rtsp rtsp/onvif hub/finding hub/recording",
	"hub/motion/motiontest":       "hub/motion",
	"hub/clip":                    "rtsp hub/recording",
	"hub/hls":                     "rtsp",
	"hub/evidence":                "rtsp hub/clip hub/recording hub/bulletin hub/ledger",
	"hub/keep":                    "hub/ledger hub/recording",
	"hub/request":                 "hub/bulletin hub/evidence hub/finding hub/ledger",
	"hub/intake":                  "",
	"hub/delivery":                "hub/evidence hub/bulletin hub/ledger",
	"hub/witness":                 "",
	"hub/agency":                  "hub/bulletin hub/evidence hub/witness",
	"hub/sqlite":                  "bridge/homekit rtsp hub/account hub/bulletin hub/delivery hub/evidence hub/keep hub/ledger hub/motion hub/recording hub/request",
	"hub/control":                 "bridge/homekit rtsp hub/account hub/bulletin hub/clip hub/config hub/delivery hub/evidence hub/finding hub/recording hub/request",
	"hub/demo":                    "rtsp/rtsptest hub/agency hub/bulletin hub/evidence images/demo",
	"ui/api":                      "rtsp hub/account hub/bulletin hub/clip hub/recording hub/request",
	"ui":                          "ui/api bridge/homekit rtsp rtsp/onvif hub/account hub/bulletin hub/clip hub/config hub/delivery hub/evidence hub/finding hub/keep hub/label hub/ledger hub/motion hub/recording hub/request hub/survey",
	"hub":                         "*",
}

// consent packages decide what leaves the home: they know no web page.
var consent = []string{"hub/bulletin", "hub/request", "hub/evidence", "hub/delivery", "hub/ledger"}

// onlyIn keeps a library in one room.
var onlyIn = map[string]string{
	"github.com/bluenviron/gortsplib": "rtsp",
	"github.com/brutella/hap":         "bridge/homekit",
	"github.com/go-text/typesetting":  "bridge/homekit",
	"github.com/pion/webrtc":          "bridge/webrtc",
	"github.com/go-webauthn/webauthn": "hub/account",
	"modernc.org/sqlite":              "hub/sqlite",
}

type goPackage struct {
	ImportPath string
	Dir        string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports", "gatehouse/...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, "gatehouse/")
		allowed, listed := mayImport[name]
		if !listed {
			t.Errorf("package %s has no place in the tree", name)
		}
		for _, imp := range p.Imports {
			ours, isOurs := strings.CutPrefix(imp, "gatehouse/")
			if isOurs && allowed != "*" && !strings.HasPrefix(ours, "hub/internal/") && !slices.Contains(strings.Fields(allowed), ours) {
				t.Errorf("%s may not import %s", name, ours)
			}
			if slices.Contains(consent, name) && (imp == "html/template" || strings.HasPrefix(ours, "ui")) {
				t.Errorf("%s is on the consent path and may not import %s", name, imp)
			}
			for lib, room := range onlyIn {
				if strings.HasPrefix(imp, lib) && !strings.HasPrefix(name, room) {
					t.Errorf("%s may not import %s: it stays behind %s", name, imp, room)
				}
			}
		}
	}
}

func TestConsentPathServesNothing(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(consent, strings.TrimPrefix(p.ImportPath, "gatehouse/")) {
			continue
		}
		files, _ := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, word := range []string{"http.Server", "http.Handler", "http.ResponseWriter", "ListenAndServe"} {
				if strings.Contains(string(src), word) {
					t.Errorf("%s: %s on the consent path", file, word)
				}
			}
		}
	}
}

const (
	maxFileLines = 500
	maxFuncLines = 60
)

// TestRooms holds files and functions to a size that a reader can take in.
func TestRooms(t *testing.T) {
	forbidden := strings.Fields("util utils common helpers types models manager core")
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == ".tools") {
			return fs.SkipDir
		}
		if d.IsDir() && slices.Contains(forbidden, d.Name()) {
			t.Errorf("%s: the name says nothing", path)
		}
		if strings.HasSuffix(path, ".go") {
			measure(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func measure(t *testing.T, path string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		t.Error(err)
		return
	}
	if n := set.Position(file.End()).Line; n > maxFileLines {
		t.Errorf("%s has %d lines, at most %d", path, n, maxFileLines)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.SelectorExpr)
		if !ok || call.Sel.Name != "Test" || strings.HasSuffix(path, "rtsptest/bubble/bubble.go") {
			return true
		}
		if x, ok := call.X.(*ast.Ident); ok && x.Name == "synctest" {
			t.Errorf("%s: a bubble of its own; rtsp/rtsptest/bubble says why", set.Position(n.Pos()))
		}
		return true
	})
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || strings.HasSuffix(path, "_test.go") {
			continue
		}
		if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > maxFuncLines {
			t.Errorf("%s: %s has %d lines, at most %d", path, f.Name.Name, n, maxFuncLines)
		}
	}
}

// TestWiringIsThin keeps behaviour out of package main.
func TestWiringIsThin(t *testing.T) {
	const budget = 600
	lines := 0
	for _, name := range []string{"main.go", "serve.go", "wiring.go"} {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(src), "\n")
	}
	if lines > budget {
		t.Errorf("the wiring has %d lines, its budget is %d", lines, budget)
	}
}
