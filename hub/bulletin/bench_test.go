package bulletin_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

// published is a log of n requests of one agency, signed by both, with its
// lines as a file brings them.
func published(b testing.TB, n int, at time.Time) (*bulletintest.Agency, *bulletintest.Log, []bulletin.Line) {
	b.Helper()
	a, l := bulletintest.New(b, at), bulletintest.NewLog(b, 3)
	envs := make([][]byte, n)
	bulletin.Each(n, func(i int) { envs[i] = a.Sign(b, a.Request(b, at)) })
	for _, env := range envs {
		l.Add(b, bulletin.KindRequest, env)
	}
	return a, l, l.Lines(b)
}

// judge is all that a line goes through before the owner's own rules.
func judge(p *bulletin.Policy, a *bulletintest.Agency, line bulletin.Line, home bulletin.Point, now time.Time) error {
	e, err := p.Verify(line)
	if err != nil {
		return err
	}
	q, err := bulletin.OpenRequest(e.Envelope, a.VerifiedProfile)
	if err != nil {
		return err
	}
	if err := bulletin.CheckLimits(q, a.VerifiedProfile, now); err != nil {
		return err
	}
	if !bulletin.Contains(q.Area.Ring, home) {
		return fmt.Errorf("request %s does not match", q.ID)
	}
	return nil
}

// processorTime is what this process has used; other processes of a busy machine are not in it.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTenThousand verifies and matches 10,000 requests: log proof, both
// signatures, schema, limits, position in the area. The bar is a second on two
// cores. Beside the time it gives the ratio to verifying 20,000 bare Ed25519
// signatures on the same cores right after, which noise moves less.
func BenchmarkTenThousand(b *testing.B) {
	const n = 10_000
	at := time.Now()
	a, l, lines := published(b, n, at)
	message, key := make([]byte, 3000), bulletintest.Key(b)
	sig, public := ed25519.Sign(key, message), bulletintest.Public(key).Ed25519
	var ours, bare, cpu time.Duration
	errs := make([]error, n)
	b.ResetTimer()
	for range b.N {
		p, start, used := l.Policy(b), time.Now(), processorTime(b)
		bulletin.Each(n, func(i int) { errs[i] = judge(p, a, lines[i], bulletintest.Centre, at) })
		ours += time.Since(start)
		cpu += processorTime(b) - used
		for _, err := range errs {
			if err != nil {
				b.Fatal(err)
			}
		}
		start = time.Now()
		bulletin.Each(2*n, func(int) {
			if !ed25519.Verify(public, message, sig) {
				panic("a good signature does not verify")
			}
		})
		bare += time.Since(start)
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/10000")
	b.ReportMetric(cpu.Seconds()/float64(b.N)/2, "s-of-each-of-2-cores")
	b.ReportMetric(bare.Seconds()/float64(b.N), "s/20000-bare")
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "ratio")
}

func BenchmarkOpenRequest(b *testing.B) {
	a := bulletintest.New(b, now)
	env := a.Sign(b, a.Request(b, now))
	b.ReportAllocs()
	for b.Loop() {
		q, err := bulletin.OpenRequest(env, a.VerifiedProfile)
		if err == nil {
			err = bulletin.CheckLimits(q, a.VerifiedProfile, now)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHourOfTheCountry reads and judges the file of one hour, of the
// whole country at the rate of 2020 (22,335 requests a year): three requests and
// as many profiles. The bar is 20 ms.
func BenchmarkHourOfTheCountry(b *testing.B) {
	at := time.Now()
	a, l := bulletintest.New(b, at), bulletintest.NewLog(b, 3)
	for range 3 {
		l.Add(b, bulletin.KindProfile, a.Envelope)
		l.Add(b, bulletin.KindRequest, a.Sign(b, a.Request(b, at)))
	}
	file := l.File(b)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		p, n := l.Policy(b), 0
		err := bulletin.ReadFile(file, func(line bulletin.Line) error {
			n++
			if line.Kind == bulletin.KindRequest {
				return judge(p, a, line, bulletintest.Centre, at)
			}
			e, err := p.Verify(line)
			if err == nil {
				_, err = bulletin.OpenProfile(e.Envelope)
			}
			return err
		}, nil)
		if err != nil || n != 6 {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkCaseUsage: the most of a case that anybody would look at, 32 areas
// of as many points as there may be, all over each other.
func BenchmarkCaseUsage(b *testing.B) {
	asks := crowded(32)
	for b.Loop() {
		if u := bulletin.CaseUsage(asks); u.SquareKM <= 0 {
			b.Fatal(u)
		}
	}
}

// TestEachKeepsItsPlace: every index once, also with more of them than workers.
func TestEachKeepsItsPlace(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		got := make([]int, n)
		bulletin.Each(n, func(i int) { got[i] += i + 1 })
		for i, v := range got {
			if v != i+1 {
				t.Errorf("%d of %d: %d", i, n, v)
			}
		}
	}
}
