package bulletin_test

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geo"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

type limitCase struct {
	change func(*bulletin.Request)
	want   bulletin.Code // "" is allowed
}

func limitCases() map[string]limitCase {
	c := bulletintest.Centre
	box := func(lat, lon float64) func(*bulletin.Request) {
		return func(q *bulletin.Request) { q.Area.Ring = bulletintest.Box(c, lat, lon) }
	}
	ring := func(r ...bulletin.Point) func(*bulletin.Request) {
		return func(q *bulletin.Request) { q.Area.Ring = r }
	}
	at := func(lat, lon float64) bulletin.Point {
		return bulletin.Round(bulletin.Point{Lat: c.Lat + lat, Lon: c.Lon + lon})
	}
	window := func(from, length time.Duration) func(*bulletin.Request) {
		return func(q *bulletin.Request) {
			q.Window = bulletin.Window{From: now.Add(from), To: now.Add(from + length)}
		}
	}
	target := func(kind, url string) func(*bulletin.Request) {
		return func(q *bulletin.Request) { q.Delivery.Targets = []bulletin.Target{{Kind: kind, URL: url}} }
	}
	const day = 24 * time.Hour
	return map[string]limitCase{
		"window of 15 minutes":       {window(-time.Hour, 15*time.Minute), ""},
		"window a second shorter":    {window(-time.Hour, 15*time.Minute-time.Second), bulletin.BadWindow},
		"window of 12 hours":         {window(-20*time.Hour, 12*time.Hour), ""},
		"window a second longer":     {window(-20*time.Hour, 12*time.Hour+time.Second), bulletin.BadWindow},
		"window backwards":           {window(-time.Hour, -time.Hour), bulletin.BadWindow},
		"window up to the issue":     {window(-time.Hour, time.Hour), ""},
		"window into the future":     {window(-time.Hour, time.Hour+time.Second), bulletin.BadWindow},
		"window of 45 days ago":      {window(-45*day, time.Hour), ""},
		"window older":               {window(-45*day-time.Second, time.Hour), bulletin.BadWindow},
		"window longer than int64":   {func(q *bulletin.Request) { q.Window.From = time.Time{} }, bulletin.BadWindow},
		"incident of the future":     {func(q *bulletin.Request) { q.Incident.Occurred.To = now.Add(1) }, bulletin.BadWindow},
		"issued in the future":       {func(q *bulletin.Request) { q.IssuedAt = now.Add(time.Hour) }, bulletin.BadWindow},
		"valid for 14 days":          {func(q *bulletin.Request) { q.ExpiresAt = now.Add(14 * day) }, ""},
		"valid for longer":           {func(q *bulletin.Request) { q.ExpiresAt = now.Add(14*day + 1) }, bulletin.BadWindow},
		"expires when issued":        {func(q *bulletin.Request) { q.ExpiresAt = now }, bulletin.Expired},
		"expired":                    {func(q *bulletin.Request) { q.IssuedAt, q.ExpiresAt = now.Add(-day), now }, bulletin.Expired},
		"issued before the profile":  {func(q *bulletin.Request) { q.IssuedAt = now.Add(-91 * day) }, bulletin.OldProfile},
		"area large":                 {box(0.0117, 0.0127), bulletin.BadArea}, // 1.43 km²
		"area just below the most":   {box(0.0102, 0.0131), ""},               // 1.29 km²
		"area just above the least":  {box(0.0023, 0.0030), ""},               // 0.067 km²
		"area small":                 {box(0.0022, 0.0029), bulletin.BadArea}, // 0.062 km²
		"sliver":                     {box(0.0500, 0.0010), bulletin.BadArea},
		"triangle":                   {ring(at(0, 0), at(0, .01), at(.008, 0), at(0, 0)), ""},
		"three points":               {ring(at(0, 0), at(0, .01), at(0, 0)), bulletin.BadArea},
		"open ring":                  {ring(at(0, 0), at(0, .01), at(.008, .01), at(.008, 0)), bulletin.BadArea},
		"bow tie":                    {ring(at(0, 0), at(.008, .01), at(.008, 0), at(0, .02), at(0, 0)), bulletin.BadArea},
		"touching itself":            {ring(at(0, 0), at(0, .01), at(.004, .005), at(.008, .01), at(.008, 0), at(.004, .005), at(0, 0)), bulletin.BadArea},
		"vertex on an edge":          {ring(at(0, 0), at(0, .01), at(.008, .01), at(0, .005), at(.008, 0), at(0, 0)), bulletin.BadArea},
		"spike":                      {ring(at(0, 0), at(0, .01), at(0, .02), at(0, .01), at(.008, .01), at(.008, 0), at(0, 0)), bulletin.BadArea},
		"point twice in a row":       {ring(at(0, 0), at(0, .01), at(0, .01), at(.008, .01), at(0, 0)), bulletin.BadArea},
		"on one line":                {ring(at(0, 0), at(0, .01), at(0, .02), at(0, 0)), bulletin.BadArea},
		"latitude off the globe":     {ring(at(60, 0), at(60, .01), at(60.008, 0), at(60, 0)), bulletin.BadArea},
		"round the pole":             {ring(bulletin.Point{Lat: 89, Lon: 0}, bulletin.Point{Lat: 89, Lon: 120}, bulletin.Point{Lat: 89, Lon: -120}, bulletin.Point{Lat: 89, Lon: 0}), bulletin.BadArea},
		"elsewhere":                  {func(q *bulletin.Request) { q.Area.Ring = bulletintest.Box(at(2, 0), 0.007, 0.0089) }, bulletin.OutOfArea},
		"half over the border":       {func(q *bulletin.Request) { q.Area.Ring = bulletintest.Box(at(.1, 0), 0.007, 0.0089) }, bulletin.OutOfArea},
		"along the border":           {func(q *bulletin.Request) { q.Area.Ring = bulletintest.Box(at(.0965, 0), 0.007, 0.0089) }, ""},
		"unlisted recipient":         {func(q *bulletin.Request) { q.Delivery.Recipient = bulletin.Fingerprint("age1other") }, bulletin.BadTarget},
		"unlisted host":              {target(bulletin.Tus, "https://evil.example/files/"), bulletin.BadTarget},
		"listed host, other port":    {target(bulletin.Tus, "https://evidence.springfield.example:444/"), bulletin.BadTarget},
		"suffix of a listed host":    {target(bulletin.Tus, "https://evidence.springfield.example.evil.example/"), bulletin.BadTarget},
		"subdomain of a listed host": {target(bulletin.WebDAV, "https://x.evidence.springfield.example/"), bulletin.BadTarget},
		"unlisted portal":            {target(bulletin.Portal, "https://evil.example/upload"), bulletin.BadTarget},
		"SFTP port not listed":       {target(bulletin.SFTP, "sftp://evidence.springfield.example/"), bulletin.BadTarget},
		"in person":                  {target(bulletin.InPerson, ""), ""},
	}
}

func TestLimits(t *testing.T) {
	a := bulletintest.New(t, now)
	for name, l := range limitCases() {
		q := a.Request(t, now)
		l.change(&q)
		err := bulletin.CheckLimits(q, a.VerifiedProfile, now)
		t.Run(name, func(t *testing.T) {
			if l.want == "" && err != nil {
				t.Error(err)
			}
			if l.want != "" {
				wantCode(t, err, l.want)
			}
		})
	}
	wantCode(t, bulletin.CheckLimits(a.Request(t, now), a.VerifiedProfile, a.Expires), bulletin.OldProfile)
}

func TestTooManyPoints(t *testing.T) {
	a := bulletintest.New(t, now)
	for n, want := range map[int]bool{32: true, 33: false} {
		q := a.Request(t, now)
		q.Area.Ring = nil
		for i := range n {
			s, c := math.Sincos(2 * math.Pi * float64(i) / float64(n))
			q.Area.Ring = append(q.Area.Ring, bulletin.Round(bulletin.Point{Lat: bulletintest.Centre.Lat + .004*s, Lon: bulletintest.Centre.Lon + .005*c}))
		}
		q.Area.Ring = append(q.Area.Ring, q.Area.Ring[0])
		if err := bulletin.CheckLimits(q, a.VerifiedProfile, now); (err == nil) != want {
			t.Errorf("%d points: %v", len(q.Area.Ring), err)
		}
	}
}

// TestEndingIsNeverTooLate: a request can be withdrawn after its window is too old to be asked for.
func TestEndingIsNeverTooLate(t *testing.T) {
	a := bulletintest.New(t, now)
	q := a.Request(t, now)
	q.Window.From = now.Add(-45 * 24 * time.Hour)
	q.Window.To = q.Window.From.Add(time.Hour)
	later := now.Add(6 * 24 * time.Hour)
	q.IssuedAt, q.Revision, q.Supersedes = later, 4, hex.EncodeToString(a.Hash[:])
	wantCode(t, bulletin.CheckLimits(q, a.VerifiedProfile, later), bulletin.BadWindow)
	q.Status = bulletin.StatusWithdrawn
	if err := bulletin.CheckLimits(q, a.VerifiedProfile, later); err != nil {
		t.Error(err)
	}
	if _, err := bulletin.NewRequest(q); err != nil {
		t.Errorf("fourth revision that withdraws: %v", err)
	}
	q.IssuedAt = later.Add(time.Hour)
	wantCode(t, bulletin.CheckLimits(q, a.VerifiedProfile, later), bulletin.BadWindow)
}

// TestConcaveJurisdiction: all vertices of an area may touch the border while an edge leaves it.
func TestConcaveJurisdiction(t *testing.T) {
	p := func(lat, lon float64) bulletin.Point { return bulletin.Point{Lat: lat, Lon: lon} }
	// A U, open to the north between longitudes 0.005 and 0.015.
	u := []bulletin.Point{p(0, 0), p(0, .02), p(.02, .02), p(.02, .015), p(.01, .015), p(.01, .005), p(.02, .005), p(.02, 0), p(0, 0)}
	a := bulletintest.New(t, now, func(q *bulletin.Profile) { q.Jurisdiction = u })
	for name, c := range map[string]struct {
		ring []bulletin.Point
		want bulletin.Code
	}{
		"bridge over the gap":  {[]bulletin.Point{p(.012, .005), p(.012, .015), p(.019, .015), p(.019, .005), p(.012, .005)}, bulletin.OutOfArea},
		"across the gap":       {[]bulletin.Point{p(.008, .005), p(.008, .015), p(.014, .015), p(.014, .005), p(.008, .005)}, bulletin.OutOfArea},
		"wedge into the gap":   {[]bulletin.Point{p(.002, .005), p(.002, .013), p(.013, .010), p(.002, .005)}, bulletin.OutOfArea},
		"under the gap":        {[]bulletin.Point{p(.002, .006), p(.002, .014), p(.010, .014), p(.010, .006), p(.002, .006)}, ""},
		"corner to corner":     {[]bulletin.Point{p(.001, .005), p(.001, .015), p(.010, .015), p(.010, .005), p(.001, .005)}, ""},
		"in the western prong": {[]bulletin.Point{p(.010, 0), p(.010, .005), p(.020, .005), p(.020, 0), p(.010, 0)}, ""},
	} {
		q := a.Request(t, now)
		q.Area.Ring = c.ring
		err := bulletin.CheckLimits(q, a.VerifiedProfile, now)
		t.Run(name, func(t *testing.T) {
			if c.want == "" && err != nil {
				t.Error(err)
			}
			if c.want != "" {
				wantCode(t, err, c.want)
			}
		})
	}
}

func TestAntimeridian(t *testing.T) {
	p := func(lat, lon float64) bulletin.Point { return bulletin.Point{Lat: lat, Lon: lon} }
	fiji := []bulletin.Point{p(-17, 179.5), p(-17, -179.5), p(-16, -179.5), p(-16, 179.5), p(-17, 179.5)}
	a := bulletintest.New(t, now, func(q *bulletin.Profile) { q.Jurisdiction = fiji })
	for _, area := range [][]bulletin.Point{
		{p(-16.504, 179.996), p(-16.504, -179.996), p(-16.496, -179.996), p(-16.496, 179.996), p(-16.504, 179.996)},
		{p(-16.504, -179.998), p(-16.504, -179.99), p(-16.496, -179.99), p(-16.496, -179.998), p(-16.504, -179.998)},
		{p(-16.504, 179.99), p(-16.504, 180), p(-16.496, 180), p(-16.496, 179.99), p(-16.504, 179.99)},
		{p(-16.504, -180), p(-16.504, -179.99), p(-16.496, -179.99), p(-16.496, -180), p(-16.504, -180)},
	} {
		q := a.Request(t, now)
		q.Area.Ring = area
		if err := bulletin.CheckLimits(q, a.VerifiedProfile, now); err != nil {
			t.Errorf("%v: %v", area, err)
		}
	}
	for q, want := range map[bulletin.Point]bool{
		p(-16.5, 180): true, p(-16.5, -180): true, p(-16.5, 179.6): true, p(-16.5, -179.6): true,
		p(-16.5, 0): false, p(-16.5, 179.4): false, p(-16.5, -179.4): false,
	} {
		if got := bulletin.Contains(fiji, q); got != want {
			t.Errorf("%v inside: %v", q, got)
		}
	}
}

func TestContains(t *testing.T) {
	p := func(lat, lon float64) bulletin.Point { return bulletin.Point{Lat: lat, Lon: lon} }
	star := []bulletin.Point{p(0, 0), p(1, 4), p(0, 8), p(4, 5), p(8, 8), p(4, 4), p(8, 0), p(4, 3), p(0, 0)}
	for q, want := range map[bulletin.Point]bool{
		p(4, 4): true, p(0, 0): true, p(.5, 2): true, p(.5, 2.01): false, p(.5, 1.99): true, p(.4, 2): false, p(4, 0): false,
		p(4, 5): true, p(4, 5.1): false, p(8, 4): false, p(math.NaN(), 4): false, p(math.Inf(1), 4): false, p(91, 4): false,
	} {
		if got := bulletin.Contains(star, q); got != want {
			t.Errorf("%v inside: %v", q, got)
		}
	}
	if bulletin.Contains(star[:3], p(0, 0)) || bulletin.Contains(nil, p(0, 0)) {
		t.Error("something is inside of no ring")
	}
}

// tangentKM2 is an independent area of a small ring: WGS 84 positions in space,
// laid on the plane that touches the ellipsoid in the first of them.
func tangentKM2(ring []bulletin.Point) float64 {
	const a, e2 = 6378.137, 6.69437999014e-3
	ecef := func(p bulletin.Point) (x, y, z float64) {
		sφ, cφ := math.Sincos(p.Lat * math.Pi / 180)
		sλ, cλ := math.Sincos(p.Lon * math.Pi / 180)
		n := a / math.Sqrt(1-e2*sφ*sφ)
		return n * cφ * cλ, n * cφ * sλ, n * (1 - e2) * sφ
	}
	x0, y0, z0 := ecef(ring[0])
	sφ, cφ := math.Sincos(ring[0].Lat * math.Pi / 180)
	sλ, cλ := math.Sincos(ring[0].Lon * math.Pi / 180)
	sum, pe, pn := 0.0, 0.0, 0.0
	for _, p := range ring {
		x, y, z := ecef(p)
		dx, dy, dz := x-x0, y-y0, z-z0
		e, n := -sλ*dx+cλ*dy, -sφ*cλ*dx-sφ*sλ*dy+cφ*dz
		sum += pe*n - pn*e
		pe, pn = e, n
	}
	return math.Abs(sum) / 2
}

func TestSquareKM(t *testing.T) {
	for lat := -89.0; lat <= 89; lat += 7.3 {
		for _, ring := range [][]bulletin.Point{
			bulletintest.Box(bulletin.Point{Lat: lat, Lon: 12}, 0.009, 0.009/math.Cos(lat*math.Pi/180)),
			bulletintest.Box(bulletin.Point{Lat: lat, Lon: 179.999}, 0.004, 0.001),
		} {
			got, want := bulletin.SquareKM(ring), tangentKM2(ring)
			if math.Abs(got-want) > want*1e-4 {
				t.Errorf("at %.1f°: %.6f km², tangent plane %.6f", lat, got, want)
			}
			r := make(orb.Ring, len(ring))
			for i, p := range ring {
				r[i] = orb.Point{p.Lon, p.Lat}
			}
			if sphere := math.Abs(geo.Area(r)) / 1e6; lat < 89 && math.Abs(got-sphere) > 0.01*sphere {
				t.Errorf("at %.1f°: %.6f km², sphere %.6f", lat, got, sphere)
			}
		}
	}
	// An octant of the ellipsoid, whose whole area is 510,065,621.724 km².
	octant := []bulletin.Point{{Lat: 0, Lon: 0}, {Lat: 0, Lon: 90}, {Lat: 90, Lon: 90}, {Lat: 90, Lon: 0}, {Lat: 0, Lon: 0}}
	if got, want := bulletin.SquareKM(octant), 510065621.724/8; math.Abs(got-want) > 0.01 {
		t.Errorf("octant %.3f km², want %.3f", got, want)
	}
	if got := bulletin.SquareKM(octant[:2]); got != 0 {
		t.Errorf("a line has %f km²", got)
	}
}

type profileCase struct {
	change func(*bulletin.Profile)
	want   bulletin.Code
}

func profileCases() map[string]profileCase {
	spki := make([]byte, 31)
	return map[string]profileCase{
		"too long a life":           {func(p *bulletin.Profile) { p.Expires = p.IssuedAt.AddDate(1, 0, 2) }, bulletin.BadSchema},
		"expires first":             {func(p *bulletin.Profile) { p.Expires = p.IssuedAt }, bulletin.BadSchema},
		"version 0":                 {func(p *bulletin.Profile) { p.Version = 0 }, bulletin.BadSchema},
		"bad level":                 {func(p *bulletin.Profile) { p.Level = "royal" }, bulletin.BadSchema},
		"agency is an address":      {func(p *bulletin.Profile) { p.Agency = "10.0.0.1" }, bulletin.BadSchema},
		"agency in upper case":      {func(p *bulletin.Profile) { p.Agency = "PD.example" }, bulletin.BadSchema},
		"agency without a dot":      {func(p *bulletin.Profile) { p.Agency = "police" }, bulletin.BadSchema},
		"open jurisdiction":         {func(p *bulletin.Profile) { p.Jurisdiction = p.Jurisdiction[1:] }, bulletin.BadArea},
		"crossing jurisdiction":     {func(p *bulletin.Profile) { j := p.Jurisdiction; j[1], j[2] = j[2], j[1] }, bulletin.BadArea},
		"threshold 0":               {func(p *bulletin.Profile) { p.Root.Threshold = 0 }, bulletin.BadSchema},
		"threshold over keys":       {func(p *bulletin.Profile) { p.Root.Threshold = 2 }, bulletin.BadSchema},
		"short key":                 {func(p *bulletin.Profile) { p.Officers[0].Ed25519 = spki }, bulletin.BadSchema},
		"no officers":               {func(p *bulletin.Profile) { p.Officers = []bulletin.PublicKey{} }, bulletin.BadSchema},
		"no receipts":               {func(p *bulletin.Profile) { p.Receipts = []bulletin.PublicKey{} }, bulletin.BadSchema},
		"officer is supervisor":     {func(p *bulletin.Profile) { p.Supervisors = p.Officers }, bulletin.DoubleRole},
		"officer is root":           {func(p *bulletin.Profile) { p.Officers = p.Root.Keys }, bulletin.DoubleRole},
		"receipt key is supervisor": {func(p *bulletin.Profile) { p.Receipts = p.Supervisors }, bulletin.DoubleRole},
		"root key twice": {func(p *bulletin.Profile) {
			p.Root = bulletin.KeySet{Threshold: 2, Keys: append(p.Root.Keys, p.Root.Keys...)}
		}, bulletin.DoubleRole},
		"bad recipient":         {func(p *bulletin.Profile) { p.Recipients = []string{"age1qqq"} }, bulletin.BadSchema},
		"SSH recipient":         {func(p *bulletin.Profile) { p.Recipients = []string{"ssh-ed25519 AAAA"} }, bulletin.BadSchema},
		"recipient twice":       {func(p *bulletin.Profile) { p.Recipients = append(p.Recipients, p.Recipients[0]) }, bulletin.BadSchema},
		"no recipients":         {func(p *bulletin.Profile) { p.Recipients = []string{} }, bulletin.BadSchema},
		"host with scheme":      {func(p *bulletin.Profile) { p.UploadHosts[0].Host = "https://a.example" }, bulletin.BadSchema},
		"host with path":        {func(p *bulletin.Profile) { p.UploadHosts[0].Host = "a.example/x" }, bulletin.BadSchema},
		"host with port 443":    {func(p *bulletin.Profile) { p.UploadHosts[0].Host = "a.example:443" }, bulletin.BadSchema},
		"host with port 0":      {func(p *bulletin.Profile) { p.UploadHosts[0].Host = "a.example:0" }, bulletin.BadSchema},
		"host in IPv6 by heart": {func(p *bulletin.Profile) { p.UploadHosts[0].Host = "[::0:1]" }, bulletin.BadSchema},
		"host twice":            {func(p *bulletin.Profile) { p.UploadHosts = append(p.UploadHosts, p.UploadHosts[0]) }, bulletin.BadSchema},
		"short pin":             {func(p *bulletin.Profile) { p.UploadHosts[0].SPKI = spki }, bulletin.BadSchema},
		"SSH user alone":        {func(p *bulletin.Profile) { p.UploadHosts[0].SSHUser = "drop" }, bulletin.BadSchema},
		"SSH key alone":         {func(p *bulletin.Profile) { p.UploadHosts[0].SSHKey = sshKey }, bulletin.BadSchema},
		"SSH user of a shell":   {sshHost("$(id)", sshKey), bulletin.BadSchema},
		"short SSH key":         {sshHost("drop", sshKey[:20]), bulletin.BadSchema},
		"SSH key and more":      {sshHost("drop", append(slices.Clone(sshKey), 0)), bulletin.BadSchema},
		"SSH key of 1999":       {sshHost("drop", rsaKey), bulletin.BadSchema},
		"pins of TLS and SSH": {func(p *bulletin.Profile) {
			sshHost("drop", sshKey)(p)
			p.UploadHosts[0].SPKI = make([]byte, 32)
		}, bulletin.BadSchema},
		"link in policy":      {func(p *bulletin.Profile) { p.Policy = "See police.example" }, bulletin.BadSchema},
		"call-back is a link": {func(p *bulletin.Profile) { p.CallBack = "tel:1" }, bulletin.BadSchema},
	}
}

func TestProfileSchema(t *testing.T) {
	for name, c := range profileCases() {
		t.Run(name, func(t *testing.T) {
			a := bulletintest.New(t, now)
			p := a.Profile
			c.change(&p)
			_, err := bulletin.OpenProfile(marshal(t, seal(t, bulletin.ProfileType, marshal(t, p), a.Root)))
			wantCode(t, err, c.want)
			_, err = bulletin.SignProfile(p, a.Root)
			wantCode(t, err, c.want)
		})
	}
	for _, host := range []string{"a.example", "a.example:8443", "192.0.2.1", "192.0.2.1:8443", "[2001:db8::1]", "[2001:db8::1]:8443", "localhost:1"} {
		bulletintest.New(t, now, func(p *bulletin.Profile) { p.UploadHosts[0].Host = host })
	}
}

func TestProfileRoots(t *testing.T) {
	a := bulletintest.New(t, now)
	old2, new1, new2, stranger := bulletintest.Key(t), bulletintest.Key(t), bulletintest.Key(t), bulletintest.Key(t)
	p := a.Profile
	p.Root = bulletin.KeySet{Threshold: 2, Keys: []bulletin.PublicKey{bulletintest.Public(a.Root), bulletintest.Public(old2)}}
	_, err := bulletin.SignProfile(p, a.Root)
	wantCode(t, err, bulletin.BadSignature)
	_, err = bulletin.SignProfile(p, a.Root, stranger)
	wantCode(t, err, bulletin.BadSignature)
	_, err = bulletin.SignProfile(p, a.Root, a.Root)
	wantCode(t, err, bulletin.DoubleRole)
	env, err := bulletin.SignProfile(p, a.Root, old2)
	if err != nil {
		t.Fatal(err)
	}
	old, err := bulletin.OpenProfile(env)
	if err != nil {
		t.Fatal(err)
	}
	e := seal(t, bulletin.ProfileType, marshal(t, p), a.Root, old2)
	e.Signatures[1].Sig = base64.StdEncoding.EncodeToString(make([]byte, 64))
	_, err = bulletin.OpenProfile(marshal(t, e))
	wantCode(t, err, bulletin.BadSignature)

	// The id does not depend on the order of keys, but on keys and threshold.
	swap := p.Root
	swap.Keys = []bulletin.PublicKey{swap.Keys[1], swap.Keys[0]}
	if swap.ID() != old.RootID {
		t.Error("the root's id depends on the order of its keys")
	}
	if swap.Threshold = 1; swap.ID() == old.RootID {
		t.Error("the root's id does not depend on its threshold")
	}

	p.Version, p.Root = 2, bulletin.KeySet{Threshold: 2, Keys: []bulletin.PublicKey{bulletintest.Public(new1), bulletintest.Public(new2)}}
	rotated := func(signers ...int) bulletin.VerifiedProfile {
		keys := append([]([]byte){}, new1, new2, a.Root, old2)
		var with []dsseKey
		for _, i := range signers {
			with = append(with, dsseKey(keys[i]))
		}
		v, err := bulletin.OpenProfile(marshal(t, sealWith(t, bulletin.ProfileType, marshal(t, p), with)))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if err := rotated(0, 1, 2, 3).RotatedFrom(old); err != nil {
		t.Errorf("signed by both roots: %v", err)
	}
	wantCode(t, rotated(0, 1, 2).RotatedFrom(old), bulletin.RootChanged)
	wantCode(t, rotated(0, 1).RotatedFrom(old), bulletin.RootChanged)
	wantCode(t, old.RotatedFrom(old), bulletin.OldProfile)
}
