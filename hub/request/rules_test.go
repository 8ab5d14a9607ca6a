package request

import (
	"errors"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
)

// TestRules is every condition at its limit and beyond it.
func TestRules(t *testing.T) {
	yes, no := true, false
	from := time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)
	q := bulletin.Request{
		Agency: "police.example", IssuedAt: from.Add(50 * time.Hour),
		Incident: bulletin.Incident{Category: "theft", NotRelatedTo: []string{"protest", "immigration"}},
		Window:   bulletin.Window{From: from, To: from.Add(2 * time.Hour)},
		Handling: bulletin.Handling{RetentionDays: 30, UnusedDeleteDays: 7, Onward: true},
	}
	clock := func(from, to int) *Hours { return &Hours{From: from * 60, To: to * 60} }
	f := &facts{
		Facts: Facts{IssuedAt: q.IssuedAt, Level: "county", Here: true, Cameras: 2}, q: q, km2: 0.5, zone: time.UTC, inCase: 3,
		in30Days: func() (int, error) { return 4, nil },
	}
	for name, c := range map[string]struct {
		rule Rule
		want bool
	}{
		"no condition":        {Rule{}, true},
		"agency":              {Rule{Agency: "police.example"}, true},
		"another agency":      {Rule{Agency: "fire.example"}, false},
		"level":               {Rule{Level: "county"}, true},
		"another level":       {Rule{Level: "federal"}, false},
		"category":            {Rule{Category: "theft"}, true},
		"another category":    {Rule{Category: "arson"}, false},
		"attested":            {Rule{Missing: []string{"protest"}}, false},
		"all attested":        {Rule{Missing: []string{"protest", "immigration"}}, false},
		"one not attested":    {Rule{Missing: []string{"protest", "religion"}}, true},
		"area at the limit":   {Rule{MaxKM2: 0.5}, false},
		"area over it":        {Rule{MaxKM2: 0.49}, true},
		"length at the limit": {Rule{Minutes: 120}, false},
		"length over it":      {Rule{Minutes: 119}, true},
		"age at the limit":    {Rule{Age: 50 * time.Hour}, false},
		"age over it":         {Rule{Age: 50*time.Hour - 1}, true},
		"cameras at limit":    {Rule{Cameras: 2}, false},
		"cameras over it":     {Rule{Cameras: 1}, true},
		"in hours":            {Rule{Hours: clock(19, 21)}, true},
		"ends as they begin":  {Rule{Hours: clock(22, 23)}, false},
		"begins as they end":  {Rule{Hours: clock(18, 20)}, false},
		"hours within":        {Rule{Hours: &Hours{21 * 60, 21*60 + 1}}, true},
		"over midnight":       {Rule{Hours: clock(21, 6)}, true},
		"after midnight":      {Rule{Hours: clock(23, 6)}, false},
		"count at the limit":  {Rule{InCase: 3}, false},
		"count over it":       {Rule{InCase: 2}, true},
		"month at the limit":  {Rule{In30Days: 4}, false},
		"month over it":       {Rule{In30Days: 3}, true},
		"kept at the limit":   {Rule{KeepDays: 30}, false},
		"kept longer":         {Rule{KeepDays: 29}, true},
		"unused at the limit": {Rule{UnusedDays: 7}, false},
		"unused kept longer":  {Rule{UnusedDays: 6}, true},
		"passed on":           {Rule{Onward: &yes}, true},
		"not passed on":       {Rule{Onward: &no}, false},
		"faces":               {Rule{Faces: &yes}, false},
		"no faces":            {Rule{Faces: &no}, true},
		"all of many":         {Rule{Agency: "police.example", MaxKM2: 0.4, Minutes: 60, InCase: 1, Cameras: 1}, true},
		"all but one":         {Rule{Agency: "police.example", MaxKM2: 0.4, Minutes: 60, InCase: 1, Cameras: 2}, false},
	} {
		if got, err := c.rule.applies(f); got != c.want || err != nil {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	for _, a := range []Action{Hide, Digest, Notify, Keep, RequireTwo, Decline} {
		got, err := ruled([]Rule{{Agency: "fire.example", Action: Hide}, {Level: "county", Action: a}, {Action: Hide}}, f)
		if err != nil || got != (Ruled{Number: 2, Action: a, Text: "level: county, action: " + string(a)}) {
			t.Errorf("%s: %+v, %v", a, got, err)
		}
	}
	if got, err := ruled([]Rule{{Level: "state", Action: Hide}}, f); err != nil || got != (Ruled{Action: Digest}) {
		t.Errorf("no rule: %+v, %v", got, err)
	}
	broken := errors.New("broken")
	f.in30Days = func() (int, error) { return 0, broken }
	if _, err := ruled([]Rule{{In30Days: 1, Action: Decline}}, f); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// TestHoursAreTheHomes: 20:00 UTC is night in Kolkata, and a day there has the hour that
// summer time leaves out in Berlin.
func TestHoursAreTheHomes(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC) // 01:30 there
	w := bulletin.Window{From: from, To: from.Add(15 * time.Minute)}
	if h := (Hours{60, 120}); !h.touch(w, zone) || h.touch(w, time.UTC) {
		t.Error("the hours are not of the home's zone")
	}
	if zone, err = time.LoadLocation("Europe/Berlin"); err != nil {
		t.Fatal(err)
	}
	night := bulletin.Window{From: time.Date(2027, 3, 28, 0, 0, 0, 0, zone), To: time.Date(2027, 3, 28, 6, 0, 0, 0, zone)}
	if h := (Hours{150, 170}); !h.touch(night, zone) {
		t.Error("an hour that the clock skips is in no night")
	}
}
