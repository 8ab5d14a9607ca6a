package agency

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/hub/internal/durable"
)

// WellKnownPath is where a publisher and its mirrors say what they carry.
const WellKnownPath = ".well-known/gatehouse.json"

const wellKnownSchema = "gatehouse.well-known/v1"

// WellKnown is that file. Nothing signs it: it saves an owner typing, and what
// counts is the root's fingerprint, which they compare on the telephone. A hub never asks for it.
type WellKnown struct {
	Type string `json:"type"` // "gatehouse.well-known/v1"
	Feed
}

func (b *board) wellKnown(f Feed) error {
	text, err := json.MarshalIndent(WellKnown{wellKnownSchema, f}, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(b.public, filepath.FromSlash(WellKnownPath))
	if err := durable.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(name, append(text, '\n'), 0o644)
}

// SetAddresses notes where the bulletin and its mirrors are on the web.
func SetAddresses(dir, address string, mirrors []string) (Feed, error) {
	f, err := LoadFeed(dir)
	if err != nil {
		return f, err
	}
	for _, a := range append([]string{address}, mirrors...) {
		u, err := url.Parse(a)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return f, fmt.Errorf("setting addresses: %q should be like https://www.example.org/", a)
		}
	}
	f.URL, f.Mirrors = address, mirrors
	return f, writeJSON(filepath.Join(dir, feedFile), f)
}

// sweep removes what a process that was killed left of files it was writing.
func (b *board) sweep() error {
	for _, top := range []string{"gatehouse", ".well-known"} {
		err := filepath.WalkDir(filepath.Join(b.public, top), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && d.Type().IsRegular() && strings.HasPrefix(d.Name(), ".") && strings.HasSuffix(d.Name(), ".tmp") {
				err = os.Remove(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
