package bulletin_test

import (
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

func TestRoundTrip(t *testing.T) {
	now := time.Now()
	a := bulletintest.New(t, now)
	q := a.Request(t, now)
	env := a.Sign(t, q)
	got, err := bulletin.OpenRequest(env, a.VerifiedProfile)
	if err != nil {
		t.Fatal(err)
	}
	if err := bulletin.CheckLimits(got, a.VerifiedProfile, now); err != nil {
		t.Fatal(err)
	}
	t.Log(bulletin.SquareKM(q.Area.Ring))
	l := bulletintest.NewLog(t, 2)
	l.Add(t, bulletin.KindProfile, a.Envelope)
	l.Add(t, bulletin.KindRequest, env)
	p := l.Policy(t)
	n := 0
	if err := bulletin.ReadFile(l.File(t), func(line bulletin.Line) error {
		e, err := p.Verify(line)
		if err != nil {
			t.Error(err)
		}
		if e.Index != int64(n) || e.Size != 2 {
			t.Error(e.Index, e.Size)
		}
		n++
		return nil
	}, func(n int, r *bulletin.Refusal) { t.Error(n, r) }); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	c, err := p.Checkpoint(l.Checkpoint(t))
	if err != nil || time.Since(c.Time) > time.Minute {
		t.Fatal(c, err)
	}
}
