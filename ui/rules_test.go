package ui

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/config"
	"gatehouse/hub/request"
)

const fixtureRules = "- {level: federal, action: hide}\n# two people for much\n- {over_km2: 0.8, missing: [protest], action: require_two}\n"

// rules are a file of two rules, in which every text is good but one with "wrong".
func (h *house) rules() Rules {
	list := []request.Rule{{Level: "federal", Action: request.Hide}, {MaxKM2: 0.8, Missing: []string{"protest"}, Action: request.RequireTwo}}
	return Rules{
		InForce: func() []request.Rule { return list },
		Text:    func() (string, string, error) { return fixtureRules, "v1", nil },
		Parse: func(text string) ([]request.Rule, []config.Problem) {
			if strings.Contains(text, "wrong") {
				return nil, []config.Problem{
					{Line: 1, Column: 3, Key: "rules[0].level", Form: "should be one of %s", Args: []any{"<b>municipal</b>"}},
					{Line: 2, Column: 7, Key: "rules[1].action", Form: "should be one of %s", Args: []any{"x"}},
				}
			}
			return list, nil
		},
		Try: func(_ context.Context, rules []request.Rule) (request.Trial, error) {
			t := request.Trial{
				From: fixtureNow.AddDate(-1, 0, 0), To: fixtureNow, First: fixtureNow.AddDate(0, -2, 0), Requests: 412, Touched: 41, Told: 3,
				WasTold: 17, Changed: 14, Filled: 1, NoRule: request.RuleTrial{Caught: 380, Touched: 25},
				Fates: []request.FateTrial{{Was: request.Elsewhere, Would: request.Elsewhere, Requests: 398}, {Was: request.InDigest, Would: request.Concealed, Requests: 14}},
			}
			for i := range rules {
				t.Rules = append(t.Rules, request.RuleTrial{Caught: 20 - i, Touched: 8})
			}
			for i := range 25 {
				t.Touching = append(t.Touching, request.RequestTrial{
					ID: waitingID, Name: "Lakeside Police", Headline: "Cyclist injured on Alder Street", Received: fixtureNow.Add(-time.Duration(i) * time.Hour),
					State: request.Declined, Was: request.InDigest, Would: request.Concealed, Rule: 1,
				})
			}
			return t, nil
		},
		Save: func(version, text string) error {
			if version != "v1" {
				return ErrEdited
			}
			h.saved = append(h.saved, text)
			return nil
		},
	}
}

func TestRulesPage(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	form := func(pairs ...string) url.Values {
		v := url.Values{"rules": {"- {action: hide}\r\n"}, "version": {"v1"}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	says := func(path string, form url.Values, status int, want ...string) {
		t.Helper()
		method := http.MethodGet
		if form != nil {
			method = http.MethodPost
		}
		w := visit(h, method, path, form)
		if w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
		for _, x := range want {
			if !strings.Contains(w.Body.String(), x) {
				t.Errorf("%s does not say %q", path, x)
			}
		}
		if status != http.StatusSeeOther {
			checkPage(t, path, w.Body.String())
		}
	}
	says("/settings/rules", nil, http.StatusOK, "the agency is of this kind: federal", "more than 0.8 km²", "two people must approve", "two people for much",
		"You have not opted out")
	says("/settings/rules/try", form(), http.StatusOK, "365 days 41 requests touched your home", "would have told you of 3", "told of 17",
		"20 requests caught", "<strong>Hidden</strong>", "And 5 more", "history begins", "- {action: hide}\n")
	says("/settings/rules/try", form("rules", "wrong"), http.StatusUnprocessableEntity, "There are 2 mistakes", "Line 2, column 7", "&lt;b&gt;municipal")
	says("/settings/rules", form("rules", "wrong", "passphrase", fixturePass), http.StatusUnprocessableEntity, "There are 2 mistakes")
	says("/settings/rules", form(), http.StatusForbidden, "- {action: hide}")
	says("/settings/rules", form("passphrase", "incorrect horse"), http.StatusForbidden)
	says("/settings/rules", form("passphrase", fixturePass, "version", "v0"), http.StatusConflict, "has changed since you opened", "- {action: hide}")
	if len(house.saved) != 0 {
		t.Errorf("saved %q", house.saved)
	}
	says("/settings/rules", form("passphrase", fixturePass), http.StatusSeeOther)
	if want := []string{"- {action: hide}\n"}; !slices.Equal(house.saved, want) {
		t.Errorf("saved %q, want %q", house.saved, want)
	}
}

func TestNetworkSwitch(t *testing.T) {
	house := newHouse()
	h := house.handler(t)
	const header = "Network off: nothing is fetched"
	if strings.Contains(visit(h, http.MethodGet, "/", nil).Body.String(), header) {
		t.Error("it is told as off")
	}
	if w := visit(h, http.MethodPost, "/settings/network", url.Values{"network": {"sideways"}}); w.Code != http.StatusBadRequest || house.off {
		t.Errorf("%d", w.Code)
	}
	if w := visit(h, http.MethodPost, "/settings/network", url.Values{"network": {"off"}}); w.Code != http.StatusSeeOther || !house.off {
		t.Errorf("%d, off %t", w.Code, house.off)
	}
	for _, path := range []string{"/", "/requests", "/settings", "/ledger"} {
		if !strings.Contains(visit(h, http.MethodGet, path, nil).Body.String(), header) {
			t.Errorf("%s does not say that the network is off", path)
		}
	}
	for i := range house.outbox.jobs {
		house.outbox.jobs[i].Off = !house.outbox.jobs[i].Finished.After(time.Time{})
	}
	if page := visit(h, http.MethodGet, "/requests/"+coolingID+"/result", nil).Body.String(); !strings.Contains(page, "Waits: the network is off") {
		t.Error("an approved package does not say what it waits for")
	}
	if w := visit(h, http.MethodPost, "/settings/network", url.Values{"network": {"on"}}); w.Code != http.StatusSeeOther || house.off {
		t.Errorf("%d, off %t", w.Code, house.off)
	}
}
