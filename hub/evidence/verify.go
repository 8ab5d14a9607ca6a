package evidence

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"filippo.io/age"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// Result is one thing Verify looked at.
type Result struct {
	What string // "age" "tar" "sums" "manifest" "request" "log" "ledger" "video" "chain"
	OK   bool
	Text string // plain words
}

// VerifyConfig says how to verify.
type VerifyConfig struct {
	Identities  []age.Identity    // to open a .ghe; nil for a plain .tar or folder
	HubKey      ed25519.PublicKey // optional: the hub the package must be from
	BulletinKey string            // optional: the log that the request must be published in (C2SP verifier key)
}

// ErrVerify means that something about a package does not hold.
var ErrVerify = errors.New("the package does not verify")

// Verify checks a package offline: a .ghe, its .tar, the unpacked folder, or a folder in the portal form. Each
// result is reported; the error is the first that failed, an ErrVerify, or that
// of ctx. The package may be hostile: memory and work are bounded by its size,
// and nothing is written.
func Verify(ctx context.Context, path string, cfg VerifyConfig, report func(Result)) (err error) {
	v := &verifier{ctx: ctx, cfg: cfg, report: report}
	src, err := openSource(path, cfg.Identities)
	if err != nil {
		what := "tar"
		if errors.Is(err, errAge) {
			what = "age"
		}
		return v.result(what, "", err)
	}
	defer func() { err = errors.Join(err, src.close()) }()
	v.src = src
	v.all()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return v.first
}

// verifier is one run of Verify.
type verifier struct {
	ctx    context.Context
	cfg    VerifyConfig
	report func(Result)
	src    *source
	first  error // that failed

	sums     map[string]string // as computed
	manifest statement
}

// result reports one thing and returns its error, if any, as ErrVerify.
func (v *verifier) result(what, text string, err error) error {
	if v.ctx.Err() != nil {
		return v.ctx.Err()
	}
	if err != nil {
		v.report(Result{what, false, sentence(err)})
		err = fmt.Errorf("%w: %s: %w", ErrVerify, what, err)
		if v.first == nil {
			v.first = err
		}
		return err
	}
	v.report(Result{what, true, text})
	return nil
}

// sentence makes one of an error, without what could steer a terminal.
func sentence(err error) string {
	s := oneLine(err.Error())
	if s == "" {
		return "It failed."
	}
	return string(bytes.ToUpper([]byte(s[:1]))) + s[1:] + "."
}

// all runs every check that those before it leave possible.
func (v *verifier) all() {
	if v.src.kind == "ghe" {
		_ = v.result("age", "It is encrypted with age, opens with the identity given, and is whole.", nil)
	}
	if v.hash() != nil {
		return
	}
	if v.src.tar != nil {
		_ = v.result("tar", "It is, bit by bit, the archive that was sealed.", v.src.exact(v.sums))
	}
	text, err := v.checkSums()
	_ = v.result("sums", text, err)
	text, err = v.checkManifest()
	if v.result("manifest", text, err) != nil {
		return
	}
	v.checkRequest()
	text, err = v.checkLedger()
	_ = v.result("ledger", text, err)
	v.checkVideos()
}

// hash computes the digest of every file.
func (v *verifier) hash() error {
	v.sums = map[string]string{}
	for _, name := range v.src.names {
		f := v.src.files[name]
		sum, err := hashOf(readerUntilDone{v.ctx, io.NewSectionReader(f, 0, f.Size())})
		if err != nil {
			return v.result("tar", "", fmt.Errorf("reading %s: %w", name, err))
		}
		v.sums[name] = sum
	}
	return nil
}

// readerUntilDone is a reader that fails when its context ends.
type readerUntilDone struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (r readerUntilDone) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

func (v *verifier) checkSums() (string, error) {
	b, err := v.src.read(sumsName)
	if err != nil {
		return "", err
	}
	listed, err := readSums(b)
	if err != nil {
		return "", fmt.Errorf("SHA256SUMS: %w", err)
	}
	if v.src.kind == "portal" {
		given := listed
		listed = map[string]string{}
		for name, sum := range given {
			listed[deep(name)] = sum
		}
	}
	return fmt.Sprintf("All %d files have the digests that SHA256SUMS lists.", len(listed)), v.compare(listed, sumsName)
}

// compare checks that a list names every file but some, with its digest.
func (v *verifier) compare(listed map[string]string, without ...string) error {
	for _, name := range slices.Sorted(maps.Keys(v.sums)) {
		if slices.Contains(without, name) {
			if listed[name] != "" {
				return fmt.Errorf("%s cannot be listed", name)
			}
			continue
		}
		switch listed[name] {
		case "":
			return fmt.Errorf("%s is not listed", name)
		case v.sums[name]:
		default:
			return fmt.Errorf("%s was changed: its digest is not the one listed", name)
		}
	}
	if want := len(v.sums) - len(without); len(listed) != want {
		return fmt.Errorf("%d files are listed and %d are there", len(listed), want)
	}
	return nil
}

func (v *verifier) checkManifest() (string, error) {
	b, err := v.src.read(manifestName)
	if err != nil {
		return "", err
	}
	if v.manifest, err = openManifest(b); err != nil {
		return "", fmt.Errorf("the manifest: %w", err)
	}
	m := &v.manifest.Predicate
	if v.src.id != "" && m.Package != v.src.id || !packageID.MatchString(m.Package) {
		return "", errors.New("the manifest is that of another package")
	}
	if v.cfg.HubKey != nil && !v.cfg.HubKey.Equal(ed25519.PublicKey(m.Hub)) {
		return "", errors.New("the manifest is signed by another hub than the one that was asked for")
	}
	listed := map[string]string{}
	for _, s := range v.manifest.Subject {
		if listed[s.Name] != "" || len(s.Digest) != 1 || s.Digest["sha256"] == "" {
			return "", errors.New("the manifest lists a file twice, or without a SHA-256")
		}
		listed[s.Name] = s.Digest["sha256"]
	}
	if err := v.compare(listed, sumsName, manifestName); err != nil {
		return "", fmt.Errorf("the manifest: %w", err)
	}
	whose := "the hub that was asked for"
	if v.cfg.HubKey == nil {
		whose = fmt.Sprintf("hub %x, which the package itself names", m.Hub)
	}
	return fmt.Sprintf("The manifest is signed by %s, and lists the digests of all files.", whose), nil
}

func (v *verifier) text(name string) []byte {
	b, _ := v.src.read(name) // its digest was computed already
	return b
}

// checkRequest verifies who asked, and that it was in public.
func (v *verifier) checkRequest() {
	m := &v.manifest.Predicate
	if m.Request.Unverified {
		text, err := v.checkManual()
		_ = v.result("request", text, err)
		return
	}
	envelope := v.text(requestName)
	profile, err := bulletin.OpenProfile(v.text(profileName))
	if err != nil {
		_ = v.result("request", "", fmt.Errorf("the agency's profile: %w", err))
		return
	}
	q, err := bulletin.OpenRequest(envelope, profile)
	sum := sha256.Sum256(envelope)
	switch {
	case err != nil:
		err = fmt.Errorf("the request: %w", err)
	case q.ID != m.Request.ID || hex.EncodeToString(sum[:]) != m.Request.SHA256:
		err = errors.New("the request is not the one that the manifest names")
	case q.Profile != hex.EncodeToString(profile.Hash[:]):
		err = errors.New("the request names another profile of the agency")
	}
	text := fmt.Sprintf("Request %s is signed by an officer and a supervisor of %s (%s); root keys %.16s….",
		oneLine(q.ID), oneLine(profile.Name), oneLine(profile.Agency), profile.RootID)
	_ = v.result("request", text, err)
	text, err = v.checkLog(envelope)
	_ = v.result("log", text, err)
}

// checkManual is for what nobody signed: the owner's word that it was asked.
func (v *verifier) checkManual() (string, error) {
	m := &v.manifest.Predicate
	if v.src.files[manualName] == nil || v.sums[manualName] != m.Request.SHA256 {
		return "", errors.New("the request is not the one that the manifest names")
	}
	if v.cfg.BulletinKey != "" {
		return "", errors.New("nobody signed the request and it was not published: the owner of the home entered it")
	}
	return fmt.Sprintf("Request %s is what the owner of the home entered, from %s. Nobody signed it, and who asked was not verified.",
		oneLine(m.Request.ID), oneLine(m.Request.Agency)), nil
}

func (v *verifier) checkLog(envelope []byte) (string, error) {
	key, whose := v.cfg.BulletinKey, "the log that was asked for"
	if key == "" {
		key, whose = v.manifest.Predicate.BulletinKey, "the log that the package itself names"
	}
	if v.src.files[proofName] == nil {
		if v.cfg.BulletinKey != "" || key != "" {
			return "", errors.New("there is no proof that the request was published")
		}
		return "The request came without a proof of publication: it was handed over, not published.", nil
	}
	policy, err := bulletin.NewPolicy(key, nil)
	if err != nil {
		return "", fmt.Errorf("the bulletin's key: %w", err)
	}
	e, err := policy.Verify(bulletin.Line{Kind: bulletin.KindRequest, Envelope: envelope, Proof: v.text(proofName)})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("The request is entry %d of the agency's public log (%s).", e.Index, whose), nil
}

func (v *verifier) checkLedger() (string, error) {
	m := &v.manifest.Predicate
	entries, err := ledger.ReadLines(bytes.NewReader(v.text(eventsName)), m.Ledger)
	if err != nil {
		return "", fmt.Errorf("the ledger's entries: %w", err)
	}
	for i, e := range entries {
		if e.Request != m.Request.ID {
			return "", fmt.Errorf("entry %d of the ledger's is about another request", i+1)
		}
	}
	if len(entries) == 0 {
		return "The package tells of no ledger entry: those about the request were younger than the last full hour.", nil
	}
	return fmt.Sprintf("%d entries about the request are in the home's ledger (%s).", len(entries), oneLine(m.Ledger)), nil
}
