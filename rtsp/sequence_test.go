package rtsp

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSequencer(t *testing.T) {
	long := func(from, n int) (s []int) {
		for i := range n {
			s = append(s, from+i)
		}
		return s
	}
	for _, c := range []struct {
		name string
		in   []int
		want string // delivered; ! is a gap before
	}{
		{"in order", []int{1, 2, 3}, "1 2 3"},
		{"wrap", []int{65534, 65535, 0, 1}, "65534 65535 0 1"},
		{"duplicates", []int{1, 1, 2, 1, 2, 3, 3}, "1 2 3"},
		{"swapped", []int{1, 3, 2, 4}, "1 2 3 4"},
		{"swapped at the wrap", []int{65535, 1, 0, 2}, "65535 0 1 2"},
		{"late by many", []int{1, 3, 4, 5, 3, 6, 2, 7}, "1 2 3 4 5 6 7"},
		{"lost", append([]int{1}, long(3, 18)...), "1 !3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"},
		{
			"lost twice", append(append([]int{1}, long(3, 16)...), long(20, 16)...),
			"1 !3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 !20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35",
		},
		{"one stray", []int{1, 2, 30000, 3, 4}, "1 2 3 4"},
		{"restart", []int{1, 2, 30000, 30001, 30002}, "1 2 !30000 30001 30002"},
		{"restart a little back", []int{50, 51, 20, 21, 22}, "50 51 !20 21 22"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			q := sequencer{deliver: func(p *packet, _ time.Time, gap bool) error {
				mark := ""
				if gap {
					mark = "!"
				}
				got = append(got, fmt.Sprint(mark, p.seq))
				return nil
			}}
			now := time.Now()
			first := map[int]uint32{} // a duplicate has the RTP time of the first
			for i, seq := range c.in {
				ts, ok := first[seq]
				if !ok {
					ts = uint32(i * 10)
					if strings.HasPrefix(c.name, "swapped") || c.name == "late by many" {
						ts = uint32(uint16(seq+10)) * 10
					}
					first[seq] = ts
				}
				q.offer(&packet{seq: uint16(seq), ts: ts}, now)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

// What is held must not share memory with the read buffer.
func TestSequencerCopies(t *testing.T) {
	var got []byte
	q := sequencer{deliver: func(p *packet, _ time.Time, _ bool) error {
		got = append(got, p.payload...)
		return nil
	}}
	b := []byte{1}
	for _, seq := range []uint16{1, 3, 2} {
		b[0] = byte(seq)
		q.offer(&packet{seq: seq, payload: b}, time.Now())
	}
	if string(got) != "\x01\x02\x03" {
		t.Errorf("got %v", got)
	}
}

func TestSequencerGivesUpInTime(t *testing.T) {
	gaps := 0
	q := sequencer{deliver: func(_ *packet, _ time.Time, gap bool) error {
		if gap {
			gaps++
		}
		return nil
	}}
	now := time.Now()
	q.offer(&packet{seq: 1}, now)
	q.offer(&packet{seq: 3}, now)
	q.offer(&packet{seq: 4}, now.Add(holdTime-1))
	if gaps != 0 {
		t.Error("gave up early")
	}
	q.offer(&packet{seq: 5}, now.Add(holdTime))
	if gaps != 1 {
		t.Errorf("%d gaps", gaps)
	}
}
