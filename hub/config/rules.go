package config

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/hub/bulletin"
)

// Rule decides about requests before a person is told. It applies if all of its
// conditions do; a condition that is not there always does. No action sends
// anything: that takes a person.
type Rule struct {
	Agency       string        `yaml:"agency"`              // DNS name; empty: any
	Level        string        `yaml:"level"`               // municipal county state federal fire other
	Category     string        `yaml:"category"`            // of the incident
	Missing      []string      `yaml:"missing"`             // the agency does not attest that the request is unrelated to one of these
	OverKM2      float64       `yaml:"over_km2"`            // applies to areas larger than this
	OverMinutes  int           `yaml:"over_minutes"`        // applies to windows longer than this
	OverAge      time.Duration `yaml:"over_age"`            // applies if the window began longer than this before the request was issued
	OverCameras  int           `yaml:"over_cameras"`        // applies if footage of more cameras than this is touched
	Hours        *Hours        `yaml:"hours"`               // applies if the window touches these hours of the day, in the home's zone
	OverCase     int           `yaml:"over_in_case"`        // applies from the request after so many in one case
	OverMonth    int           `yaml:"over_in_30_days"`     // the same of all requests of the agency in 30 days
	OverKeepDays int           `yaml:"over_retention_days"` // applies if the agency keeps the footage longer than this
	OverUnused   int           `yaml:"over_unused_days"`    // applies if it keeps unused footage longer than this
	Onward       *bool         `yaml:"onward"`              // true: it may pass the footage on; false: it promises not to
	Faces        *bool         `yaml:"face_recognition"`    // true: it may use face recognition; false: it promises not to
	Action       string        `yaml:"action"`              // hide, digest, notify, hold, require_two or decline
}

// Actions are all that a rule can do. None approves.
func Actions() []string {
	return []string{"hide", "digest", "notify", "hold", "require_two", "decline"}
}

// Hours are hours of the day from From up to To, over midnight if To is not later.
type Hours struct {
	From Clock `yaml:"from"`
	To   Clock `yaml:"to"`
}

// Clock is a time of day, such as 22:00.
type Clock string

var (
	_ encoding.TextUnmarshaler = (*Clock)(nil)
	_ encoding.TextUnmarshaler = (*Quota)(nil)
)

// UnmarshalText takes hours and minutes.
func (c *Clock) UnmarshalText(text []byte) error {
	t, err := time.Parse("15:04", string(text))
	if err != nil {
		return errors.New("not a time of day; write for example 07:30")
	}
	*c = Clock(t.Format("15:04"))
	return nil
}

// Minutes is the clock's minute of the day, from 0.
func (c Clock) Minutes() int {
	t, _ := time.Parse("15:04", string(c)) // checked when it was read
	return t.Hour()*60 + t.Minute()
}

// Quota is a part of the disks, or a size.
type Quota struct {
	Percent float64 // of all disks footage is stored on; 0: Bytes
	Bytes   Size
}

// UnmarshalText takes 10% or 50GB.
func (q *Quota) UnmarshalText(text []byte) error {
	if part, ok := strings.CutSuffix(strings.TrimSpace(string(text)), "%"); ok {
		p, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !(p > 0 && p <= 100) {
			return errors.New("not a part of the disks; write for example 10%")
		}
		*q = Quota{Percent: p}
		return nil
	}
	var s Size
	if err := s.UnmarshalText(text); err != nil || s == 0 {
		return errors.New("not a size; write for example 10% or 50GB")
	}
	*q = Quota{Bytes: s}
	return nil
}

// ParseRules reads a file that holds rules and nothing else, as strictly as
// Parse. Its error is Problems, or of a file that has none.
func ParseRules(data []byte) ([]Rule, error) {
	d := decoder{lines: map[string]place{}}
	var doc struct {
		Rules []Rule `yaml:"rules"`
	}
	d.document(data, &doc)
	if !d.broken {
		checkRules(&d, doc.Rules)
	}
	if err := d.sorted(); err != nil {
		return nil, err
	}
	return doc.Rules, nil
}

// maxRules bounds the work for each request.
const maxRules = 200

func checkRules(d *decoder, rules []Rule) {
	if len(rules) > maxRules {
		d.at("rules", "should be at most %d", maxRules)
	}
	for i, r := range rules {
		checkRule(d, fmt.Sprintf("rules[%d]", i), r)
	}
}

func checkRule(d *decoder, key string, r Rule) {
	if !slices.Contains(Actions(), r.Action) {
		d.at(key+".action", "should be one of %s", strings.Join(Actions(), " "))
	}
	oneOf := func(name, value string, known []string) {
		if value != "" && !slices.Contains(known, value) {
			d.at(key+"."+name, "should be one of %s", strings.Join(known, " "))
		}
	}
	oneOf("level", r.Level, bulletin.Levels())
	oneOf("category", r.Category, bulletin.Categories())
	for i, m := range r.Missing {
		oneOf(fmt.Sprintf("missing[%d]", i), cmp.Or(m, "?"), bulletin.Attestations())
	}
	if r.Agency != "" && !bulletin.IsDNSName(r.Agency) {
		d.at(key+".agency", "should be the agency's DNS name")
	}
	for _, x := range []struct {
		name  string
		value float64
	}{
		{"over_km2", r.OverKM2},
		{"over_minutes", float64(r.OverMinutes)},
		{"over_age", float64(r.OverAge)},
		{"over_cameras", float64(r.OverCameras)},
		{"over_in_case", float64(r.OverCase)},
		{"over_in_30_days", float64(r.OverMonth)},
		{"over_retention_days", float64(r.OverKeepDays)},
		{"over_unused_days", float64(r.OverUnused)},
	} {
		// What is written as 0 would be no condition at all, and the rule would do more than it says.
		if _, given := d.lines[key+"."+x.name]; given && x.value <= 0 {
			d.at(key+"."+x.name, "should be above 0; leave it out if it is no condition")
		}
	}
	for name, empty := range map[string]bool{
		"agency": r.Agency == "", "level": r.Level == "", "category": r.Category == "", "missing": len(r.Missing) == 0,
		"hours": r.Hours == nil, "onward": r.Onward == nil, "face_recognition": r.Faces == nil,
	} {
		if _, given := d.lines[key+"."+name]; given && empty {
			d.at(key+"."+name, "is empty; leave it out if it is no condition")
		}
	}
	if r.Hours != nil {
		checkHours(d, key+".hours", *r.Hours)
	}
}

func checkHours(d *decoder, key string, h Hours) {
	if h.From == "" || h.To == "" || h.From == h.To {
		d.at(key, "should be such as {from: 22:00, to: 07:00}")
	}
}

func checkSharing(d *decoder, s Sharing) {
	if least := *s.CoolDown.Min; least < 0 || *s.CoolDown.Max < least {
		d.at("sharing.cool_down", "min must not be negative, nor over max")
	} else if least == *s.CoolDown.Max && least > 0 {
		d.at("sharing.cool_down", "max should be over min: a part of it is random, so that nobody can tell when you decided")
	}
	for i, h := range s.Quiet {
		checkHours(d, fmt.Sprintf("sharing.quiet_hours[%d]", i), h)
	}
	if len(s.Quiet) > 8 {
		d.at("sharing.quiet_hours", "should be at most 8")
	}
	if alwaysQuiet(s.Quiet) {
		d.at("sharing.quiet_hours", "should leave some of the day")
	}
	if s.Approvals < 1 || s.Approvals > 9 {
		d.at("sharing.approvals", "should be 1 to 9")
	}
	if s.Rings < 1 || s.Rings > 100 {
		d.at("sharing.rings", "should be 1 to 100; rules decide what rings at all")
	}
	if s.PerCase.Time < 15*time.Minute || s.PerCase.Time > 45*24*time.Hour {
		d.at("sharing.per_case.time", "should be 15m to 1080h")
	}
	if s.PerCase.KM2 < 0.065 || s.PerCase.KM2 > 100 {
		d.at("sharing.per_case.km2", "should be 0.065 to 100")
	}
}

func alwaysQuiet(quiet []Hours) bool {
	for m := range 24 * 60 {
		if !slices.ContainsFunc(quiet, func(h Hours) bool { return h.contain(m) }) {
			return false
		}
	}
	return true
}

func (h Hours) contain(minute int) bool {
	from, to := h.From.Minutes(), h.To.Minutes()
	if from < to {
		return from <= minute && minute < to
	}
	return minute >= from || minute < to
}
