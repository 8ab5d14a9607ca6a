package rtsptest

import "time"

// Must is what has to come of a script: what a reader of the camera is told,
// and what is on disk in the end. Reasons are those of package rtsp, which may
// not be named here. The camera is read with the hub's own patience (a stall is
// 10 s, the first wait before connecting again 1 s).
type Must struct {
	For     time.Duration // how long the camera is read; default 20 s
	Breaks  []string      // reasons of the interruptions, in order
	Nothing bool          // no unit ever comes
	Silence time.Duration // the longest time without a picture once there was one; default 300 ms
	Missing int           // pictures that the camera sent whole, but that are left out, at most; default one for each interruption that ends the connection
	Off     time.Duration // of UTC from the truth, at most; default 55 ms by reports and 250 ms by arrival
	Tries   int           // connections, at most; default one and one more for each interruption that ends one
	Clock   string        // what UTC rests on in the end; default "report"
	Log     []string      // messages; default what the interruptions say

	Runs        int           // on disk (recording.Segment); default one and one more for each interruption
	Gaps        []string      // reasons of the rows that tell what is missing
	Begin       time.Duration // from the first picture sent to the first recorded, at most; default none is left out
	Mute        bool          // sound is offered that cannot be told from the pictures
	Undecodable bool          // no decoder at hand takes what is recorded as it is
}

// MustOf is the row of a script, with what is left to default filled in.
func MustOf(name string) (Must, bool) {
	m, ok := musts[name]
	if m.For == 0 {
		m.For = 20 * time.Second
	}
	if m.Silence == 0 {
		m.Silence = 300 * time.Millisecond
	}
	ended := 0
	for _, b := range m.Breaks {
		if ends(b) {
			ended++
		}
	}
	m.Missing = max(m.Missing, ended)
	switch {
	case m.Tries > 0:
	case m.Nothing:
		m.Tries = 5 // 0, 1, 3, 7 and 15 s
	default:
		m.Tries = 1 + ended
	}
	if m.Log == nil {
		m.Log = m.lines()
	}
	if m.Runs == 0 && !m.Nothing {
		m.Runs = 1 + len(m.Breaks)
	}
	return m, ok
}

// interruptions are the reasons that leave the connection standing, and what
// the log says of them.
var interruptions = map[string]string{
	"lost": "camera packets lost", "codec": "camera format changed",
	"clock": "camera clock jumped", "ssrc": "camera encoder restarted",
}

// ends reports whether a reason ends the connection.
func ends(reason string) bool { return interruptions[reason] == "" }

// lines are what the log says of the interruptions: that the camera is live,
// what interrupted it and, if it had gone, that it came back.
func (m Must) lines() []string {
	var all []string
	if !m.Nothing {
		all = append(all, "camera live")
	}
	for _, b := range m.Breaks {
		if !ends(b) {
			all = append(all, interruptions[b])
			continue
		}
		all = append(all, "camera offline")
		if !m.Nothing {
			all = append(all, "camera live")
		}
	}
	return all
}

// How long there may be no picture when
const (
	group   = 1100 * time.Millisecond              // decoding goes on at the next key frame
	again   = 1250*time.Millisecond + group        // the first wait before connecting again, with its jitter, is over
	stalled = 10*time.Second + time.Second + again // a silent connection is given up, with grace
	goodbye = 2*time.Second + time.Second + again  // the same after a goodbye
)

var musts = map[string]Must{
	"plain":                     {},
	"g711":                      {},
	"g711-alaw":                 {},
	"h265":                      {},
	"b-frames":                  {},
	"h265-open-gop":             {},
	"slices":                    {},
	"no-params-in-sdp":          {},
	"no-params-in-band":         {},
	"h265-no-params-in-sdp":     {},
	"params-change":             {Breaks: []string{"codec"}},
	"annex-b":                   {},
	"fu-start-and-end":          {},
	"no-marker":                 {Missing: 1},
	"all-markers":               {Missing: 1},
	"loss":                      {Breaks: []string{"lost"}, Silence: group, Missing: 8, Gaps: []string{"lost"}},
	"audio-loss":                {Breaks: []string{"lost"}},
	"duplicates":                {},
	"reordered":                 {},
	"renumbered":                {Breaks: []string{"lost"}, Silence: group, Missing: 10, Gaps: []string{"lost"}},
	"new-ssrc":                  {Breaks: []string{"ssrc"}},
	"new-ssrc-bare":             {Breaks: []string{"ssrc"}, Silence: 2 * time.Second, Missing: 20, Tries: 2, Runs: 2, Gaps: []string{"ssrc"}, Log: []string{"camera live", "camera encoder restarted", "camera offline", "camera live"}},
	"garbage":                   {},
	"endless-garbage":           {Breaks: []string{"garbage"}, Silence: again, Gaps: []string{"garbage"}},
	"stall":                     {Breaks: []string{"stalled"}, Silence: stalled, Gaps: []string{"stalled"}},
	"half-close":                {Breaks: []string{"closed"}, Silence: again, Gaps: []string{"closed"}},
	"close":                     {Breaks: []string{"closed"}, Silence: again, Gaps: []string{"closed"}},
	"av1":                       {},
	"av1-params-change":         {Breaks: []string{"codec"}},
	"mjpeg":                     {},
	"mjpeg-size-change":         {Breaks: []string{"codec"}},
	"mjpeg-loss":                {Breaks: []string{"lost"}, Missing: 1, Gaps: []string{"lost"}},
	"opus":                      {},
	"lpcm":                      {},
	"lpcm-8":                    {},
	"lpcm-24":                   {},
	"intra-refresh":             {Missing: 75, Begin: 5100 * time.Millisecond},
	"h265-no-vps":               {Missing: 75, Begin: 5100 * time.Millisecond, Undecodable: true},
	"no-reports":                {Clock: "arrival"},
	"late-reports":              {},
	"wrap":                      {},
	"jump-forward":              {Breaks: []string{"clock"}},
	"jump-back":                 {Breaks: []string{"clock"}},
	"wild-clock":                {Clock: "suspect"},
	"drifting-clock":            {Clock: "suspect"},
	"clock-set":                 {Breaks: []string{"clock"}, Clock: "suspect"},
	"digest":                    {},
	"digest-sha256":             {},
	"basic":                     {},
	"odd-password":              {},
	"not-found":                 {Breaks: []string{"refused"}, Nothing: true, Gaps: []string{"refused"}},
	"forbidden":                 {Breaks: []string{"auth"}, Nothing: true, Tries: 1, Gaps: []string{"auth"}},
	"setup-refused":             {Breaks: []string{"refused"}, Nothing: true, Gaps: []string{"refused"}},
	"no-codec":                  {Breaks: []string{"no-codec"}, Nothing: true, Gaps: []string{"no-codec"}},
	"metadata-and-back-channel": {},
	"unreadable-media":          {},
	"audio-only":                {},
	"absolute-control":          {},
	"endless-description":       {Breaks: []string{"garbage"}, Nothing: true, Gaps: []string{"garbage"}},
	"long-gop":                  {For: 150 * time.Second},
	"big-picture":               {},
	"endless-picture":           {Breaks: []string{"lost"}, Silence: group, Missing: 16, Gaps: []string{"lost"}},
	"rtp-padding":               {},
	"rtp-extension":             {},
	"rtp-csrc":                  {},
	"unknown-payload-type":      {},
	"unknown-source":            {},
	"unasked-channel":           {},
	"malformed-packets":         {},
	"undefined-payloads":        {Breaks: []string{"lost"}, Silence: group, Missing: 10, Gaps: []string{"lost"}},
	"bye":                       {},
	"bye-and-silence":           {Breaks: []string{"stalled"}, Silence: goodbye, Gaps: []string{"stalled"}},
	"reset":                     {Breaks: []string{"closed"}, Silence: again, Gaps: []string{"closed"}},
	"camera-asks":               {},
	"control-with-slash":        {},
	"query-address":             {},
	"session-control":           {},
	"session-control-relative":  {},
	"no-content-base":           {},
	"empty-content-base":        {},
	"base-without-slash":        {},
	"base-path-only":            {},
	"base-of-other-host":        {},
	"base-of-other-path":        {},
	"base-unreadable":           {},
	"base-twice":                {},
	"ipv6":                      {},
	"ipv6-zone":                 {},
	"redirect":                  {Tries: 2},
	"redirect-loop":             {Breaks: []string{"refused"}, Nothing: true, Tries: 20, Gaps: []string{"refused"}},
	"lower-case-headers":        {},
	"no-cseq":                   {},
	"spaced-headers":            {},
	"no-reason":                 {},
	"empty-reason":              {},
	"bare-line-feeds":           {},
	"rtsp-2":                    {},
	"http-server":               {Breaks: []string{"refused"}, Nothing: true, Gaps: []string{"refused"}},
	"other-content-type":        {},
	"slow-answers":              {},
	"slow-drip":                 {Breaks: []string{"refused"}, Nothing: true, Gaps: []string{"refused"}},
	"endless-header":            {Breaks: []string{"garbage"}, Nothing: true, Gaps: []string{"garbage"}},
	"endless-body":              {Breaks: []string{"garbage"}, Nothing: true, Gaps: []string{"garbage"}},
	"rtp-before-play":           {},
	"no-rtp-info":               {},
	"wrong-rtp-info":            {},
	"other-channels":            {},
	"last-channels":             {},
	"same-channels":             {Mute: true},
	"no-such-channels":          {Breaks: []string{"refused"}, Nothing: true, Gaps: []string{"refused"}},
	"login-first":               {},
	"nonce-for-one-request":     {},
	"stale-nonce":               {},
	"setup-needs-other-login":   {Breaks: []string{"auth"}, Nothing: true, Tries: 1, Gaps: []string{"auth"}},
	"keep-alive-400":            {},
	"keep-alive-unanswered":     {},
	"no-get-parameter":          {},
	"short-session":             {},
	"changing-session":          {},
	"report-fractions":          {},
	"odd-reports":               {},
	"frozen-time":               {Clock: "arrival", Missing: 32, Begin: 2300 * time.Millisecond},
	"frozen-time-loss":          {Breaks: []string{"lost"}, Silence: group, Clock: "arrival", Missing: 45, Begin: 2300 * time.Millisecond, Gaps: []string{"lost"}},
	"time-freezes":              {Off: 300 * time.Millisecond},
}
