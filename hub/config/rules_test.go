package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestNoRuleApproves: what sends footage is a person's decision, never a line of a file.
func TestNoRuleApproves(t *testing.T) {
	for _, word := range []string{"auto_approve", "approve", "send", "share", "allow", ""} {
		if slices.Contains(Actions(), word) {
			t.Errorf("%q is an action", word)
		}
		_, err := ParseRules(fmt.Appendf(nil, "rules:\n  - {level: fire, action: %q}\n", word))
		var p Problems
		if !errors.As(err, &p) || len(p) != 1 || p[0].Line != 2 || p[0].Key != "rules[0].action" {
			t.Errorf("action %q: %v", word, err)
		}
	}
	if _, err := ParseRules([]byte("rules:\n  - {auto_approve: true, action: notify}\n")); err == nil {
		t.Error("auto_approve is a key")
	}
}

func TestParseRules(t *testing.T) {
	yes, no := true, false
	got, err := ParseRules([]byte(`rules:
  - agency: police.example
    level: county
    category: theft
    missing: [protest, religion]
    over_km2: 0.5
    over_minutes: 120
    over_age: 72h
    over_cameras: 1
    hours: {from: 22:00, to: 6:30}
    over_in_case: 2
    over_in_30_days: 5
    over_retention_days: 365
    over_unused_days: 30
    onward: true
    face_recognition: false
    action: require_two
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{{
		Agency: "police.example", Level: "county", Category: "theft", Missing: []string{"protest", "religion"}, OverKM2: 0.5,
		OverMinutes: 120, OverAge: 72 * time.Hour, OverCameras: 1, Hours: &Hours{"22:00", "06:30"}, OverCase: 2, OverMonth: 5,
		OverKeepDays: 365, OverUnused: 30, Onward: &yes, Faces: &no, Action: "require_two",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadRulesHaveTheirLines(t *testing.T) {
	for text, key := range map[string]string{
		"level: planet":                  "level",
		"level:":                         "level", // not "every level"
		"category: jaywalking":           "category",
		"agency: Not a name":             "agency",
		"agency: ''":                     "agency",
		"missing: [chess]":               "missing[0]",
		"missing: ['']":                  "missing[0]",
		"missing: []":                    "missing",
		"missing: protest":               "missing",
		"over_km2: 0":                    "over_km2",
		"over_km2: -1":                   "over_km2",
		"over_minutes: 1.5":              "over_minutes",
		"over_age: 3":                    "over_age",
		"over_age: 0s":                   "over_age",
		"over_cameras: 0":                "over_cameras",
		"over_in_case: -3":               "over_in_case",
		"hours: {from: 22:00}":           "hours",
		"hours: {from: 25:00, to: 1:00}": "hours.from",
		"hours: {from: 7:00, to: 07:00}": "hours",
		"hours: 22:00-06:00":             "hours",
		"onward: maybe":                  "onward",
		"onward:":                        "onward",
		"face_recognition: 1":            "face_recognition",
		"colour: red":                    "colour",
	} {
		_, err := ParseRules([]byte("rules:\n  - action: hide\n    " + text + "\n"))
		var p Problems
		if !errors.As(err, &p) || p[0].Line != 3 || p[0].Column < 5 || !strings.HasPrefix(p[0].Key, "rules[0]."+key) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSharing(t *testing.T) {
	c, err := Parse([]byte("sharing: {digest: 7:15, quiet_hours: [{from: 21:00, to: 07:00}], rings: 1, per_case: {time: 24h, km2: 2}, hold_quota: 50GB}\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sharing
	if s.Digest != "07:15" || s.Digest.Minutes() != 435 || s.Quiet[0] != (Hours{"21:00", "07:00"}) || s.Rings != 1 ||
		s.PerCase != (PerCase{24 * time.Hour, 2}) || s.HoldQuota != (Quota{Bytes: 50e9}) {
		t.Errorf("%+v", s)
	}
	c, err = Parse([]byte("sharing: {hold_quota: 12.5%}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Sharing; s.HoldQuota != (Quota{Percent: 12.5}) || s.Digest != "18:00" || s.Rings != 3 || s.PerCase != (PerCase{12 * time.Hour, 1.295}) {
		t.Errorf("%+v", s)
	}
	for _, bad := range []string{
		"hold_quota: 0", "hold_quota: 101%", "hold_quota: NaN%", "hold_quota: -1%", "digest: noon", "rings: -1", "rings: 1000", "per_case: {time: 1m}",
		"per_case: {km2: 1000}", "quiet_hours: [{from: 8:00, to: 20:00}, {from: 20:00, to: 08:00}]", "quiet_hours: [{}]", "quiet_hours: {from: 1:00, to: 2:00}",
	} {
		if _, err := Parse([]byte("sharing:\n  " + bad + "\n")); err == nil || !strings.Contains(err.Error(), ".yml:2:") || !strings.Contains(err.Error(), ": sharing.") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func FuzzRules(f *testing.F) {
	f.Add([]byte("rules:\n  - {level: fire, action: hide}\n"))
	f.Add([]byte("rules:\n  - {hours: {from: 22:00, to: 06:00}, missing: [protest], onward: true, action: decline}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, err := ParseRules(data)
		if err != nil && rules != nil {
			t.Error("rules beside an error")
		}
		for _, r := range rules {
			if !slices.Contains(Actions(), r.Action) {
				t.Errorf("action %q", r.Action)
			}
		}
	})
}
