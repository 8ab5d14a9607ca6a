package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/language"

	"gatehouse/hub/account"
	"gatehouse/hub/request"
)

// shown is one screen of the gallery: an address in one of the fixture homes.
type shown struct {
	Name   string `json:"name"`
	Home   string `json:"home"`
	Path   string `json:"path"`
	Status int    `json:"status"`
}

// homes are the fixture homes by name.
var homes = map[string]func(*house){
	"well":           func(*house) {},
	"a camera fails": func(h *house) { h.archive.broken = true },
	"paired":         func(h *house) { h.homekit.pair(); h.lock = true },
	"paired by many": func(h *house) { h.homekit.family() },
	"left to the lock": func(h *house) {
		h.lock = true
		rec := h.requests.records[preparedID]
		rec.Left = &request.Left{Person: request.OwnerNumber, By: "The owner", At: fixtureNow, Digest: rec.Package.Digest}
		h.requests.records[preparedID] = rec
	},
	"offline":     func(h *house) { h.off = true },
	"changed":     func(h *house) { h.waits = []string{"listen", "storage", "homekit", "homekit of cameras"} },
	"strangers":   strangers,
	"new":         func(h *house) { h.accounts = newAccounts(h.accounts.now, false) },
	"locked":      func(*house) {},
	"half set up": func(h *house) { h.step = 3 },
	"empty": func(h *house) {
		h.requests.records, h.requests.allowed, h.requests.known, h.ledger.entries, h.shelf.list = nil, nil, nil, nil, nil
	},
	"programs": func(h *house) {
		h.program("wall-panel", account.Token{Scopes: []account.Scope{account.ScopeCameras, account.ScopeClips}, Cameras: []string{"Driveway"}})
		h.program("backup", account.Token{Scopes: account.Scopes()})
	},
	"many cameras": (*house).many,
	"called":       (*house).called,
	"no cameras":   func(h *house) { h.bare, h.archive.bare = true, true },
	"family": func(h *house) {
		h.accounts.join("Ana", account.Approver)
		h.accounts.join("محمود", account.Viewer, "Driveway")
	},
	"people with labels": func(h *house) {
		h.labels = map[string]string{"Driveway": "Einfahrt Süd 🚗"}
		h.accounts.join("maria", account.Approver)
		h.accounts.join("mahmoud", account.Viewer, "Driveway")
		for name, called := range map[string]string{"owner": "Grandma 👵🏼", "maria": "María José Ñáñez", "mahmoud": "محمود " + strings.Repeat("ال", 29)} {
			if err := h.accounts.Label(context.Background(), name, called); err != nil {
				panic(err)
			}
		}
		_, _, err := h.accounts.Invite(context.Background(), account.Person{Name: "person", Label: "Дедушка", Role: account.Approver})
		must(0, err)
		strangers(h)
	},
	"many": func(h *house) {
		for n := range 498 {
			rec := fixtureRecord(fmt.Sprintf("many-%03d", n), request.Waiting)
			h.requests.records[rec.ID] = rec
		}
	},
}

const (
	unreadableID = "sha256:5f2b3b4ab1c0697f489e3c1d"
	farID        = "01936f2a-7c00-7000-8000-000000000007"
	hostileID    = "01936f2a-7c00-7000-8000-000000000006"
	declinedID   = "01936f2a-7c00-7000-8000-000000000005"
)

// gallery is every screen, in the order in which a person meets them.
var gallery = []shown{
	{"setup", "new", "/setup", 200},
	{"login", "locked", "/login", 200},
	{"live", "well", "/", 200},
	{"live, a camera fails", "a camera fails", "/", 200},
	{"live, 64 cameras", "many cameras", "/", 200},
	{"live, labels", "called", "/", 200},
	{"live, one camera with a label", "called", "/live/camera-5", 200},
	{"timeline, labels", "called", "/timeline/Driveway?at=2026-11-21T13:20:00-08:00&with=Front+door&with=camera-5", 200},
	{"request, sealed, labels", "called", "/requests/" + preparedID, 200},
	{"request, waiting, labels", "called", "/requests/" + waitingID, 200},
	{"kept footage, labels", "called", "/kept", 200},
	{"cameras, labels", "called", "/settings/cameras", 200},
	{"camera, its settings, labels", "called", "/settings/camera/Driveway", 200},
	{"storage and health, labels", "called", "/settings/health", 200},
	{"live, no camera", "no cameras", "/", 200},
	{"live, one camera", "well", "/live/Driveway", 200},
	{"live, one camera that fails", "a camera fails", "/live/Driveway", 200},
	{"timeline", "well", "/timeline/Driveway?day=2026-11-21", 200},
	{"timeline, a moment", "well", "/timeline/Driveway?at=2026-11-21T13:20:00-08:00&with=Front+door", 200},
	{"timeline, nothing", "many cameras", "/timeline/Hall%209?day=2026-11-21", 200},
	{"timeline, a day to come", "well", "/timeline/Driveway?day=2027-01-01", 200},
	{"timeline, a camera that is gone", "many cameras", "/timeline/Old%20garage?day=2026-11-20", 200},
	{"timeline, 25 hours", "well", "/timeline/Driveway?day=2026-11-01", 200},
	{"timeline, 64 cameras", "many cameras", "/timeline/" + url.PathEscape(longName) + "?with=" + url.QueryEscape("كاميرا الباب الأمامي"), 200},
	{"timeline, no camera", "no cameras", "/timeline", 200},
	{"contact sheet", "well", "/timeline/Driveway/sheet?from=2026-11-21T10:00&to=2026-11-21T10:10", 200},
	{"footage to be kept", "well", "/timeline/Driveway/keep?from=2026-11-21T14:10&to=2026-11-21T14:22&with=Front+door", 200},
	{"kept footage", "well", "/kept", 200},
	{"kept footage, none", "empty", "/kept", 200},
	{"kept footage, one", "well", "/kept/" + keptID, 200},
	{"kept footage, to be released", "well", "/kept/" + keptID + "?release", 200},
	{"timeline, kept footage", "well", "/timeline/Driveway?at=2026-11-21T14:12:00-08:00", 200},
	{"requests, waiting", "well", "/requests", 200},
	{"requests, sent", "well", "/requests?tab=sent", 200},
	{"requests, closed", "well", "/requests?tab=closed", 200},
	{"requests, not shown", "well", "/requests?tab=others", 200},
	{"requests, none", "empty", "/requests", 200},
	{"requests, five hundred", "many", "/requests?page=2", 200},
	{"requests, other scripts", "strangers", "/requests", 200},
	{"request, waiting", "well", "/requests/" + waitingID, 200},
	{"request, sealed", "well", "/requests/" + preparedID, 200},
	{"request, with the lock", "paired", "/requests/" + preparedID, 200},
	{"request, left to the lock", "left to the lock", "/requests/" + preparedID, 200},
	{"request, chosen on the timeline", "well", "/requests/" + waitingID + "?camera=Driveway&from=2026-11-21T13%3A03%3A00&to=2026-11-21T13%3A24%3A00", 200},
	{"request, third of its case", "strangers", "/requests/arabic", 200},
	{"request, long name", "strangers", "/requests/long", 200},
	{"request, two people", "strangers", "/requests/two", 200},
	{"request, hostile", "well", "/requests/" + hostileID, 200},
	{"request, unreadable", "well", "/requests/" + unreadableID, 200},
	{"request, far away", "well", "/requests/" + farID, 200},
	{"request, declined", "well", "/requests/" + declinedID, 200},
	{"result, waiting to leave", "well", "/requests/" + coolingID + "/result", 200},
	{"result, received", "well", "/requests/" + sentID + "/result", 200},
	{"request, to be entered", "well", "/requests/add", 200},
	{"request, entered by hand", "well", "/requests/" + manualID, 200},
	{"request, to be handed over", "well", "/requests/" + readyID, 200},
	{"hand-over", "well", "/requests/" + readyID + "/hand-over", 200},
	{"hand-over, done", "well", "/requests/" + handedID + "/hand-over", 200},
	{"agencies", "well", "/agencies", 200},
	{"agencies, a card", "well", "/agencies?card=" + fixtureRoot(0x52), 200},
	{"agencies, other scripts", "strangers", "/agencies", 200},
	{"agencies, none", "empty", "/agencies", 200},
	{"ledger", "well", "/ledger", 200},
	{"ledger entry", "well", "/ledger/entry/8", 200},
	{"ledger, empty", "empty", "/ledger", 200},
	{"settings", "well", "/settings", 200},
	{"settings, paired", "paired", "/settings", 200},
	{"homekit", "well", "/settings/homekit", 200},
	{"homekit, paired", "paired", "/settings/homekit", 200},
	{"homekit, paired by many", "paired by many", "/settings/homekit", 200},
	{"settings, network off", "offline", "/settings", 200},
	{"settings, some wait", "changed", "/settings", 200},
	{"start again", "changed", "/settings/restart", 200},
	{"start again, ending", "changed", "/settings/restart?since=1795285800000", 200},
	{"start again, done", "well", "/settings/restart?since=1", 200},
	{"rules", "well", "/settings/rules", 200},
	{"settings, a form", "well", "/settings/home", 200},
	{"settings, with the passphrase", "well", "/settings/lock", 200},
	{"settings, limits", "well", "/settings/limits", 200},
	{"settings, HTTPS", "well", "/settings/https", 200},
	{"settings, live view", "well", "/settings/live", 200},
	{"settings, a list", "well", "/settings/storage", 200},
	{"settings, an entry", "well", "/settings/storage/0", 200},
	{"storage and health", "well", "/settings/health", 200},
	{"storage and health, no camera", "no cameras", "/settings/health", 200},
	{"storage and health, a camera fails", "a camera fails", "/settings/health", 200},
	{"cameras", "well", "/settings/cameras", 200},
	{"camera, its settings", "well", "/settings/camera/Driveway", 200},
	{"camera, to be added", "well", "/settings/cameras/add", 200},
	{"camera, to be tried", "well", "/settings/cameras/add/draft", 200},
	{"camera, tried", "well", "/settings/cameras/add/tried", 200},
	{"set-up, home", "half set up", "/setup/home", 200},
	{"set-up, storage", "half set up", "/setup/storage", 200},
	{"set-up, cameras", "half set up", "/setup/cameras", 200},
	{"set-up, sharing", "half set up", "/setup/sharing", 200},
	{"tokens", "programs", "/settings/tokens", 200},
	{"tokens, none", "well", "/settings/tokens", 200},
	{"people", "family", "/people", 200},
	{"people, labels", "people with labels", "/people", 200},
	{"you, labels", "people with labels", "/you", 200},
	{"request, two people, labels", "people with labels", "/requests/two", 200},
	{"you", "family", "/you", 200},
	{"passkey, where none can be made", "family", "/you/passkeys/add", 200},
	{"passphrase again", "family", "/confirm?next=/people", 200},
	{"join", "family", "/join", 200},
	{"certificates", "family", "/trust", 200},
	{"session over, something pressed", "locked", "/live/tiles", 401},
	{"no such page", "well", "/nowhere", 404},
	{"no such request", "well", "/requests/none", 404},
}

// outside is a home that is looked at without a session.
func outside(home string) bool { return home == "locked" || home == "new" }

// strangers has requests whose words are hard to set: other scripts, emoji, one
// word without end, a case that asks again and again, two people to approve.
func strangers(h *house) {
	add := func(id string, state request.State, change func(*request.Record)) {
		rec := fixtureRecord(id, state)
		change(&rec)
		h.requests.records[id] = rec
	}
	const arabic = "الإدارة العامة لشرطة محافظة البحيرة، قسم التحقيقات في حوادث السير"
	long := "Joint Regional Task Force for Traffic, Harbour and Lakeshore Incidents of the Municipalities of " + strings.Repeat("Lakeside-", 8) + "on-the-Water"
	for agency, name := range map[string]string{"police.buhayra.example": arabic, "task-force.lakeside.example": long} {
		a := fixtureAllowed()[0]
		a.Agency, a.Name = agency, name
		h.requests.allowed = append(h.requests.allowed, a)
	}
	add("arabic-before", request.Declined, func(r *request.Record) { r.Agency, r.AgencyName = "police.buhayra.example", arabic })
	add("arabic", request.Waiting, func(r *request.Record) {
		r.Agency, r.AgencyName = "police.buhayra.example", arabic
		r.Request.Incident.Headline = "إصابة راكب دراجة (شارع 4) 🚲"
		r.Request.Incident.Summary = "صدمت سيارة داكنة راكب دراجة عند زاوية شارع 4 ثم غادرت. 🚗💥"
		r.Rule = &request.Ruled{Number: 1, Action: request.Notify, Text: "over_minutes: 30, action: notify"} // since edited
		r.Case = &request.CaseUse{Requests: 3, Seconds: 8100, KM2: 0.6}
	})
	add("long", request.Waiting, func(r *request.Record) {
		r.Agency, r.AgencyName = "task-force.lakeside.example", long
		r.Request.Incident.Headline = strings.Repeat("W", 120)
		r.Request.Area.Description = strings.Repeat("Alderstreet", 14)
	})
	add("two", request.Prepared, func(r *request.Record) {
		r.Selection = fixtureSelection()
		r.Package = fixturePackage(r.Selection)
		r.Rule = &request.Ruled{Number: 2, Action: request.RequireTwo, Text: "missing: [protest], over_km2: 0.8, action: require_two"}
		r.Approvals = []request.Approval{{Person: 2, By: "Approver 2"}}
		r.HeldUntil, r.HoldRefused = r.Received, "quota"
	})
}

// mirrored is English in Arabic letters: a language from right to left whose
// pages a reader of English can still find their way in.
var mirrored = sync.OnceValue(func() *locale {
	l := &locale{tag: "ar-XB", lang: language.MustParse("ar-XB"), texts: map[string]forms{}}
	const latin, arabic = "abcdefghijklmnopqrstuvwxyz", "ابثدعفغحيجكلمنوتقرسطهخصزيظ"
	letters := map[rune]rune{}
	to := []rune(arabic)
	for i, r := range latin {
		letters[r] = to[i]
		letters[r-'a'+'A'] = to[i]
	}
	for key, m := range english().texts {
		if !strings.HasPrefix(key, "date.") && !strings.HasPrefix(key, "lang.") {
			m = m.each(func(s *string) {
				in := false
				*s = strings.Map(func(r rune) rune {
					if in = r == '{' || in && r != '}'; !in {
						if a, ok := letters[r]; ok {
							return a
						}
					}
					return r
				}, *s)
			})
		}
		l.texts[key] = m
	}
	return l.ready()
})

// TestGallery: every screen can be drawn in every language, and every template
// has a screen.
func TestGallery(t *testing.T) {
	page := regexp.MustCompile(`data-page="([a-z]+)"`)
	drawn := map[string]bool{}
	handlers := map[string]http.Handler{}
	for name, change := range homes {
		h := newHouse()
		change(h)
		cfg := h.config()
		cfg.more = []*locale{mirrored()}
		handlers[name] = New(cfg)
	}
	for _, s := range gallery {
		for _, tag := range []string{"en", "es", "ar-XB"} {
			w := visit(handlers[s.Home], http.MethodGet, s.Path, nil, func(r *http.Request) {
				if outside(s.Home) {
					noSession(r)
				}
				r.AddCookie(&http.Cookie{Name: languageCookie, Value: tag})
			})
			if w.Code != s.Status {
				t.Errorf("%s, %s: %d, want %d", s.Name, tag, w.Code, s.Status)
			}
			checkPage(t, s.Name, w.Body.String())
			dir := "ltr"
			if tag == "ar-XB" {
				dir = "rtl"
			}
			if !strings.Contains(w.Body.String(), `<html lang="`+tag+`" dir="`+dir+`">`) {
				t.Errorf("%s, %s: %.60q", s.Name, tag, w.Body)
			}
			if m := page.FindStringSubmatch(w.Body.String()); m != nil {
				drawn[m[1]] = true
			}
		}
	}
	files, _ := fs.Glob(templateFiles, "templates/*.html")
	for _, f := range files {
		if name := strings.TrimSuffix(path.Base(f), ".html"); name != "layout" && name != "pieces" && !drawn[name] {
			t.Errorf("%s has no screen in the gallery", f)
		}
	}
}

var galleryPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Gallery</title><link rel="stylesheet" href="{{.CSS}}"></head>
<body><main><h1>Gallery</h1><ul>
{{- range .Screens}}<li><strong>{{.Name}}</strong>
{{- $s := .}}{{range $.Manners}} <a href="/_gallery/open?home={{$s.Home}}&amp;to={{$s.Path}}&amp;language={{.Language}}&amp;looks={{.Looks}}">{{.Language}} {{.Looks}}</a>{{end}}</li>
{{end}}</ul></main></body></html>
`))

type manner struct{ Language, Looks string }

// showGallery serves the fixture homes, one at a time: a cookie says which. Its
// first page, /_gallery, leads to every screen in every manner.
func showGallery(houses map[string]*house) http.Handler {
	const which = "gatehouse_fixture"
	handlers := map[string]http.Handler{}
	for name, h := range houses {
		cfg := h.config()
		cfg.more = []*locale{mirrored()}
		handlers[name] = New(cfg)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_gallery", func(w http.ResponseWriter, _ *http.Request) {
		var manners []manner
		for _, l := range []string{"en", "es", "ar-XB"} {
			manners = append(manners, manner{l, "light"}, manner{l, "dark"})
		}
		_ = galleryPage.Execute(w, map[string]any{"Screens": gallery, "Manners": manners, "CSS": newAssets().url("console.css")})
	})
	mux.HandleFunc("GET /_gallery.json", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(gallery)
	})
	mux.HandleFunc("GET /_gallery/open", func(w http.ResponseWriter, r *http.Request) {
		session := fixtureToken
		if outside(r.FormValue("home")) {
			session = ""
		}
		for name, value := range map[string]string{
			which: url.QueryEscape(r.FormValue("home")), languageCookie: r.FormValue("language"), looksCookie: r.FormValue("looks"), cookieName(r): session,
		} {
			http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true})
		}
		http.Redirect(w, r, onward(r.FormValue("to")), http.StatusSeeOther)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		name, _ := url.QueryUnescape(cookie(r, which))
		if h, ok := handlers[name]; ok {
			h.ServeHTTP(w, r)
			return
		}
		handlers["well"].ServeHTTP(w, r)
	})
	return mux
}
