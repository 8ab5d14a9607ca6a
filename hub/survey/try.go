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
	Step  Step
	Cause rtsp.Cause
}

// Error names the step.
func (f *Failure) Error() string { return string(f.Step) + ": " + f.Cause.String() }

// Measured is what came in the time of a trial.
type Measured struct {
	Codec         rtsp.Codec
	Width, Height int
	Sound         rtsp.Codec // empty if there is none
	Kbit          int        // kbit/s
	FPS           float64
	Key           time.Duration // longest time from one key frame to the next
	Open          bool          // the trial ended in that group of pictures: it is longer
	Clock         rtsp.ClockQuality
	Offset        time.Duration // the camera's clock minus this machine's; 0 if it does not tell
	At            time.Time
	Stills        [][]byte // JPEGs of key frames from the trial's begin to its end, at most maxStills
}

// Warnings that a picture to record can deserve.
const (
	WarnKey   = "key"   // key frames are rare: seeking is slow, and a power cut costs more
	WarnH265  = "h265"  // most browsers cannot show it
	WarnMJPEG = "mjpeg" // large for what it shows
	WarnClock = "clock" // the camera's clock is off
)

const (
	slowKey = 4500 * time.Millisecond
	// maxStills key frames of a trial are shown: the camera moves, or the picture is frozen.
	maxStills = 3
	clockOff  = 2 * time.Second
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
	m, keys, err := measure(ctx, r, patience)
	if err == nil {
		st := src.State()
		m.Clock, m.Offset = st.Clock, st.Offset
	}
	cancel()
	if err := errors.Join(err, <-done); err != nil {
		return m, err
	}
	m.Stills = s.stills(context.WithoutCancel(ctx), keys)
	return m, nil
}

// stills makes pictures of key frames; what cannot be decoded is left out, since
// it can be recorded all the same.
func (s *Survey) stills(ctx context.Context, keys []*rtsp.Unit) (list [][]byte) {
	if s.Picture == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for _, u := range keys {
		b, err := s.Picture(ctx, u)
		if err != nil {
			s.Log.Info("a picture of the trial cannot be shown", "err", err)
			continue
		}
		list = append(list, b)
	}
	return list
}

// reach looks the camera's name up and connects, so that what fails has a name.
func reach(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "rtsp" && u.Scheme != "rtsps" {
		return &Failure{StepAddress, rtsp.Cause{Code: "camera-address"}}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"rtsp": "554", "rtsps": "322"}[u.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
	if err != nil || len(ips) == 0 {
		return &Failure{StepName, rtsp.Cause{Code: "camera-name"}}
	}
	var d net.Dialer
	for _, ip := range ips {
		var c net.Conn
		if c, err = d.DialContext(ctx, "tcp", net.JoinHostPort(ip, port)); err == nil {
			return c.Close()
		}
	}
	return &Failure{StepConnect, rtsp.Cause{Code: "camera-unreachable"}}
}

// measure reads until the first unit and then for as long as patience. keys are
// key frames spread over that time.
func measure(ctx context.Context, r *rtsp.Reader, patience time.Duration) (m Measured, keys []*rtsp.Unit, err error) {
	var first, key time.Time
	var bytes, pictures int
	for {
		item, err := r.Next(ctx)
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return m, nil, &Failure{StepPicture, rtsp.Cause{Code: "camera-stalled"}}
		case err != nil:
			return m, nil, err
		case item.Break != nil:
			if f := failureOf(*item.Break); f != nil {
				return m, nil, f
			}
			continue
		case item.Unit == nil:
			continue
		}
		u := item.Unit
		bytes += u.Size()
		if !u.Format.Video() {
			m.Sound = u.Format.Codec
			continue
		}
		if first.IsZero() {
			first, key = u.UTC, u.UTC
			m.Codec, m.Width, m.Height = u.Format.Codec, u.Format.Width, u.Format.Height
		}
		long := u.UTC.Sub(first)
		if u.Random {
			m.Key, key = max(m.Key, u.UTC.Sub(key)), u.UTC
			if len(keys) < maxStills && long >= time.Duration(len(keys))*patience/maxStills {
				keys = append(keys, u)
			}
		}
		pictures++
		if long >= patience {
			if open := u.UTC.Sub(key); open > m.Key {
				m.Key, m.Open = open, true
			}
			m.Kbit = int(float64(bytes) * 8 / 1000 / long.Seconds())
			m.FPS = float64(pictures-1) / long.Seconds()
			m.At = time.Now()
			return m, keys, nil
		}
	}
}

// failureOf is nil for a Break after which pictures go on.
func failureOf(b rtsp.Break) *Failure {
	switch b.Reason {
	case rtsp.ReasonAuth:
		return &Failure{StepLogin, b.Cause}
	case rtsp.ReasonUntrusted:
		return &Failure{StepTrust, b.Cause}
	case rtsp.ReasonNoCodec:
		return &Failure{StepCodec, b.Cause}
	case rtsp.ReasonStalled:
		return &Failure{StepPicture, b.Cause}
	case rtsp.ReasonRefused, rtsp.ReasonClosed, rtsp.ReasonGarbage:
		return &Failure{StepStream, b.Cause}
	}
	return nil
}
