package main

import (
	"net"
	"path/filepath"
	"slices"
	"testing"

	"gatehouse/hub/finding"
)

// TestBridgeThatCannotRunStopsNothing takes the bridge's port away: the hub
// runs and says so.
func TestBridgeThatCannotRunStopsNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	data := filepath.Join(t.TempDir(), "hub")
	writeConfig(t, data, "listen: 127.0.0.1:0\nhomekit: {enabled: true, listen: \""+ln.Addr().String()+"\"}\n")
	h := startHub(t, data)
	eventually(t, "the problem", func() bool {
		return slices.ContainsFunc(h.problems(), func(f finding.Finding) bool { return f.Code == "homekit-off" })
	})
	if s, err := h.status().Read(t.Context()); err != nil || s.Healthy {
		t.Errorf("status = %+v, %v", s, err)
	}
}
