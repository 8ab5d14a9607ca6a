package delivery

import (
	"context"
	"io"
	"os"
	"time"
)

// saveEvery bounds how often progress is stored on the way: each time is a sync of the disk.
const saveEvery = time.Second

// sending is the upload of one attempt, as a target sees it.
type sending struct {
	o       *Outbox
	j       *Job
	a       *attempt
	f       *os.File
	begun   bool // an earlier attempt may have handed over bytes
	saved   time.Time
	unsaved bool
}

// goOn asks, before bytes that an earlier attempt has left, whether the agency
// may still have them. A job that was not begun was looked up just now.
func (s *sending) goOn(ctx context.Context) error {
	if !s.begun {
		return nil
	}
	return s.o.allowed(ctx, *s.j)
}

// begin notes where the bytes will go; the next call of reached stores it.
func (s *sending) begin(where string) {
	if s.j.UploadURL != where {
		s.j.UploadURL, s.saved = where, time.Time{}
	}
}

// reached notes an offset that the receiver has confirmed. The first and the
// last are stored before it returns.
func (s *sending) reached(ctx context.Context, offset int64) error {
	s.j.Offset = offset
	s.o.mu.Lock()
	s.a.offset, s.a.confirmed, s.a.whole = offset, offset, offset == s.j.Bytes
	stopped := s.a.stopped
	s.o.mu.Unlock()
	if stopped {
		return errCancelled
	}
	if s.unsaved = offset < s.j.Bytes && time.Since(s.saved) < saveEvery; s.unsaved {
		return nil
	}
	s.saved = time.Now()
	return s.o.save(ctx, *s.j)
}

// keep stores the progress of an attempt that ends with ctx. What cannot be
// stored is asked of the receiver, or sent again.
func (s *sending) keep(ctx context.Context) {
	if s.unsaved && ctx.Err() != nil {
		_ = s.o.cfg.Store.SaveJob(context.WithoutCancel(ctx), *s.j)
	}
}

// body is n bytes of the file from an offset, to be handed to the network.
func (s *sending) body(offset, n int64) io.Reader {
	return &watched{o: s.o, a: s.a, r: io.NewSectionReader(s.f, offset, n), at: offset, end: s.j.Bytes}
}

// watched is bytes on their way: it keeps the live offset, and lets Cancel and
// the last byte exclude each other.
type watched struct {
	o       *Outbox
	a       *attempt
	r       io.Reader
	at, end int64
}

// Read implements io.Reader.
func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	w.o.mu.Lock()
	defer w.o.mu.Unlock()
	if w.a.stopped {
		return 0, errCancelled
	}
	w.at += int64(n)
	w.a.offset = w.at
	w.a.begun = w.a.begun || n > 0
	w.a.whole = w.at == w.end
	w.a.pace.moved(time.Now(), w.at)
	return n, err
}

// pace is how fast bytes are handed over, in bytes a second: an average in which
// the last few seconds count most.
type pace struct {
	since time.Time
	from  int64
	rate  float64
}

const stalled = 10 * time.Second // without a byte, there is no pace to tell

func (p *pace) moved(now time.Time, at int64) {
	took := now.Sub(p.since)
	if p.since.IsZero() || at < p.from || took > stalled {
		*p = pace{since: now, from: at}
		return
	}
	if took < time.Second {
		return
	}
	rate := float64(at-p.from) / took.Seconds()
	if p.rate > 0 {
		rate = 0.7*p.rate + 0.3*rate
	}
	*p = pace{since: now, from: at, rate: rate}
}

func (p *pace) now(now time.Time) int64 {
	if now.Sub(p.since) > stalled {
		return 0
	}
	return int64(p.rate)
}
