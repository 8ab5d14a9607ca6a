// Package stream sends a camera's pictures and sound to one HomeKit controller
// as it asked for them, by SRTP (HAP R2, chapter 11; RFC 3550, 3711, 6184,
// 7587), and never decodes pictures. Sound that is not Opus goes through ffmpeg
// where there is one.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"golang.org/x/sync/errgroup"

	"gatehouse/rtsp"
)

// Feed is what is shown; *rtsp.Reader is one. Close may be called while Next waits.
type Feed interface {
	Next(ctx context.Context) (rtsp.Item, error)
	Close()
}

// Medium is a session's video or its sound, as both sides have agreed on it.
// Both directions have the same key.
type Medium struct {
	Conn        *net.UDPConn // connected to the controller, so that nobody else is heard; Serve closes it
	Key, Salt   []byte       // of AES_CM_128_HMAC_SHA1_80: KeySize and SaltSize bytes
	SSRC        uint32       // of this side
	PayloadType uint8
	ClockRate   int           // of RTP times, a second
	PacketTime  time.Duration // sound: how much is in a packet
	Packet      int           // largest datagram, in bytes; 0 for the usual
	Report      time.Duration // between sender reports; 0 for the usual
}

// Sizes of an SRTP master key and its salt, in bytes.
const (
	KeySize  = 16
	SaltSize = 14
)

// Config describes a session.
type Config struct {
	Video Medium
	Sound *Medium     // nil for none
	Feed  func() Feed // begins with a picture where decoding can start

	FFmpeg Runner      // makes Opus of the camera's sound; nil for none
	Mute   func(error) // is told once why a camera's sound is not sent; may be nil
}

// Errors of Serve beside that of its context.
var (
	ErrGone  = errors.New("the controller sent no report for too long")
	ErrCodec = errors.New("the camera sends no H.264")
	ErrEnd   = errors.New("the camera is gone for good")
)

var errNoFFmpeg = errors.New("ffmpeg is not installed")

const (
	packetMax   = 1200 // fits every path's MTU; larger wishes are not followed
	packetMin   = 256
	usualReport = 500 * time.Millisecond
	reportMin   = 100 * time.Millisecond
	reportMax   = 5 * time.Second

	knockEvery = 20 * time.Millisecond  // sender reports before the first packet
	knockFor   = 500 * time.Millisecond // then it begins in any case
	goneAfter  = 30 * time.Second

	refreshEvery = time.Second // the group of pictures is sent again at most so often
)

// session is one Serve.
type session struct {
	cfg   Config
	video *outlet
	sound *outlet
	coder *coder       // of the sound, if the camera's is not Opus; used by show
	muted *rtsp.Format // cannot be coded; used by show

	heard   chan struct{} // closed by the first report
	once    sync.Once
	last    atomic.Int64 // time of the newest report, in Unix nanoseconds
	refresh atomic.Bool  // the controller has lost pictures
}

// Serve sends until ctx ends, and returns why it ended; the sockets are closed
// then. The camera may go and come back meanwhile.
func Serve(ctx context.Context, cfg Config) error {
	defer cfg.Video.Conn.Close()
	if cfg.Sound != nil {
		defer cfg.Sound.Conn.Close()
	}
	s := &session{cfg: cfg, heard: make(chan struct{})}
	s.last.Store(time.Now().UnixNano())
	var err error
	if s.video, err = newOutlet(cfg.Video); err != nil {
		return err
	}
	if cfg.Sound != nil {
		if s.sound, err = newOutlet(*cfg.Sound); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { s.each(func(o *outlet) { o.conn.SetReadDeadline(time.Unix(1, 0)) }) })
	defer stop()
	s.each(func(o *outlet) {
		g.Go(func() error { return s.listen(ctx, o) })
	})
	g.Go(func() error { return s.report(ctx) })
	g.Go(func() error { return s.show(ctx) })
	return g.Wait()
}

func (s *session) each(f func(*outlet)) {
	f(s.video)
	if s.sound != nil {
		f(s.sound)
	}
}

// listen reads what the controller sends: reports say that it is there. Whatever
// else arrives, and whatever is not encrypted with its key, is dropped.
func (s *session) listen(ctx context.Context, o *outlet) error {
	in, err := srtp.CreateContext(o.medium.Key, o.medium.Salt, srtp.ProtectionProfileAes128CmHmacSha1_80, srtp.SRTCPReplayProtection(64))
	if err != nil {
		return fmt.Errorf("reading controller's key: %w", err)
	}
	buf, plain := make([]byte, 2048), make([]byte, 0, 2048)
	for {
		n, err := o.conn.Read(buf)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // a port that is closed at the other end; the controller may still come
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(knockEvery):
			}
			continue
		}
		if n < 8 || buf[1] < 192 || buf[1] > 223 { // RTP: the controller's microphone (RFC 5761, 4)
			continue
		}
		b, err := in.DecryptRTCP(plain[:0], buf[:n], nil)
		if err != nil {
			continue
		}
		s.take(b)
	}
}

// take looks at a compound of reports that was authentic.
func (s *session) take(b []byte) {
	s.last.Store(time.Now().UnixNano())
	s.once.Do(func() { close(s.heard) })
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		return
	}
	for _, p := range packets {
		switch p.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			s.refresh.Store(true)
		}
	}
}

// report sends sender reports: quickly until the controller is heard, at its
// interval from then on. It ends the session when the controller falls silent.
func (s *session) report(ctx context.Context) error {
	knock := time.NewTicker(knockEvery)
	defer knock.Stop()
	begun := time.Now()
	for next := begun; ; {
		now := time.Now()
		if now.Sub(time.Unix(0, s.last.Load())) > goneAfter {
			return ErrGone
		}
		early := !s.answered() && now.Sub(begun) < knockFor
		if early || !now.Before(next) {
			s.each(func(o *outlet) { o.report(now) })
			next = now.Add(s.video.medium.Report)
		}
		if !early {
			knock.Reset(reportMin)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-knock.C:
		}
	}
}

func (s *session) answered() bool {
	select {
	case <-s.heard:
		return true
	default:
		return false
	}
}

// show waits until the controller listens and sends the feed.
func (s *session) show(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.heard:
	case <-time.After(knockFor):
	}
	feed := s.cfg.Feed()
	defer func() { feed.Close() }()
	defer s.quiet()
	p := pace{began: s.video.began}
	joined := time.Now()
	s.refresh.Store(false)
	for {
		if now := time.Now(); now.Sub(joined) > refreshEvery && s.refresh.Swap(false) {
			// A camera cannot be asked for a key frame, but the newest is at hand.
			feed.Close()
			feed, joined = s.cfg.Feed(), now
		}
		item, err := feed.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return ErrEnd
		case err != nil:
			return err
		case item.Session != nil:
			if item.Session.Formats[0].Codec != rtsp.H264 {
				return ErrCodec
			}
			p.begin()
		case item.Unit != nil:
			err := s.send(ctx, &p, item.Unit)
			item.Unit.Release() // the outlets copy
			if err != nil {
				return err
			}
		}
	}
}

// send sends one unit at its time.
func (s *session) send(ctx context.Context, p *pace, u *rtsp.Unit) error {
	if !u.Format.Video() {
		at, ok := p.sound(u)
		if s.sound == nil || !ok {
			return nil
		}
		return s.hear(ctx, u, at)
	}
	at, wait := p.picture(u, time.Now())
	if wait > time.Millisecond {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
	return s.video.send(u, at+duration(u.PTS-u.DTS, u.Format.ClockRate))
}

// hear sends sound, through a coder if it is not Opus. Sound that cannot be sent
// is left out: pictures go on.
func (s *session) hear(ctx context.Context, u *rtsp.Unit, at time.Duration) error {
	if s.coder != nil && s.coder.format != u.Format {
		s.quiet()
	}
	if u.Format.Codec == rtsp.Opus {
		return s.sound.sendSound(u.Data[0], at)
	}
	if s.coder == nil && s.muted != u.Format {
		err := errNoFFmpeg
		if s.cfg.FFmpeg != nil {
			s.coder, err = newCoder(ctx, s.cfg.FFmpeg, u.Format, s.sound.medium, func(b []byte, at time.Duration) {
				_ = s.sound.sendSound(b, at) // the pictures' packets tell of a broken session
			}, s.mute)
		}
		if err != nil {
			s.muted = u.Format
			s.mute(err)
		}
	}
	if s.coder != nil {
		s.coder.give(u, at)
	}
	return nil
}

// quiet ends the coder.
func (s *session) quiet() {
	if s.coder != nil {
		s.coder.close()
		s.coder = nil
	}
}

func (s *session) mute(err error) {
	if s.cfg.Mute != nil {
		s.cfg.Mute(err)
	}
}
