package bulletin_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

var now = time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)

// dsseKey signs with the library and not with our code.
type dsseKey ed25519.PrivateKey

func (k dsseKey) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(ed25519.PrivateKey(k), data), nil
}

func (k dsseKey) KeyID() (string, error) {
	return bulletintest.Public(ed25519.PrivateKey(k)).ID(), nil
}

// seal signs any payload, valid or not.
func seal(t testing.TB, payloadType string, payload []byte, keys ...ed25519.PrivateKey) dsse.Envelope {
	t.Helper()
	with := make([]dsseKey, len(keys))
	for i, k := range keys {
		with[i] = dsseKey(k)
	}
	return sealWith(t, payloadType, payload, with)
}

func sealWith(t testing.TB, payloadType string, payload []byte, keys []dsseKey) dsse.Envelope {
	t.Helper()
	var signers []dsse.Signer
	for _, k := range keys {
		signers = append(signers, k)
	}
	s, err := dsse.NewEnvelopeSigner(signers...)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.SignPayload(t.Context(), payloadType, payload)
	if err != nil {
		t.Fatal(err)
	}
	return *e
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantCode(t *testing.T, err error, want bulletin.Code) {
	t.Helper()
	var r *bulletin.Refusal
	if !errors.As(err, &r) || r.Code != want {
		t.Errorf("got %v, want %s", err, want)
		return
	}
	if !strings.HasSuffix(r.Detail, ".") || strings.Count(r.Detail, ". ") > 0 {
		t.Errorf("%q is not one sentence", r.Detail)
	}
}

func TestRequestRoundTrip(t *testing.T) {
	a := bulletintest.New(t, now)
	q := a.Request(t, now)
	q.Lang = []bulletin.Translation{{Tag: "es", Headline: "Robo de paquetes", Summary: "Faltan paquetes.", Area: "Calle Elm"}}
	got, err := bulletin.OpenRequest(a.Sign(t, q), a.VerifiedProfile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(q, got); diff != "" {
		t.Error(diff)
	}
	if err := bulletin.CheckLimits(got, a.VerifiedProfile, now); err != nil {
		t.Error(err)
	}
}

// schemaEdits change one thing in the JSON of a valid request each; all are refused as bad schema.
func schemaEdits(q bulletin.Request) map[string][2]string {
	const version = 14 // of a UUID, in its text
	version4 := q.ID[:version] + "4" + q.ID[version+1:]
	long := strings.Repeat("a", 601)
	return map[string][2]string{
		"unknown member":             {`{"type"`, `{"link":"x","type"`},
		"unknown nested member":      {`"case":{`, `"case":{"x":1,`},
		"unknown deep":               {`"case":{`, `"case":{"x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `,`},
		"unknown in ring":            {`"ring":[{`, `"ring":[{"alt":3,`},
		"other case of a name":       {`"status"`, `"Status"`},
		"duplicate member":           {`{"type"`, `{"basis":"voluntary","type"`},
		"duplicate by escape":        {`{"type"`, `{"bas\u0069s":"voluntary","type"`},
		"duplicate nested":           {`"case":{`, `"case":{"state":"active",`},
		"duplicate in ring":          {`"ring":[{`, `"ring":[{"lat":1,`},
		"missing member":             {`"basis":"voluntary",`, ``},
		"missing nested":             {`"state":"active",`, ``},
		"null":                       {`"basis":"voluntary"`, `"basis":null`},
		"null list":                  {`"not_related_to":["protest","immigration"]`, `"not_related_to":null`},
		"number for text":            {`"basis":"voluntary"`, `"basis":1`},
		"text for number":            {`"revision":1`, `"revision":"1"`},
		"object for list":            {`"targets":[`, `"targets":{},"x":[`},
		"fraction":                   {`"retention_days":730`, `"retention_days":730.0`},
		"exponent":                   {`"retention_days":730`, `"retention_days":73e1`},
		"negative zero":              {`"retention_days":730`, `"retention_days":-0`},
		"huge number":                {`"retention_days":730`, `"retention_days":99999999999999999999`},
		"no retention":               {`"retention_days":730`, `"retention_days":0`},
		"coordinate exponent":        {`"lat":38.`, `"lat":3.8e1,"x":38.`},
		"six decimals":               {`"lat":38.57807`, `"lat":38.578071`},
		"trailing text":              {`"records@police.springfield.example"}}`, `"records@police.springfield.example"}} {}`},
		"truncated":                  {`"records@police.springfield.example"}}`, `"records@police.springfield.example"}`},
		"not UTF-8":                  {`Several`, "Sev\xffral"},
		"lone surrogate":             {`Several`, `Sev\ud800ral`},
		"time with offset":           {`"issued_at":"2026-11-21T18:00:00Z"`, `"issued_at":"2026-11-21T18:00:00+00:00"`},
		"time in lower case":         {`"issued_at":"2026-11-21T18:00:00Z"`, `"issued_at":"2026-11-21t18:00:00z"`},
		"time with trailing zeroes":  {`"issued_at":"2026-11-21T18:00:00Z"`, `"issued_at":"2026-11-21T18:00:00.000Z"`},
		"leap hour":                  {`"issued_at":"2026-11-21T18:00:00Z"`, `"issued_at":"2026-11-21T25:00:00Z"`},
		"another type":               {`gatehouse.request/v1`, `gatehouse.request/v2`},
		"UUID of version 4":          {q.ID, version4},
		"revision 0":                 {`"revision":1`, `"revision":0`},
		"revision 2 without a first": {`"revision":1`, `"revision":2`},
		"revision 1 superseding":     {`"revision":1`, `"revision":1,"supersedes":"` + strings.Repeat("0", 64) + `"`},
		"revision 4 while open":      {`"revision":1`, `"revision":4,"supersedes":"` + strings.Repeat("0", 64) + `"`},
		"empty optional member":      {`"revision":1`, `"revision":1,"supersedes":""`},
		"unknown status":             {`"status":"open"`, `"status":"urgent"`},
		"warrant":                    {`"basis":"voluntary"`, `"basis":"warrant"`},
		"interior":                   {`"cameras":"exterior"`, `"cameras":"all"`},
		"closed case":                {`"state":"active"`, `"state":"closed"`},
		"case number too short":      {`2026-004711`, `26`},
		"case number too long":       {`2026-004711`, strings.Repeat("1", 41)},
		"no such day":                {`"opened_on":"2026-11-19"`, `"opened_on":"2026-02-30"`},
		"case of the future":         {`"opened_on":"2026-11-19"`, `"opened_on":"2026-11-25"`},
		"unknown category":           {`"category":"package_theft"`, `"category":"loitering"`},
		"unknown attestation":        {`"protest"`, `"taxes"`},
		"attested twice":             {`"immigration"`, `"protest"`},
		"headline too long":          {`Parcel thefts on Elm Street`, long[:81]},
		"summary too long":           {`Several`, long},
		"URL":                        {`Several`, `See https://evil.example/x for several`},
		"domain":                     {`Several`, `See evil.example for several`},
		"IDN domain":                 {`Several`, `See пример.рф for several`},
		"folded dot":                 {`Several`, `See evil。example for several`},
		"www":                        {`Several`, `WWW.evil several`},
		"IPv4":                       {`Several`, `At 192.168.1.1 several`},
		"e-mail":                     {`Several`, `Ask a@b several`},
		"javascript":                 {`Several`, `javascript:alert several`},
		"link in translation":        {`"handling"`, `"lang":[{"tag":"es","headline":"abc","summary":"http://x","area":"abc"}],"handling"`},
		"bad language":               {`"handling"`, `"lang":[{"tag":"Spanish","headline":"abc","summary":"abc","area":"abc"}],"handling"`},
		"not NFC":                    {`Several`, "Seve\u0301ral"},
		"bidirectional override":     {`Several`, "Sev\u202eeral"},
		"isolate":                    {`Several`, "Sev\u2066eral"},
		"zero width space":           {`Several`, "Sev\u200beral"},
		"joiner in Latin":            {`Several`, "Sev\u200deral"},
		"byte order mark":            {`Several`, "\ufeffSeveral"},
		"tag character":              {`Several`, "Sev\U000e0041eral"},
		"line break":                 {`Several`, `Sev\neral`},
		"NUL":                        {`Several`, `Sev\u0000eral`},
		"line separator":             {`Several`, `Sev\u2028eral`},
		"private use":                {`Several`, "Sev\ue000eral"},
		"stacked marks":              {`Several`, "x\u0313\u0313\u0313\u0313\u0313"},
		"leading space":              {`"headline":"`, `"headline":" `},
		"bad phone":                  {`+1 916 555 0134`, `call me`},
		"bad e-mail":                 {`j.ortiz@police.springfield.example`, `J <j@p.example>`},
		"supervisor with phone":      {`"name":"R. Alvarez"`, `"phone":"+1 916 555 0134","name":"R. Alvarez"`},
		"officer without phone":      {`"phone":"+1 916 555 0134",`, ``},
		"same badge":                 {`"badge":"207"`, `"badge":"4411"`},
		"recipient not a hash":       {`"recipient":"`, `"recipient":"age1`},
		"no targets":                 {`"targets":[{`, `"targets":[],"x":[{`},
		"unknown kind of target":     {`"kind":"tus"`, `"kind":"ftp"`},
		"plain HTTP":                 {`https://evidence`, `http://evidence`},
		"user in URL":                {`https://evidence`, `https://a:b@evidence`},
		"fragment in URL":            {`/files/`, `/files/#x`},
		"query in URL":               {`/files/`, `/files/?x=1`},
		"upper-case host":            {`https://evidence`, `https://Evidence`},
		"default port written":       {`.example/files/`, `.example:443/files/`},
		"in person with URL":         {`"kind":"tus"`, `"kind":"in_person"`},
		"onward to nobody":           {`"onward":false`, `"onward":true`},
		"onward in secret":           {`"onward":false`, `"onward":false,"onward_to":["DA"]`},
		"agency not a name":          {`"agency":"police.springfield.example"`, `"agency":"Police"`},
		"profile not a hash":         {`"profile":"`, `"profile":"x`},
	}
}

// TestRequestSchema starts from a valid request and changes one thing in its JSON.
func TestRequestSchema(t *testing.T) {
	a := bulletintest.New(t, now)
	q := a.Request(t, now)
	valid := string(marshal(t, q))
	for name, change := range schemaEdits(q) {
		t.Run(name, func(t *testing.T) {
			payload := strings.Replace(valid, change[0], change[1], 1)
			if payload == valid {
				t.Fatalf("%q is not in the request", change[0])
			}
			env := marshal(t, seal(t, bulletin.RequestType, []byte(payload), a.Officer, a.Supervisor))
			_, err := bulletin.OpenRequest(env, a.VerifiedProfile)
			wantCode(t, err, bulletin.BadSchema)
		})
	}
}

// TestRequestTextsAllowed guards against refusing what agencies do write.
func TestRequestTextsAllowed(t *testing.T) {
	a := bulletintest.New(t, now)
	for _, text := range []string{
		"Near 4th St. and J St., at 9:30 p.m. on Nov. 21; loss of $1,250.50.",
		"Cal. Penal Code 459, U.S.C. 18 § 2511(a).", "A grey 2.5 t van, e.g. a Ford.", "Ein Mann, ca. 1.80 m groß, trug eine Mütze.",
		"事件は昨日起きました。情報を求めています。", "می\u200cخواهیم بدانیم", "Größe: 1,80 m – Täter flüchtete…", "क्\u200dष हिन्दी में",
	} {
		q := a.Request(t, now)
		q.Incident.Summary = text
		if _, err := bulletin.NewRequest(q); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRequestSignatures(t *testing.T) {
	a := bulletintest.New(t, now)
	second, stranger := bulletintest.Key(t), bulletintest.Key(t)
	two := bulletintest.New(t, now, func(p *bulletin.Profile) { p.Officers = append(p.Officers, bulletintest.Public(second)) })
	payload := func(a *bulletintest.Agency) []byte { return marshal(t, a.Request(t, now)) }
	p := payload(a)
	good := seal(t, bulletin.RequestType, p, a.Officer, a.Supervisor)
	forged := seal(t, bulletin.RequestType, p, a.Officer, a.Supervisor)
	forged.Payload = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(p), "Elm", "Oak", 1)))
	swapped := seal(t, bulletin.RequestType, p, a.Officer, a.Supervisor)
	swapped.Signatures[0].KeyID, swapped.Signatures[1].KeyID = swapped.Signatures[1].KeyID, swapped.Signatures[0].KeyID
	unnamed := seal(t, bulletin.RequestType, p, a.Officer, a.Supervisor)
	unnamed.Signatures[0].KeyID = ""
	renamed := seal(t, bulletin.RequestType, p, a.Officer, a.Officer)
	renamed.Signatures[1].KeyID = bulletintest.Public(a.Supervisor).ID()
	none := good
	none.Signatures = []dsse.Signature{}
	for name, c := range map[string]struct {
		env  dsse.Envelope
		p    *bulletintest.Agency
		want bulletin.Code
	}{
		"none":                        {none, a, bulletin.MissingRole},
		"officer only":                {seal(t, bulletin.RequestType, p, a.Officer), a, bulletin.MissingRole},
		"supervisor only":             {seal(t, bulletin.RequestType, p, a.Supervisor), a, bulletin.MissingRole},
		"officer twice":               {seal(t, bulletin.RequestType, p, a.Officer, a.Officer), a, bulletin.DoubleRole},
		"officer as supervisor":       {renamed, a, bulletin.BadSignature},
		"two officers":                {seal(t, bulletin.RequestType, payload(two), two.Officer, second), two, bulletin.MissingRole},
		"two officers and supervisor": {seal(t, bulletin.RequestType, payload(two), two.Officer, second, two.Supervisor), two, bulletin.BadSignature},
		"extra stranger":              {seal(t, bulletin.RequestType, p, a.Officer, a.Supervisor, stranger), a, bulletin.BadSignature},
		"stranger for supervisor":     {seal(t, bulletin.RequestType, p, a.Officer, stranger), a, bulletin.BadSignature},
		"root for supervisor":         {seal(t, bulletin.RequestType, p, a.Officer, a.Root), a, bulletin.BadSignature},
		"receipt key for supervisor":  {seal(t, bulletin.RequestType, p, a.Officer, a.Receipt), a, bulletin.BadSignature},
		"payload changed":             {forged, a, bulletin.BadSignature},
		"key ids swapped":             {swapped, a, bulletin.BadSignature},
		"key id missing":              {unnamed, a, bulletin.BadEnvelope},
		"signed as another type":      {seal(t, bulletin.ReceiptType, p, a.Officer, a.Supervisor), a, bulletin.BadEnvelope},
		"of another agency's keys":    {good, two, bulletin.BadSignature},
	} {
		_, err := bulletin.OpenRequest(marshal(t, c.env), c.p.VerifiedProfile)
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.want) })
	}

	// A profile that no OpenProfile let through: one key in two roles.
	double := a.VerifiedProfile
	double.Supervisors = double.Officers
	_, err := bulletin.OpenRequest(marshal(t, seal(t, bulletin.RequestType, p, a.Officer)), double)
	wantCode(t, err, bulletin.DoubleRole)
}

func TestEnvelopes(t *testing.T) {
	a := bulletintest.New(t, now)
	good := string(a.Sign(t, a.Request(t, now)))
	for name, change := range map[string][2]string{
		"not JSON":             {`{`, ``},
		"unknown member":       {`{`, `{"x":1,`},
		"duplicate member":     {`{`, `{"payload":"",`},
		"member in other case": {`"payloadType"`, `"payloadtype"`},
		"extra in signature":   {`"keyid"`, `"cert":"","keyid"`},
		"line break in base64": {`"payload":"`, `"payload":"\n`},
		"URL base64":           {`"sig":"`, `"sig":"-_-_`},
		"short signature":      {`"sig":"`, `"sig":"AAAA","x":"`},
		"other payload type":   {bulletin.RequestType, "application/vnd.gatehouse.request.v2+json"},
	} {
		env := strings.Replace(good, change[0], change[1], 1)
		if env == good {
			t.Fatalf("%s: nothing changed", name)
		}
		_, err := bulletin.OpenRequest([]byte(env), a.VerifiedProfile)
		t.Run(name, func(t *testing.T) { wantCode(t, err, bulletin.BadEnvelope) })
	}
	_, err := bulletin.OpenRequest([]byte(good+strings.Repeat(" ", bulletin.MaxEnvelope)), a.VerifiedProfile)
	wantCode(t, err, bulletin.TooLarge)

	// 8 KiB of payload pass the size, one byte more does not.
	pad := func(n int) []byte {
		p := marshal(t, a.Request(t, now))
		return append(p, strings.Repeat(" ", n-len(p))...)
	}
	env := marshal(t, seal(t, bulletin.RequestType, pad(bulletin.MaxRequest), a.Officer, a.Supervisor))
	if _, err := bulletin.OpenRequest(env, a.VerifiedProfile); err != nil {
		t.Errorf("8 KiB: %v", err)
	}
	env = marshal(t, seal(t, bulletin.RequestType, pad(bulletin.MaxRequest+1), a.Officer, a.Supervisor))
	_, err = bulletin.OpenRequest(env, a.VerifiedProfile)
	wantCode(t, err, bulletin.TooLarge)
}

func TestRequestIsBoundToItsProfile(t *testing.T) {
	a := bulletintest.New(t, now)
	q := a.Request(t, now)
	q.Profile = strings.Repeat("0", 64)
	_, err := bulletin.OpenRequest(marshal(t, seal(t, bulletin.RequestType, marshal(t, q), a.Officer, a.Supervisor)), a.VerifiedProfile)
	wantCode(t, err, bulletin.OldProfile)
	q = a.Request(t, now)
	q.Agency = "sheriff.shelbyville.example"
	_, err = bulletin.OpenRequest(marshal(t, seal(t, bulletin.RequestType, marshal(t, q), a.Officer, a.Supervisor)), a.VerifiedProfile)
	wantCode(t, err, bulletin.UnknownAgency)
}

func TestSignRequestRefuses(t *testing.T) {
	a := bulletintest.New(t, now)
	env, err := bulletin.NewRequest(a.Request(t, now))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bulletin.SignRequest(env, a.Root, a.VerifiedProfile); !errors.Is(err, bulletin.ErrNotListed) {
		t.Errorf("root key: %v", err)
	}
	once, err := bulletin.SignRequest(env, a.Officer, a.VerifiedProfile)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bulletin.SignRequest(once, a.Officer, a.VerifiedProfile)
	wantCode(t, err, bulletin.DoubleRole)
	_, err = bulletin.SignRequest([]byte(strings.Replace(string(once), `"sig":"`, `"sig":"AAAA`, 1)), a.Supervisor, a.VerifiedProfile)
	wantCode(t, err, bulletin.BadEnvelope)
	other := bulletintest.New(t, now)
	_, err = bulletin.SignRequest(env, other.Officer, other.VerifiedProfile)
	wantCode(t, err, bulletin.OldProfile)
}

func TestPeekRequest(t *testing.T) {
	a := bulletintest.New(t, now)
	q := a.Request(t, now)
	env := a.Sign(t, q)
	if agency, id := bulletin.PeekRequest(env); agency != q.Agency || id != q.ID {
		t.Errorf("%q %q", agency, id)
	}
	for _, payload := range []string{`{"agency":"<script>","id":"` + q.ID + `x"}`, `[]`, `{"agency":3}`, ``} {
		env := marshal(t, seal(t, bulletin.RequestType, []byte(payload), a.Root))
		if agency, id := bulletin.PeekRequest(env); agency != "" || id != "" {
			t.Errorf("%s: %q %q", payload, agency, id)
		}
	}
	if agency, id := bulletin.PeekRequest([]byte("x")); agency != "" || id != "" {
		t.Errorf("%q %q", agency, id)
	}
}

func TestReceipt(t *testing.T) {
	a := bulletintest.New(t, now)
	want := bulletin.Receipt{
		Type: "gatehouse.receipt/v1", Agency: a.Agency, SHA256: hex.EncodeToString(a.Hash[:]), Bytes: 1 << 33, ReceivedAt: now,
	}
	env, err := bulletin.SignReceipt(want, a.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	got, err := bulletin.OpenReceipt(env, a.VerifiedProfile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		change func(*bulletin.Receipt)
		key    ed25519.PrivateKey
		want   bulletin.Code
	}{
		"officer's key":  {func(*bulletin.Receipt) {}, a.Officer, bulletin.BadSignature},
		"stranger's key": {func(*bulletin.Receipt) {}, bulletintest.Key(t), bulletin.BadSignature},
		"other agency":   {func(r *bulletin.Receipt) { r.Agency = "a.example" }, a.Receipt, bulletin.UnknownAgency},
		"no bytes":       {func(r *bulletin.Receipt) { r.Bytes = 0 }, a.Receipt, bulletin.BadSchema},
		"bad digest":     {func(r *bulletin.Receipt) { r.SHA256 = "ABC" }, a.Receipt, bulletin.BadSchema},
	} {
		r := want
		c.change(&r)
		_, err := bulletin.OpenReceipt(marshal(t, seal(t, bulletin.ReceiptType, marshal(t, r), c.key)), a.VerifiedProfile)
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.want) })
	}
	_, err = bulletin.SignReceipt(bulletin.Receipt{Agency: a.Agency}, a.Receipt)
	wantCode(t, err, bulletin.BadSchema)
}
