package mp4

import (
	"testing"
	"time"
)

func TestNTPKeepsMicroseconds(t *testing.T) {
	for _, start := range []time.Time{
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 11, 21, 21, 0, 3, 999999000, time.UTC),
		time.Date(2036, 2, 7, 6, 28, 15, 999998000, time.UTC), // the era ends 2 µs later
		time.Date(2099, 1, 1, 0, 0, 0, 1000, time.UTC),
	} {
		for i := range 5000 {
			want := start.Add(time.Duration(i) * 7 * time.Microsecond)
			if got := fromNTP(ntp(want)); !got.Equal(want) {
				t.Fatalf("%v became %v", want, got)
			}
		}
	}
	if got := ntp(time.Unix(0, 5e8)); got != 2208988800<<32|1<<31 {
		t.Errorf("half a second after 1970 is %#x", got)
	}
}

func TestRescaleRounds(t *testing.T) {
	for _, c := range []struct {
		v        int64
		from, to uint32
		want     int64
	}{
		{90000, 90000, 8000, 8000},
		{-45000, 90000, 8000, -4000},
		{1, 90000, 8000, 0},
		{6, 90000, 8000, 1},
		{-1, 90000, 8000, 0},
		{1 << 60, 90000, 90000, 1 << 60},
		{1 << 50, 48000, 90000, 1<<50/8*15 + 0},
	} {
		if got := rescale(c.v, c.from, c.to); got != c.want {
			t.Errorf("%d of %d in %d: %d, want %d", c.v, c.from, c.to, got, c.want)
		}
	}
}
