package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path"

	"gatehouse/bridge/homekit"
	"gatehouse/hub/account"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/clip"
	"gatehouse/hub/config"
	"gatehouse/hub/evidence"
	"gatehouse/hub/keep"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
)

// Errors of the console itself: owner input.
var (
	errNoPage        = errors.New("no such page")
	errNoSession     = errors.New("no session")
	errCrossSite     = errors.New("cross-site request")
	errBadForm       = errors.New("unreadable form")
	errNoCard        = errors.New("no key card chosen")
	errBadCard       = errors.New("no signed profile")
	errNoClip        = errors.New("no clip chosen")
	errTime          = errors.New("unreadable or reversed times")
	errRepeat        = errors.New("passphrases differ")
	errCode          = errors.New("wrong set-up code")
	errCodeThrottled = errors.New("too many set-up codes")
	errTooLate       = errors.New("too late to cancel")
	errTaken         = errors.New("somebody has this name")
	errRole          = errors.New("the role does not allow this")
	errConfirm       = errors.New("the passphrase is needed again")
)

// problem is an error in words: what happened, what is safe, what to do. Each
// is a locale key.
type problem struct {
	Status         int
	What, Safe, Do string
	Next           string // where to log in, and to come back from; empty if that is no help
}

// explanations maps every error an owner may meet; the first match counts.
var explanations = []struct {
	err    error
	status int
	key    string
}{
	{errNoPage, http.StatusNotFound, "no-page"},
	{request.ErrNotFound, http.StatusNotFound, "no-request"},
	{errNoSession, http.StatusUnauthorized, "no-session"},
	{errCrossSite, http.StatusForbidden, "cross-site"},
	{ledger.ErrNoEntry, http.StatusNotFound, "no-entry"},
	{errBadForm, http.StatusBadRequest, "bad-form"},
	{errNoCard, http.StatusUnprocessableEntity, "no-card"},
	{errBadCard, http.StatusUnprocessableEntity, "bad-card"},
	{errNoClip, http.StatusUnprocessableEntity, "no-clip"},
	{errTime, http.StatusUnprocessableEntity, "time"},
	{clip.ErrRange, http.StatusUnprocessableEntity, "time"},
	{clip.ErrTooLong, http.StatusUnprocessableEntity, "too-long"},
	{clip.ErrBusy, http.StatusServiceUnavailable, "busy"},
	{errField, http.StatusUnprocessableEntity, "field"},
	{errCertificate, http.StatusUnprocessableEntity, "certificate"},
	{config.ErrConflict, http.StatusConflict, "conflict"},
	{errBrokenFile, http.StatusConflict, "broken-file"},
	{errUneditable, http.StatusConflict, "uneditable"},
	{errNoSearch, http.StatusServiceUnavailable, "no-search"},
	{errRepeat, http.StatusUnprocessableEntity, "repeat"},
	{errCode, http.StatusForbidden, "code"},
	{errCodeThrottled, http.StatusTooManyRequests, "throttled"},
	{errTooLate, http.StatusConflict, "too-late"},
	{errRole, http.StatusForbidden, "role"},
	{errConfirm, http.StatusForbidden, "confirm"},
	{account.ErrPasskey, http.StatusForbidden, "passkey"},
	{account.ErrPasskeyLate, http.StatusConflict, "passkey-late"},
	{account.ErrPasskeyCopied, http.StatusForbidden, "passkey-copied"},
	{account.ErrPasskeyName, http.StatusUnprocessableEntity, "passkey-name"},
	{account.ErrPasskeys, http.StatusConflict, "passkeys"},
	{account.ErrNoToken, http.StatusNotFound, "no-token"},
	{account.ErrTokenExists, http.StatusConflict, "token-taken"},
	{account.ErrTokenName, http.StatusUnprocessableEntity, "token-name"},
	{account.ErrScope, http.StatusUnprocessableEntity, "scope"},
	{account.ErrExpiry, http.StatusUnprocessableEntity, "expiry"},
	{account.ErrTokens, http.StatusConflict, "tokens"},
	{account.ErrInvite, http.StatusNotFound, "invite"},
	{account.ErrLabel, http.StatusUnprocessableEntity, "label"},
	{account.ErrName, http.StatusUnprocessableEntity, "name"},
	{account.ErrRole, http.StatusUnprocessableEntity, "cameras"},
	{account.ErrFirst, http.StatusUnprocessableEntity, "first"},
	{account.ErrNoPerson, http.StatusNotFound, "no-person"},
	{account.ErrWrong, http.StatusForbidden, "passphrase"},
	{account.ErrThrottled, http.StatusTooManyRequests, "throttled"},
	{account.ErrWeak, http.StatusUnprocessableEntity, "weak"},
	{errTaken, http.StatusConflict, "taken"},
	{account.ErrLong, http.StatusUnprocessableEntity, "long"},
	{account.ErrExists, http.StatusConflict, "owner-exists"},
	{account.ErrNoOwner, http.StatusConflict, "no-owner"},
	{request.ErrState, http.StatusConflict, "state"},
	{request.ErrDigest, http.StatusConflict, "digest"},
	{request.ErrSecond, http.StatusConflict, "second"},
	{request.ErrLockOff, http.StatusConflict, "lock-off"},
	{request.ErrNotByHand, http.StatusConflict, "not-by-hand"},
	{request.ErrNotGiven, http.StatusConflict, "not-given"},
	{request.ErrAgain, http.StatusConflict, "again"},
	{request.ErrForm, http.StatusBadRequest, "bad-form"},
	{evidence.ErrPortal, http.StatusUnprocessableEntity, "portal"},
	{request.ErrNotYours, http.StatusUnprocessableEntity, "not-yours"},
	{request.ErrBlocked, http.StatusConflict, "blocked"},
	{request.ErrRoot, http.StatusConflict, "root"},
	{request.ErrAllowlist, http.StatusConflict, "allowlist"},
	{keep.ErrNotFound, http.StatusNotFound, "not-kept"},
	{keep.ErrNote, http.StatusUnprocessableEntity, "kept-note"},
	{keep.ErrUntil, http.StatusUnprocessableEntity, "kept-until"},
	{keep.ErrRange, http.StatusUnprocessableEntity, "time"},
	{keep.ErrNothing, http.StatusNotFound, "no-footage"},
	{keep.ErrMany, http.StatusConflict, "kept-many"},
	{keep.ErrNotYours, http.StatusForbidden, "kept-yours"},
	{clip.ErrNoFootage, http.StatusNotFound, "no-footage"},
	{recording.ErrNotFound, http.StatusNotFound, "footage-gone"},
	{clip.ErrNoDecoder, http.StatusNotImplemented, "no-decoder"},
	{clip.ErrNoBrowser, http.StatusUnsupportedMediaType, "no-browser"},
	{config.ErrUnwritten, http.StatusConflict, "off-unwritten"},
	{homekit.ErrPaired, http.StatusConflict, "homekit-paired"},
	{homekit.ErrTries, http.StatusConflict, "homekit-tries"},
	{homekit.ErrNoAccessory, http.StatusNotFound, "homekit-gone"},
	{ErrEdited, http.StatusConflict, "edited"},
	{ErrEdit, http.StatusConflict, "edit"},
	{os.ErrNotExist, http.StatusNotFound, "no-file"},
	{context.Canceled, 499, "gone"}, // the browser left; nobody reads this
}

// explain is the one place where errors become words. What it does not know is
// the hub's fault and says so; the text of an error is never shown.
func explain(err error) problem {
	for _, e := range explanations {
		if errors.Is(err, e.err) {
			return problem{Status: e.status, What: "error." + e.key + ".what", Safe: "error." + e.key + ".safe", Do: "error." + e.key + ".do"}
		}
	}
	var field *request.FieldError
	if errors.As(err, &field) {
		return problem{Status: http.StatusUnprocessableEntity, What: "field." + field.Field, Safe: "error.field.safe", Do: "error.field.do"}
	}
	var refusal *bulletin.Refusal
	if errors.As(err, &refusal) {
		return problem{Status: http.StatusUnprocessableEntity, What: "code." + string(refusal.Code), Safe: "error.refusal.safe", Do: "error.refusal.do"}
	}
	return problem{Status: http.StatusInternalServerError, What: "error.internal.what", Safe: "error.internal.safe", Do: "error.internal.do"}
}

// fail answers with an error in words.
func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := c.explainFor(r, err)
	if errors.Is(err, errNoSession) {
		p.Next = "/login?next=" + url.QueryEscape(pageOf(r))
	}
	bare := errors.Is(err, errNoSession) || errors.Is(err, errCrossSite) || errors.Is(err, errNoPage)
	c.render(w, r, p.Status, "error", view{Title: "error.title", Bare: bare, Body: p})
}

// pageOf is the page that a request came from: a form acts one step below it.
func pageOf(r *http.Request) string {
	if r.Method == http.MethodGet {
		return r.URL.RequestURI()
	}
	return path.Dir(r.URL.EscapedPath())
}

// explainFor explains, and logs what the owner cannot put right.
func (c *console) explainFor(r *http.Request, err error) problem {
	p := explain(err)
	if p.Status == http.StatusInternalServerError {
		c.cfg.Log.Error("console request failed", "path", r.Pattern, "err", err)
	}
	if !c.text.has(p.What) {
		p.What = "code.unknown"
	}
	return p
}
