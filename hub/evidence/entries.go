package evidence

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
)

// Names of a package's files.
const (
	readmeName   = "README.txt"
	sumsName     = "SHA256SUMS"
	manifestName = "manifest.dsse.json"
	eventsName   = "custody/events.jsonl"
	profileName  = "request/profile.dsse.json"
	requestName  = "request/request.dsse.json"
	proofName    = "request/request.tlog-proof"
	manualName   = "request/unverified.json"
)

// told are the kinds of ledger entries that a package tells of: how the request
// came. When the owner looked at it, and what was sealed and thrown away, are
// nobody else's business: the console says they will not be told.
var told = []ledger.Kind{ledger.Received, ledger.Held}

// entries are all files of a package, in order.
func (s *Sealer) entries(ctx context.Context, p Package, o Order, videos []*video) ([]entry, error) {
	m, err := s.manifest(p, o, videos)
	if err != nil {
		return nil, err
	}
	if m.Gaps, err = s.gaps(ctx, o.Clips, videos); err != nil {
		return nil, err
	}
	signable, err := certificate(m)
	if err != nil {
		return nil, err
	}
	files := []entry{
		textEntry(readmeName, readme(m)),
		textEntry(certificateName, signable),
	}
	if m.Request.Unverified {
		files = append(files, textEntry(manualName, o.Manual))
	} else {
		files = append(files, textEntry(requestName, o.Envelope), textEntry(profileName, o.Profile))
	}
	if len(o.Proof) > 0 {
		files = append(files, textEntry(proofName, o.Proof))
	}
	events, err := s.events(ctx, o.RequestID)
	if err != nil {
		return nil, err
	}
	files = append(files, textEntry(eventsName, events))
	proofs, err := s.custodies(ctx, videos)
	if err != nil {
		return nil, err
	}
	files = append(files, proofs...)
	for _, v := range videos {
		files = append(files, entry{v.clip.File, v.clip.Bytes, v.clip.SHA256, func() io.Reader {
			return &released{io.NewSectionReader(v.file, 0, v.clip.Bytes), v.file.Release}
		}})
	}
	sortEntries(files)
	signed, err := signManifest(ctx, s.cfg.Key, m, files)
	if err != nil {
		return nil, fmt.Errorf("signing manifest: %w", err)
	}
	files = append(files, textEntry(manifestName, signed))
	sortEntries(files)
	files = append(files, textEntry(sumsName, sums(files)))
	sortEntries(files)
	return files, nil
}

func (s *Sealer) manifest(p Package, o Order, videos []*video) (Manifest, error) {
	binary, err := s.binary()
	if err != nil {
		return Manifest{}, fmt.Errorf("hashing the program: %w", err)
	}
	request := sha256.Sum256(o.Envelope)
	if o.Manual != nil {
		request = sha256.Sum256(o.Manual)
	}
	m := Manifest{
		Package: p.ID, SealedAt: p.SealedAt, Software: s.cfg.Software, Binary: binary,
		Hub: s.cfg.Key.Public().(ed25519.PublicKey), Ledger: s.cfg.LedgerKey,
		Request: RequestRef{ID: o.RequestID, SHA256: hex.EncodeToString(request[:]), Agency: o.Agency, Unverified: o.Manual != nil},
		Saw:     o.Saw, HubClock: s.clock(p.SealedAt),
	}
	if len(o.Proof) > 0 {
		m.BulletinKey = o.BulletinKey
	}
	for _, v := range videos {
		m.Clips = append(m.Clips, v.clip)
	}
	return m, nil
}

// gaps are what is missing in the clips chosen.
func (s *Sealer) gaps(ctx context.Context, clips []Selection, videos []*video) (out []Gap, err error) {
	for _, sel := range clips {
		i := slices.IndexFunc(videos, func(v *video) bool { return v.camera == sel.Camera })
		gaps, err := s.cfg.Archive.Gaps(ctx, sel.Camera, recording.Main, sel.From, sel.To)
		if err != nil {
			return nil, fmt.Errorf("listing gaps: %w", err)
		}
		for _, g := range gaps {
			gap := Gap{Alias: videos[i].clip.Alias, From: g.From.UTC(), To: g.To.UTC(), Reason: string(g.Reason)} // Detail may name an address
			if g.From.Before(sel.From) {
				gap.From = sel.From.UTC()
			}
			if g.To.IsZero() || g.To.After(sel.To) {
				gap.To = sel.To.UTC()
			}
			if gap.From.Before(gap.To) && !slices.Contains(out, gap) {
				out = append(out, gap)
			}
		}
	}
	return out, nil
}

// events are the ledger entries about a request that a package tells of.
func (s *Sealer) events(ctx context.Context, request string) ([]byte, error) {
	indexes, err := s.cfg.Ledger.OfRequest(ctx, request, told...)
	if err != nil {
		return nil, fmt.Errorf("reading ledger entries: %w", err)
	}
	entries, err := s.cfg.Ledger.Tell(ctx, indexes)
	if err != nil {
		return nil, fmt.Errorf("proving ledger entries: %w", err)
	}
	var b bytes.Buffer
	if err := ledger.WriteLines(&b, entries); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// custodies are the proofs of each camera.
func (s *Sealer) custodies(ctx context.Context, videos []*video) ([]entry, error) {
	byAlias := map[string][]*video{}
	var aliases []string
	for _, v := range videos {
		if byAlias[v.clip.Alias] == nil {
			aliases = append(aliases, v.clip.Alias)
		}
		byAlias[v.clip.Alias] = append(byAlias[v.clip.Alias], v)
	}
	var out []entry
	all := make([]*custody, 0, len(aliases))
	for _, alias := range aliases {
		var segments []recording.Segment
		for _, v := range byAlias[alias] {
			segments = append(segments, v.parts...)
		}
		c, err := newCustody(ctx, s.cfg.Archive, alias, segments, byAlias[alias])
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	heads, err := s.headEntries(ctx, all)
	if err != nil {
		return nil, err
	}
	if len(heads) > 0 {
		out = append(out, textEntry(headsName, heads))
	}
	for _, c := range all {
		b, err := marshal(c)
		if err != nil {
			return nil, fmt.Errorf("writing proof of footage: %w", err)
		}
		out = append(out, textEntry(custodyName(c.Alias), b))
	}
	return out, nil
}

// released is a reader that lets go of what it reads at its end.
type released struct {
	io.Reader
	release func() error
}

// Read implements io.Reader.
func (r *released) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err == io.EOF {
		if err := r.release(); err != nil {
			return n, err
		}
	}
	return n, err
}
