package ui

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/clip"
	"gatehouse/hub/delivery"
	"gatehouse/hub/evidence"
	"gatehouse/hub/ledger"
	"gatehouse/hub/motion"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
)

// Requests is the owner's side of requests; [FromService] makes one of a
// *request.Service.
type Requests interface {
	Inbox
	Decisions
	Agencies
}

// Inbox lists requests. Get answers request.ErrNotFound for an unknown id.
type Inbox interface {
	// ListIn lists those in some states, newest first; Counts counts them all.
	ListIn(ctx context.Context, in ...request.State) ([]request.Record, error)
	Counts(ctx context.Context) (map[request.State]int, error)
	Get(ctx context.Context, id string) (request.Record, error)
}

// Decisions are what an owner may do with a request. They answer
// request.ErrNotFound, ErrState, ErrDigest or ErrNotYours for what the owner
// can put right.
type Decisions interface {
	Prepare(ctx context.Context, id string, clips []evidence.Selection) (request.Record, error)
	Preview(ctx context.Context, id string) (Preview, request.Record, error)
	// ApproveBy sends, or notes an approval that is not the last; request.ErrSecond if theirs counts already.
	ApproveBy(ctx context.Context, id, digest string, by request.Approver, skipCoolDown bool) (request.Record, error)
	// LeaveToLock lets the lock of the Home app give a person's approval of one
	// package, once; TakeFromLock takes that back.
	LeaveToLock(ctx context.Context, id, digest string, by request.Approver) (request.Record, error)
	TakeFromLock(ctx context.Context, id, by string) (request.Record, error)
	Decline(ctx context.Context, id, by string) (request.Record, error)
	ByHand
	// MarkShown notes in the ledger that the owner has read a request; the first time counts.
	MarkShown(ctx context.Context, id string) error
}

// ByHand is what comes and leaves by the owner's hands. Answers for what the
// owner can put right are *request.FieldError and request's errors.
type ByHand interface {
	Add(ctx context.Context, m request.Manual) (request.Record, error)
	// Give notes that the files are taken out; again, that the person was re-authenticated.
	Give(ctx context.Context, id string, form request.Form, again bool) (request.Record, error)
	HandedOver(ctx context.Context, id string, h request.Handed, by string) (request.Record, error)
	NoteReceipt(ctx context.Context, id, receipt, by string) (request.Record, error)
	CancelHandOver(ctx context.Context, id, by string) (request.Record, error)
}

// Agencies is the allowlist and the profiles it can be chosen from.
type Agencies interface {
	Allowlist() []request.Allowed
	// Known may have several profiles of one agency, with different root keys.
	Known(ctx context.Context) ([]bulletin.VerifiedProfile, error)
	// TakeCard makes a signed profile known that came as a file; a *bulletin.Refusal says what is wrong with it.
	TakeCard(ctx context.Context, data []byte) (bulletin.VerifiedProfile, error)
	// Allow answers request.ErrRoot if the root that the owner was shown is not known.
	Allow(ctx context.Context, agency, root, by string) (request.Allowed, error)
	Disallow(ctx context.Context, agency, by string) error
}

// WHEP sets up live view by WebRTC as draft-ietf-wish-whep says, and answers the
// requests itself. may is asked as long as the viewer looks.
type WHEP interface {
	Create(w http.ResponseWriter, r *http.Request, camera, stream string, may func(context.Context) bool)
	Update(w http.ResponseWriter, r *http.Request, camera, stream, id string)
	Delete(w http.ResponseWriter, r *http.Request, camera, stream, id string)
}

// HLS shows what cameras send now as Low-Latency HLS, and answers the requests
// itself: Index the playlist to begin with, Media what that one names. may is
// asked after waiting whether the viewer may still look.
type HLS interface {
	Index(w http.ResponseWriter, r *http.Request, camera, stream string)
	Media(w http.ResponseWriter, r *http.Request, camera, stream, id, file string, may func(context.Context) bool)
}

// Preview reads inside a sealed package; *evidence.Preview is one.
type Preview interface {
	File(name string) (*io.SectionReader, error)
	// Plain gives all files, without folders; Lock the package, encrypted to a
	// drawn passphrase; Sealed the sealed file.
	Plain(ctx context.Context, write func(name string, r io.Reader) error) error
	Lock(ctx context.Context, w io.Writer, secret string) error
	Sealed() (*io.SectionReader, error)
	Close() error
}

// Outbox is what is on its way; *delivery.Outbox is one.
type Outbox interface {
	Jobs(ctx context.Context) ([]delivery.Job, error)
	Cancel(ctx context.Context, id int64) error
	SendNow(ctx context.Context, id int64) error
}

// Clips presents footage; *clip.Service is one. Playlist answers
// clip.ErrNoFootage; stills may be a card beside clip.ErrNoPicture.
type Clips interface {
	Playlist(ctx context.Context, r clip.Range) ([]byte, error)
	Init(ctx context.Context, camera, stream string, id int64) ([]byte, error)
	SegmentFile(ctx context.Context, camera, stream string, id int64) (recording.File, error)
	// ServeMP4 and ServeZIP answer with clips, or with an error and nothing written.
	ServeMP4(w http.ResponseWriter, r *http.Request, q clip.Query) error
	ServeZIP(w http.ResponseWriter, r *http.Request, q clip.Query) error
	Still(ctx context.Context, camera string, t time.Time) (clip.Still, error)
	StillNow(ctx context.Context, camera string) (clip.Still, error)
	// Strip and Sheet are JPEG pictures of a minute and of a range; clip.ErrNoDecoder if none can be made.
	Strip(ctx context.Context, camera string, t time.Time) ([]byte, error)
	Sheet(ctx context.Context, camera string, from, to time.Time, zone *time.Location) ([]byte, error)
}

// Archive tells what is recorded; *recording.Archive is one.
type Archive interface {
	Segments(ctx context.Context, camera, stream string, from, to time.Time) ([]recording.Segment, error)
	Gaps(ctx context.Context, camera, stream string, from, to time.Time) ([]recording.Gap, error)
	Status(ctx context.Context) ([]recording.StreamStatus, error)
	// Holds lists what is kept from deletion, ended ones too.
	Holds(ctx context.Context) ([]recording.Hold, error)
}

// Motions tells when something moved; *motion.Service is one.
type Motions interface {
	// Motions lists motion that overlaps [from, to), by From.
	Motions(ctx context.Context, camera string, from, to time.Time) ([]motion.Motion, error)
}

// Ledger reads the ledger; *ledger.Log is one.
type Ledger interface {
	Entries(ctx context.Context, from int64, n int) ([]ledger.Entry, error)
	Size() (int64, error)
	Prove(ctx context.Context, request string) ([]ledger.Proven, error)
	// ProveEntry answers ledger.ErrNoEntry.
	ProveEntry(ctx context.Context, index int64) (ledger.Proven, error)
	Export(ctx context.Context, w io.Writer) (checkpoint []byte, err error)
	Checkpoint(ctx context.Context) ([]byte, error)
}

// Accounts are the people of the house; *account.Accounts is one. Errors are
// those of package account.
type Accounts interface {
	HasOwner(ctx context.Context) (bool, error)
	SetPassphrase(ctx context.Context, passphrase string, replace bool) error
	ChangePassphrase(ctx context.Context, p account.Person, peer, current, passphrase string) error
	// CheckPerson checks a person, or the first owner for an empty name.
	CheckPerson(ctx context.Context, peer, name, passphrase string) (account.Person, error)
	Sessions
	People
	Passkeys
	Tokens
}

// Tokens are what other programs read with.
type Tokens interface {
	// AddToken tells the secret once; t.Maker is the owner who makes it.
	AddToken(ctx context.Context, t account.Token, valid time.Duration) (account.Token, string, error)
	Tokens(ctx context.Context) ([]account.Token, error)
	// RevokeToken answers account.ErrNoToken.
	RevokeToken(ctx context.Context, name string) error
	// Bearer tells which live token a secret is.
	Bearer(ctx context.Context, secret string) (account.Token, bool, error)
}

// Sessions are log-ins.
type Sessions interface {
	LogIn(ctx context.Context, peer, agent, name, passphrase string) (token string, err error)
	Who(ctx context.Context, token, peer string) (account.Login, bool, error)
	Confirm(ctx context.Context, l account.Login, peer, passphrase string) error
	Confirmed(l account.Login) bool
	LogOut(ctx context.Context, token string) error
	Sessions(ctx context.Context, person int64) ([]account.Session, error)
	EndSession(ctx context.Context, person int64, id string) error
	EndSessions(ctx context.Context, person int64) error
}

// Passkeys log in, and approve nothing.
type Passkeys interface {
	// BeginPasskey gives account.ErrUnconfirmed without a passphrase a short while ago.
	BeginPasskey(ctx context.Context, l account.Login, peer string, site account.Site) (options []byte, err error)
	AddPasskey(ctx context.Context, l account.Login, site account.Site, name string, answer []byte) (account.Passkey, error)
	BeginPasskeyLogIn(peer string, site account.Site) (options []byte, err error)
	LogInPasskey(ctx context.Context, peer, agent string, site account.Site, answer []byte) (token string, err error)
	Passkeys(ctx context.Context, person int64) ([]account.Passkey, error)
	HasPasskeys(ctx context.Context, host string) (bool, error)
	RemovePasskey(ctx context.Context, person int64, short string) error
}

// People are who may log in, and who was invited to.
type People interface {
	People(ctx context.Context) ([]account.Person, error)
	// Label answers account.ErrLabel and account.ErrNoPerson.
	Label(ctx context.Context, name, label string) error
	ChangePerson(ctx context.Context, p account.Person) error
	RemovePerson(ctx context.Context, name string) error
	Invite(ctx context.Context, p account.Person) (code string, expires time.Time, err error)
	Invites(ctx context.Context) ([]account.Invite, error)
	Uninvite(ctx context.Context, name string) error
	Invited(ctx context.Context, code string) (account.Person, error)
	Accept(ctx context.Context, code, passphrase string) (account.Person, error)
}

// FromService presents a *request.Service as Requests.
func FromService(s *request.Service) Requests { return service{s} }

// service narrows the preview of a *request.Service to what the console reads.
type service struct{ *request.Service }

func (s service) Preview(ctx context.Context, id string) (Preview, request.Record, error) {
	p, r, err := s.Service.Preview(ctx, id)
	if err != nil {
		return nil, r, fmt.Errorf("opening sealed package: %w", err)
	}
	return p, r, nil
}
