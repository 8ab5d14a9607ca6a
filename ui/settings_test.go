package ui

import (
	"regexp"
	"strings"

	"gatehouse/hub/survey"
)

// settingsKeys are the texts of forms, cameras and set-up.
func settingsKeys(add func(prefix string, names ...string)) {
	all := append([]form{cameraForm("x")}, settingsForms...)
	for _, f := range settingsForms {
		add("form."+f.key, "", "-line", "-lead")
	}
	for _, f := range settingsLists {
		add("form."+f.key, "", "-line", "-lead", "-empty", "-add", "-remove")
		all = append(all, f)
	}
	l := english()
	for _, f := range all {
		for _, x := range f.fields {
			add("field.", x.name)
			if l.has("field." + x.name + "-help") {
				add("field.", x.name+"-help")
			}
			add("choice.", x.choices...)
		}
	}
	add("note.", "saved", "saved-later", "camera-saved", "camera-removed", "draft-old")
	add("warn.", survey.WarnKey, survey.WarnH265, survey.WarnMJPEG, survey.WarnClock)
	add("trial.", "safe")
	for _, s := range []survey.Step{
		survey.StepAddress, survey.StepName, survey.StepConnect, survey.StepTrust, survey.StepLogin, "service",
		survey.StepStream, survey.StepCodec, survey.StepPicture,
	} {
		add("trial."+string(s), ".what", ".do")
	}
	for _, s := range steps {
		add("first."+s, "", "-lead")
	}
}

var (
	inputs   = regexp.MustCompile(`<input[^>]* name="([^"]*)"(?:[^>]*? value="([^"]*)")?[^>]*>`)
	selects  = regexp.MustCompile(`(?s)<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>`)
	areas    = regexp.MustCompile(`(?s)<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>`)
	selected = regexp.MustCompile(`<option value="([^"]*)"[^>]* selected`)
	unescape = strings.NewReplacer("&#43;", "+", "&amp;", "&", "&#34;", `"`, "&#39;", "'")
)
