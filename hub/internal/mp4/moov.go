package mp4

import (
	"time"
)

// unity is the identity matrix of ISO/IEC 14496-12 6.2.2.
var unity = [9]uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000}

func matrix(b []byte) []byte {
	for _, v := range unity {
		b = u32(b, v)
	}
	return b
}

func mvhd(b []byte, created time.Time, scale uint32, duration uint64, tracks []Track) []byte {
	return fullBox(b, "mvhd", 1, 0, func(b []byte) []byte {
		b = u64(u64(b, macTime(created)), macTime(created))
		b = u64(u32(b, scale), duration)
		b = u16(u32(b, 0x10000), 0x100) // rate and volume 1
		b = matrix(zeros(b, 10))
		next := uint32(1)
		for _, t := range tracks {
			next = max(next, t.ID+1)
		}
		return u32(zeros(b, 24), next)
	})
}

// trak appends a track; without a table it is one whose samples are in fragments.
func (t Track) trak(b []byte, created time.Time, tab *table) []byte {
	var movie, media uint64
	if tab != nil {
		movie, media = tab.movieDuration, uint64(tab.duration)
	}
	return box(b, "trak", func(b []byte) []byte {
		b = fullBox(b, "tkhd", 1, 3, func(b []byte) []byte { // enabled, in movie
			b = u64(u64(b, macTime(created)), macTime(created))
			b = u64(u32(u32(b, t.ID), 0), movie)
			b = zeros(b, 12)
			volume := uint16(0x100)
			if t.Video {
				volume = 0
			}
			b = matrix(u16(u16(b, volume), 0))
			return u32(u32(b, uint32(t.Width)<<16), uint32(t.Height)<<16)
		})
		if tab != nil {
			b = tab.edts(b)
		}
		return box(b, "mdia", func(b []byte) []byte {
			b = fullBox(b, "mdhd", 1, 0, func(b []byte) []byte {
				b = u64(u64(b, macTime(created)), macTime(created))
				b = u64(u32(b, t.Timescale), media)
				return u16(u16(b, 0x55c4), 0) // language undetermined
			})
			return t.minf(t.hdlr(b), tab)
		})
	})
}

func (t Track) hdlr(b []byte) []byte {
	kind, name := "soun", "audio\x00"
	if t.Video {
		kind, name = "vide", "video\x00"
	}
	return fullBox(b, "hdlr", 0, 0, func(b []byte) []byte {
		b = append(u32(b, 0), kind...)
		return append(zeros(b, 12), name...)
	})
}

func (t Track) minf(b []byte, tab *table) []byte {
	return box(b, "minf", func(b []byte) []byte {
		if t.Video {
			b = fullBox(b, "vmhd", 0, 1, func(b []byte) []byte { return zeros(b, 8) })
		} else {
			b = fullBox(b, "smhd", 0, 0, func(b []byte) []byte { return zeros(b, 4) })
		}
		b = box(b, "dinf", func(b []byte) []byte {
			return fullBox(b, "dref", 0, 0, func(b []byte) []byte {
				return fullBox(u32(b, 1), "url ", 0, 1, func(b []byte) []byte { return b }) // this file
			})
		})
		return box(b, "stbl", func(b []byte) []byte {
			b = fullBox(b, "stsd", 0, 0, func(b []byte) []byte { return append(u32(b, 1), t.Entry...) })
			if tab == nil {
				tab = &table{}
			}
			return tab.stbl(b)
		})
	})
}

// edts is the edit list: an empty edit if the track begins late, then the media.
func (t *table) edts(b []byte) []byte {
	return box(b, "edts", func(b []byte) []byte {
		return fullBox(b, "elst", 1, 0, func(b []byte) []byte {
			const rate = 0x10000
			if t.empty == 0 {
				return u32(u64(u64(u32(b, 1), t.shown), uint64(t.media)), rate)
			}
			b = u32(u64(u64(u32(b, 2), t.empty), ^uint64(0)), rate)
			return u32(u64(u64(b, t.shown), uint64(t.media)), rate)
		})
	})
}

// stbl appends the sample tables, ISO/IEC 14496-12 8.6 and 8.7.
func (t *table) stbl(b []byte) []byte {
	b = fullBox(b, "stts", 0, 0, func(b []byte) []byte { return runs(b, t.stts) })
	if t.shifted {
		version := uint8(0)
		if t.negative {
			version = 1
		}
		b = fullBox(b, "ctts", version, 0, func(b []byte) []byte { return runs(b, t.ctts) })
	}
	if len(t.stss) < len(t.sizes) {
		b = fullBox(b, "stss", 0, 0, func(b []byte) []byte {
			b = u32(b, uint32(len(t.stss)))
			for _, v := range t.stss {
				b = u32(b, v)
			}
			return b
		})
	}
	b = fullBox(b, "stsc", 0, 0, t.stsc)
	b = fullBox(b, "stsz", 0, 0, func(b []byte) []byte {
		b = u32(u32(b, 0), uint32(len(t.sizes)))
		for _, v := range t.sizes {
			b = u32(b, v)
		}
		return b
	})
	return fullBox(b, "co64", 0, 0, func(b []byte) []byte {
		b = u32(b, uint32(len(t.chunks)))
		for _, v := range t.chunks {
			b = u64(b, uint64(v))
		}
		return b
	})
}

func runs(b []byte, r []run) []byte {
	b = u32(b, uint32(len(r)))
	for _, v := range r {
		b = u32(u32(b, v.count), v.value)
	}
	return b
}

func (t *table) stsc(b []byte) []byte {
	at, n := len(b), uint32(0)
	b = u32(b, 0)
	for i, v := range t.perChunk {
		if i > 0 && t.perChunk[i-1] == v {
			continue
		}
		b = u32(u32(u32(b, uint32(i+1)), v), 1)
		n++
	}
	copy(b[at:], u32(nil, n))
	return b
}
