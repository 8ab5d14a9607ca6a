package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/clip"
	"gatehouse/hub/delivery"
	"gatehouse/hub/evidence"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
)

// fakeRequests keeps records in memory and follows the state machine.
type fakeRequests struct {
	mu      sync.Mutex // guards the rest
	records map[string]request.Record
	allowed []request.Allowed
	known   []bulletin.VerifiedProfile
	outbox  *fakeOutbox
	clips   *fakeClips
	shown   []string // ids marked
}

func (f *fakeRequests) ListIn(_ context.Context, in ...request.State) ([]request.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []request.Record
	for _, r := range f.records {
		if len(in) == 0 || slices.Contains(in, r.State) { // as the house database
			out = append(out, r)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out, nil
}

func (f *fakeRequests) Counts(context.Context) (map[request.State]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := map[request.State]int{}
	for _, r := range f.records {
		n[r.State]++
	}
	return n, nil
}

func (f *fakeRequests) Get(_ context.Context, id string) (request.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.records[id]
	if !ok {
		return r, request.ErrNotFound
	}
	return r, nil
}

// change applies to a request in one of the states.
func (f *fakeRequests) change(id string, do func(*request.Record) error, while ...request.State) (request.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.records[id]
	if !ok {
		return r, request.ErrNotFound
	}
	if !slices.Contains(while, r.State) {
		return r, request.ErrState
	}
	if err := do(&r); err != nil {
		return r, err
	}
	f.records[id] = r
	return r, nil
}

func (f *fakeRequests) Prepare(_ context.Context, id string, clips []evidence.Selection) (request.Record, error) {
	return f.change(id, func(r *request.Record) error {
		for _, c := range clips {
			if w := r.Window(); c.From.Before(w.From) || c.To.After(w.To) {
				return fmt.Errorf("selecting: %w", request.ErrNotYours)
			}
		}
		r.State, r.Selection, r.Package = request.Prepared, clips, fixturePackage(clips)
		return nil
	}, request.Waiting, request.Prepared)
}

func (f *fakeRequests) Preview(ctx context.Context, id string) (Preview, request.Record, error) {
	r, err := f.Get(ctx, id)
	if err == nil && r.Package == nil {
		err = request.ErrState
	}
	return fakePreview{f.clips.sealed}, r, err
}

type fakePreview struct{ video []byte }

func (p fakePreview) File(string) (*io.SectionReader, error) {
	return io.NewSectionReader(bytes.NewReader(p.video), 0, int64(len(p.video))), nil
}
func (p fakePreview) Close() error { return nil }

func (p fakePreview) Plain(_ context.Context, write func(name string, r io.Reader) error) error {
	return errors.Join(write("README.txt", strings.NewReader("what it is\n")), write("original_cam-A.mp4", bytes.NewReader(p.video)))
}

func (p fakePreview) Lock(_ context.Context, w io.Writer, secret string) error {
	_, err := fmt.Fprintf(w, "locked with %s", secret)
	return err
}

func (p fakePreview) Sealed() (*io.SectionReader, error) { return p.File("") }

func (f *fakeRequests) Add(_ context.Context, m request.Manual) (request.Record, error) {
	if strings.ContainsRune(m.Who, '\u202e') || m.Who == "" {
		return request.Record{}, fmt.Errorf("adding: %w", &request.FieldError{Field: "who", Why: "is bad"})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := fixtureManual("hand-added", request.Waiting)
	r.Manual = &m
	if m.AnswerBy.IsZero() {
		m.AnswerBy = fixtureNow.AddDate(0, 0, 14)
	}
	f.records[r.ID] = r
	return r, nil
}

func (f *fakeRequests) Give(_ context.Context, id string, form request.Form, again bool) (request.Record, error) {
	return f.change(id, func(r *request.Record) error {
		if r.State == request.HandedOver && !again {
			return request.ErrAgain
		}
		if !slices.Contains(r.Forms(), form) {
			return request.ErrForm
		}
		h := *r.ByHand
		h.Times, h.Taken, h.Form = h.Times+1, fixtureNow, form
		r.ByHand = &h
		return nil
	}, request.Ready, request.HandedOver)
}

func (f *fakeRequests) HandedOver(_ context.Context, id string, h request.Handed, _ string) (request.Record, error) {
	return f.change(id, func(r *request.Record) error {
		if r.ByHand.Times == 0 {
			return request.ErrNotGiven
		}
		if len(h.To) < 2 {
			return &request.FieldError{Field: "to", Why: "is short"}
		}
		by := *r.ByHand
		by.To, by.Way, by.At, by.Note = h.To, h.Way, h.At, h.Note
		r.State, r.ByHand = request.HandedOver, &by
		return nil
	}, request.Ready)
}

func (f *fakeRequests) NoteReceipt(_ context.Context, id, receipt, _ string) (request.Record, error) {
	return f.change(id, func(r *request.Record) error {
		by := *r.ByHand
		by.Receipt = receipt
		r.ByHand = &by
		return nil
	}, request.HandedOver)
}

func (f *fakeRequests) CancelHandOver(_ context.Context, id, _ string) (request.Record, error) {
	return f.change(id, func(r *request.Record) error {
		r.State = request.Failed
		return nil
	}, request.Ready)
}

func (f *fakeRequests) ApproveBy(_ context.Context, id, digest string, by request.Approver, _ bool) (request.Record, error) {
	return f.change(id, func(r *request.Record) error {
		if digest != r.Package.Digest {
			return fmt.Errorf("approving: %w", request.ErrDigest)
		}
		for _, a := range r.Approvals {
			if a.Person == by.Number {
				return request.ErrSecond
			}
		}
		if r.Approvals = append(r.Approvals, request.Approval{Person: by.Number, By: by.Words}); len(r.Approvals) < r.Needs() {
			return nil
		}
		if r.Manual != nil {
			r.State, r.ByHand = request.Ready, &request.ByHand{Target: bulletin.Target{Kind: r.Manual.Way}}
			return nil
		}
		r.State = request.Approved
		f.outbox.add(*r)
		return nil
	}, request.Prepared)
}

func (f *fakeRequests) LeaveToLock(_ context.Context, id, digest string, by request.Approver) (request.Record, error) {
	return f.change(id, func(r *request.Record) error {
		if digest != r.Package.Digest {
			return request.ErrDigest
		}
		r.Left = &request.Left{Person: by.Number, By: by.Words, At: fixtureNow, Digest: digest}
		return nil
	}, request.Prepared)
}

func (f *fakeRequests) TakeFromLock(_ context.Context, id, _ string) (request.Record, error) {
	return f.change(id, func(r *request.Record) error {
		r.Left = nil
		return nil
	}, request.Prepared)
}

func (f *fakeRequests) MarkShown(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown = append(f.shown, id)
	return nil
}

func (f *fakeRequests) Decline(_ context.Context, id, _ string) (request.Record, error) {
	return f.change(id, func(r *request.Record) error {
		r.State = request.Declined
		return nil
	}, request.Waiting, request.Prepared, request.Failed)
}

func (f *fakeRequests) Allowlist() []request.Allowed {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.allowed)
}

func (f *fakeRequests) Known(context.Context) ([]bulletin.VerifiedProfile, error) {
	return f.known, nil
}

// TakeCard takes a card with an agency's name on it.
func (f *fakeRequests) TakeCard(_ context.Context, data []byte) (bulletin.VerifiedProfile, error) {
	if !bulletin.IsDNSName(string(data)) {
		return bulletin.VerifiedProfile{}, &bulletin.Refusal{Code: bulletin.BadEnvelope, Detail: "no card"}
	}
	p := bulletin.VerifiedProfile{RootID: fixtureRoot(0x61), Profile: bulletin.Profile{
		Agency: string(data), Name: "Hillside Sheriff", Level: "county", CallBack: "+1 425 555 0133", Expires: fixtureNow.AddDate(0, 9, 0),
	}}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = append(f.known, p)
	return p, nil
}

func (f *fakeRequests) Allow(_ context.Context, agency, root, _ string) (request.Allowed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.known {
		if k.Agency == agency && k.RootID != root {
			return request.Allowed{}, request.ErrRoot
		}
		if k.Agency == agency {
			a := request.Allowed{Agency: agency, Name: k.Name, Root: k.RootID, CallBack: k.CallBack, Added: fixtureNow}
			f.allowed = append(f.allowed, a)
			return a, nil
		}
	}
	return request.Allowed{}, &bulletin.Refusal{Code: bulletin.UnknownAgency, Detail: "no profile"}
}

func (f *fakeRequests) Disallow(_ context.Context, agency, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.allowed = slices.DeleteFunc(f.allowed, func(a request.Allowed) bool { return a.Agency == agency })
	return nil
}

// fakeOutbox sends in ten seconds of its own clock.
type fakeOutbox struct {
	mu   sync.Mutex // guards jobs
	now  func() time.Time
	jobs []delivery.Job
}

func (o *fakeOutbox) add(r request.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.jobs = append([]delivery.Job{{
		ID: int64(len(o.jobs) + 1), Entry: 64, Request: r.ID, PackageID: r.Package.ID, Bytes: r.Package.Bytes, State: delivery.Cooling,
		NotBefore: o.now().Add(12 * time.Minute), Target: bulletin.Target{Kind: "tus", URL: "https://intake.police.lakeside.example/files/"},
	}}, o.jobs...)
}

func (o *fakeOutbox) Jobs(context.Context) ([]delivery.Job, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := slices.Clone(o.jobs)
	for i := range out {
		j := &out[i]
		if j.State != delivery.Sending {
			continue
		}
		j.Offset = min(j.Bytes, j.Bytes*int64(o.now().Sub(j.NotBefore))/int64(10*time.Second))
		if j.Offset == j.Bytes {
			j.State, j.Receipt, j.Finished = delivery.Done, []byte("{}"), o.now()
		}
	}
	return out, nil
}

func (o *fakeOutbox) set(id int64, s delivery.State) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.jobs {
		if o.jobs[i].ID == id {
			o.jobs[i].State, o.jobs[i].NotBefore = s, o.now()
		}
	}
	return nil
}

func (o *fakeOutbox) Cancel(_ context.Context, id int64) error  { return o.set(id, delivery.Cancelled) }
func (o *fakeOutbox) SendNow(_ context.Context, id int64) error { return o.set(id, delivery.Sending) }

type fakeLedger struct {
	entries []ledger.Entry
	fault   error
}

func (l *fakeLedger) Entries(_ context.Context, from int64, n int) ([]ledger.Entry, error) {
	return l.entries[from:min(from+int64(n), int64(len(l.entries)))], nil
}
func (l *fakeLedger) Size() (int64, error) { return int64(len(l.entries)), l.fault }
func (l *fakeLedger) Prove(_ context.Context, id string) ([]ledger.Proven, error) {
	var out []ledger.Proven
	for _, e := range l.entries {
		if e.Request == id {
			out = append(out, ledger.Proven{Leaf: []byte(e.Text), Entry: e, Proof: []byte("c2sp.org/tlog-proof@v1\n")})
		}
	}
	return out, nil
}

func (l *fakeLedger) ProveEntry(_ context.Context, i int64) (ledger.Proven, error) {
	if i < 0 || i >= int64(len(l.entries)) {
		return ledger.Proven{}, ledger.ErrNoEntry
	}
	e := l.entries[i]
	leaf := fmt.Appendf(nil, `{"kind":%q,"request":%q,"text":%q,"time":%q}`, e.Kind, e.Request, e.Text, e.Time.Format(time.RFC3339Nano))
	return ledger.Proven{Leaf: leaf, Entry: e, Proof: []byte("c2sp.org/tlog-proof@v1\nindex 3\n\ngatehouse.example/ledger\n64\nAAAA\n\n— gatehouse.example/ledger AAAA\n")}, nil
}

func (l *fakeLedger) Export(_ context.Context, w io.Writer) ([]byte, error) {
	for _, e := range l.entries {
		fmt.Fprintf(w, "{%q:%q}\n", "text", e.Text)
	}
	return l.head(), l.fault
}

func (l *fakeLedger) head() []byte { return []byte("gatehouse\n64\nAAAA\n\n— gatehouse AAAA\n") }

func (l *fakeLedger) Checkpoint(context.Context) ([]byte, error) {
	return l.head(), nil
}

// fakeClips serves one looping recording, cut into fragments.
type fakeClips struct {
	now     func() time.Time
	archive *fakeArchive
	movie   movie
	hevc    map[string]bool // cameras whose main stream is large
	large   movie           // in H.265
	sealed  []byte          // a progressive MP4
	jpeg    []byte
	stripes []byte     // six pictures side by side
	err     error      // of ServeMP4 and ServeZIP
	asked   clip.Query // the last of them
}

func (c *fakeClips) ServeMP4(w http.ResponseWriter, r *http.Request, q clip.Query) error {
	if c.asked = q; c.err == nil {
		http.ServeContent(w, r, "clip.mp4", time.Time{}, bytes.NewReader(c.sealed))
	}
	return c.err
}

func (c *fakeClips) ServeZIP(w http.ResponseWriter, _ *http.Request, q clip.Query) error {
	if c.asked = q; c.err == nil {
		w.Header().Set("Content-Type", "application/zip")
	}
	return c.err
}

// movie is a fragmented MP4: its initialisation, and where fragments lie.
type movie struct {
	data      []byte
	init      int
	fragments [][2]int // offset, size
}

func (c *fakeClips) Playlist(ctx context.Context, r clip.Range) ([]byte, error) {
	return c.list(ctx, r, false)
}

func (c *fakeClips) list(ctx context.Context, r clip.Range, live bool) ([]byte, error) {
	m := c.of(r.Camera, r.Stream)
	n := int64(len(m.fragments))
	if n == 0 {
		return nil, fmt.Errorf("listing: %w", clip.ErrNoFootage)
	}
	segs, err := c.archive.Segments(ctx, r.Camera, r.Stream, r.From, r.To)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	first := r.From.Unix() / 2
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	if live {
		fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", first/n)
	}
	listed := 0
	for k, s := range joined(segs, r.From, r.To) {
		for i := s.from.Unix() / 2; i < s.to.Unix()/2; i++ {
			start := i == s.from.Unix()/2
			if listed++; listed > 1 && (i%n == 0 || start && k > 0) {
				b.WriteString("#EXT-X-DISCONTINUITY\n")
			}
			if start || i%n == 0 {
				fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"init/1.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:%s\n", time.Unix(2*i, 0).UTC().Format("2006-01-02T15:04:05.000Z"))
			}
			f := m.fragments[i%n]
			fmt.Fprintf(&b, "#EXTINF:2.0,\n#EXT-X-BYTERANGE:%d@%d\nsegment/1.mp4\n", f[1], f[0])
		}
	}
	if listed == 0 {
		return nil, fmt.Errorf("listing: %w", clip.ErrNoFootage)
	}
	if !live {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return []byte(b.String()), nil
}

// of is what a stream shows.
func (c *fakeClips) of(camera, stream string) movie {
	if stream == recording.Main && c.hevc[camera] {
		return c.large
	}
	return c.movie
}

func (c *fakeClips) Init(_ context.Context, camera, stream string, _ int64) ([]byte, error) {
	m := c.of(camera, stream)
	return m.data[:m.init], nil
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func (c *fakeClips) SegmentFile(_ context.Context, camera, stream string, id int64) (recording.File, error) {
	if id != 1 {
		return nil, fmt.Errorf("opening: %w", recording.ErrNotFound)
	}
	return memoryFile{bytes.NewReader(c.of(camera, stream).data)}, nil
}

func (c *fakeClips) Still(_ context.Context, _ string, t time.Time) (clip.Still, error) {
	if len(c.jpeg) == 0 {
		return clip.Still{JPEG: []byte("\xff\xd8\xff\xd9"), Origin: clip.FromNothing}, clip.ErrNoPicture
	}
	return clip.Still{JPEG: c.jpeg, Taken: t.Add(-time.Second), Origin: clip.FromKeyFrame}, nil
}

func (c *fakeClips) StillNow(ctx context.Context, camera string) (clip.Still, error) {
	return c.Still(ctx, camera, c.now())
}
