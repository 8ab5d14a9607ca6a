package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/hub/config"
	"gatehouse/hub/request"
)

// Rules are the owner's rules, and the file they stand in.
type Rules struct {
	InForce func() []request.Rule
	Opted   bool // out of all requests: no rule is asked
	// Text is what stands below rules: in the file, and the file's version.
	Text func() (text, version string, err error)
	// Parse reads such a text; all its mistakes, or none.
	Parse func(text string) ([]request.Rule, []config.Problem)
	// Try tells what rules would have made of the requests of the last year.
	Try func(ctx context.Context, rules []request.Rule) (request.Trial, error)
	// Save writes a text that Parse takes into the file, if it is still of that version, else ErrEdited; ErrEdit if the
	// file would lose something or has mistakes elsewhere.
	Save func(version, text string) error
}

// mistake is one thing wrong with a text, at a line and column of it.
type mistake struct {
	Line, Column int
	Text         string
}

// Errors of Rules.Save.
var (
	ErrEdited = errors.New("the file was changed meanwhile")
	ErrEdit   = errors.New("the file cannot be edited from here")
)

// rulesView is the page of rules and their dry run.
type rulesView struct {
	Problem  *problem
	Opted    bool
	Rules    []ruleRow
	Text     string
	Version  string
	Lines    int
	Mistakes []mistake
	Trial    *trialView
}

type ruleRow struct {
	Number  int
	When    []string // empty: every request
	Then    string
	Caught  int
	Touched int
}

// ruledView is the rule that decided about a request.
type ruledView struct {
	Number int
	Rule   *ruleRow // in sentences, if the rule still stands as it did
	Text   string   // as it stood in gatehouse.yml
}

func (c *console) ruled(r request.Ruled) *ruledView {
	v := &ruledView{Number: r.Number, Text: r.Text}
	for _, x := range c.cfg.Rules.InForce() {
		if x.String() == r.Text {
			row := c.ruleRow(r.Number, x)
			v.Rule = &row
		}
	}
	return v
}

type trialView struct {
	request.Trial
	Rules   []ruleRow
	Since   moment // zero if the history is as long as the year
	Fates   []fateRow
	Changed []changedRow
	More    int
}

type fateRow struct {
	Requests   int
	Was, Would string // locale keys
	Same       bool
}

type changedRow struct {
	ID, Name, Headline string
	Received           moment
	Was, Would, State  string // locale keys
}

const changedShown = 20

func (c *console) rules(w http.ResponseWriter, r *http.Request) {
	text, version, err := c.cfg.Rules.Text()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showRules(w, r, http.StatusOK, rulesView{Text: text, Version: version})
}

func (c *console) showRules(w http.ResponseWriter, r *http.Request, status int, v rulesView) {
	v.Opted, v.Lines = c.cfg.Rules.Opted, min(max(8, strings.Count(v.Text, "\n")+3), 30)
	for i, x := range c.cfg.Rules.InForce() {
		v.Rules = append(v.Rules, c.ruleRow(i+1, x))
	}
	c.render(w, r, status, "rules", view{Title: "rules.title", Place: "settings", Body: v})
}

// edited reads the form. With mistakes the answer is written already.
func (c *console) edited(w http.ResponseWriter, r *http.Request) (v rulesView, rules []request.Rule, ok bool) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, errBadForm)
		return v, nil, false
	}
	v.Text, v.Version = strings.ReplaceAll(r.PostFormValue("rules"), "\r\n", "\n"), r.PostFormValue("version")
	rules, problems := c.cfg.Rules.Parse(v.Text)
	for _, p := range problems {
		v.Mistakes = append(v.Mistakes, mistake{p.Line, p.Column, p.Key + ": " + c.text.wrong(p)})
	}
	if len(problems) > 0 {
		c.showRules(w, r, http.StatusUnprocessableEntity, v)
		return v, nil, false
	}
	return v, rules, true
}

// tryRules shows what rules would have done. Nothing is kept.
func (c *console) tryRules(w http.ResponseWriter, r *http.Request) {
	v, rules, ok := c.edited(w, r)
	if !ok {
		return
	}
	t, err := c.cfg.Rules.Try(r.Context(), rules)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v.Trial = c.trialView(rules, t)
	c.showRules(w, r, http.StatusOK, v)
}

// saveRules needs the passphrase: a rule may ask for two people, and it is gone if the text no longer has it.
func (c *console) saveRules(w http.ResponseWriter, r *http.Request) {
	v, _, ok := c.edited(w, r)
	if !ok {
		return
	}
	r, err := c.confirm(r)
	if err == nil {
		err = c.cfg.Rules.Save(v.Version, v.Text)
	}
	if err != nil {
		p := c.explainFor(r, err)
		v.Problem = &p
		c.showRules(w, r, p.Status, v)
		return
	}
	http.Redirect(w, r, "/settings/rules?note=rules-saved", http.StatusSeeOther)
}

func (c *console) trialView(rules []request.Rule, t request.Trial) *trialView {
	v := &trialView{Trial: t}
	if !t.First.IsZero() && t.First.Sub(t.From).Hours() > 48 {
		v.Since = c.at(t.First, dayForm)
	}
	for i, x := range rules {
		row := c.ruleRow(i+1, x)
		row.Caught, row.Touched = t.Rules[i].Caught, t.Rules[i].Touched
		v.Rules = append(v.Rules, row)
	}
	for _, f := range t.Fates {
		v.Fates = append(v.Fates, fateRow{f.Requests, "fate." + string(f.Was), "fate." + string(f.Would), f.Was == f.Would})
	}
	for _, x := range t.Touching {
		if x.Was == x.Would {
			continue
		}
		if len(v.Changed) == changedShown {
			v.More++
			continue
		}
		v.Changed = append(v.Changed, changedRow{
			ID: x.ID, Name: x.Name, Headline: x.Headline, Received: c.at(x.Received, dayForm),
			Was: "fate." + string(x.Was), Would: "fate." + string(x.Would), State: "state." + string(x.State),
		})
	}
	return v
}

// ruleRow says a rule in sentences.
func (c *console) ruleRow(number int, r request.Rule) ruleRow {
	row := ruleRow{Number: number, Then: c.text.say("rule.then." + string(r.Action))}
	add := func(given bool, key string, args ...any) {
		if given {
			row.When = append(row.When, c.text.say("rule.if."+key, args...))
		}
	}
	add(r.Agency != "", "agency", "name", r.Agency)
	if r.Level != "" {
		add(true, "level", "name", c.text.say("level."+r.Level))
	}
	if r.Category != "" {
		add(true, "category", "name", c.text.say("category."+r.Category))
	}
	var missing []string
	for _, m := range r.Missing {
		missing = append(missing, c.text.say("attest."+m))
	}
	add(len(missing) > 0, "missing", "list", strings.Join(missing, ", "))
	add(r.MaxKM2 > 0, "km2", "size", fmt.Sprint(r.MaxKM2))
	add(r.Minutes > 0, "minutes", "n", r.Minutes)
	add(r.Age > 0, "age", "time", length(r.Age))
	add(r.Cameras > 0, "cameras", "n", r.Cameras)
	if h := r.Hours; h != nil {
		clock := func(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
		add(true, "hours", "from", clock(h.From), "to", clock(h.To))
	}
	add(r.InCase > 0, "in-case", "n", r.InCase)
	add(r.In30Days > 0, "in-30-days", "n", r.In30Days)
	add(r.KeepDays > 0, "keep", "n", r.KeepDays)
	add(r.UnusedDays > 0, "unused", "n", r.UnusedDays)
	if r.Onward != nil {
		add(true, map[bool]string{true: "onward", false: "not-onward"}[*r.Onward])
	}
	if r.Faces != nil {
		add(true, map[bool]string{true: "faces", false: "no-faces"}[*r.Faces])
	}
	return row
}
