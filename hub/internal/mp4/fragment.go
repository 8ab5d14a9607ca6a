package mp4

import (
	"time"
)

// Sample is one access unit or audio frame.
type Sample struct {
	Size        uint32
	Duration    uint32 // ticks
	Composition int32  // presentation minus decode time, ticks
	Sync        bool   // decoding can start here
}

// Fragment is prft, moof and mdat of one track.
type Fragment struct {
	Track   int   // position in Tracks
	Offset  int64 // of prft in its file
	Size    int64 // of all three boxes
	Data    int64 // from Offset to the first sample; samples are contiguous
	Number  uint32
	Base    int64     // decode time of the first sample on the run's timeline, ticks
	PTS     int64     // presentation time of the first sample on the run's timeline, ticks
	UTC     time.Time // of PTS, microseconds
	Clock   uint8     // worst quality of UTC in it: a rtsp.ClockQuality
	Samples []Sample
}

// Duration is the sum of the samples' durations in ticks.
func (f *Fragment) Duration() int64 {
	var n int64
	for i := range f.Samples {
		n += int64(f.Samples[i].Duration)
	}
	return n
}

// SampleOffset is where sample i begins in the file.
func (f *Fragment) SampleOffset(i int) int64 {
	at := f.Offset + f.Data
	for _, s := range f.Samples[:i] {
		at += int64(s.Size)
	}
	return at
}

// Sync reports whether decoding can start at the fragment's first sample.
func (f *Fragment) Sync() bool { return len(f.Samples) > 0 && f.Samples[0].Sync }

// Sample flags, ISO/IEC 14496-12 8.8.3.1.
const (
	flagsSync    = 0x02000000 // depends on no other
	flagsNonSync = 0x01010000 // depends on others; not a sync sample
	flagNonSync  = 0x00010000
)

// Flags of tfhd and trun, 8.8.7.1 and 8.8.8.1.
const (
	tfhdDuration = 0x08
	tfhdMoofBase = 0x020000

	trunOffset      = 0x01
	trunFirstFlags  = 0x04
	trunDuration    = 0x100
	trunSize        = 0x200
	trunFlags       = 0x400
	trunComposition = 0x800
)

// prft flags. The low byte is as ISO/IEC 14496-12 8.16.5 has it; bits 16 to 19
// are ours and hold the clock quality, which players ignore.
const (
	prftArbitrary = 8  // the two times correspond at some consistent point
	prftCaptured  = 24 // the reference time is that of capture
	prftQuality   = 16 // shift
)

const prftSize = 32

func (t Track) defaultFlags() uint32 {
	if t.Video {
		return flagsNonSync
	}
	return flagsSync
}

// AppendFragment appends a fragment up to and including the mdat header; the
// caller appends the samples' bytes. Of f it reads Number, Base, PTS, UTC,
// Clock and Samples. Base must not be negative.
func AppendFragment(b []byte, t Track, f *Fragment) []byte {
	kind := uint32(prftArbitrary)
	if f.Clock == 1 {
		kind = prftCaptured
	}
	b = fullBox(b, "prft", 1, uint32(f.Clock&15)<<prftQuality|kind, func(b []byte) []byte {
		return u64(u64(u32(b, t.ID), ntp(f.UTC)), uint64(f.PTS))
	})
	moof := len(b)
	var offsetAt int
	b = box(b, "moof", func(b []byte) []byte {
		b = fullBox(b, "mfhd", 0, 0, func(b []byte) []byte { return u32(b, f.Number) })
		return box(b, "traf", func(b []byte) []byte {
			constant := f.constantDuration()
			flags := uint32(tfhdMoofBase)
			if constant {
				flags |= tfhdDuration
			}
			b = fullBox(b, "tfhd", 0, flags, func(b []byte) []byte {
				b = u32(b, t.ID)
				if constant {
					b = u32(b, f.Samples[0].Duration)
				}
				return b
			})
			b = fullBox(b, "tfdt", 1, 0, func(b []byte) []byte { return u64(b, uint64(f.Base)) })
			b, offsetAt = f.trun(b, t, constant)
			return b
		})
	})
	payload := 8
	for i := range f.Samples {
		payload += int(f.Samples[i].Size)
	}
	copy(b[offsetAt:], u32(nil, uint32(len(b)-moof+8)))
	return append(u32(b, uint32(payload)), "mdat"...)
}

// trun appends the run of samples, and says where its data offset stands.
func (f *Fragment) trun(b []byte, t Track, constant bool) (_ []byte, offsetAt int) {
	flags := uint32(trunOffset | trunSize)
	if !constant {
		flags |= trunDuration
	}
	first, each := f.syncFlags(t)
	if each {
		flags |= trunFlags
	} else if first {
		flags |= trunFirstFlags
	}
	for i := range f.Samples {
		if f.Samples[i].Composition != 0 {
			flags |= trunComposition
			break
		}
	}
	b = fullBox(b, "trun", 1, flags, func(b []byte) []byte {
		b = u32(b, uint32(len(f.Samples)))
		offsetAt = len(b)
		b = u32(b, 0)
		if flags&trunFirstFlags != 0 {
			b = u32(b, sampleFlags(f.Samples[0].Sync))
		}
		for i := range f.Samples {
			s := &f.Samples[i]
			if flags&trunDuration != 0 {
				b = u32(b, s.Duration)
			}
			b = u32(b, s.Size)
			if flags&trunFlags != 0 {
				b = u32(b, sampleFlags(s.Sync))
			}
			if flags&trunComposition != 0 {
				b = u32(b, uint32(s.Composition))
			}
		}
		return b
	})
	return b, offsetAt
}

func sampleFlags(sync bool) uint32 {
	if sync {
		return flagsSync
	}
	return flagsNonSync
}

// syncFlags says whether the first sample, or each one, needs flags of its own
// beside the track's default.
func (f *Fragment) syncFlags(t Track) (first, each bool) {
	for i := range f.Samples {
		if f.Samples[i].Sync == !t.Video {
			continue
		}
		if i > 0 {
			return first, true
		}
		first = true
	}
	return first, false
}

func (f *Fragment) constantDuration() bool {
	for i := range f.Samples {
		if f.Samples[i].Duration != f.Samples[0].Duration {
			return false
		}
	}
	return len(f.Samples) > 0
}

// parseMoof reads the body of a moof that is followed by a mdat of payload
// bytes. The samples must fill the mdat exactly.
func (f *Fragment) parseMoof(body []byte, tracks []Track, payload int64) bool {
	moofSize := int64(len(body)) + 8
	mfhd := cursor{b: find(body, "mfhd")}
	mfhd.versioned()
	f.Number = mfhd.u32()

	traf := find(body, "traf")
	tfhd := cursor{b: find(traf, "tfhd")}
	_, flags := tfhd.versioned()
	id := tfhd.u32()
	if flags&^uint32(tfhdDuration) != tfhdMoofBase || mfhd.bad || tfhd.bad {
		return false
	}
	var duration uint32
	if flags&tfhdDuration != 0 {
		duration = tfhd.u32()
	}
	f.Track = -1
	for i := range tracks {
		if tracks[i].ID == id {
			f.Track = i
		}
	}
	tfdt := cursor{b: find(traf, "tfdt")}
	v, _ := tfdt.versioned()
	f.Base = tfdt.tick()
	if f.Track < 0 || v != 1 || tfhd.bad || tfdt.bad {
		return false
	}
	return f.parseTrun(find(traf, "trun"), tracks[f.Track], duration, moofSize, payload)
}

func (f *Fragment) parseTrun(body []byte, t Track, duration uint32, moofSize, payload int64) bool {
	c := cursor{b: body}
	_, flags := c.versioned()
	n := int64(c.u32())
	offset := c.u32()
	const known = trunOffset | trunFirstFlags | trunDuration | trunSize | trunFlags | trunComposition
	if flags&^uint32(known) != 0 || flags&(trunOffset|trunSize) != trunOffset|trunSize || int64(offset) != moofSize+8 {
		return false
	}
	firstFlags := t.defaultFlags()
	if flags&trunFirstFlags != 0 {
		firstFlags = c.u32()
	}
	// Each sample takes at least the four bytes of its size, which bounds n.
	if c.bad || n == 0 || n > int64(len(c.b)/4) {
		return false
	}
	f.Samples = make([]Sample, n)
	for i := range f.Samples {
		s := &f.Samples[i]
		s.Duration = duration
		if flags&trunDuration != 0 {
			s.Duration = c.u32()
		}
		s.Size = c.u32()
		sf := t.defaultFlags()
		if i == 0 {
			sf = firstFlags
		}
		if flags&trunFlags != 0 {
			sf = c.u32()
		}
		s.Sync = sf&flagNonSync == 0
		if flags&trunComposition != 0 {
			s.Composition = int32(c.u32())
		}
		payload -= int64(s.Size)
	}
	return !c.bad && payload == 0
}

// parsePrft reads the body of a prft.
func (f *Fragment) parsePrft(body []byte) (track uint32, ok bool) {
	c := cursor{b: body}
	v, flags := c.versioned()
	track = c.u32()
	f.UTC = fromNTP(c.u64())
	f.PTS = int64(c.u64())
	f.Clock = uint8(flags >> prftQuality & 15)
	return track, v == 1 && !c.bad && len(c.b) == 0 && f.PTS > -1<<60 && f.PTS < 1<<60
}
