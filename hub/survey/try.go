package survey

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"time"

	"gatehouse/rtsp"
)

// Step is where trying a camera ended.
type Step string

// Steps, in their order.
const (
	StepAddress Step = "address"     // it is no rtsp:// address
	StepName    Step = "name"        // its name has no address
	StepConnect Step = "connect"     // nobody answers there
	StepTrust   Step = "certificate" // its certificate is not trusted
	StepLogin   Step = "login"       // it does not take the login
	StepStream  Step = "stream"      // it refuses or does not know the stream
	StepCodec   Step = "codec"       // nothing in it can be stored
	StepPicture Step = "picture"     // it connects and sends no picture
)

// Failure is a stream that did not come.
type Failure struct {
	Step   Step
	Detail string // a sentence that quotes nothing of the camera's
}

// Error names the step.
func (f *Failure) Error() string { return string(f.Step) + ": " + f.Detail }

// Measured is what came in the time of a trial.
type Measured struct {
	Codec         rtsp.Codec
	Width, Height int
	Sound         rtsp.Codec // empty if there is none
	Kbit          int        // kbit/s
	FPS           float64
	Key           time.Duration // longest time from one key frame to the next; the time of the trial if fewer than two came
	Clock         rtsp.ClockQuality
	Offset        time.Duration // the camera's clock minus this machine's; 0 if it does not tell
	At            time.Time
}

// Warnings that a picture to record can deserve.
const (
	WarnKey   = "key"   // key frames are rare: seeking is slow, and a power cut costs more
	WarnH265  = "h265"  // most browsers cannot show it
	WarnMJPEG = "mjpeg" // large for what it shows
	WarnClock = "clock" // the camera's clock is off
)

const (
	slowKey  = 4500 * time.Millisecond
	clockOff = 2 * time.Second
)

// Warnings are what the owner should know of the picture, by the names above.
func (m Measured) Warnings() (list []string) {
	if m.Key > slowKey {
		list = append(list, WarnKey)
	}
	switch m.Codec {
	case rtsp.H265:
		list = append(list, WarnH265)
	case rtsp.MJPEG:
		list = append(list, WarnMJPEG)
	}
	if m.Clock == rtsp.ClockSuspect || m.Offset.Abs() > clockOff {
		list = append(list, WarnClock)
	}
	return list
}

// Try reads a stream for the survey's patience and measures what comes. Its
// error is *Failure, or ctx's.
func (s *Survey) Try(ctx context.Context, cfg rtsp.Config) (Measured, error) {
	patience := s.Patience
	if patience <= 0 {
		patience = 10 * time.Second
	}
	if err := reach(ctx, cfg.URL); err != nil {
		return Measured{}, err
	}
	cfg.Log, cfg.Stall = slog.New(slog.DiscardHandler), patience
	src := rtsp.NewSource(cfg)
	r := src.Reader(8 << 20)
	defer r.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*patience+5*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- src.Run(ctx) }()
	m, err := measure(ctx, r, patience)
	if err == nil {
		st := src.State()
		m.Clock, m.Offset = st.Clock, st.Offset
	}
	cancel()
	return m, errors.Join(err, <-done)
}

// reach looks the camera's name up and connects, so that what fails has a name.
func reach(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "rtsp" && u.Scheme != "rtsps" {
		return &Failure{StepAddress, "The address does not begin with rtsp:// or rtsps://."}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"rtsp": "554", "rtsps": "322"}[u.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
	if err != nil || len(ips) == 0 {
		return &Failure{StepName, "The camera's name cannot be resolved."}
	}
	var d net.Dialer
	for _, ip := range ips {
		var c net.Conn
		if c, err = d.DialContext(ctx, "tcp", net.JoinHostPort(ip, port)); err == nil {
			return c.Close()
		}
	}
	return &Failure{StepConnect, "The camera cannot be reached."}
}

// measure reads until the first unit and then for as long as patience.
func measure(ctx context.Context, r *rtsp.Reader, patience time.Duration) (Measured, error) {
	var m Measured
	var first, key time.Time
	var bytes, pictures int
	for {
		item, err := r.Next(ctx)
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return m, &Failure{StepPicture, "The camera stays connected but sends no pictures."}
		case err != nil:
			return m, err
		case item.Break != nil:
			if f := failureOf(*item.Break); f != nil {
				return m, f
			}
			continue
		case item.Unit == nil:
			continue
		}
		u := item.Unit
		if !u.Format.Video() {
			m.Sound = u.Format.Codec
			bytes += u.Size()
			continue
		}
		if first.IsZero() {
			first, key = u.UTC, u.UTC
			m.Codec, m.Width, m.Height = u.Format.Codec, u.Format.Width, u.Format.Height
		}
		if u.Random {
			m.Key, key = max(m.Key, u.UTC.Sub(key)), u.UTC
		}
		bytes += u.Size()
		pictures++
		if long := u.UTC.Sub(first); long >= patience {
			m.Key = max(m.Key, u.UTC.Sub(key))
			m.Kbit = int(float64(bytes) * 8 / 1000 / long.Seconds())
			m.FPS = float64(pictures-1) / long.Seconds()
			m.At = time.Now()
			return m, nil
		}
	}
}

// failureOf is nil for a Break after which pictures go on.
func failureOf(b rtsp.Break) *Failure {
	switch b.Reason {
	case rtsp.ReasonAuth:
		return &Failure{StepLogin, b.Detail}
	case rtsp.ReasonUntrusted:
		return &Failure{StepTrust, b.Detail}
	case rtsp.ReasonNoCodec:
		return &Failure{StepCodec, b.Detail}
	case rtsp.ReasonStalled:
		return &Failure{StepPicture, b.Detail}
	case rtsp.ReasonRefused, rtsp.ReasonClosed, rtsp.ReasonGarbage:
		return &Failure{StepStream, b.Detail}
	}
	return nil
}
