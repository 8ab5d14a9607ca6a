package homekit

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oldDir makes the files of a hub of before.
func oldDir(t *testing.T, more map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home[kit]*")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b64 := func(c string) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(c, 32))) }
	files := map[string]string{
		"setup.json":    `{"code":"246-80-135","doorbell_id":"BELL","sensor_id":"EYE1"}`,
		"rung.json":     `["a","b"]`,
		"doorbell.json": fmt.Sprintf(`{"device_id":"11:11:11:11:11:11","seed":%q,"version":7,"shape":"AA==","tries":3,"controllers":[{"id":"me","key":%q,"admin":true},{"id":"you","key":%q,"admin":false}]}`, b64("s"), b64("k"), b64("l")),
		"sensor.json":   fmt.Sprintf(`{"device_id":"22:22:22:22:22:22","seed":%q,"version":1,"shape":null,"tries":100,"controllers":null}`, b64("t")),
		"camera-porch.json": fmt.Sprintf(`{"device_id":"33:33:33:33:33:33","seed":%q,"version":2,"shape":"AQ==","tries":0,"controllers":[],"setup_id":"PRCH"}`,
			b64("u")),
		".new-123": "half",
	}
	for name, text := range more {
		files[name] = text
	}
	for name, text := range files {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func wholeOld() Kept {
	b := func(c string) []byte { return []byte(strings.Repeat(c, 32)) }
	return Kept{Code: "246-80-135", Rung: []string{"a", "b"}, Accessories: []Identity{
		{Accessory: "camera-porch", DeviceID: "33:33:33:33:33:33", SetupID: "PRCH", Seed: b("u"), Version: 2, Shape: []byte{1}},
		{
			Accessory: "doorbell", DeviceID: "11:11:11:11:11:11", SetupID: "BELL", Seed: b("s"), Version: 7, Shape: []byte{0}, Tries: 3,
			Controllers: []Controller{{ID: "me", Key: b("k"), Admin: true}, {ID: "you", Key: b("l")}},
		},
		{Accessory: "sensor", DeviceID: "22:22:22:22:22:22", SetupID: "EYE1", Seed: b("t"), Version: 1, Tries: 100},
	}}
}

// TestFilesAreTakenOverOnce: all that they hold, also of a camera that is not
// shown now, and then they are gone.
func TestFilesAreTakenOverOnce(t *testing.T) {
	dir, keep := oldDir(t, nil), &memory{}
	got, err := takeOver(t.Context(), keep, dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(wholeOld(), got); d != "" {
		t.Errorf("taken over (-want +got):\n%s", d)
	}
	if d := cmp.Diff(got, keep.kept); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder is still there")
	}
	if again, err := takeOver(t.Context(), keep, dir); err != nil || cmp.Diff(got, again) != "" {
		t.Errorf("a second start: %v", err)
	}
	b, err := New(t.Context(), Config{Store: keep, Dir: dir})
	if err != nil || b.Status().DeviceID != "11:11:11:11:11:11" || !b.rung.has("a") || b.Code() != "246-80-135" || !b.Status().Sensor.Locked {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestEndedWhileTakingOver: wherever the process ends between keeping and the
// last file's removal, the store is the truth, also over what a file says.
func TestEndedWhileTakingOver(t *testing.T) {
	names := []string{"setup.json", "rung.json", "doorbell.json", "sensor.json", "camera-porch.json"}
	for gone := range len(names) + 1 {
		missing := map[string]string{}
		for _, name := range names[:gone] {
			missing[name] = ""
		}
		dir, keep := oldDir(t, missing), &memory{kept: wholeOld()}
		keep.kept.Accessories[1].Tries = 50 // counted after the files were read
		want := keep.kept.clone()
		got, err := takeOver(t.Context(), keep, dir)
		if err != nil || cmp.Diff(want, got) != "" || cmp.Diff(want, keep.kept) != "" {
			t.Errorf("%d files gone: %v\n%s", gone, err, cmp.Diff(want, got))
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%d files gone: the rest stays", gone)
		}
	}
}

// TestNothingIsTakenOverByHalf: a broken file, or a store that cannot keep, leaves both as they were.
func TestNothingIsTakenOverByHalf(t *testing.T) {
	for _, name := range []string{"setup.json", "rung.json", "doorbell.json", "sensor.json", "camera-porch.json"} {
		for _, text := range []string{"{", `{"code":"1"}`, `"x"`} {
			dir, keep := oldDir(t, map[string]string{name: text}), &memory{}
			if _, err := takeOver(t.Context(), keep, dir); err == nil || keep.kept.Code != "" {
				t.Errorf("%s is %s: %v, kept %+v", name, text, err, keep.kept)
			}
			if n := len(oldNames(dir)); n != 5 {
				t.Errorf("%s is broken: %d files left", name, n)
			}
		}
	}
	dir := oldDir(t, nil)
	if _, err := takeOver(t.Context(), &memory{full: errDisk}, dir); err == nil || len(oldNames(dir)) != 5 {
		t.Errorf("with a full disk: %v, %d files left", err, len(oldNames(dir)))
	}
}

// TestFirstStartKeepsAll: what a new home's accessories are is kept before anybody meets them.
func TestFirstStartKeepsAll(t *testing.T) {
	keep := &memory{}
	a, err := New(t.Context(), Config{Store: keep, Dir: filepath.Join(t.TempDir(), "none"), Cameras: []Camera{{Name: "porch"}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(t.Context(), Config{Store: keep, Cameras: []Camera{{Name: "porch"}}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a.Status(), b.Status()); d != "" || !validCode(a.Code()) || a.Code() != b.Code() {
		t.Errorf("after a restart:\n%s", d)
	}
	wantKept(t, b, keep)
	ids := map[string]bool{}
	for _, s := range a.Status().All() {
		ids[s.DeviceID] = true
	}
	if len(ids) != 3 {
		t.Errorf("%d device ids", len(ids))
	}
	if _, err := New(t.Context(), Config{Store: &memory{full: errDisk}}); err == nil {
		t.Error("New runs with what it cannot keep")
	}
}
