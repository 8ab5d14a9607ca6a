package ui

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/hub/config"
)

// elsewhere are keys of gatehouse.yml that have a page or a button of their own.
var elsewhere = map[string]string{
	"network":          "a button of settings",
	"rules":            "the page of rules",
	"cameras[].name":   "a form of the camera's page",
	"cameras[].paused": "a button of the camera's page",
}

// keysOf are the keys of a part of the configuration.
func keysOf(t reflect.Type, path string) (list []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
		path, t = path+"[]", t.Elem()
	}
	if t.Kind() != reflect.Struct || path == "rules[]" || leaf[strings.TrimPrefix(path, "cameras[].")] {
		return []string{strings.TrimSuffix(path, "[]")}
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if path != "" {
			name = path + "." + name
		}
		list = append(list, keysOf(t.Field(i).Type, name)...)
	}
	return list
}

// leaf are lists and sums that one field holds.
var leaf = map[string]bool{"motion.zones[]": true, "sharing.quiet_hours[]": true, "sharing.hold_quota": true}

// TestEverySettingHasAForm: a key of the file is in a form, or on the list of
// those that are not.
func TestEverySettingHasAForm(t *testing.T) {
	var formed []string
	number := regexp.MustCompile(`\[[^\]]*\]`)
	for _, f := range append(append(slices.Clone(settingsForms), settingsLists...), cameraForm("porch")) {
		for _, x := range f.fields {
			base := number.ReplaceAllString(f.base, "[]")
			if slices.ContainsFunc(settingsLists, func(l form) bool { return l.key == f.key }) {
				base += "[]"
			}
			formed = append(formed, form{base: base}.path(x.name))
		}
	}
	known := keysOf(reflect.TypeFor[config.Config](), "")
	if len(known) < 60 {
		t.Errorf("only %d keys were found", len(known))
	}
	for _, key := range known {
		if !slices.Contains(formed, key) && elsewhere[key] == "" {
			t.Errorf("%s has no form", key)
		}
	}
	for _, key := range formed {
		if !slices.Contains(known, key) {
			t.Errorf("a form writes %s, which is no key", key)
		}
	}
}
