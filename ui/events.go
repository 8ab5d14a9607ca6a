package ui

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"sync"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/delivery"
	"gatehouse/hub/request"
)

const (
	tickEvery   = time.Second
	askSession  = 10   // ticks between looks at whether the session still stands
	maxStreams  = 64   // of ticks, over all browsers and consoles of a hub
	mostWaiting = 9999 // that the count in a tick can say
)

// pulse is what open pages are told each second: for each topic a number that
// changes when a page about it would. A tick has the same length whatever
// happens, and the next one comes no sooner for it: whoever watches the line of
// an open page learns nothing of requests.
type pulse struct {
	over <-chan struct{} // closes when another console has taken the place of this one

	mu     sync.Mutex // guards the rest
	at     time.Time
	shared beat
}

// streams counts the streams of ticks that a hub's browsers hold. When its console
// is dressed anew, those of the console before end, and their pages come back to
// one that knows the cameras of now.
type streams struct {
	mu   sync.Mutex // guards the rest
	open int
	over chan struct{} // of the newest console
}

// succeed ends the streams of the console before, and returns what ends those of
// the one that takes its place.
func (s *streams) succeed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		close(s.over)
	}
	s.over = make(chan struct{})
	return s.over
}

func (s *streams) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= maxStreams {
		return false
	}
	s.open++
	return true
}

func (s *streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// beat is the part of a tick that is the same for every page.
type beat struct {
	live, requests, delivery uint32
	waiting                  int
}

// events is the one stream of a page. ?request= adds that request as a topic.
func (c *console) events(w http.ResponseWriter, r *http.Request) {
	if !c.cfg.Memory.streams.enter() {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer c.cfg.Memory.streams.leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // the server's is for reading a request, which is over
	defer rc.SetWriteDeadline(time.Time{})
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	var who account.Person
	for n := 0; ; n++ {
		if n%askSession == 0 {
			l, ok, err := c.login(r)
			if err != nil || !ok {
				return // the page asks again, and is sent to log-in
			}
			who = l.Person
		}
		line, err := c.tick(r.Context(), who, r.FormValue("request"))
		if err != nil {
			return // the browser comes back by itself
		}
		_ = rc.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := w.Write(line); err != nil || rc.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ending(r.Context()):
			return
		case <-c.pulse.over:
			return // the page comes back by itself
		case <-t.C:
		}
	}
}

// tick is one message. Its members have fixed widths. Who may not decide hears
// nothing of requests.
func (c *console) tick(ctx context.Context, who account.Person, id string) ([]byte, error) {
	b, err := c.beat(ctx)
	if err != nil {
		return nil, err
	}
	if !who.Decides() {
		b = beat{live: b.live}
	}
	var one uint32
	if id != "" && who.Decides() {
		rec, err := c.cfg.Requests.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		one = requestVersion(rec)
	}
	return fmt.Appendf(nil, "data: {\"live\":\"%08x\",\"requests\":\"%08x\",\"request\":\"%08x\",\"delivery\":\"%08x\",\"waiting\":\"%04d\"}\n\n",
		b.live, b.requests, one, b.delivery, min(b.waiting, mostWaiting)), nil
}

// beat looks once for all streams of a moment.
func (c *console) beat(ctx context.Context) (beat, error) {
	p := c.pulse
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.at.IsZero() && now.Sub(p.at) < tickEvery/2 {
		return p.shared, nil
	}
	counts, err := c.cfg.Requests.Counts(ctx)
	if err != nil {
		return beat{}, err
	}
	jobs, err := c.cfg.Outbox.Jobs(ctx)
	if err != nil {
		return beat{}, err
	}
	status, err := c.cfg.Archive.Status(ctx)
	if err != nil {
		return beat{}, err
	}
	// fmt prints maps in the order of their keys.
	b := beat{waiting: counts[request.Waiting] + counts[request.Prepared], requests: digest(counts)}
	for _, j := range jobs {
		if j.State == delivery.Cooling {
			b.delivery = digest(b.delivery, c.cfg.Now().Unix()) // its page counts down
		}
		b.delivery = digest(b.delivery, j.ID, j.State, j.Offset, j.Rate, j.NextTry.Unix(), j.Error, len(j.Receipt), j.Finished.Unix())
	}
	for _, cam := range c.cfg.Cameras {
		st := cam.State()
		b.live = digest(b.live, cam.Name, st.Phase, st.Reason, st.Cause.String(), st.Since.Unix(), lastDurable(status, cam.Name).Unix()/5)
	}
	p.at, p.shared = now, b
	return b, nil
}

// requestVersion changes when a request's page would.
func requestVersion(rec request.Record) uint32 {
	sealed := ""
	if rec.Package != nil {
		sealed = rec.Package.Digest
	}
	return digest(rec.State, rec.Revision, rec.Code, rec.Ended, sealed, len(rec.Approvals), rec.Left != nil, rec.HeldUntil.Unix(), rec.HoldRefused, rec.Disposed)
}

// version is a topic's number as a page carries it.
func version(n uint32) string { return fmt.Sprintf("%08x", n) }

func digest(parts ...any) uint32 {
	h := fnv.New32a()
	for _, p := range parts {
		fmt.Fprintf(h, "%v\x00", p)
	}
	return h.Sum32()
}

// endingKey is where a server's connections find the channel that closes when
// it shuts down: a stream without end would hold it up.
type endingKey struct{}

func ending(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(endingKey{}).(<-chan struct{})
	return c // nil, which never closes, without such a server
}
