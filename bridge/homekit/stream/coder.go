package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"gatehouse/rtsp"
)

// Child is a running program that reads In and writes Out. Wait closes In and
// returns how it ended; its context kills it.
type Child struct {
	In   io.WriteCloser
	Out  io.ReadCloser
	Wait func() error
}

// Runner starts ffmpeg with these arguments.
type Runner func(ctx context.Context, args ...string) (Child, error)

const (
	heardMax = 50                     // frames that wait for the coder; later ones are lost
	leap     = 100 * time.Millisecond // sound that comes so much off its time has a new one
	opusRate = "24k"                  // bits a second: speech as iOS asks for it
)

var errSilent = errors.New("ffmpeg ended")

// coder has ffmpeg make Opus of sound that HomeKit does not play. It never makes
// its caller wait.
type coder struct {
	format *rtsp.Format
	each   time.Duration // a packet
	frames chan []byte
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	given time.Duration // sound so far
	leaps []jump        // the newest last; never empty once sound was given
}

// jump says when sound is due: what begins at a position, at that time.
type jump struct{ position, at time.Duration }

// source is how ffmpeg is told of a camera's sound; nil if it cannot be.
func source(f *rtsp.Format) []string {
	raw := func(name string) []string {
		return []string{"-f", name, "-ar", strconv.Itoa(f.SampleRate), "-ac", strconv.Itoa(f.Channels), "-i", "pipe:0"}
	}
	switch {
	case f.Codec == rtsp.AAC && adts(f.Config, 0) != nil:
		return []string{"-f", "aac", "-i", "pipe:0"}
	case f.Codec == rtsp.PCMU:
		return raw("mulaw")
	case f.Codec == rtsp.PCMA:
		return raw("alaw")
	case f.Codec == rtsp.LPCM && f.BitDepth == 16:
		return raw("s16be")
	}
	return nil
}

// adts is the header that lets a frame of AAC stand for itself (ISO/IEC 13818-7,
// 6.2), nil if the configuration is one that it cannot say.
func adts(config []byte, size int) []byte {
	const header = 7
	if len(config) < 2 || size > 1<<13-1-header {
		return nil
	}
	object, rate, channels := config[0]>>3, config[0]&7<<1|config[1]>>7, config[1]>>3&15
	if object < 1 || object > 4 || rate > 12 || channels < 1 || channels > 7 {
		return nil
	}
	n := size + header
	return []byte{
		0xff, 0xf1, (object-1)<<6 | rate<<2 | channels>>2,
		channels<<6 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc,
	}
}

// newCoder starts ffmpeg; out takes its packets, each with its time, until the
// coder is closed or ffmpeg ends, and then failed takes why, unless it was closed.
func newCoder(ctx context.Context, run Runner, f *rtsp.Format, m Medium, out func([]byte, time.Duration), failed func(error)) (*coder, error) {
	in := source(f)
	if in == nil {
		return nil, fmt.Errorf("sound of %s cannot be played", f.Codec)
	}
	each := 20 * time.Millisecond
	if m.PacketTime == 40*time.Millisecond || m.PacketTime == 60*time.Millisecond {
		each = m.PacketTime
	}
	args := append([]string{"-probesize", "32", "-analyzeduration", "0", "-fflags", "nobuffer"}, in...)
	args = append(args,
		"-ac", "1", "-ar", strconv.Itoa(m.ClockRate), "-c:a", "libopus", "-application", "voip", "-b:a", opusRate,
		"-frame_duration", strconv.Itoa(int(each.Milliseconds())),
		"-f", "ogg", "-page_duration", "1", "-flush_packets", "1", "pipe:1")
	ctx, cancel := context.WithCancel(ctx)
	child, err := run(ctx, args...)
	if err != nil {
		cancel()
		return nil, err
	}
	c := &coder{format: f, each: each, frames: make(chan []byte, heardMax), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		var writing sync.WaitGroup
		writing.Go(func() { c.feed(ctx, child.In) })
		err := c.read(child.Out, out)
		closed := ctx.Err() != nil
		cancel()
		writing.Wait()
		err = errors.Join(err, child.Wait())
		if !closed {
			failed(err)
		}
	}()
	return c, nil
}

// close kills ffmpeg and waits for its end.
func (c *coder) close() {
	c.cancel()
	<-c.done
}

// give takes a frame that is due at a time of the session.
func (c *coder) give(u *rtsp.Unit, at time.Duration) {
	var b []byte
	if u.Format.Codec == rtsp.AAC {
		if b = adts(u.Format.Config, u.Size()); b == nil {
			return
		}
	}
	for _, d := range u.Data {
		b = append(b, d...)
	}
	select {
	case c.frames <- b:
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.leaps); n == 0 || (at-c.leaps[n-1].at-(c.given-c.leaps[n-1].position)).Abs() > leap {
		c.leaps = append(c.leaps, jump{c.given, at})
	}
	c.given += duration(u.Ticks(), u.Format.ClockRate)
}

// feed writes what was given.
func (c *coder) feed(ctx context.Context, in io.WriteCloser) {
	defer in.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-c.frames:
			if _, err := in.Write(b); err != nil {
				return
			}
		}
	}
}

// read hands on the packets, after the two of the stream's head (RFC 7845, 3).
func (c *coder) read(src io.Reader, out func([]byte, time.Duration)) error {
	r := oggReader{src: bufio.NewReader(src)}
	for n := -2; ; n++ {
		packet, err := r.next()
		if errors.Is(err, io.EOF) {
			return errSilent
		}
		if err != nil {
			return err
		}
		if n >= 0 {
			out(packet, c.when(time.Duration(n)*c.each))
		}
	}
}

// when is the time of the session that sound of a position is due at.
func (c *coder) when(position time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.leaps) > 1 && c.leaps[1].position <= position {
		c.leaps = c.leaps[1:]
	}
	if len(c.leaps) == 0 {
		return position
	}
	return c.leaps[0].at + position - c.leaps[0].position
}
