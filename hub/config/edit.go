package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"gatehouse/hub/internal/durable"
	"gatehouse/hub/internal/yamledit"
)

// What changes a file is made of.
type (
	Change  = yamledit.Change
	Map     = yamledit.Map
	Field   = yamledit.Field
	Refused = yamledit.Refused
	Written = yamledit.File // the values of a file as they stand there
)

// ErrConflict means that the file is not the version that an edit was made for.
var ErrConflict = errors.New("gatehouse.yml was changed meanwhile")

// ErrUnwritten means that the owner's word to switch the network off is obeyed
// and could not be kept in the file.
var ErrUnwritten = errors.New("the network is off now, but gatehouse.yml could not be changed: a restart would switch it on again")

// Broken are the mistakes of a file that an edit was to be made in; until they
// are mended nothing is written to it.
type Broken struct{ Problems }

// First is what a file begins with that the hub makes.
const First = `# Gatehouse. The console changes this file and leaves your comments and spaces
# alone; edits made here are taken over while the hub runs.
# Everything that can stand here: docs/configuration.md

listen: 127.0.0.1:8080 # this machine alone; 0.0.0.0:8080 opens the console to the home's network
cameras: []
`

// LoadOrMake is Load, and makes the data folder and a first file where there is none.
func LoadOrMake(dataDir string) (*Config, error) {
	c, err := Load(dataDir)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if err := durable.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(dataDir, File), []byte(First), 0o600); err != nil {
		return nil, fmt.Errorf("writing the first configuration: %w", err)
	}
	return Load(dataDir)
}

// Editor changes gatehouse.yml for the console and hands over what it says. Its methods may be called at once.
type Editor struct {
	dataDir string
	applied func(*Config)
	mu      sync.Mutex // one edit or reload at a time
}

// NewEditor returns an editor of the file in a data folder. applied, if not nil,
// is called after each edit, before [Editor.Edit] returns, since one through a
// symbolic link may escape the watcher, and by [Editor.Reload]. Its calls follow
// each other, and none hands over a version that is older than the last one's.
func NewEditor(dataDir string, applied func(*Config)) *Editor {
	return &Editor{dataDir: dataDir, applied: applied}
}

func (e *Editor) name() string { return filepath.Join(e.dataDir, File) }

// read answers the file, or nil and what it will begin with if there is none.
func (e *Editor) read() (old, text []byte, err error) {
	old, err = os.ReadFile(e.name())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, []byte(First), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return old, old, nil
}

// Read returns the file's text and its version, which a form hands back to Edit.
func (e *Editor) Read() (text []byte, version string, err error) {
	_, text, err = e.read()
	return text, versionOf(text), err
}

func versionOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Edit makes changes to the file, all or none. A version says which text they
// were made for; empty takes whatever is there. The result passes [Parse] before
// it replaces the file, and the file is the one that was read: ErrConflict
// otherwise. Other errors of the owner's: Problems of the result, *Broken of
// the file as it was, *Refused where an edit would lose something.
func (e *Editor) Edit(version string, changes ...Change) (*Config, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old, text, err := e.read()
	if err != nil {
		return nil, err
	}
	if version != "" && version != versionOf(text) {
		return nil, ErrConflict
	}
	next, err := yamledit.Rewrite(text, changes...)
	if err != nil {
		return nil, fmt.Errorf("editing the configuration: %w", err)
	}
	c, err := Parse(next)
	if err != nil {
		var was Problems
		if _, before := Parse(text); errors.As(before, &was) {
			return nil, &Broken{was}
		}
		return nil, err
	}
	if string(old) != string(next) {
		if err := durable.Swap(e.name(), old, next, 0o600); errors.Is(err, durable.ErrChanged) {
			return nil, ErrConflict
		} else if err != nil {
			return nil, fmt.Errorf("writing the configuration: %w", err)
		}
	}
	if e.applied != nil {
		e.applied(c)
	}
	return c, nil
}

// Reload hands over the file as it is now; one with an error is not handed over.
func (e *Editor) Reload() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := Load(e.dataDir)
	if err == nil && e.applied != nil {
		e.applied(c)
	}
	return err
}

// Try checks changes as Edit does and writes nothing.
func (e *Editor) Try(changes ...Change) error {
	_, text, err := e.read()
	if err != nil {
		return err
	}
	if text, err = yamledit.Rewrite(text, changes...); err != nil {
		return fmt.Errorf("editing the configuration: %w", err)
	}
	_, err = Parse(text)
	return err
}

// Changes; see package yamledit.

// Set writes a value at a path such as cameras[name=porch].url.
func Set(path string, value any) Change { return yamledit.Set(path, value) }

// Delete removes a key, or an entry of a list.
func Delete(path string) Change { return yamledit.Delete(path) }

// Append adds an entry at the end of a list.
func Append(path string, value any) Change { return yamledit.Append(path, value) }

// SetText replaces everything below a key by lines of YAML.
func SetText(path, text string) Change { return yamledit.SetText(path, text) }

// Text is what stands below a key, with its comments.
func Text(file []byte, path string) (string, error) { return yamledit.Text(file, path) }

// Values reads a file's values as they are written.
func Values(file []byte) (Written, error) { return yamledit.Read(file) }
