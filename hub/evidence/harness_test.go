package evidence_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
	"gatehouse/hub/clip"
	"gatehouse/hub/evidence"
	"gatehouse/hub/internal/mp4/mp4test"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
	"gatehouse/hub/sqlite"
	"gatehouse/rtsp"
)

// Names that must not be in any package.
const (
	porch = "zquirrel-porch"
	yard  = "zquirrel-yard"
)

var zero = time.Date(2026, 11, 21, 21, 0, 3, 123456000, time.UTC)

// home is a hub with footage, a request and a sealer.
type home struct {
	*evidence.Sealer
	cfg     evidence.Config
	archive *recording.Archive
	agency  *bulletintest.Agency
	log     *bulletintest.Log
	order   evidence.Order
	now     time.Time
}

type script struct{ items []rtsp.Item }

func (s *script) Next(ctx context.Context) (rtsp.Item, error) {
	if len(s.items) == 0 || ctx.Err() != nil {
		return rtsp.Item{}, errors.Join(ctx.Err(), io.EOF)
	}
	i := s.items[0]
	s.items = s.items[1:]
	return i, nil
}

func items(footage ...mp4test.Footage) (out []rtsp.Item) {
	for i, f := range footage {
		if i > 0 {
			last := footage[i-1].Units
			out = append(out, rtsp.Item{Break: &rtsp.Break{Reason: rtsp.ReasonClosed, From: last[len(last)-1].UTC, Detail: "192.0.2.7 closed the connection"}})
		}
		out = append(out, rtsp.Item{Session: f.Session})
		for _, u := range f.Units {
			out = append(out, rtsp.Item{Unit: u})
		}
	}
	return out
}

// later is footage moved in time, as a connection of its own.
func later(f mp4test.Footage, d time.Duration) mp4test.Footage {
	session := *f.Session
	session.Zero = session.Zero.Add(d)
	out := mp4test.Footage{Session: &session}
	for _, u := range f.Units {
		v := *u
		v.UTC, v.Arrived = v.UTC.Add(d), v.Arrived.Add(d)
		out.Units = append(out.Units, &v)
	}
	return out
}

// newHome has recorded what is given, by camera.
func newHome(t testing.TB, footage map[string][]rtsp.Item) *home {
	t.Helper()
	dir := t.TempDir()
	h := &home{now: zero.Add(time.Hour)}
	index, err := sqlite.OpenIndex(t.Context(), filepath.Join(dir, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = index.Close() })
	house, err := sqlite.OpenHouse(t.Context(), filepath.Join(dir, "house.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = house.Close() })
	quiet := slog.New(slog.DiscardHandler)
	h.archive, err = recording.OpenArchive(t.Context(), recording.ArchiveConfig{
		Index: index, Heads: house, Log: quiet, Now: func() time.Time { return h.now },
		Disks: []recording.DiskConfig{{Path: filepath.Join(dir, "disk"), Profile: recording.ProfileDisk}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for camera, list := range footage {
		if err := h.archive.Recorder(camera, recording.Main, &script{list}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.archive.NoteHeads(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	h.keys(t, dir, house, quiet)
	h.request(t)
	if err := house.AddHours(t.Context(), h.now); err != nil {
		t.Fatal(err)
	}
	h.Sealer = evidence.NewSealer(h.cfg)
	return h
}

func (h *home) keys(t testing.TB, dir string, house ledger.Store, log *slog.Logger) {
	t.Helper()
	key := bulletintest.Key(t)
	owner, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	public := key.Public().(ed25519.PublicKey)
	const name = "gatehouse.local/ledger/0123456789abcdef"
	vkey, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		t.Fatal(err)
	}
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + strings.Split(vkey, "+")[1] + "+" + secret)
	if err != nil {
		t.Fatal(err)
	}
	h.cfg = evidence.Config{
		Clips:   clip.New(clip.Config{Archive: h.archive, Log: log}),
		Archive: h.archive, Ledger: ledger.New(house, signer), LedgerKey: vkey,
		Dir: filepath.Join(dir, "sealed"), Key: key, Owner: owner, Software: "gatehouse test",
		Log: log, Now: func() time.Time { return h.now },
	}
}

func (h *home) request(t testing.TB) {
	t.Helper()
	h.agency = bulletintest.New(t, h.now)
	h.log = bulletintest.NewLog(t, 1)
	q := h.agency.Request(t, h.now)
	env := h.agency.Sign(t, q)
	h.log.Add(t, bulletin.KindProfile, h.agency.Envelope)
	h.log.Add(t, bulletin.KindRequest, env)
	h.order = evidence.Order{
		RequestID: q.ID, Envelope: env, Proof: h.log.Lines(t)[1].Proof, BulletinKey: h.log.Key,
		Profile: h.agency.Envelope, Agency: h.agency.Name, Recipient: h.agency.Identity.Recipient().String(),
		Saw: map[string]string{"basis": "The request is voluntary."},
	}
	for i, kind := range []ledger.Kind{ledger.Received, ledger.Held, ledger.Shown, ledger.Prepared} {
		_, err := h.cfg.Ledger.Append(t.Context(), ledger.Entry{
			Time: h.now.Add(time.Duration(i) * time.Second), Kind: kind, Request: q.ID, Agency: q.Agency,
			Text: fmt.Sprintf("It was %s, said the test <&>.", kind),
		}, ledger.Entry{Time: h.now, Kind: ledger.Received, Request: "another", Text: "Not this one."})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// choose selects seconds of a camera after zero.
func choose(camera string, from, to float64, audio bool) evidence.Selection {
	at := func(s float64) time.Time { return zero.Add(time.Duration(s * float64(time.Second))) }
	return evidence.Selection{Camera: camera, From: at(from), To: at(to), Audio: audio}
}

func (h *home) seal(t testing.TB, clips ...evidence.Selection) evidence.Package {
	t.Helper()
	o := h.order
	o.Clips = clips
	p, err := h.Seal(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// typical is a home with two cameras, one of which broke off, and a package of both.
func typical(t testing.TB) (*home, evidence.Package) {
	t.Helper()
	a := mp4test.Make(t, mp4test.Shot{Video: rtsp.H264, Audio: rtsp.AAC, Seconds: 8, Start: zero})
	b := mp4test.Make(t, mp4test.Shot{Video: rtsp.H265, B: 2, Seconds: 6, Start: zero})
	h := newHome(t, map[string][]rtsp.Item{porch: items(a, later(a, 20*time.Second)), yard: items(b)})
	return h, h.seal(t, choose(porch, 1, 25, true), choose(yard, 0, 5, false), choose(porch, 2, 4, false))
}

// plain decrypts a package.
func (h *home) plain(t testing.TB, p evidence.Package) []byte {
	t.Helper()
	f, err := os.Open(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := age.Decrypt(f, h.agency.Identity)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// untar returns a tar's files by name, and the names in order.
func untar(t testing.TB, b []byte) (files map[string][]byte, names []string) {
	t.Helper()
	files = map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, names
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

// retar makes a tar as the sealer does.
func retar(t testing.TB, files map[string][]byte, names []string, at time.Time) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, n := range names {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: n, Size: int64(len(files[n])), Mode: 0o644, ModTime: at}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[n]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// verify returns what Verify says.
func verify(t testing.TB, path string, cfg evidence.VerifyConfig) ([]evidence.Result, error) {
	t.Helper()
	var out []evidence.Result
	err := evidence.Verify(t.Context(), path, cfg, func(r evidence.Result) { out = append(out, r) })
	return out, err
}
