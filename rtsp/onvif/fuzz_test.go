package onvif

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const (
	fuzzProbe = `<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header><RelatesTo>uuid:1</RelatesTo></s:Header><s:Body>` +
		`<ProbeMatches><ProbeMatch><EndpointReference><Address>urn:uuid:2</Address></EndpointReference><Types>dn:NetworkVideoTransmitter</Types>` +
		`<Scopes>onvif://www.onvif.org/name/a%20b onvif://www.onvif.org/location/x</Scopes><XAddrs>http://192.0.2.1/onvif http://[fe80::1]/x</XAddrs></ProbeMatch></ProbeMatches></s:Body></s:Envelope>`
	fuzzFault = `<s:Envelope xmlns:s="x"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code>` +
		`<s:Reason><s:Text>no</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>`
	fuzzProfiles = `<e:Envelope xmlns:e="x"><e:Body><GetProfilesResponse><Profiles token="a"><Name>n</Name><VideoSourceConfiguration><SourceToken>s</SourceToken></VideoSourceConfiguration>` +
		`<VideoEncoderConfiguration><Encoding>H264</Encoding><Resolution><Width>1920</Width><Height>1080</Height></Resolution><RateControl><FrameRateLimit>25</FrameRateLimit>` +
		`<BitrateLimit>4096</BitrateLimit></RateControl></VideoEncoderConfiguration></Profiles><Profiles token="b"><Configurations><VideoEncoder><Encoding>H265</Encoding></VideoEncoder></Configurations></Profiles></GetProfilesResponse></e:Body></e:Envelope>`
	fuzzNotices = `<e:Envelope xmlns:e="x"><e:Body><PullMessagesResponse><CurrentTime>2026-11-23T12:00:00Z</CurrentTime><NotificationMessage><Topic>tns1:RuleEngine/CellMotionDetector/Motion//.</Topic>` +
		`<Message><Message UtcTime="2026-11-23T11:59:00Z" PropertyOperation="Changed"><Source><SimpleItem Name="VideoSourceConfigurationToken" Value="1"/></Source>` +
		`<Data><SimpleItem Name="IsMotion" Value="true"/></Data></Message></Message></NotificationMessage></PullMessagesResponse></e:Body></e:Envelope>`
)

func seed(f *testing.F, texts ...string) {
	for _, t := range append(texts, "", "<", "<a/>", `<?xml version="1.0" encoding="ISO-8859-1"?><a>`+"\xfc"+`</a>`, "<a>\xff&x;&amp</a>", "<!DOCTYPE a><a/>", strings.Repeat("<a>", 100)) {
		f.Add([]byte(t))
	}
}

// checkText holds what is shown to people to a bound, and to characters.
func checkText(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if len(s) > maxText+len("…") || !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x1b\n") {
			t.Errorf("text %q", s)
		}
	}
}

func FuzzProbeMatches(f *testing.F) {
	seed(f, fuzzProbe)
	f.Fuzz(func(t *testing.T, b []byte) {
		list := parseProbeMatches(b, []string{"1"})
		if len(list) > maxMatches {
			t.Errorf("%d devices", len(list))
		}
		for _, d := range list {
			checkText(t, append([]string{d.Endpoint, d.Name, d.Hardware}, d.Location...)...)
			if len(d.XAddrs) == 0 || len(d.XAddrs) > maxXAddrs || len(d.Location) > maxXAddrs {
				t.Errorf("%+v", d)
			}
			d.Address()
			d.merge(d)
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	seed(f, fuzzFault, fuzzProfiles)
	c, err := New(Config{URL: "http://u:s3cret@h"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseEnvelope(b, 500)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			_ = c.explain(err)
			return
		}
		parseClock(n)
		l := &link{}
		c.takeServices(l, n)
		c.takeCapabilities(l, n)
		for _, u := range []*url.URL{l.media, l.media2, l.events} {
			if u != nil && (u.Hostname() != "h" || u.User != nil) {
				t.Errorf("an address of another host: %s", u)
			}
		}
		(&subscription{}).granted(n, time.Now())
		referenceHeaders(referenceParameters(n))
	})
}

func FuzzProfiles(f *testing.F) {
	seed(f, fuzzProfiles)
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseEnvelope(b, 200)
		if err != nil {
			return
		}
		list := parseProfiles(n)
		if len(list) > maxProfiles {
			t.Errorf("%d profiles", len(list))
		}
		for i := range list {
			p := &list[i]
			checkText(t, p.Name, p.Source, p.Codec)
			if p.Width < 0 || p.Height < 0 || p.Bitrate < 0 || p.FPS < 0 {
				t.Errorf("%+v", p)
			}
			p.Stream = p.Token
		}
		Pick(list)
	})
}

func FuzzNotices(f *testing.F) {
	seed(f, fuzzNotices)
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseEnvelope(b, 200)
		if err != nil {
			return
		}
		now := time.Now()
		a := newAlarms(time.Minute, func(m Motion) { checkText(t, m.Topic, m.Source) })
		for _, x := range parseNotices(n) {
			x.At = happened(x.utc, n.value("CurrentTime"), 0, now)
			if x.At.After(now) || now.Sub(x.At) > maxAge {
				t.Errorf("at %v, now %v", x.At, now)
			}
			a.take(x, now)
		}
		a.endAll(now)
	})
}

// FuzzXML writes what was read and reads it again.
func FuzzXML(f *testing.F) {
	seed(f, fuzzProbe, fuzzFault, fuzzNotices)
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseXML(b)
		if err != nil {
			return
		}
		var out bytes.Buffer
		n.appendXML(&out, "")
		if !utf8.Valid(out.Bytes()) {
			t.Errorf("wrote %q", out.Bytes())
		}
	})
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Digest qop="auth", realm="x", nonce="1", algorithm=MD5`)
	f.Fuzz(func(t *testing.T, s string) {
		var d digestState
		if !d.challenge(http.Header{"Www-Authenticate": {s}}) {
			return
		}
		r, _ := http.NewRequest(http.MethodGet, "http://h/", nil)
		d.apply(r, "u", "s3cret")
		if strings.Contains(r.Header.Get("Authorization"), "s3cret") && !strings.Contains(s, "s3cret") {
			t.Error("the password was sent")
		}
	})
}
