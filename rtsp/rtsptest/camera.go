package rtsptest

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// Camera is one stream of the server.
type Camera struct {
	FS   fs.FS  // nil for the operating system's files
	File string // MP4 with H.264, H.265, AV1 or Motion JPEG and, if any, AAC or Opus; may be empty if Tone is set
	Tone string // "pcmu", "pcma", "l8", "l16" or "l24": G.711 or LPCM sound instead of the file's
	Loop bool   // go on from the start at the end; without it the camera falls silent

	User, Pass string // no login if User is empty
	Login      string // "digest" (MD5, the default), "sha256" or "basic"

	Transport string // "tcp" or "udp" if the camera refuses the other (461)
	Payload   int    // bytes of the largest RTP payload; default 1400

	Clock     Clock
	FirstRTP  uint32              // RTP time of the first picture; 0 for a random one
	BareSDP   bool                // no parameter sets in the description
	BareUnits bool                // no parameter sets with the pictures
	EditSDP   func(string) string // changes the description before it is sent
	Status    map[string]int      // answers to methods, as "SETUP": 461
	Second    string              // file that a Switch fault changes to
	Dialog    Dialog
	Faults    []Fault
	Record    int // keep the newest so many access units for Sent
}

// Clock is what a camera's sender reports say. The zero Clock is right and
// reports before the first packet and then every 5 seconds.
type Clock struct {
	None    bool          // no sender reports
	First   time.Duration // until the first report
	Every   time.Duration // between reports; default 5 s
	Offset  time.Duration // error of the clock
	Drift   float64       // growth of the error, in seconds a second
	Instant func(now time.Time) time.Time
	// Instant chooses the instant that a report made now describes; now by default.
	Around func(report []byte) []byte // puts a report into a compound packet
}

// Kind names what a Fault does.
type Kind string

// Kinds of faults.
const (
	Stall      Kind = "stall"       // send nothing, keep the connection open
	Close      Kind = "close"       // close the connection
	HalfClose  Kind = "half-close"  // close this direction of the connection
	NewSSRC    Kind = "new-ssrc"    // the encoder restarts: new SSRC, numbering and RTP times
	Renumber   Kind = "renumber"    // sequence numbers go on elsewhere
	Jump       Kind = "jump"        // RTP times jump By
	Step       Kind = "step"        // the camera's clock jumps By
	Switch     Kind = "switch"      // the video changes to Camera.Second
	Garbage    Kind = "garbage"     // For bytes between two frames that are neither
	Drop       Kind = "drop"        // every third packet of For units is not sent
	DropAudio  Kind = "drop-audio"  // For audio packets are not sent
	Duplicate  Kind = "duplicate"   // every packet of For units is sent twice
	Reorder    Kind = "reorder"     // neighbouring packets of For units change places
	AnnexB     Kind = "annex-b"     // NAL units of a picture are joined by start codes
	NoMarker   Kind = "no-marker"   // no packet has the marker bit
	AllMarkers Kind = "all-markers" // the last packet of each NAL unit has the marker bit
	FUBoth     Kind = "fu-both"     // small NAL units are FU-A with start and end set
	Reset      Kind = "reset"       // reset the connection in the middle of a frame
	Say        Kind = "say"         // send Text between two frames
	Bye        Kind = "bye"         // say goodbye for every source (RTCP), and go on
	Freeze     Kind = "freeze"      // the RTP time of the pictures stands still
	Swell      Kind = "swell"       // pictures carry Size bytes of filler data
	Padding    Kind = "padding"     // packets are padded
	Extension  Kind = "extension"   // packets have a header extension
	Sources    Kind = "sources"     // packets have contributing sources
	Foreign    Kind = "foreign"     // packets of an unknown payload type are numbered with the others
	Stranger   Kind = "stranger"    // packets of an unknown payload type come from another source
	Unasked    Kind = "unasked"     // packets come on a channel that nobody set up
	Malformed  Kind = "malformed"   // frames come that are no RTP packets
	Undefined  Kind = "undefined"   // payloads have a type that is not defined
)

// Fault is one misbehaviour on a connection.
type Fault struct {
	Kind  Kind
	After int           // video units (audio, if there is no video) sent before it strikes
	For   int           // how long it lasts in units, where that has a meaning; 0 is to the end
	By    time.Duration // how far clocks jump
	Size  int           // bytes of a swollen picture's filler
	Text  string        // what is said
	Once  bool          // only on the camera's first connection
}

// holds reports whether the fault acts on the n-th unit of the conn-th connection.
func (f Fault) holds(n, conn int) bool {
	return n >= f.After && (f.For == 0 || n < f.After+f.For) && (!f.Once || conn == 0)
}

// strikes reports whether the fault begins with the n-th unit.
func (f Fault) strikes(n, conn int) bool { return n == f.After && (!f.Once || conn == 0) }

// Sent is an access unit as a camera sent it.
type Sent struct {
	Connection int // counted from 0
	Track      int
	RTP        uint32
	Captured   time.Time // true time of the picture, whatever the camera's clock says
	Data       [][]byte  // NAL units; OBUs with their size; header and scan of a JPEG; one audio frame
	Whole      bool      // every packet of it was sent
}

// Stats counts what a camera did.
type Stats struct {
	Connections int // that asked for the stream to play
	Playing     int
	Units       int64
	Packets     int64
	Bytes       int64
	Reports     int64 // receiver reports about the first track, by UDP
	Lost        int64 // packets that the newest of them calls lost
}

// camera is a Camera being served.
type camera struct {
	Camera
	path   string
	clip   *clip
	second *clip
	tracks []*stream // video first

	mu         sync.Mutex
	redirected int
	epoch      time.Time // time of position 0; set by the first PLAY
	first      uint32    // RTP time of position 0
	stats      Stats
	sent       []Sent
}

// load reads the files of a camera.
func (c *camera) load(read func(fs.FS, string) (*clip, error)) error {
	c.clip = &clip{}
	var err error
	if c.File != "" {
		var file *clip
		if file, err = read(c.FS, c.File); err != nil {
			return fmt.Errorf("loading %s: %w", c.File, err)
		}
		*c.clip = *file
	}
	if c.Tone != "" {
		if c.clip.audio, err = newTone(c.Tone); err != nil {
			return err
		}
	}
	if c.Second != "" {
		if c.second, err = read(c.FS, c.Second); err != nil {
			return fmt.Errorf("loading %s: %w", c.Second, err)
		}
		if c.second.video == nil || c.clip.video == nil || c.second.video.codec != c.clip.video.codec {
			return fmt.Errorf("%s cannot follow %s", c.Second, c.File)
		}
	}
	for _, s := range []*stream{c.clip.video, c.clip.audio} {
		if s != nil {
			c.tracks = append(c.tracks, s)
		}
	}
	if len(c.tracks) == 0 {
		return fmt.Errorf("camera %s has nothing to send", c.path)
	}
	return nil
}

// start counts a connection that plays and returns its number.
func (c *camera) start(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch.IsZero() {
		c.epoch = now
		if c.first = c.FirstRTP; c.first == 0 {
			c.first = randUint32()
		}
	}
	c.stats.Playing++
	c.stats.Connections++
	return c.stats.Connections - 1
}

func (c *camera) stop() {
	c.mu.Lock()
	c.stats.Playing--
	c.mu.Unlock()
}

// note counts, and records, a unit that was sent.
func (c *camera) note(s Sent, packets, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Units++
	c.stats.Packets += int64(packets)
	c.stats.Bytes += int64(bytes)
	if c.Record > 0 {
		if len(c.sent) >= c.Record {
			c.sent = c.sent[:copy(c.sent, c.sent[1:])]
		}
		c.sent = append(c.sent, s)
	}
}

func randUint32() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:])
}
