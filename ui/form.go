package ui

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/hub/config"
)

// Settings edits gatehouse.yml; *config.Editor does. Errors are those of
// package config.
type Settings interface {
	Read() (text []byte, version string, err error)
	Edit(version string, changes ...config.Change) (*config.Config, error)
	Try(changes ...config.Change) error // as Edit, without writing
}

// fieldKind is how a value is typed and written.
type fieldKind string

const (
	textField   fieldKind = "text"
	wholeField  fieldKind = "whole"  // whole number
	numberField fieldKind = "number" // with decimals
	checkField  fieldKind = "check"
	choiceField fieldKind = "choice"
	listField   fieldKind = "list"  // texts, with commas between
	hoursField  fieldKind = "hours" // 22:00-07:00, with commas between
	zonesField  fieldKind = "zones" // 0 0.4, 1 0.4, 1 1: a line each, with - before what does not count
	// addressField is shown without the login in it, which stays unless another
	// host or another login is typed.
	addressField fieldKind = "address"
)

// field is one value of the file in a form. Its label is the text
// "field." and its name, its help, if there is one, that with "-help".
type field struct {
	name    string // of the control; its place in the file below the form's base
	kind    fieldKind
	usual   string   // what counts if nothing is written; shown in the empty control
	choices []string // values; their labels are "choice." and the value
	head    string   // locale key of a heading above it
}

// form is a page of settings.
type form struct {
	key    string // in the address, and in the texts "form.KEY"
	base   string // where its fields are in the file
	fields []field
	later  bool                      // used at the next start
	again  bool                      // nothing of it is switched on, or set to another value, without the passphrase
	check  func(*http.Request) error // of what the file's own checks cannot know; nil if there is none
	more   string                    // page to read beside it; its link is the text "form.KEY-more"
}

// path is where a field is in the file.
func (f form) path(name string) string {
	if f.base == "" {
		return name
	}
	return f.base + "." + name
}

// fieldView is a field with what is typed in it.
type fieldView struct {
	ID, Name, Kind, Value, Usual string
	Label, Help, Head            string // locale keys; Help and Head may be empty
	Checked                      bool
	Choices                      []choiceView
	Error                        string // in the page's language
	Picture                      string // zones: the address of what the camera sees
}

type choiceView struct {
	Value, Label string
	Current      bool
}

// formView is a form for its template.
type formView struct {
	Action, Version string
	Fields          []fieldView
	Problem         *problem
	Errors          []string // that belong to no field
	Later           bool
	Again           bool // it asks for the passphrase: something may be switched on or set
	Confirmed       bool // which was given a short while ago
	Who             string
}

// fill puts the file's values into a form.
func (c *console) fill(f form, action string, file config.Written, version string) formView {
	v := formView{Action: action, Version: version, Later: f.later}
	for _, x := range f.fields {
		w := c.fieldView(x)
		path := f.path(x.name)
		switch x.kind {
		case checkField:
			w.Value = file.Value(path)
			w.Checked = w.Value == "true" || w.Value == "" && x.usual == "true"
		case listField:
			w.Value = strings.Join(file.Values(path), ", ")
		case hoursField:
			var spans []string
			for i := range file.Len(path) {
				at := path + "[" + strconv.Itoa(i) + "]"
				spans = append(spans, file.Value(at+".from")+"-"+file.Value(at+".to"))
			}
			w.Value = strings.Join(spans, ", ")
		case zonesField:
			w.Value = zonesText(file, path)
		case addressField:
			w.Value = withoutLogin(file.Value(path))
		default:
			w.Value = file.Value(path)
		}
		w.choose()
		v.Again = v.Again || f.again && !(x.kind == checkField && w.Checked)
		v.Fields = append(v.Fields, w)
	}
	return v
}

// zonesText writes zones as they are typed.
func zonesText(file config.Written, path string) string {
	var lines []string
	for i := range file.Len(path) {
		zone := fmt.Sprintf("%s[%d]", path, i)
		var corners []string
		for j := range file.Len(zone + ".area") {
			corners = append(corners, strings.Join(file.Values(fmt.Sprintf("%s.area[%d]", zone, j)), " "))
		}
		line := strings.Join(corners, ", ")
		if file.Value(zone+".ignore") == "true" {
			line = "- " + line
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// zonesOf reads them. What is no number goes as text: package config says what is wrong.
func zonesOf(text string) (list []any) {
	for _, line := range strings.Split(text, "\n") {
		line, ignored := strings.CutPrefix(strings.TrimSpace(line), "-")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		area := []any{}
		for _, at := range strings.Split(line, ",") {
			corner := []any{}
			for _, word := range strings.Fields(at) {
				if n, err := strconv.ParseFloat(word, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
					corner = append(corner, n)
				} else {
					corner = append(corner, word)
				}
			}
			area = append(area, corner)
		}
		zone := config.Map{{Key: "area", Value: area}}
		if ignored {
			zone = zone.With("ignore", true)
		}
		list = append(list, zone)
	}
	return list
}

func (c *console) fieldView(x field) fieldView {
	w := fieldView{ID: "f-" + strings.ReplaceAll(x.name, ".", "-"), Name: x.name, Kind: string(x.kind), Usual: x.usual, Label: "field." + x.name, Head: x.head}
	if c.text.has(w.Label + "-help") {
		w.Help = w.Label + "-help"
	}
	for _, value := range x.choices {
		w.Choices = append(w.Choices, choiceView{Value: value, Label: "choice." + value})
	}
	return w
}

// choose marks the choice that the value is, or else the usual one.
func (w *fieldView) choose() {
	for i := range w.Choices {
		w.Choices[i].Current = w.Choices[i].Value == w.Value || w.Value == "" && w.Choices[i].Value == w.Usual
	}
}

// retype puts what a person typed into a form that was not taken.
func (v *formView) retype(r *http.Request) {
	for i := range v.Fields {
		w := &v.Fields[i]
		w.Value = r.PostFormValue(w.Name)
		w.Checked = w.Value != ""
		w.choose()
	}
}

var (
	hoursSpan = regexp.MustCompile(`^(\S+?)\s*[-–]\s*(\S+)$`)
	commas    = regexp.MustCompile(`[,\s]+`)
	lineEnds  = regexp.MustCompile(`[,\n]`)
)

// value is what a field's text is in the file; nil leaves it out. What is not
// the kind that it should be goes as text: package config says what is wrong.
func (x field) value(text string) any {
	text = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\ufffd"))
	switch {
	case x.kind == checkField:
		return text != ""
	case text == "":
		return nil
	}
	switch x.kind {
	case wholeField:
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	case numberField:
		if n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64); err == nil {
			return n
		}
	case listField:
		var list []any
		for _, s := range commas.Split(text, -1) {
			if s != "" {
				list = append(list, s)
			}
		}
		return list
	case zonesField:
		return zonesOf(text)
	case hoursField:
		var list []any
		for _, s := range lineEnds.Split(text, -1) {
			from, to := strings.TrimSpace(s), ""
			if m := hoursSpan.FindStringSubmatch(from); m != nil {
				from, to = m[1], m[2]
			}
			if from != "" {
				list = append(list, config.Map{{Key: "from", Value: from}, {Key: "to", Value: to}})
			}
		}
		return list
	}
	return text
}

// entry is a form as a new entry of a list.
func (f form) entry(r *http.Request) config.Map {
	var m config.Map
	for _, x := range f.fields {
		v := x.value(r.PostFormValue(x.name))
		if b, ok := v.(bool); ok && strconv.FormatBool(b) == x.usual || v == any(x.usual) {
			continue
		}
		if v != nil {
			m = m.With(x.name, v)
		}
	}
	return m
}

// changes are what differs between a form as it was shown and as it was typed.
func (f form) changes(was formView, file config.Written, r *http.Request) (list []config.Change) {
	for i, x := range f.fields {
		text := strings.ReplaceAll(r.PostFormValue(x.name), "\r\n", "\n")
		path := f.path(x.name)
		if x.kind == checkField {
			if was.Fields[i].Checked != (text != "") {
				list = append(list, config.Set(path, text != ""))
			}
			continue
		}
		switch v := x.value(text); {
		case x.kind == addressField && r.PostFormValue("login.user") != "" && v != nil:
			if strings.TrimSpace(text) == was.Fields[i].Value {
				text = file.Value(path)
			}
			list = append(list, config.Set(path, addressWith(strings.TrimSpace(text), r.PostFormValue("login.user"), r.PostFormValue("login.password"))))
		case strings.TrimSpace(text) == was.Fields[i].Value:
		case was.Fields[i].Value == "" && text == x.usual: // it says so without a word
		case v == nil:
			list = append(list, config.Delete(path))
		case x.kind == addressField:
			list = append(list, config.Set(path, keepLogin(file.Value(path), strings.TrimSpace(text))))
		default:
			list = append(list, config.Set(path, v))
		}
	}
	return list
}

// sets reports whether a form as it was typed ticks what was not, or has another
// value somewhere.
func (f form) sets(was formView, r *http.Request) bool {
	for i, x := range f.fields {
		text := strings.TrimSpace(r.PostFormValue(x.name))
		if x.kind == checkField && !was.Fields[i].Checked && text != "" || x.kind != checkField && text != was.Fields[i].Value {
			return true
		}
	}
	return false
}

// refuse puts an edit's error beside the fields it is about. It reports false
// for one that is not the owner's.
func (c *console) refuse(v *formView, f form, err error) (status int, ok bool) {
	var problems config.Problems
	var broken *config.Broken
	var refused *config.Refused
	switch {
	case errors.Is(err, config.ErrConflict):
		p := explain(err)
		v.Problem = &p
		return p.Status, true
	case errors.Is(err, errCertificate):
		p := explain(err)
		v.Problem = &p
		for i := range v.Fields {
			if v.Fields[i].Name == "certificate" {
				v.Fields[i].Error = err.Error()
			}
		}
		return p.Status, true
	case errors.As(err, &broken):
		p := explain(errBrokenFile)
		v.Problem = &p
		for _, x := range broken.Problems {
			v.Errors = append(v.Errors, fmt.Sprintf("%s:%d:%d: %s: %s", config.File, x.Line, x.Column, x.Key, c.text.wrong(x)))
		}
		return p.Status, true
	case errors.As(err, &refused):
		p := explain(errUneditable)
		v.Problem, v.Errors = &p, []string{refused.Error()}
		return p.Status, true
	case !errors.As(err, &problems):
		return 0, false
	}
	p := explain(errField)
	v.Problem = &p
	// Of several that are about one field the one that names most of it is said.
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b config.Problem) int { return len(b.Key) - len(a.Key) })
	for _, x := range problems {
		i := slices.IndexFunc(v.Fields, func(w fieldView) bool { return about(x.Key, f.path(w.Name)) })
		switch {
		case i < 0:
			v.Errors = append(v.Errors, x.Key+": "+c.text.wrong(x))
		case v.Fields[i].Error == "":
			v.Fields[i].Error = c.text.wrong(x)
		}
	}
	return p.Status, true
}

var entryNumber = regexp.MustCompile(`\[[^\]]*\]`)

// about reports whether a problem of a key is one of a field's.
func about(key, path string) bool {
	key, path = entryNumber.ReplaceAllString(key, "[]"), entryNumber.ReplaceAllString(path, "[]")
	return key == path || strings.HasPrefix(key, path+".") || strings.HasPrefix(key, path+"[")
}

// secretWords are in addresses of cameras that want the login in path or query.
var secretWords = regexp.MustCompile(`(?i)(pass|pwd|psw|user|auth|token|key)[a-z]*=`)

// withoutLogin is an address as it may be shown.
func withoutLogin(address string) string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return ""
	}
	if secretWords.MatchString(u.RequestURI()) {
		return u.Scheme + "://" + u.Host + "/…"
	}
	u.User = nil
	return u.String()
}

// keepLogin gives a typed address the login of the one before, if it is of the
// same host and has none: no login goes to a host that it was not meant for.
func keepLogin(before, typed string) string {
	old, err := url.Parse(before)
	u, uerr := url.Parse(typed)
	if err != nil || uerr != nil || u.User != nil || old.Hostname() != u.Hostname() {
		return typed
	}
	u.User = old.User
	return u.String()
}

func addressWith(address, user, password string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}
