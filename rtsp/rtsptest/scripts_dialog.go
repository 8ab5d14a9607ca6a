package rtsptest

import (
	"regexp"
	"strings"
	"time"
)

// dialogScripts are about RTSP.
func dialogScripts() []Script {
	const metadataMedia = "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:trackID=8\r\n"
	const back = "m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\na=control:trackID=9\r\n"
	const odd = "m=audio 0 RTP/AVP 98\r\na=rtpmap:98 mpeg4-generic/16000/1\r\na=fmtp:98 mode=CELP-cbr\r\na=control:trackID=7\r\n"
	before := func(media string) func(string) string {
		return func(sdp string) string { return strings.Replace(sdp, "m=video", media+"m=video", 1) }
	}
	return []Script{
		{"not-found", "The camera knows no such stream.", Camera{Status: map[string]int{"DESCRIBE": 404}}},
		{"setup-refused", "The camera refuses to set its streams up.", Camera{Status: map[string]int{"SETUP": 453}}},
		{"no-codec", "The camera offers a codec that is not stored, and metadata.", Camera{
			EditSDP: func(string) string {
				return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\na=control:*\r\n" +
					"m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=control:trackID=0\r\n" + metadataMedia
			},
		}},
		{"metadata-and-back-channel", "Metadata and a back channel are offered before the video.", Camera{
			EditSDP: before(metadataMedia + back),
		}},
		{"unreadable-media", "One of the media in the description makes no sense.", Camera{EditSDP: before(odd)}},
		{"audio-only", "There is sound and no picture.", Camera{
			EditSDP: func(sdp string) string {
				i, j := strings.Index(sdp, "m=video"), strings.Index(sdp, "m=audio")
				return sdp[:i] + sdp[j:]
			},
		}},
	}
}

// rewrite changes what a pattern finds in the answers to a method; to all of
// them if method is empty.
func rewrite(method, pattern, by string) Dialog {
	re := regexp.MustCompile(pattern)
	return Dialog{Rewrite: func(m, answer string) string {
		if method != "" && m != method {
			return answer
		}
		return re.ReplaceAllString(answer, by)
	}}
}

// headerLines changes the header lines of every answer.
func headerLines(change func(name, value string) string) Dialog {
	return Dialog{Rewrite: func(_, answer string) string {
		head, body, _ := strings.Cut(answer, "\r\n\r\n")
		lines := strings.Split(head, "\r\n")
		for i, l := range lines[1:] {
			name, value, _ := strings.Cut(l, ": ")
			lines[i+1] = change(name, value)
		}
		return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
	}}
}

// addressScripts are about how a camera names its streams and tracks.
func addressScripts() []Script {
	control := func(to string) func(string) string {
		return func(sdp string) string {
			return strings.ReplaceAll(sdp, "a=control:trackID", "a=control:"+to+"trackID")
		}
	}
	base := func(value string) Dialog { return rewrite("DESCRIBE", `Content-Base: .*\r\n`, value) }
	return []Script{
		{"absolute-control", "The tracks' addresses are absolute.", Camera{
			EditSDP: func(sdp string) string {
				return strings.ReplaceAll(sdp, "a=control:trackID", "a=control:rtsp://192.168.1.10/absolute-control/trackID")
			},
		}},
		{"control-with-slash", "The tracks' addresses begin with a slash.", Camera{EditSDP: control("/")}},
		{"query-address", "The camera's address has a query, and the tracks' follow it.", Camera{
			Dialog: Dialog{Query: "channel=1&subtype=0"},
		}},
		{"session-control", "The description names an address of the whole, which is right.", Camera{
			EditSDP: func(sdp string) string {
				return strings.Replace(sdp, "a=control:*", "a=control:rtsp://192.168.1.10/session-control/", 1)
			},
		}},
		{"session-control-relative", "The description names a relative address of the whole.", Camera{
			EditSDP: func(sdp string) string { return strings.Replace(sdp, "a=control:*", "a=control:session", 1) },
		}},
		{"no-content-base", "The answer to DESCRIBE has no Content-Base.", Camera{Dialog: base("")}},
		{"empty-content-base", "The Content-Base is empty.", Camera{Dialog: base("Content-Base: \r\n")}},
		{"base-without-slash", "The Content-Base does not end with a slash.", Camera{
			Dialog: rewrite("DESCRIBE", `(Content-Base: .*)/\r\n`, "$1\r\n"),
		}},
		{"base-path-only", "The Content-Base is a path.", Camera{Dialog: base("Content-Base: /base-path-only/\r\n")}},
		{"base-of-other-host", "The Content-Base names a host behind the router.", Camera{
			Dialog: base("Content-Base: rtsp://10.9.8.7:554/base-of-other-host/\r\n"),
		}},
		{"base-of-other-path", "The Content-Base names a stream that does not exist.", Camera{
			Dialog: rewrite("DESCRIBE", `Content-Base: rtsp://([^/]*)/.*\r\n`, "Content-Base: rtsp://$1/other/\r\n"),
		}},
		{"base-unreadable", "The Content-Base is no address.", Camera{Dialog: base("Content-Base: http://[::1/%zz\r\n")}},
		{"base-twice", "There are two Content-Bases.", Camera{
			Dialog: rewrite("DESCRIBE", `(Content-Base: .*\r\n)`, "$1$1"),
		}},
		{"ipv6", "The camera's address is an IPv6 literal.", Camera{Dialog: Dialog{Host: "fd00::7:1"}}},
		{"ipv6-zone", "The camera's address is an IPv6 literal with a zone.", Camera{Dialog: Dialog{Host: "fe80::1%eth0"}}},
		{"redirect", "The description is elsewhere.", Camera{Dialog: Dialog{Redirect: 1}}},
		{"redirect-loop", "The description is always elsewhere.", Camera{Dialog: Dialog{Redirect: -1}}},
	}
}

// answerScripts are about the form and the time of answers.
func answerScripts() []Script {
	return []Script{
		{"lower-case-headers", "Headers are in lower case.", Camera{Dialog: headerLines(func(name, value string) string {
			return strings.ToLower(name) + ":" + value
		})}},
		{"no-cseq", "Answers have no CSeq.", Camera{Dialog: rewrite("", `CSeq: .*\r\n`, "")}},
		{"spaced-headers", "White space stands around the names and values of headers.", Camera{
			Dialog: headerLines(func(name, value string) string { return name + " :\t " + value + " \t" }),
		}},
		{"no-reason", "Status lines have no reason.", Camera{Dialog: rewrite("", `^(RTSP/1.0 \d+) .*\r`, "$1\r")}},
		{"empty-reason", "The reason of status lines is empty.", Camera{Dialog: rewrite("", `^(RTSP/1.0 \d+ ).*\r`, "$1\r")}},
		{"bare-line-feeds", "Lines of headers end with a line feed alone.", Camera{Dialog: Dialog{Rewrite: func(_, answer string) string {
			head, body, _ := strings.Cut(answer, "\r\n\r\n")
			return strings.ReplaceAll(head, "\r", "") + "\n\n" + body
		}}}},
		{"rtsp-2", "Answers are of RTSP 2.0.", Camera{Dialog: rewrite("", `^RTSP/1.0`, "RTSP/2.0")}},
		{"http-server", "A web server answers.", Camera{Dialog: rewrite("", `^RTSP/1.0`, "HTTP/1.1")}},
		{"other-content-type", "The description is not said to be one.", Camera{
			Dialog: rewrite("DESCRIBE", `Content-Type: .*\r\n`, "Content-Type: Text/Plain; charset=utf-8\r\n"),
		}},
		{"slow-answers", "Each answer takes a second.", Camera{Dialog: Dialog{Delay: time.Second}}},
		{"slow-drip", "Answers come one byte a second.", Camera{Dialog: Dialog{Pause: time.Second}}},
		{"endless-header", "The header of the description does not end.", Camera{Dialog: Dialog{Endless: "header"}}},
		{"endless-body", "The body of the description does not end.", Camera{Dialog: Dialog{Endless: "body"}}},
		{"endless-description", "The description does not end.", Camera{
			EditSDP: func(sdp string) string { return sdp + strings.Repeat("a=x-fill:0123456789\r\n", 1<<18) },
		}},
		{"rtp-before-play", "Packets come before the answer to PLAY.", Camera{Dialog: Dialog{Early: 500 * time.Millisecond}}},
		{"no-rtp-info", "The answer to PLAY has no RTP-Info.", Camera{Dialog: rewrite("PLAY", `RTP-Info: .*\r\n`, "")}},
		{"wrong-rtp-info", "The RTP-Info of PLAY is wrong.", Camera{
			Dialog: rewrite("PLAY", `RTP-Info: .*\r\n`, "RTP-Info: url=x;seq=1;rtptime=99999999999\r\n"),
		}},
		{"other-channels", "The camera chooses other interleaved channels than asked for.", Camera{
			Dialog: Dialog{Channel: func(track, _ int) int { return 7 + 4*track }},
		}},
		{"last-channels", "The camera chooses the last interleaved channels.", Camera{
			Dialog: Dialog{Channel: func(track, _ int) int { return 254 - 2*track }},
		}},
		{"same-channels", "The camera gives both tracks one interleaved channel.", Camera{
			Dialog: Dialog{Channel: func(int, int) int { return 0 }},
		}},
		{"no-such-channels", "The camera names interleaved channels that cannot be.", Camera{
			Dialog: Dialog{Channel: func(track, _ int) int { return 256 + 2*track }},
		}},
	}
}

// loginScripts are about logins and sessions.
func loginScripts() []Script {
	return []Script{
		{"digest", "The camera asks for Digest authentication with MD5.", Camera{User: "admin", Pass: "secret"}},
		{"digest-sha256", "The camera asks for Digest authentication with SHA-256.", Camera{
			User: "admin", Pass: "secret", Login: "sha256",
		}},
		{"basic", "The camera asks for Basic authentication.", Camera{User: "admin", Pass: "secret", Login: "basic"}},
		{"odd-password", "User name and password contain what separates parts of an address.", Camera{
			User: "us@er:/x", Pass: "p@ss:w/rd?#%",
		}},
		{"forbidden", "The camera lets nobody see.", Camera{Status: map[string]int{"DESCRIBE": 403}}},
		{"login-first", "OPTIONS needs a login too.", Camera{User: "admin", Pass: "secret", Dialog: Dialog{Login: true}}},
		{"nonce-for-one-request", "The nonce of a login is good for one request.", Camera{
			User: "admin", Pass: "secret", Dialog: Dialog{Nonce: 1},
		}},
		{"stale-nonce", "The nonce of a login goes stale while the camera sends.", Camera{
			User: "admin", Pass: "secret", Dialog: Dialog{Nonce: 5, Timeout: 4 * time.Second},
		}},
		{"setup-needs-other-login", "SETUP is refused with 401 whatever the login.", Camera{
			User: "admin", Pass: "secret", Status: map[string]int{"SETUP": 401},
		}},
		{"keep-alive-400", "The camera answers 400 to what keeps its session alive.", Camera{
			Status: map[string]int{"GET_PARAMETER": 400}, Dialog: Dialog{Timeout: 15 * time.Second},
		}},
		{"keep-alive-unanswered", "The camera does not answer what keeps its session alive.", Camera{
			Dialog: Dialog{Timeout: 4 * time.Second, Rewrite: func(method, answer string) string {
				if method == "GET_PARAMETER" {
					return ""
				}
				return answer
			}},
		}},
		{"no-get-parameter", "The camera knows no GET_PARAMETER.", Camera{
			Status: map[string]int{"GET_PARAMETER": 501},
			Dialog: Dialog{Timeout: 4 * time.Second, Public: "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"},
		}},
		{"short-session", "A session lasts two seconds.", Camera{Dialog: Dialog{Timeout: 2 * time.Second}}},
		{"changing-session", "Every answer names another session.", Camera{Dialog: Dialog{Sessions: true, Timeout: 4 * time.Second}}},
	}
}
