package ui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestChoiceFromTheTimeline: what was chosen there fills the form as far as it
// was asked for and recorded, and is neither stored nor sent.
func TestChoiceFromTheTimeline(t *testing.T) {
	const day = "2026-11-21T"
	for name, c := range map[string]struct {
		q        url.Values
		taken    bool
		from, to string
	}{
		"inside":          {url.Values{"camera": {"Driveway"}, "from": {day + "13:03:00"}, "to": {day + "13:04:00"}}, true, day + "13:03:00", day + "13:04:00"},
		"without seconds": {url.Values{"camera": {"Driveway"}, "from": {day + "13:03"}, "to": {day + "13:04"}}, true, day + "13:03:00", day + "13:04:00"},
		"longer":          {url.Values{"camera": {"Driveway"}, "from": {day + "11:00:00"}, "to": {day + "13:04:00"}}, true, day + "13:00:00", day + "13:04:00"},
		"beside another":  {url.Values{"camera": {"Garden"}, "with": {"Driveway"}, "from": {day + "13:03:00"}, "to": {day + "13:04:00"}}, true, day + "13:03:00", day + "13:04:00"},
		"another day":     {url.Values{"camera": {"Driveway"}, "from": {"2026-11-20T13:03:00"}, "to": {"2026-11-20T13:04:00"}}, false, "", ""},
		"another camera":  {url.Values{"camera": {"Garden"}, "from": {day + "13:03:00"}, "to": {day + "13:04:00"}}, false, "", ""},
		"backwards":       {url.Values{"camera": {"Driveway"}, "from": {day + "13:04:00"}, "to": {day + "13:03:00"}}, false, "", ""},
		"no length":       {url.Values{"camera": {"Driveway"}, "from": {day + "13:04:00"}, "to": {day + "13:04:00"}}, false, "", ""},
		"no time":         {url.Values{"camera": {"Driveway"}, "from": {"now"}, "to": {"\x00"}}, false, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			house := newHouse()
			h := house.handler(t)
			w := visit(h, http.MethodGet, "/requests/"+waitingID+"?"+c.q.Encode(), nil)
			body := w.Body.String()
			if w.Code != http.StatusOK {
				t.Fatal(w.Code)
			}
			taken := strings.Contains(body, "What you chose on the timeline is filled in")
			refused := strings.Contains(body, "is not part of what was asked for")
			if taken != c.taken || refused == c.taken {
				t.Errorf("taken %v, refused %v", taken, refused)
			}
			if n := strings.Count(body, `name="clip" value="1" checked`); (n == 1) != c.taken {
				t.Errorf("the camera is chosen %d times", n)
			}
			if c.taken && (!strings.Contains(body, `value="`+c.from+`"`) || !strings.Contains(body, `value="`+c.to+`"`)) {
				t.Errorf("not %s to %s", c.from, c.to)
			}
			if rec := house.requests.records[waitingID]; rec.Selection != nil || rec.Package != nil {
				t.Error("it was stored")
			}
		})
	}
}

// TestRefusedChoiceIsKept: the script sends moments with their offset; a form
// that is refused shows them again as fields.
func TestRefusedChoiceIsKept(t *testing.T) {
	h := newHouse().handler(t)
	w := visit(h, http.MethodPost, "/requests/"+waitingID+"/prepare", url.Values{
		"form": {"prepare"}, "clip": {"1"}, "from-1": {"2026-11-21T13:20:00-08:00"}, "to-1": {"2026-11-21T13:10:00-08:00"},
	})
	body := w.Body.String()
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, `value="2026-11-21T13:20:00" data-ms="1795296000000"`) || !strings.Contains(body, `value="2026-11-21T13:10:00"`) {
		t.Errorf("%d\n%s", w.Code, body)
	}
}
