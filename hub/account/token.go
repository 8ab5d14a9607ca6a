package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scope is a part of the API that a token opens, for reading only.
type Scope string

// Scopes.
const (
	ScopeCameras  Scope = "cameras"
	ScopeTimeline Scope = "timeline"
	ScopeClips    Scope = "clips"
	ScopeRequests Scope = "requests"
	ScopeStatus   Scope = "status"
)

// Scopes are all that there are.
func Scopes() []Scope {
	return []Scope{ScopeCameras, ScopeTimeline, ScopeClips, ScopeRequests, ScopeStatus}
}

// Token lets another program read from the hub. It is nobody's session: with it
// nothing is decided or changed.
type Token struct {
	Name    string    `json:"name"`
	Scopes  []Scope   `json:"scopes"`
	Cameras []string  `json:"cameras,omitempty"` // empty: all
	Maker   int64     `json:"maker"`             // number of the owner with whose passphrase, role and presence it ends
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Used    time.Time `json:"used,omitzero"` // to five minutes; zero for never
	Hash    [32]byte  `json:"-"`             // SHA-256 of the secret
}

// May reports whether a token opens a part of the API.
func (t Token) May(s Scope) bool { return slices.Contains(t.Scopes, s) }

// Sees reports whether a token is for a camera.
func (t Token) Sees(camera string) bool {
	return len(t.Cameras) == 0 || slices.Contains(t.Cameras, camera)
}

// Errors about tokens: owner input.
var (
	ErrNoToken     = errors.New("there is no token of this name")
	ErrTokenExists = errors.New("there is a token of this name")
	ErrTokenName   = errors.New("a token's name is 1 to 32 of a-z, 0-9 and -")
	ErrScope       = errors.New("a token has one scope at least, of cameras, timeline, clips, requests and status")
	ErrExpiry      = errors.New("a token is for 1 to 366 days")
	ErrTokens      = errors.New("there are 64 tokens; revoke one first")
)

const (
	tokenPrefix = "gatehouse_" // so that scanners for lost secrets know one
	tokenLong   = 366 * 24 * time.Hour
	maxTokens   = 64
)

// TokenStore keeps tokens.
type TokenStore interface {
	// AddToken gives ErrTokenExists, or ErrTokens if there are as many as most.
	AddToken(ctx context.Context, t Token, most int) error
	// TouchToken sets Used of a token that exists; it never brings one back.
	TouchToken(ctx context.Context, hash [32]byte, used time.Time) error
	Token(ctx context.Context, hash [32]byte) (Token, bool, error)
	// DeleteToken gives ErrNoToken.
	DeleteToken(ctx context.Context, name string) error
	// Tokens are all, by name.
	Tokens(ctx context.Context) ([]Token, error)
}

// AddToken makes a token that is valid for a time of 1 to 366 days, or until its
// maker, who is to be an owner, gets another passphrase, loses that role or is
// removed. The secret is told here and never again: only its hash is stored.
func (a *Accounts) AddToken(ctx context.Context, t Token, valid time.Duration) (Token, string, error) {
	slices.Sort(t.Scopes)
	t.Scopes = slices.Compact(t.Scopes)
	slices.Sort(t.Cameras)
	t.Cameras = slices.Compact(t.Cameras)
	switch {
	case !personName.MatchString(t.Name):
		return Token{}, "", ErrTokenName
	case len(t.Scopes) == 0, slices.ContainsFunc(t.Scopes, func(s Scope) bool { return !slices.Contains(Scopes(), s) }):
		return Token{}, "", ErrScope
	case valid < 24*time.Hour || valid > tokenLong:
		return Token{}, "", ErrExpiry
	}
	secret := tokenPrefix + rand.Text() + rand.Text()
	t.Hash, t.Created, t.Used = sha256.Sum256([]byte(secret)), a.cfg.Now(), time.Time{}
	t.Expires = t.Created.Add(valid)
	if err := a.cfg.Store.AddToken(ctx, t, maxTokens); err != nil {
		return Token{}, "", fmt.Errorf("storing token: %w", err)
	}
	return t, secret, nil
}

// Tokens lists all tokens by name, those that have expired too.
func (a *Accounts) Tokens(ctx context.Context) ([]Token, error) {
	list, err := a.cfg.Store.Tokens(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading tokens: %w", err)
	}
	return list, nil
}

// RevokeToken ends a token at once.
func (a *Accounts) RevokeToken(ctx context.Context, name string) error {
	return a.cfg.Store.DeleteToken(ctx, name)
}

// Bearer tells which live token a secret is, and marks it used. As in Who, how
// long it takes tells nothing about any secret.
func (a *Accounts) Bearer(ctx context.Context, secret string) (Token, bool, error) {
	if !strings.HasPrefix(secret, tokenPrefix) || len(secret) > maxBytes {
		return Token{}, false, nil
	}
	t, ok, err := a.cfg.Store.Token(ctx, sha256.Sum256([]byte(secret)))
	now := a.cfg.Now()
	if err != nil || !ok || !now.Before(t.Expires) {
		return Token{}, false, err
	}
	if idle := now.Sub(t.Used); idle >= seenEvery || idle < 0 {
		if err := a.cfg.Store.TouchToken(ctx, t.Hash, now); err != nil {
			return Token{}, false, fmt.Errorf("storing token: %w", err)
		}
		t.Used = now
	}
	return t, true, nil
}
