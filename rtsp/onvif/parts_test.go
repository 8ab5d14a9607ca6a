package onvif

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPasswordDigest is the example of the ONVIF Application Programmer's Guide.
func TestPasswordDigest(t *testing.T) {
	nonce, err := base64.StdEncoding.DecodeString("LKqI6G/AikKCQrN0zqZFlg==")
	if err != nil {
		t.Fatal(err)
	}
	if got := passwordDigest(nonce, "2010-09-16T07:50:45Z", "userpassword"); got != "tuOSpGlFlIXsozq4HFNeeGeFLEI=" {
		t.Error(got)
	}
}

// TestResolve is the rule for addresses that a device gives.
func TestResolve(t *testing.T) {
	camera := func(url string) *Camera {
		c, err := New(Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, c := range []struct{ base, own, said, want string }{
		{"http://cam:8000", "8000", "http://192.0.2.9:8000/onvif/Media", "http://cam:8000/onvif/Media"},
		{"http://cam", "80", "http://192.0.2.9/onvif/Media?x=1&y=2", "http://cam/onvif/Media?x=1&y=2"},
		{"http://cam", "80", "http://192.0.2.9:8899/pull", "http://cam:8899/pull"},
		{"http://cam:18080", "80", "http://192.0.2.9/pull", "http://cam:18080/pull"},
		{"http://cam", "", "http://192.0.2.9:81/pull", "http://cam:81/pull"},
		{"http://cam", "80", "https://192.0.2.9/pull", "https://cam/pull"},
		{"https://cam:444", "80", "http://192.0.2.9/pull", "https://cam:444/pull"},
		{"https://cam", "443", "http://192.0.2.9:8080/pull", "https://cam/pull"},
		{"https://cam", "443", "https://cam:8443/pull", "https://cam:8443/pull"},
		{"http://[fe80::1%25eth0]:80", "80", "http://[fe80::1]:81/pull", "http://[fe80::1%25eth0]:81/pull"},
		{"http://[2001:db8::1]", "80", "http://[::]/pull", "http://[2001:db8::1]/pull"},
		{"http://cam", "80", "rtsp://u:p@192.0.2.9:554/live", "rtsp://cam:554/live"},
		{"http://cam", "554", "rtsp://192.0.2.9:554/live", "rtsp://cam:554/live"},
		{"https://cam", "443", "rtsp:///live", "rtsp://cam/live"},
		{"http://cam", "80", "RTSP://192.0.2.9/Live", "rtsp://cam/Live"},
		{"http://cam", "80", "file:///etc/passwd", ""},
		{"http://cam", "80", "urn:uuid:1", ""},
		{"http://cam", "80", "", ""},
		{"http://cam", "80", "http:opaque", ""},
		{"http://cam", "80", "http://h/" + strings.Repeat("x", 3000), ""},
		{"http://cam", "80", "http://h:port/", ""},
	} {
		got := ""
		if u := camera(c.base).resolve(c.said, c.own, "http", "https", "rtsp"); u != nil {
			got = u.String()
		}
		if got != c.want {
			t.Errorf("%s from %s, known as port %q: %s, want %s", c.said, c.base, c.own, got, c.want)
		}
	}
}

// TestHappened dates notifications.
func TestHappened(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		utc, current string
		offset       time.Duration
		want         time.Duration // before now
	}{
		"right clock":                {"2026-11-23T11:59:57Z", "2026-11-23T12:00:00Z", 0, 3 * time.Second},
		"wrong clock":                {"2001-01-01T00:00:00Z", "2001-01-01T00:00:03Z", 0, 3 * time.Second},
		"a zone":                     {"2026-11-23T12:59:57+01:00", "2026-11-23T12:00:00Z", 0, 3 * time.Second},
		"cut seconds":                {"2026-11-23T12:00:01Z", "2026-11-23T12:00:00Z", 0, 0},
		"answer an hour late":        {"2026-11-23T11:59:57Z", "2026-11-23T13:00:00Z", 0, 3 * time.Second},
		"answer an hour late, off":   {"2026-11-23T11:59:50Z", "2026-11-23T13:00:00Z", -7 * time.Second, 3 * time.Second},
		"messages an hour ahead":     {"2026-11-23T12:59:57Z", "2026-11-23T12:00:00Z", 0, 0},
		"no time":                    {"", "2026-11-23T12:00:00Z", 0, 0},
		"the year 0":                 {"0000-00-00T00:00:00Z", "2026-11-23T12:00:00Z", 0, 0},
		"a state of the day before":  {"2026-11-22T12:00:00Z", "2026-11-23T12:00:00Z", 0, 0},
		"no time of the answer":      {"2026-11-23T11:59:57Z", "", 0, 3 * time.Second},
		"no zone and a long fractin": {"2026-11-23T11:59:57.123456789", "2026-11-23T12:00:00.123456789", 0, 3 * time.Second},
	} {
		if got := now.Sub(happened(c.utc, c.current, c.offset, now)); got != c.want {
			t.Errorf("%s: %v before, want %v", name, got, c.want)
		}
	}
}

// TestAlarms is the order of what is told.
func TestAlarms(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var told []string
	a := newAlarms(2*time.Minute, func(m Motion) {
		told = append(told, fmt.Sprintf("%v %s %v", map[bool]string{true: "+", false: "-"}[m.On], m.Source, m.At.Sub(start)))
	})
	say := func(source string, on, report bool, at time.Duration) {
		a.expire(start.Add(at))
		a.take(notice{Motion: Motion{On: on, Source: source, At: start.Add(at)}, key: source, report: report}, start.Add(at))
	}
	say("a", false, true, 0) // a quiet state is no news
	say("a", true, false, time.Second)
	say("b", true, true, 2*time.Second) // motion goes on as we come
	say("a", true, false, time.Minute)  // prolongs
	say("b", true, true, time.Minute)   // does not
	say("a", false, false, 3*time.Minute-time.Second)
	say("b", true, true, 3*time.Minute) // the same old state
	say("b", false, false, 4*time.Minute)
	say("b", true, false, 5*time.Minute)
	a.endAll(start.Add(6 * time.Minute))
	want := []string{
		"+ a 1s", "+ b 2s", "- b 2m59s", "- a 2m59s", "+ b 5m0s", "- b 6m0s",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	if !a.next().IsZero() {
		t.Error("nothing is on, and something is due")
	}
	for i := range 1000 {
		say(fmt.Sprint("x", i), true, false, 7*time.Minute)
	}
	if len(a.by) > maxAlarms {
		t.Errorf("%d alarms are kept", len(a.by))
	}
	a.take(notice{Motion: Motion{On: true, At: start.Add(7 * time.Minute), Source: "p"}, key: "x1", pulse: true}, start.Add(7*time.Minute))
	if got := a.next(); got.After(start.Add(10 * time.Minute)) {
		t.Errorf("next is %v", got)
	}
}

// TestRulesOfOneSource: two rules that nothing but their name tells apart are
// one motion, which lasts as long as either.
func TestRulesOfOneSource(t *testing.T) {
	told := ""
	a := newAlarms(time.Minute, func(m Motion) { told += map[bool]string{true: "+", false: "-"}[m.On] })
	now := time.Now()
	say := func(rule string, on bool) {
		a.take(notice{Motion: Motion{On: on, At: now, Topic: "t", Source: "s"}, key: rule}, now)
	}
	say("1", true)
	say("2", true)
	say("1", false)
	if told != "+" {
		t.Errorf("told %s while one is on", told)
	}
	a.expire(now.Add(2 * time.Minute))
	say("2", false)
	say("2", true)
	if told != "+-+" || len(a.lit) != 1 {
		t.Errorf("told %s, %v is on", told, a.lit)
	}
}

func TestAnEndIsNotBeforeItsBeginning(t *testing.T) {
	var last Motion
	a := newAlarms(time.Minute, func(m Motion) { last = m })
	now := time.Now()
	a.take(notice{Motion: Motion{On: true, At: now}, key: "a"}, now)
	a.take(notice{Motion: Motion{On: false, At: now.Add(-time.Second)}, key: "a"}, now)
	if last.On || !last.At.Equal(now) {
		t.Errorf("told %+v", last)
	}
}

func TestPick(t *testing.T) {
	p := func(token, source, codec string, w, h int, stream string) Profile {
		return Profile{Token: token, Source: source, Codec: codec, Width: w, Height: h, Stream: stream}
	}
	for name, c := range map[string]struct {
		list      []Profile
		main, sub string
	}{
		"none":          {nil, "", ""},
		"no address":    {[]Profile{p("a", "", "H264", 640, 360, "")}, "", ""},
		"one":           {[]Profile{p("a", "", "H264", 640, 360, "1")}, "a", ""},
		"sub first":     {[]Profile{p("a", "", "H264", 640, 360, "1"), p("b", "", "H265", 3840, 2160, "2")}, "b", "a"},
		"same stream":   {[]Profile{p("a", "", "H264", 640, 360, "1"), p("b", "", "H264", 640, 360, "1")}, "a", ""},
		"same size":     {[]Profile{p("a", "", "H264", 640, 360, "1"), p("b", "", "H264", 640, 360, "2")}, "a", "b"},
		"tiny":          {[]Profile{p("a", "", "H264", 1920, 1080, "1"), p("b", "", "H264", 160, 90, "2"), p("c", "", "H264", 640, 360, "3")}, "a", "c"},
		"MJPEG alone":   {[]Profile{p("a", "", "JPEG", 640, 480, "1")}, "a", ""},
		"MJPEG larger":  {[]Profile{p("a", "", "JPEG", 1920, 1080, "1"), p("b", "", "H264", 640, 480, "2")}, "b", ""},
		"unknown codec": {[]Profile{p("a", "", "MPEG4", 1920, 1080, "1"), p("b", "", "H264", 640, 480, "2")}, "b", ""},
		"two lenses":    {[]Profile{p("a", "1", "H264", 1920, 1080, "1"), p("b", "2", "H264", 2560, 1440, "2"), p("c", "1", "H264", 640, 360, "3")}, "a", "c"},
		"no sizes":      {[]Profile{p("a", "", "H264", 0, 0, "1"), p("b", "", "H264", 0, 0, "2")}, "a", ""},
	} {
		main, sub := Pick(c.list)
		token := func(p *Profile) string {
			if p == nil {
				return ""
			}
			return p.Token
		}
		if token(main) != c.main || token(sub) != c.sub {
			t.Errorf("%s: %q and %q", name, token(main), token(sub))
		}
	}
}

// TestFindChallenge reads what cameras send in WWW-Authenticate.
func TestFindChallenge(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		want    string // algorithm, realm and nonce
	}{
		"none":          {nil, ""},
		"Basic":         {[]string{`Basic realm="x"`}, ""},
		"Hikvision":     {[]string{`Digest qop="auth", realm="DS-2CD2", nonce="4e6", stale="FALSE"`, `Basic realm="DS-2CD2"`}, " DS-2CD2 4e6"},
		"SHA-256 first": {[]string{`Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth"`, `Digest realm="r", nonce="1", algorithm=MD5`}, "SHA-256 r 2"},
		"SHA-256 last":  {[]string{`Digest realm="r", nonce="1", algorithm=MD5`, `Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth"`}, "SHA-256 r 2"},
		"lower case":    {[]string{`digest realm="r", nonce="1"`}, " r 1"},
		"several qop":   {[]string{`Digest realm="r", nonce="1", qop="auth-int, auth"`}, " r 1"},
		"unknown":       {[]string{`Digest realm="r", nonce="1", algorithm=MD5-sess2`}, ""},
		"no nonce":      {[]string{`Digest realm="r"`}, ""},
		"garbage":       {[]string{`Digest`, `Digest "`, `Digest ==,,`, "Digest realm=\"r"}, ""},
	} {
		h := http.Header{}
		for _, v := range c.headers {
			h.Add("WWW-Authenticate", v)
		}
		got := ""
		if ch := findChallenge(h); ch != nil {
			got = ch.Algorithm + " " + ch.Realm + " " + ch.Nonce
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestReferenceParametersReturn: what a device gave comes back the same.
func TestReferenceParametersReturn(t *testing.T) {
	n, err := parseXML([]byte(`<e xmlns="urn:e" xmlns:d="urn:d"><d:Id a="1&amp;&quot;">7 &lt; 8<d:In xmlns:d="urn:other">x</d:In></d:Id></e>`))
	if err != nil {
		t.Fatal(err)
	}
	back, err := parseXML([]byte(`<r xmlns:a="urn:a">` + referenceHeaders(n.children) + `</r>`))
	if err != nil {
		t.Fatal(err)
	}
	id := back.child("Id")
	if id == nil || id.name.Space != "urn:d" || id.text != "7 < 8" || id.attr("a") != `1&"` || id.attr("IsReferenceParameter") != "true" ||
		id.child("In").name.Space != "urn:other" || id.value("In") != "x" {
		t.Errorf("%+v", id)
	}
}
