package bulletin_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

// fixedKey is a key that everybody knows. It signs vectors and nothing else.
func fixedKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("gatehouse test vectors: " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func fixedPublic(name string) bulletin.PublicKey { return bulletintest.Public(fixedKey(name)) }

// fixedAgency is bulletintest's agency with known keys.
func fixedAgency(t testing.TB, change ...func(*bulletin.Profile)) *bulletintest.Agency {
	t.Helper()
	a := &bulletintest.Agency{Root: fixedKey("root"), Officer: fixedKey("officer"), Supervisor: fixedKey("supervisor"), Receipt: fixedKey("receipt")}
	p := bulletintest.New(t, now).Profile
	p.Root.Keys, p.Officers = []bulletin.PublicKey{fixedPublic("root")}, []bulletin.PublicKey{fixedPublic("officer")}
	p.Supervisors, p.Receipts = []bulletin.PublicKey{fixedPublic("supervisor")}, []bulletin.PublicKey{fixedPublic("receipt")}
	p.Recipients = []string{"age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm"} // of X25519
	for _, f := range change {
		f(&p)
	}
	env, err := bulletin.SignProfile(p, a.Root)
	if err == nil {
		a.VerifiedProfile, err = bulletin.OpenProfile(env)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func fixedRequest(t testing.TB, a *bulletintest.Agency) bulletin.Request {
	q := a.Request(t, now)
	q.ID = "019aa7f0-0000-7000-8000-000000000001"
	return q
}

// generate makes all vectors; what a runner refuses is the reason that they carry.
func generate(t testing.TB) map[string]vectorFile {
	a := fixedAgency(t)
	log := fixedLog(t)
	files := map[string]vectorFile{
		"requests.json":     {Now: now, Profile: string(a.Envelope), Vectors: requestVectors(t, a), About: "Envelopes of requests, opened under a profile and held to the limits."},
		"profiles.json":     {Vectors: profileVectors(t, a), About: "Envelopes of agency profiles, some of which replace another one."},
		"receipts.json":     {Profile: string(a.Envelope), Vectors: receiptVectors(t, a), About: "Envelopes of receipts, opened under a profile."},
		"dispositions.json": {Profile: string(a.Envelope), Vectors: dispositionVectors(t, a), About: "Envelopes of dispositions, opened under a profile."},
		"checkpoints.json":  {Log: log.Key, Witnesses: log.Witnesses, Vectors: checkpointVectors(t, log), About: "Signed checkpoints under a policy of one log and the majority of three witnesses."},
		"proofs.json":       {Log: log.Key, Witnesses: log.Witnesses, Vectors: proofVectors(t, log), About: "Envelopes with the proof that the log has them."},
		"files.json":        {Vectors: fileVectors(), About: "Files of lines, by what they inflate to."},
		"areas.json":        {Vectors: areaVectors(), About: "The area that rings cover together, to 0.1 %."},
	}
	for name, f := range files {
		for i := range f.Vectors {
			var r *bulletin.Refusal
			v := &f.Vectors[i]
			err := runners[name](quiet{t, func(b []bad) { v.Bad = b }}, f, *v)
			if errors.As(err, &r) {
				v.Code, v.Reason, v.Lines, v.Bad = r.Code, r.Detail, 0, nil
			}
			// What a vector was made to be is in its name, not in what the code makes of it.
			refused := v.Code != "" || len(v.Bad) > 0
			if refused == strings.HasPrefix(v.Name, "valid") || strings.HasPrefix(v.Name, "schema: ") && name == "requests.json" && v.Code != bulletin.BadSchema {
				t.Errorf("%s: %s: %q %v", name, v.Name, v.Code, v.Bad)
			}
		}
	}
	return files
}

// quiet runs a vector whose outcome is not known yet.
type quiet struct {
	testing.TB
	bad func([]bad) // is told of a file's bad lines
}

func (quiet) Errorf(string, ...any) {}

func encodeVectors(f vectorFile) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(f)
	return b.Bytes(), err
}

func requestVectors(t testing.TB, a *bulletintest.Agency) (out []vector) {
	q := fixedRequest(t, a)
	valid := string(marshal(t, q))
	sealed := func(payload string, keys ...ed25519.PrivateKey) string {
		return string(marshal(t, seal(t, bulletin.RequestType, []byte(payload), keys...)))
	}
	both := func(payload string) string { return sealed(payload, a.Officer, a.Supervisor) }
	add := func(name, envelope string) *vector {
		out = append(out, vector{Name: name, Envelope: envelope})
		return &out[len(out)-1]
	}
	add("valid", both(valid))
	edits := schemaEdits(q)
	for what, e := range moreEdits() {
		edits[what] = e
	}
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		add("schema: "+name, both(strings.Replace(valid, edits[name][0], edits[name][1], 1)))
	}
	limits := limitCases()
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		q := fixedRequest(t, a)
		limits[name].change(&q)
		kind := "limits: "
		if limits[name].want == "" {
			kind = "valid: "
		}
		add(kind+name, both(string(marshal(t, q))))
	}
	early := fixedRequest(t, a)
	early.IssuedAt, early.Case.OpenedOn = now.Add(-91*24*time.Hour), "2026-01-01"
	add("limits: issued before the profile was in force", both(string(marshal(t, early))))
	add("limits: profile expired", both(valid)).Now = a.Expires
	add("limits: expired since", both(valid)).Now = q.ExpiresAt
	add("valid: 8 KiB", both(valid+strings.Repeat(" ", bulletin.MaxRequest-len(valid))))
	add("size: a byte more", both(valid+strings.Repeat(" ", bulletin.MaxRequest+1-len(valid))))
	add("size: an envelope of more than 64 KiB", both(valid)).Spaces = bulletin.MaxEnvelope
	add("payload: another profile", both(strings.Replace(valid, q.Profile, strings.Repeat("0", 64), 1)))
	add("payload: another agency", both(strings.Replace(valid, `"agency":"police`, `"agency":"sheriff`, 1)))
	add("signatures: none", strings.Replace(both(valid), `"signatures":[`, `"signatures":[],"x":[`, 1))
	add("signatures: officer only", sealed(valid, a.Officer))
	add("signatures: supervisor only", sealed(valid, a.Supervisor))
	add("signatures: officer twice", sealed(valid, a.Officer, a.Officer))
	add("signatures: a stranger's for the supervisor's", sealed(valid, a.Officer, fixedKey("stranger")))
	add("signatures: the root's for the supervisor's", sealed(valid, a.Officer, a.Root))
	add("signatures: a stranger's as well", sealed(valid, a.Officer, a.Supervisor, fixedKey("stranger")))
	var many []ed25519.PrivateKey
	for i := range 33 {
		many = append(many, fixedKey(fmt.Sprint("many ", i)))
	}
	add("signatures: 33", sealed(valid, many...))
	forged := seal(t, bulletin.RequestType, []byte(valid), a.Officer, a.Supervisor)
	forged.Payload = base64.StdEncoding.EncodeToString([]byte(strings.Replace(valid, "Elm", "Oak", 1)))
	add("signatures: of another payload", string(marshal(t, forged)))
	forged = seal(t, bulletin.RequestType, []byte(valid), a.Officer, a.Officer)
	forged.Signatures[1].KeyID = bulletintest.Public(a.Supervisor).ID()
	add("signatures: the officer's under the supervisor's key id", string(marshal(t, forged)))
	two := fixedAgency(t, func(p *bulletin.Profile) { p.Officers = append(p.Officers, fixedPublic("officer 2")) })
	payload := string(marshal(t, fixedRequest(t, two)))
	add("signatures: two officers'", sealed(payload, two.Officer, fixedKey("officer 2"))).Profile = string(two.Envelope)
	add("signatures: two officers' and a supervisor's", sealed(payload, two.Officer, fixedKey("officer 2"), two.Supervisor)).Profile = string(two.Envelope)
	add("envelope: not JSON", "x")
	add("envelope: another type", strings.Replace(both(valid), bulletin.RequestType, bulletin.ReceiptType, 1))
	add("envelope: unknown member", strings.Replace(both(valid), `{`, `{"x":1,`, 1))
	add("envelope: member twice", strings.Replace(both(valid), `{`, `{"payload":"",`, 1))
	add("envelope: something behind", both(valid)+"{}")
	add("envelope: URL base64", strings.Replace(both(valid), `"sig":"`, `"sig":"-_-_`, 1))
	add("envelope: short signature", strings.Replace(both(valid), `"sig":"`, `"sig":"AAAA","x":"`, 1))
	short := seal(t, bulletin.RequestType, []byte(valid), a.Officer)
	short.Signatures[0].Sig = "AAAA"
	add("envelope: a signature of three bytes", string(marshal(t, short)))
	return out
}

func profileVectors(t testing.TB, a *bulletintest.Agency) (out []vector) {
	// A change may reach into the profile's slices.
	fresh := func() (p bulletin.Profile) {
		if err := json.Unmarshal(marshal(t, a.Profile), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	sealed := func(p bulletin.Profile, keys ...ed25519.PrivateKey) string {
		return string(marshal(t, seal(t, bulletin.ProfileType, marshal(t, p), keys...)))
	}
	out = append(out, vector{Name: "valid", Envelope: sealed(fresh(), a.Root)})
	cases := profileCases()
	for what, change := range moreProfiles() {
		cases[what] = profileCase{change: change}
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		if name == "recipients of two kinds" {
			continue // its key is made anew each time
		}
		p := fresh()
		cases[name].change(&p)
		out = append(out, vector{Name: "schema: " + name, Envelope: sealed(p, a.Root)})
	}
	next := fresh()
	next.Version, next.Root.Keys = 2, []bulletin.PublicKey{fixedPublic("root 2")}
	second := fixedKey("root 2")
	return append(
		out,
		vector{Name: "signatures: none", Envelope: strings.Replace(sealed(fresh(), a.Root), `"signatures":[`, `"signatures":[],"x":[`, 1)},
		vector{Name: "signatures: a stranger's", Envelope: sealed(fresh(), fixedKey("stranger"))},
		vector{Name: "signatures: an officer's", Envelope: sealed(fresh(), a.Officer)},
		vector{Name: "valid: signed by the root and a stranger", Envelope: sealed(fresh(), a.Root, fixedKey("stranger"))},
		vector{Name: "valid: rotation by old and new root", Envelope: sealed(next, second, a.Root), Replaces: string(a.Envelope)},
		vector{Name: "rotation: by the new root alone", Envelope: sealed(next, second), Replaces: string(a.Envelope)},
		vector{Name: "rotation: of the same version", Envelope: string(a.Envelope), Replaces: string(a.Envelope)},
	)
}

func receiptVectors(t testing.TB, a *bulletintest.Agency) (out []vector) {
	q := bulletin.Receipt{Type: "gatehouse.receipt/v1", Agency: a.Agency, SHA256: strings.Repeat("ab", 32), Bytes: 5, ReceivedAt: now}
	add := func(name string, key ed25519.PrivateKey, change func(*bulletin.Receipt)) {
		r := q
		change(&r)
		out = append(out, vector{Name: name, Envelope: string(marshal(t, seal(t, bulletin.ReceiptType, marshal(t, r), key)))})
	}
	add("valid", a.Receipt, func(*bulletin.Receipt) {})
	add("signed by an officer", a.Officer, func(*bulletin.Receipt) {})
	add("of another agency", a.Receipt, func(r *bulletin.Receipt) { r.Agency = "sheriff.shelbyville.example" })
	add("of version 2", a.Receipt, func(r *bulletin.Receipt) { r.Type = "gatehouse.receipt/v2" })
	add("agency is no name", a.Receipt, func(r *bulletin.Receipt) { r.Agency = "police" })
	add("hash in upper case", a.Receipt, func(r *bulletin.Receipt) { r.SHA256 = strings.Repeat("AB", 32) })
	add("no bytes", a.Receipt, func(r *bulletin.Receipt) { r.Bytes = 0 })
	unsigned := seal(t, bulletin.ReceiptType, marshal(t, q), a.Receipt)
	unsigned.Signatures = unsigned.Signatures[:0]
	return append(out, vector{Name: "not signed", Envelope: string(marshal(t, unsigned))})
}

// cosigner makes C2SP cosignature/v1 lines of a fixed time.
type cosigner struct {
	note.Verifier
	key ed25519.PrivateKey
	at  uint64
}

func (c cosigner) Sign(msg []byte) ([]byte, error) {
	sig := ed25519.Sign(c.key, append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", c.at), msg...))
	return append(binary.BigEndian.AppendUint64(nil, c.at), sig...), nil
}

// fixedLog is a log of seven entries and three witnesses.
func fixedLog(t testing.TB) *bulletintest.Log {
	t.Helper()
	l := &bulletintest.Log{Origin: "police.springfield.example/gatehouse"}
	key := fixedKey("log")
	vkey, err := note.NewEd25519VerifierKey(l.Origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Split(vkey, "+")[1]
	s, err := note.NewSigner("PRIVATE+KEY+" + l.Origin + "+" + id + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...)))
	if err != nil {
		t.Fatal(err)
	}
	l.Key, l.Signers = vkey, []note.Signer{s}
	for i := range 3 {
		w := fixedWitness(t, i, uint64(now.Unix())-uint64(60*i))
		l.Witnesses, l.Signers = append(l.Witnesses, w.Verifier.(fmt.Stringer).String()), append(l.Signers, w)
	}
	for i := range 7 {
		l.Add(t, bulletin.KindRequest, fmt.Appendf(nil, `{"n":%d}`, i))
	}
	return l
}

func fixedWitness(t testing.TB, i int, at uint64) cosigner {
	t.Helper()
	key := fixedKey(fmt.Sprint("witness ", i))
	w, err := torchwood.NewCosignatureSigner(fmt.Sprintf("witness%d.example", i), key)
	if err != nil {
		t.Fatal(err)
	}
	return cosigner{w.Verifier(), key, at}
}

func checkpointVectors(t testing.TB, l *bulletintest.Log) (out []vector) {
	log, w := l.Signers[0], l.Signers[1:]
	add := func(name string, size int64, at time.Time, change func(*bulletintest.Log), signers ...note.Signer) {
		m := *l
		m.Signers = signers
		change(&m)
		out = append(out, vector{Name: name, Checkpoint: string(m.Checkpoint(t)), Size: size, Time: at})
	}
	same := func(*bulletintest.Log) {}
	add("valid: all witnesses", 7, now, same, log, w[0], w[1], w[2])
	add("valid: two of three", 7, now.Add(-time.Minute), same, log, w[1], w[2])
	add("valid: two of three and a stranger", 7, now, same, log, w[0], w[2], fixedWitness(t, 9, uint64(now.Unix())+999))
	add("one witness of three", 0, time.Time{}, same, log, w[0])
	add("no witness", 0, time.Time{}, same, log)
	add("one witness thrice", 0, time.Time{}, same, log, w[0], w[0], w[0])
	add("witnesses without the log", 0, time.Time{}, same, w[0], w[1], w[2])
	add("a witness's time is not sensible", 0, time.Time{}, same, log, fixedWitness(t, 0, 1<<40), w[1], w[2])
	add("extension line", 0, time.Time{}, func(m *bulletintest.Log) { m.Extra = "extension\n" }, log, w[0], w[1], w[2])
	add("another origin", 0, time.Time{}, func(m *bulletintest.Log) { m.Origin = "elsewhere.example/gatehouse" }, log, w[0], w[1], w[2])
	good := out[0].Checkpoint
	return append(
		out,
		vector{Name: "empty"},
		vector{Name: "cut", Checkpoint: good[:80]},
		vector{Name: "size changed", Checkpoint: strings.Replace(good, "\n7\n", "\n8\n", 1)},
		vector{Name: "larger than 16 KiB", Checkpoint: good, Spaces: 16 << 10},
	)
}

func proofVectors(t testing.TB, l *bulletintest.Log) (out []vector) {
	lines := l.Lines(t)
	for i, line := range lines {
		out = append(out, vector{Name: fmt.Sprint("valid: entry ", i), Envelope: string(line.Envelope), Proof: string(line.Proof), Index: int64(i), Size: 7})
	}
	env, proof := string(lines[3].Envelope), string(lines[3].Proof)
	edit := func(name, from, to string) {
		out = append(out, vector{Name: name, Envelope: env, Proof: strings.Replace(proof, from, to, 1)})
	}
	head := "c2sp.org/tlog-proof@v1\nindex 3\n"
	hash := proof[len(head) : len(head)+44]
	edit("another index", "index 3", "index 2")
	edit("index with a sign", "index 3", "index +3")
	edit("index with a zero", "index 3", "index 03")
	edit("index below zero", "index 3", "index -3")
	edit("index that is no number", "index 3", "index x")
	edit("index beyond the tree", "index 3", "index 7")
	edit("no index", "index 3\n", "")
	edit("extra data", "index 3", "extra eA==\nindex 3")
	edit("version 2", "@v1", "@v2")
	edit("a hash too few", hash+"\n", "")
	edit("a hash too many", hash+"\n", hash+"\n"+hash+"\n")
	edit("a hash that is short", hash, hash[:40])
	edit("a hash that is long", hash, hash+"AAAAAAAA")
	edit("a hash that is long, without padding", hash, hash[:43]+strings.Repeat("A", 5))
	edit("a hash that is not base64", hash, strings.Repeat("-", 44))
	edit("another hash", hash, base64.StdEncoding.EncodeToString(make([]byte, 32)))
	edit("64 hashes more than a path can have", hash+"\n", strings.Repeat(hash+"\n", 64))
	edit("another tree size", "\n7\n", "\n8\n")
	m := *l
	m.Signers = l.Signers[:2]
	return append(
		out,
		vector{Name: "one witness of three", Envelope: env, Proof: string(m.Lines(t)[3].Proof)},
		vector{Name: "another envelope", Envelope: `{"n":9}`, Proof: proof},
		vector{Name: "white space in the envelope", Envelope: `{"n": 3}`, Proof: proof},
		vector{Name: "empty", Envelope: env},
		vector{Name: "larger than 16 KiB", Envelope: env, Proof: proof, Spaces: 16 << 10},
	)
}
