package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/hub/config"
	"gatehouse/hub/delivery"
	"gatehouse/ui"
)

// TestOffIsObeyedFirst: a file that cannot be changed does not keep the network
// on, and no later version of it brings the network back but by the owner's word.
func TestOffIsObeyedFirst(t *testing.T) {
	h := &hub{data: t.TempDir(), log: slog.New(slog.DiscardHandler), outbox: delivery.New(delivery.Config{})}
	file := filepath.Join(h.data, config.File)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.editor = config.NewEditor(h.data, h.followNetwork)
	write("nonsense: 1\n")
	if err := h.switchNetwork(false); !errors.Is(err, config.ErrUnwritten) || h.network.On() || !h.cutOff {
		t.Errorf("off, in a file with mistakes: %v, on %v", err, h.network.On())
	}
	if err := h.switchNetwork(true); !errors.Is(err, ui.ErrEdit) || h.network.On() {
		t.Errorf("on, in a file with mistakes: %v, on %v", err, h.network.On())
	}
	write("listen: 127.0.0.1:0\n")
	if err := h.editor.Reload(); err != nil || h.network.On() {
		t.Errorf("the mended file: %v, on %v", err, h.network.On())
	}
	if err := h.switchNetwork(true); err != nil || !h.network.On() || h.cutOff {
		t.Errorf("on: %v, on %v", err, h.network.On())
	}
	if err := h.switchNetwork(false); err != nil || h.network.On() || h.cutOff {
		t.Errorf("off: %v, on %v", err, h.network.On())
	}
	write("network: on\n")
	if err := h.editor.Reload(); err != nil || !h.network.On() {
		t.Errorf("a file that says on: %v, on %v", err, h.network.On())
	}
}
