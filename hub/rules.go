package main

import (
	"errors"
	"strings"

	"gatehouse/hub/config"
	"gatehouse/hub/request"
	"gatehouse/ui"
)

// rulesOf are the configuration's rules as package request takes them.
func rulesOf(list []config.Rule) []request.Rule {
	out := make([]request.Rule, len(list))
	for i, r := range list {
		out[i] = request.Rule{
			Agency: r.Agency, Level: r.Level, Category: r.Category, Missing: r.Missing, MaxKM2: r.OverKM2, Minutes: r.OverMinutes,
			Age: r.OverAge, Cameras: r.OverCameras, InCase: r.OverCase, In30Days: r.OverMonth,
			KeepDays: r.OverKeepDays, UnusedDays: r.OverUnused, Onward: r.Onward, Faces: r.Faces, Action: request.Action(r.Action),
		}
		if r.Hours != nil {
			h := hoursOf(*r.Hours)
			out[i].Hours = &h
		}
	}
	return out
}

func hoursOf(h config.Hours) request.Hours {
	return request.Hours{From: h.From.Minutes(), To: h.To.Minutes()}
}

// follow adds what the owner says of all requests.
func follow(home *request.Home, s config.Sharing) {
	home.OptOut, home.PerCase = s.OptOut, request.PerCase{Time: s.PerCase.Time, KM2: s.PerCase.KM2}
	home.Approvals = s.Approvals
	home.HoldQuota = request.HoldQuota{Percent: s.HoldQuota.Percent, Bytes: int64(s.HoldQuota.Bytes)}
	home.Notices = request.Notices{Digest: s.Digest.Minutes(), Rings: s.Rings}
	for _, h := range s.Quiet {
		home.Notices.Quiet = append(home.Notices.Quiet, hoursOf(h))
	}
}

// consoleRules are the rules as the console shows, tries and saves them.
func (h *hub) consoleRules(home request.Home) ui.Rules {
	return ui.Rules{
		InForce: func() []request.Rule { return rulesOf(h.config().Rules) }, Opted: home.OptOut, Try: h.requests.DryRun, Parse: parseRules,
		Text: func() (text, version string, err error) {
			file, version, err := h.editor.Read()
			if err == nil {
				text, err = config.Text(file, "rules")
			}
			return text, version, err
		},
		Save: h.saveRules,
	}
}

// parseRules reads what stands below rules: in the file. Places are those of the text.
func parseRules(text string) ([]request.Rule, []config.Problem) {
	const indent = "  " // a list in one line stands further in than its key
	list, err := config.ParseRules([]byte("rules:\n" + indent + strings.ReplaceAll(text, "\n", "\n"+indent)))
	var problems config.Problems
	if !errors.As(err, &problems) {
		return rulesOf(list), nil
	}
	for i, p := range problems {
		problems[i].Line, problems[i].Column = max(p.Line-1, 1), max(p.Column-len(indent), 1)
	}
	return nil, problems
}

// saveRules writes rules into gatehouse.yml, which the editor follows at once.
func (h *hub) saveRules(version, text string) error {
	if strings.TrimSpace(text) == "" {
		text = "[]"
	}
	_, err := h.editor.Edit(version, config.SetText("rules", strings.TrimRight(text, "\n")+"\n"))
	return editError(err)
}

// editError tells the console what kept an edit from the file.
func editError(err error) error {
	var broken *config.Broken
	var problems config.Problems
	var refused *config.Refused
	switch {
	case errors.Is(err, config.ErrConflict):
		return ui.ErrEdited
	case errors.As(err, &broken), errors.As(err, &problems), errors.As(err, &refused):
		return ui.ErrEdit
	}
	return err
}
