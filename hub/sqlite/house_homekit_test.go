package sqlite

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/bridge/homekit"
)

const rungMost = 3

// homekitSteps are what a home lives through: each is kept whole or not at all.
func homekitSteps() []homekit.Kept {
	b := func(c string) []byte { return bytes.Repeat([]byte(c), 32) }
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	bell := homekit.Identity{Accessory: "doorbell", DeviceID: "11:11:11:11:11:11", SetupID: "BELL", Seed: b("s"), Version: 65535, Shape: []byte{1}}
	eye := homekit.Identity{Accessory: "sensor", DeviceID: "22:22:22:22:22:22", SetupID: "EYE1", Seed: b("t"), Version: 1, Tries: 100}
	paired := bell
	paired.Controllers = []homekit.Controller{
		{ID: "me", Key: b("k"), Admin: true, Added: at, Seen: at.Add(time.Hour), Peer: "192.168.1.20"}, {ID: "a guest", Key: b("l")},
	}
	reset, eyeReset := bell, eye
	reset.DeviceID, reset.Seed, reset.Version = "33:33:33:33:33:33", b("u"), 1
	eyeReset.DeviceID, eyeReset.Tries = "44:44:44:44:44:44", 0
	return []homekit.Kept{
		{Code: "246-80-135", Accessories: []homekit.Identity{bell, eye}, Rung: []string{"a", "b"}}, // taken over
		{Accessories: []homekit.Identity{paired}},
		{Rung: []string{"c", "d"}},
		{Code: "135-79-246", Accessories: []homekit.Identity{reset, eyeReset}},
	}
}

// homekitAfter is what is kept after so many of the steps.
func homekitAfter(n int) (k homekit.Kept) {
	steps := homekitSteps()
	if n > 0 {
		k = steps[0]
	}
	if n > 1 {
		k.Accessories[0] = steps[1].Accessories[0]
	}
	if n > 2 {
		k.Rung = []string{"b", "c", "d"}
	}
	if n > 3 {
		k.Code, k.Accessories = steps[3].Code, steps[3].Accessories
	}
	return k
}

func TestHouseKeepsHomeKit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "house.db")
	for n, k := range append([]homekit.Kept{{}}, homekitSteps()...) {
		h := openHouse(t, path)
		if err := h.KeepHomeKit(t.Context(), k, rungMost); err != nil {
			t.Fatal(err)
		}
		got, err := h.HomeKit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(homekitAfter(n), got); d != "" {
			t.Errorf("after step %d (-want +got):\n%s", n, d)
		}
	}
	h := openHouse(t, path)
	bad := homekitSteps()[0]
	bad.Accessories[1].DeviceID = bad.Accessories[0].DeviceID // of two accessories
	if err := h.KeepHomeKit(t.Context(), bad, rungMost); err == nil {
		t.Error("two accessories have one device id")
	}
	if got, err := h.HomeKit(t.Context()); err != nil || cmp.Diff(homekitAfter(4), got) != "" {
		t.Errorf("a change that was refused left %+v, %v", got, err)
	}
}

// TestHomeKitKilledAtEveryStep ends the process with SIGKILL at every statement
// of every change; another process then sees all of the change or nothing.
func TestHomeKitKilledAtEveryStep(t *testing.T) {
	if at := os.Getenv("GATEHOUSE_TEST_KILL_HOMEKIT"); at != "" {
		keepUntil(t, os.Getenv("GATEHOUSE_TEST_HOUSE"), at)
		return
	}
	for n, steps := range []string{
		"begin code accessory unpaired rung committed", "begin accessory unpaired controller committed",
		"begin rung committed", "begin code accessory unpaired committed",
	} {
		for _, step := range strings.Fields(steps) {
			at := string(rune('0'+n)) + " " + step
			path := filepath.Join(t.TempDir(), "house.db")
			cmd := exec.Command(os.Args[0], "-test.run=^TestHomeKitKilledAtEveryStep$")
			cmd.Env = append(os.Environ(), "GATEHOUSE_TEST_KILL_HOMEKIT="+at, "GATEHOUSE_TEST_HOUSE="+path)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("%s: the process was not killed: %v\n%s", at, err, out)
			}
			want := homekitAfter(n)
			if step == "committed" {
				want = homekitAfter(n + 1)
			}
			got, err := openHouse(t, path).HomeKit(t.Context())
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("%s: %v (-want +got):\n%s", at, err, d)
			}
		}
	}
}

// keepUntil makes one change after the other, up to a statement.
func keepUntil(t *testing.T, path, at string) {
	h := openHouse(t, path)
	for n, k := range homekitSteps() {
		h.step = func(step string) {
			if string(rune('0'+n))+" "+step == at {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
		if err := h.KeepHomeKit(t.Context(), k, rungMost); err != nil {
			t.Fatal(err)
		}
		h.step("committed")
	}
}
