package recording_test

import (
	"context"
	"io"
	"testing"
	"time"

	"gatehouse/hub/recording"
	"gatehouse/rtsp"
)

// loop yields footage again and again on one timeline, n Units in all. Units
// are made from a ring, so that what is counted is the Recorder's.
type loop struct {
	session *rtsp.Session
	units   []*rtsp.Unit
	ring    []rtsp.Unit
	length  time.Duration
	n, next int
}

func (l *loop) Next(context.Context) (rtsp.Item, error) {
	if l.next == 0 {
		l.next++
		return rtsp.Item{Session: l.session}, nil
	}
	if l.next > l.n {
		return rtsp.Item{}, io.EOF
	}
	i := l.next - 1
	l.next++
	u := &l.ring[i%len(l.ring)]
	*u = *l.units[i%len(l.units)]
	d := time.Duration(i/len(l.units)) * l.length
	shift := int64(d.Seconds() * float64(u.Format.ClockRate))
	u.PTS, u.DTS, u.UTC = u.PTS+shift, u.DTS+shift, u.UTC.Add(d)
	return rtsp.Item{Unit: u}, nil
}

// BenchmarkRecorder counts by unit: 15 pictures and 25 packets of sound a
// second, 2 Mbit/s, with segments closed, synced and indexed as in service.
func BenchmarkRecorder(b *testing.B) {
	f := twoSeconds(b)
	for _, u := range f.Units { // fill up to 2 Mbit/s with an SEI
		if u.Format.Video() {
			u.Data = append([][]byte{append([]byte{6, 5}, make([]byte, 16000-min(u.Size(), 15000))...)}, u.Data...)
		}
	}
	s := newStore(b, 1).start(b, recording.OSFiles{})
	size := 0
	for _, u := range f.Units {
		size += u.Size()
	}
	l := &loop{session: f.Session, units: f.Units, ring: make([]rtsp.Unit, 4096), length: 2 * time.Second, n: b.N}
	b.SetBytes(int64(size / len(f.Units)))
	b.ReportAllocs()
	b.ResetTimer()
	if err := s.Recorder("porch", recording.Main, l).Run(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkRoot(b *testing.B) {
	leaves := make([]recording.Hash, 60)
	for b.Loop() {
		recording.Root(leaves)
	}
}
