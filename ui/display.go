package ui

import (
	"net/http"
	"slices"

	"golang.org/x/text/language"
)

// How a browser wants the console to look is kept in that browser: nothing of
// it is private, and two people at one hub may differ.
const (
	languageCookie = "gatehouse_language" // tag of a locale; none: as the browser asks
	looksCookie    = "gatehouse_looks"    // light or dark; none: as the system says
)

// tongues picks a language for each visit.
type tongues struct {
	list  []*locale
	match language.Matcher
}

func newTongues(more ...*locale) tongues {
	t := tongues{list: slices.Concat(allLocales(), more)}
	tags := make([]language.Tag, len(t.list))
	for i, l := range t.list {
		tags[i] = l.lang
	}
	t.match = language.NewMatcher(tags)
	return t
}

// choose is the index of the language that a person set, or else of the one
// that the browser asks for.
func (t tongues) choose(r *http.Request) int {
	if ck, err := r.Cookie(languageCookie); err == nil {
		for i, l := range t.list {
			if l.tag == ck.Value {
				return i
			}
		}
	}
	_, i := language.MatchStrings(t.match, r.Header.Get("Accept-Language"))
	return i
}

// choice is one of the values of a setting.
type choice struct {
	Value, Text string
	Current     bool
}

// languages are the choices of language, each in its own words.
func (c *console) languages(r *http.Request) []choice {
	set := cookie(r, languageCookie)
	var out []choice
	for _, l := range c.tongues.list {
		out = append(out, choice{Value: l.tag, Text: l.say("lang.name"), Current: l.tag == set})
	}
	return out
}

// looks is the colour scheme that a person set; empty if the system decides.
func looks(r *http.Request) string {
	if v := cookie(r, looksCookie); v == "light" || v == "dark" {
		return v
	}
	return ""
}

func cookie(r *http.Request, name string) string {
	ck, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return ck.Value
}

// setDisplay keeps what was chosen; a value that is none of the choices unsets it.
func (c *console) setDisplay(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, errBadForm)
		return
	}
	if r.PostForm.Has("language") {
		known := ""
		for _, l := range c.tongues.list {
			if l.tag == r.PostForm.Get("language") {
				known = l.tag
			}
		}
		remember(w, r, languageCookie, known)
	}
	if r.PostForm.Has("looks") {
		v := r.PostForm.Get("looks")
		if v != "light" && v != "dark" {
			v = ""
		}
		remember(w, r, looksCookie, v)
	}
	http.Redirect(w, r, onward(r.PostForm.Get("next")), http.StatusSeeOther)
}

// remember sets a cookie for a year, or ends it.
func remember(w http.ResponseWriter, r *http.Request, name, value string) {
	ck := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil, MaxAge: 365 * 24 * 3600}
	if value == "" {
		ck.MaxAge = -1
	}
	http.SetCookie(w, ck)
}
