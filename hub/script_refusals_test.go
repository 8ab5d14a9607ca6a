package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/torchwood"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/agency"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
	"gatehouse/hub/request"
	"gatehouse/hub/sqlite"
)

// ring VAR LAT LON METRES: the closed ring of a circle, as JSON, into VAR.
func ring(ts *testscript.TestScript, _ bool, args []string) {
	var v [3]float64
	for i := range v {
		f, err := strconv.ParseFloat(args[1+i], 64)
		ts.Check(err)
		v[i] = f
	}
	text, err := json.Marshal(agency.Circle(bulletin.Point{Lat: v[0], Lon: v[1]}, v[2]))
	ts.Check(err)
	ts.Setenv(args[0], string(text))
}

// pad FILE BYTES: spaces at the end until the file has that many bytes.
func pad(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := bytes.TrimRight([]byte(ts.ReadFile(args[0])), "\n")
	if len(text) > n {
		ts.Fatalf("%s has %d bytes already", args[0], len(text))
	}
	text = append(text, bytes.Repeat([]byte(" "), n-len(text))...)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

// forge DIR DRAFT OUT: both of an agency's people sign a draft as it stands,
// with a tool that checks nothing.
func forge(ts *testscript.TestScript, _ bool, args []string) {
	payload := []byte(ts.ReadFile(args[1]))
	e := dsse.Envelope{PayloadType: bulletin.RequestType, Payload: base64.StdEncoding.EncodeToString(payload)}
	for _, name := range []string{"officer", "supervisor"} {
		key, err := agency.LoadKey(filepath.Join(ts.MkAbs(args[0]), "keys", name+".key"))
		ts.Check(err)
		id := bulletin.PublicKey{Ed25519: key.Public().(ed25519.PublicKey)}.ID()
		sig := ed25519.Sign(key, dsse.PAE(e.PayloadType, payload))
		e.Signatures = append(e.Signatures, dsse.Signature{KeyID: id, Sig: base64.StdEncoding.EncodeToString(sig)})
	}
	writeEnvelope(ts, args[2], e)
}

func writeEnvelope(ts *testscript.TestScript, name string, e dsse.Envelope) {
	text, err := json.Marshal(e)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name), text, 0o600))
}

// flipsigned IN OUT: an envelope with one bit of what was signed changed.
func flipSigned(ts *testscript.TestScript, _ bool, args []string) {
	var e dsse.Envelope
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &e))
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	ts.Check(err)
	payload[len(payload)/2] ^= 1
	e.Payload = base64.StdEncoding.EncodeToString(payload)
	writeEnvelope(ts, args[1], e)
}

// smuggle DIR OUT.ghb ENVELOPE...: a bulletin's file whose envelopes nobody has
// checked, in the agency's log: its tree goes on from the published one, and
// log and witness have signed for it.
func smuggle(ts *testscript.TestScript, _ bool, args []string) {
	l := openRogueLog(ts, ts.MkAbs(args[0]))
	first := l.size
	var envelopes [][]byte
	for _, name := range args[2:] {
		envelopes = append(envelopes, bytes.TrimSpace([]byte(ts.ReadFile(name))))
		l.add(ts, envelopes[len(envelopes)-1])
	}
	signed := l.checkpoint(ts)
	lines := make([]bulletin.Line, len(envelopes))
	for i, env := range envelopes {
		at := first + int64(i)
		proof, err := tlog.ProveRecord(l.size, at, l)
		ts.Check(err)
		lines[i] = bulletin.Line{Kind: bulletin.KindRequest, Envelope: env, Proof: torchwood.FormatProof(at, proof, signed)}
	}
	data, err := bulletin.WriteFile(lines)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o600))
}

// rogueLog is an agency's log in memory, with its keys.
type rogueLog struct {
	signers []note.Signer
	size    int64
	hashes  []tlog.Hash
}

func openRogueLog(ts *testscript.TestScript, dir string) *rogueLog {
	profile, err := agency.LoadProfile(dir)
	ts.Check(err)
	text, err := os.ReadFile(filepath.Join(dir, "keys", "log.key"))
	ts.Check(err)
	log, err := note.NewSigner(strings.TrimSpace(string(text)))
	ts.Check(err)
	key, err := agency.LoadKey(filepath.Join(dir, "keys", "witness.key"))
	ts.Check(err)
	witness, err := torchwood.NewCosignatureSigner(profile.Agency+"/witness", key)
	ts.Check(err)
	entries, err := os.ReadDir(filepath.Join(dir, "log", "entries"))
	ts.Check(err)
	raw, err := os.ReadFile(filepath.Join(dir, "log", "hashes"))
	ts.Check(err)
	l := &rogueLog{signers: []note.Signer{log, witness}, size: int64(len(entries))}
	for h := range slices.Chunk(raw, tlog.HashSize) {
		l.hashes = append(l.hashes, tlog.Hash(h))
	}
	if int64(len(l.hashes)) != tlog.StoredHashCount(l.size) {
		ts.Fatalf("%d hashes of %d entries", len(l.hashes), l.size)
	}
	return l
}

// ReadHashes implements tlog.HashReader.
func (l *rogueLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = l.hashes[x]
	}
	return out, nil
}

func (l *rogueLog) add(ts *testscript.TestScript, env []byte) {
	hashes, err := tlog.StoredHashesForRecordHash(l.size, bulletin.LogHash(env), l)
	ts.Check(err)
	l.hashes = append(l.hashes, hashes...)
	l.size++
}

func (l *rogueLog) checkpoint(ts *testscript.TestScript) []byte {
	root, err := tlog.TreeHash(l.size, l)
	ts.Check(err)
	c := torchwood.Checkpoint{Origin: l.signers[0].Name(), Tree: tlog.Tree{N: l.size, Hash: root}}
	signed, err := note.Sign(&note.Note{Text: c.String()}, l.signers...)
	ts.Check(err)
	return signed
}

// trap VAR FILE: an upload host in VAR; whoever connects makes it write FILE.
func trap(ts *testscript.TestScript, _ bool, args []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	name := ts.MkAbs(args[1])
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = os.WriteFile(name, []byte(c.RemoteAddr().String()), 0o600)
			c.Close()
		}
	}()
	ts.Defer(func() { ln.Close() })
	ts.Setenv(args[0], fmt.Sprintf("localhost:%d", ln.Addr().(*net.TCPAddr).Port))
}

// refused DATA CODE REASON [ID]: wait until the hub lists one request that was
// refused for that; an ID must be that of the record.
func refused(ts *testscript.TestScript, _ bool, args []string) {
	code := bulletin.Code(args[1])
	await(ts, false, []string{`"code": "` + args[1] + `"`, "gatehouse", "requests", "list", "--json", "--data", args[0]})
	var got []request.Record
	for _, r := range requestsOf(ts, args[0]) {
		if r.State == request.Refused && r.Code == code {
			got = append(got, r)
		}
	}
	if len(got) != 1 || got[0].Reason != args[2] || len(args) > 3 && got[0].ID != args[3] {
		ts.Fatalf("refused as %s: %+v\nwant one: %q", code, got, args[2:])
	}
}

func requestsOf(ts *testscript.TestScript, data string) (list []request.Record) {
	out, err := command(ts, []string{"gatehouse", "requests", "list", "--json", "--data", data}).Output()
	ts.Check(err)
	ts.Check(json.Unmarshal(out, &list))
	return list
}

// [!] idle DATA: no request waits, so the doorbell has no card to show, and
// nothing is to be sent.
func idle(ts *testscript.TestScript, neg bool, args []string) {
	out, err := command(ts, []string{"gatehouse", "status", "--alive", "--json", "--data", args[0]}).Output()
	ts.Check(err)
	var status struct {
		Requests map[request.State]int `json:"requests"`
		Outbox   []json.RawMessage     `json:"outbox"`
	}
	ts.Check(json.Unmarshal(out, &status))
	busy := len(status.Outbox)
	for _, s := range []request.State{request.Waiting, request.Prepared, request.Approved, request.Sent, request.Failed} {
		busy += status.Requests[s]
	}
	show := cards(requestsOf(ts, args[0]), time.UTC, time.Time.Format)
	if neg == (busy == 0) || neg == (len(show) == 0) {
		ts.Fatalf("the doorbell shows %+v, status is %+v", show, status)
	}
}

// kept DATA: of a hub that has ended, the outbox is empty and the ledger tells
// of nothing sealed, approved or sent; what a refused request had, is a refusal alone.
func kept(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	house, err := sqlite.OpenHouse(ctx, filepath.Join(ts.MkAbs(args[0]), "house.db"))
	ts.Check(err)
	defer house.Close()
	jobs, err := house.Jobs(ctx)
	ts.Check(err)
	if len(jobs) != 0 {
		ts.Fatalf("the outbox has %+v", jobs)
	}
	log := ledger.New(house, nil)
	n, err := house.Size()
	ts.Check(err)
	entries, err := log.Entries(ctx, 0, int(n))
	ts.Check(err)
	harmless := []ledger.Kind{
		ledger.OwnerMade, ledger.AgencyAdded, ledger.Recordings, ledger.Received, ledger.Held, ledger.Declined, ledger.Refused,
	}
	for _, e := range entries {
		if !slices.Contains(harmless, e.Kind) {
			ts.Fatalf("the ledger has %s: %s", e.Kind, e.Text)
		}
	}
	list, err := house.Records(ctx, request.Refused, request.NotListed)
	ts.Check(err)
	for _, r := range list {
		mine := slices.DeleteFunc(slices.Clone(entries), func(e ledger.Entry) bool { return e.Request != r.ID || e.Kind == ledger.Refused })
		if len(mine) != 0 || r.Matches != nil || r.Package != nil || !r.HeldUntil.IsZero() || !r.Shown.IsZero() {
			ts.Fatalf("a request that is %s left %+v, %+v", r.State, mine, r)
		}
	}
}

// fingerprint VAR FILE: the id of a row about an envelope that could not be verified.
func fingerprint(ts *testscript.TestScript, _ bool, args []string) {
	sum := sha256.Sum256(bytes.TrimSpace([]byte(ts.ReadFile(args[1]))))
	ts.Setenv(args[0], "sha256:"+hex.EncodeToString(sum[:]))
}
