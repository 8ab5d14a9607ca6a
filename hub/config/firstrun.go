package config

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gatehouse/hub/internal/durable"
)

// FirstRun remembers how far an owner has come who sets the hub up, so that a
// reload, another device or a restart goes on there.
type FirstRun struct{ DataDir string }

const firstRunFile = "setup"

// Step is the step to go on with, 0 if set-up is over or never began here.
func (f FirstRun) Step() int {
	b, err := os.ReadFile(filepath.Join(f.DataDir, firstRunFile))
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n < 0 || n > 9 {
		return 0
	}
	return n
}

// Reach notes a step; 0 ends set-up.
func (f FirstRun) Reach(step int) error {
	name := filepath.Join(f.DataDir, firstRunFile)
	if step == 0 {
		return durable.Remove(name)
	}
	return durable.WriteFile(name, []byte(strconv.Itoa(step)+"\n"), 0o600)
}
