package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Session is a log-in. Only the hash of its token is stored.
type Session struct {
	TokenHash [32]byte
	Person    int64
	Created   time.Time
	Seen      time.Time
	Confirmed time.Time // when the person last proved again who they are; zero for never
	Agent     string
	Peer      string // where it was last used from
}

// ID names a session among those of a person. It opens nothing.
func (s Session) ID() string { return hex.EncodeToString(s.TokenHash[:8]) }

// SessionStore keeps sessions.
type SessionStore interface {
	PutSession(ctx context.Context, s Session) error
	// TouchSession sets Seen and Peer of a session that exists; it never brings one back.
	TouchSession(ctx context.Context, tokenHash [32]byte, seen time.Time, peer string) error
	// ConfirmSession sets Confirmed of a session that exists.
	ConfirmSession(ctx context.Context, tokenHash [32]byte, at time.Time) error
	Session(ctx context.Context, tokenHash [32]byte) (Session, bool, error)
	DeleteSession(ctx context.Context, tokenHash [32]byte) error
	// PurgeSessions deletes those last seen, or made, before a time.
	PurgeSessions(ctx context.Context, seen, created time.Time) error
	// DeleteSessions ends all sessions of a person.
	DeleteSessions(ctx context.Context, person int64) error
	// Sessions are all that there are, the last used first.
	Sessions(ctx context.Context) ([]Session, error)
}

// SessionLife is how long after its log-in a session ends, unless Config says otherwise.
const SessionLife = 30 * 24 * time.Hour

const (
	defaultIdle = 14 * 24 * time.Hour
	// seenEvery bounds how often a session's last use is written: an SD card
	// should not be written to for every page.
	seenEvery = 5 * time.Minute
	// ConfirmedFor is how long a session may do what needs the passphrase
	// again, once it was given again.
	ConfirmedFor = 5 * time.Minute

	maxAgent = 256 // bytes kept of a browser's name
)

// Login is a live session and whose it is.
type Login struct {
	Session
	Person Person
}

// LogIn checks a name and passphrase, an empty name being the owner's, and
// makes a session; token goes into the cookie.
func (a *Accounts) LogIn(ctx context.Context, peer, agent, name, passphrase string) (token string, err error) {
	p, err := a.CheckPerson(ctx, peer, name, passphrase)
	if err != nil {
		return "", err
	}
	return a.open(ctx, p, peer, agent)
}

func (a *Accounts) open(ctx context.Context, p Person, peer, agent string) (token string, err error) {
	token = rand.Text() + rand.Text() // 2 × 130 bits in letters and digits
	now := a.cfg.Now()
	if len(agent) > maxAgent {
		agent = strings.ToValidUTF8(agent[:maxAgent], "")
	}
	// Browsers that never come back leave sessions that nobody would look at.
	if err := a.cfg.Store.PurgeSessions(ctx, now.Add(-a.cfg.Idle), now.Add(-a.cfg.Life)); err != nil {
		return "", fmt.Errorf("deleting old sessions: %w", err)
	}
	err = a.cfg.Store.PutSession(ctx, Session{
		TokenHash: sha256.Sum256([]byte(token)), Person: p.Number, Created: now, Seen: now, Agent: agent, Peer: peer,
	})
	if err != nil {
		return "", fmt.Errorf("storing session: %w", err)
	}
	return token, nil
}

// Who tells whose live session a token is and marks it seen; role and cameras
// are as they are now. A session that was idle for too long, or began too long
// ago, is deleted.
//
// The store looks up a SHA-256 of the token, so how long that takes tells
// nothing about any token.
func (a *Accounts) Who(ctx context.Context, token, peer string) (Login, bool, error) {
	if token == "" || len(token) > maxBytes {
		return Login{}, false, nil
	}
	s, ok, err := a.cfg.Store.Session(ctx, sha256.Sum256([]byte(token)))
	if err != nil || !ok {
		return Login{}, false, err
	}
	p, err := a.numbered(ctx, s.Person)
	if errors.Is(err, ErrNoPerson) {
		return Login{}, false, a.cfg.Store.DeleteSession(ctx, s.TokenHash)
	}
	if err != nil {
		return Login{}, false, fmt.Errorf("reading person: %w", err)
	}
	now := a.cfg.Now()
	idle := now.Sub(s.Seen)
	if a.over(s) {
		return Login{}, false, a.cfg.Store.DeleteSession(ctx, s.TokenHash)
	}
	// A clock that was set back must not leave a session that never ends.
	if idle >= seenEvery || idle < 0 {
		if err := a.cfg.Store.TouchSession(ctx, s.TokenHash, now, peer); err != nil {
			return Login{}, false, fmt.Errorf("storing session: %w", err)
		}
	}
	return Login{s, p}, true, nil
}

// over reports whether a session has ended by itself.
func (a *Accounts) over(s Session) bool {
	now := a.cfg.Now()
	return now.Sub(s.Seen) > a.cfg.Idle || now.Sub(s.Created) > a.cfg.Life
}

// Confirm checks the passphrase of a session's person again. What is confirmed
// is this session alone, for ConfirmedFor.
func (a *Accounts) Confirm(ctx context.Context, l Login, peer, passphrase string) error {
	if _, err := a.CheckPerson(ctx, peer, l.Person.Name, passphrase); err != nil {
		return err
	}
	return a.confirm(ctx, l)
}

func (a *Accounts) confirm(ctx context.Context, l Login) error {
	if err := a.cfg.Store.ConfirmSession(ctx, l.TokenHash, a.cfg.Now()); err != nil {
		return fmt.Errorf("storing session: %w", err)
	}
	return nil
}

// Confirmed reports whether a session was confirmed in the last ConfirmedFor.
func (a *Accounts) Confirmed(l Login) bool {
	age := a.cfg.Now().Sub(l.Confirmed)
	return !l.Confirmed.IsZero() && age >= 0 && age < ConfirmedFor
}

// LogOut ends a session; one that has ended is no error.
func (a *Accounts) LogOut(ctx context.Context, token string) error {
	return a.cfg.Store.DeleteSession(ctx, sha256.Sum256([]byte(token)))
}

// Sessions lists a person's live sessions, the last used first.
func (a *Accounts) Sessions(ctx context.Context, person int64) ([]Session, error) {
	all, err := a.cfg.Store.Sessions(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading sessions: %w", err)
	}
	return slices.DeleteFunc(all, func(s Session) bool {
		return s.Person != person || a.over(s)
	}), nil
}

// EndSession ends one session of a person by its ID; one that has ended is no error.
func (a *Accounts) EndSession(ctx context.Context, person int64, id string) error {
	list, err := a.Sessions(ctx, person)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.ID() == id {
			return a.cfg.Store.DeleteSession(ctx, s.TokenHash)
		}
	}
	return nil
}

// EndSessions ends all sessions of a person.
func (a *Accounts) EndSessions(ctx context.Context, person int64) error {
	return a.cfg.Store.DeleteSessions(ctx, person)
}
