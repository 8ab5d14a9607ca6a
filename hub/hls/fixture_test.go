package hls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/rtsp"
	"gatehouse/rtsp/rtsptest"
)

const patience = 60 * time.Second

// rig is a server with real cameras behind it.
type rig struct {
	*Server
	cameras *rtsptest.Server
	web     *httptest.Server
	barred  atomic.Bool // viewers may no longer look
}

func newRig(t *testing.T, cameras map[string]rtsptest.Camera) *rig {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	server, err := rtsptest.NewServer(rtsptest.Config{Log: log, Cameras: cameras})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Run(ctx) })
	sources := map[string]*rtsp.Source{}
	for name := range cameras {
		s := rtsp.NewSource(rtsp.Config{Camera: name, URL: server.LoginURL(name), Log: log, Retry: 50 * time.Millisecond})
		sources[name] = s
		wg.Go(func() { _ = s.Run(ctx) })
	}
	r := &rig{cameras: server, Server: New(Config{Log: log, Reader: func(camera, _ string, maxBytes int) *rtsp.Reader {
		if s := sources[camera]; s != nil {
			return s.Reader(maxBytes)
		}
		return nil
	}})}
	wg.Go(func() { _ = r.Run(ctx) })
	r.web = httptest.NewServer(r.handler())
	t.Cleanup(func() {
		r.web.Close()
		stop()
		wg.Wait()
	})
	for name, s := range sources {
		until(t, name+" is live", func() bool { return s.State().Phase == rtsp.PhaseLive })
	}
	return r
}

func (r *rig) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{camera}/live.m3u8", func(w http.ResponseWriter, q *http.Request) {
		r.Index(w, q, q.PathValue("camera"), "main")
	})
	mux.HandleFunc("GET /{camera}/live/{list}/{file}", func(w http.ResponseWriter, q *http.Request) {
		r.Media(w, q, q.PathValue("camera"), "main", q.PathValue("list"), q.PathValue("file"), func(context.Context) bool { return !r.barred.Load() })
	})
	return mux
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}

// get asks for an address below the server's.
func (r *rig) get(t *testing.T, path string) (int, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.web.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b
}

// open asks for a camera's playlist and returns the folder of what it lists.
func (r *rig) open(t *testing.T, camera string) (folder, master string) {
	t.Helper()
	code, b := r.get(t, "/"+camera+"/live.m3u8")
	if code != http.StatusOK {
		t.Fatalf("%s: %d %s", camera, code, b)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	at, ok := strings.CutSuffix(lines[len(lines)-1], mediaList)
	if !ok {
		t.Fatalf("no list in\n%s", b)
	}
	return "/" + camera + "/" + at, string(b)
}

// told is a Media Playlist, read strictly.
type told struct {
	target, sequence, partings int64
	holdBack, longest          float64
	hint                       string
	segments                   []toldSegment // the last may be growing
}

type toldSegment struct {
	number      int64
	uri         string // empty while it grows
	init        string
	date        time.Time
	seconds     float64
	gap, parted bool
	parts       []toldPart
}

type toldPart struct {
	seconds     float64
	uri         string
	independent bool
}

var (
	control  = regexp.MustCompile(`^CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=(\d+\.\d+)$`)
	partForm = regexp.MustCompile(`^DURATION=(\d+\.\d+),URI="([^"]+)"(,INDEPENDENT=YES)?$`)
)

// read holds a playlist to RFC 8216bis and to what this package promises.
func read(text string) (p told, err error) {
	lines := strings.Split(text, "\n")
	if lines[0] != "#EXTM3U" || lines[len(lines)-1] != "" {
		return p, errors.New("not a playlist, or its last line has no end")
	}
	next, init := toldSegment{}, ""
	float := func(s string) float64 {
		v, e := strconv.ParseFloat(s, 64)
		err = errors.Join(err, e)
		return v
	}
	whole := func(s string) int64 {
		v, e := strconv.ParseInt(s, 10, 64)
		err = errors.Join(err, e)
		return v
	}
	for _, line := range lines[1 : len(lines)-1] {
		tag, value, _ := strings.Cut(line, ":")
		switch tag {
		case "#EXT-X-VERSION":
			if whole(value) < 6 {
				err = errors.New("EXT-X-MAP needs version 6")
			}
		case "#EXT-X-TARGETDURATION":
			p.target = whole(value)
		case "#EXT-X-MEDIA-SEQUENCE":
			p.sequence = whole(value)
		case "#EXT-X-DISCONTINUITY-SEQUENCE":
			p.partings = whole(value)
		case "#EXT-X-SERVER-CONTROL":
			m := control.FindStringSubmatch(value)
			if m == nil {
				return p, fmt.Errorf("4.4.3.8: %q", line)
			}
			p.holdBack = float(m[1])
		case "#EXT-X-PART-INF":
			p.longest = float(strings.TrimPrefix(value, "PART-TARGET="))
		case "#EXT-X-DISCONTINUITY":
			next.parted = true
		case "#EXT-X-MAP":
			init = strings.Trim(strings.TrimPrefix(value, "URI="), `"`)
		case "#EXT-X-GAP":
			next.gap = true
		case "#EXT-X-PROGRAM-DATE-TIME":
			t, e := time.Parse("2006-01-02T15:04:05.000Z", value)
			next.date, err = t, errors.Join(err, e)
		case "#EXT-X-PART":
			m := partForm.FindStringSubmatch(value)
			if m == nil {
				return p, fmt.Errorf("4.4.4.9: %q", line)
			}
			next.parts = append(next.parts, toldPart{float(m[1]), m[2], m[3] != ""})
		case "#EXTINF":
			next.seconds = float(strings.TrimSuffix(value, ","))
		case "#EXT-X-PRELOAD-HINT":
			p.hint = strings.TrimSuffix(strings.TrimPrefix(value, `TYPE=PART,URI="`), `"`)
		default:
			if strings.HasPrefix(line, "#") {
				return p, fmt.Errorf("an unknown tag: %q", line)
			}
			next.uri, next.init = line, init
			next.number = p.sequence + int64(len(p.segments))
			p.segments = append(p.segments, next)
			next = toldSegment{}
		}
	}
	if len(next.parts) > 0 {
		next.init, next.number = init, p.sequence+int64(len(p.segments))
		p.segments = append(p.segments, next)
	}
	return p, errors.Join(err, p.check())
}

// check holds what is told to the rules that bind tags to each other.
func (p *told) check() error {
	if p.target == 0 || p.longest == 0 || p.hint == "" || len(p.segments) == 0 {
		return errors.New("something is missing")
	}
	if p.holdBack < 2*p.longest { // 4.4.3.8
		return fmt.Errorf("PART-HOLD-BACK %v with parts of %v", p.holdBack, p.longest)
	}
	var listed, last float64
	for i, s := range p.segments {
		if s.gap {
			listed, last = listed+s.seconds, s.seconds
			continue
		}
		if s.init == "" || s.date.IsZero() {
			return fmt.Errorf("segment %d has no initialisation or time", s.number)
		}
		for k, part := range s.parts {
			final := k == len(s.parts)-1 && s.uri != ""
			if part.seconds > p.longest || part.seconds < 0.85*p.longest && !final { // 4.4.4.9
				return fmt.Errorf("part %d of segment %d lasts %v of %v", k, s.number, part.seconds, p.longest)
			}
		}
		if s.uri == "" {
			continue
		}
		if i >= len(p.segments)-2 && len(s.parts) == 0 {
			return fmt.Errorf("no parts of segment %d", s.number)
		}
		if int64(s.seconds+0.5) > p.target {
			return fmt.Errorf("segment %d lasts %v, target %d", s.number, s.seconds, p.target)
		}
		listed, last = listed+s.seconds, s.seconds
	}
	if listed < float64(3*p.target)-1e-6 || listed-last > float64(5*p.target) { // 6.2.2
		return fmt.Errorf("%v s are listed, target %d", listed, p.target)
	}
	return nil
}
