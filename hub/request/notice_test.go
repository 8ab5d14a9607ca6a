package request

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestNoticesDue is when what is told of, and what rings.
func TestNoticesDue(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	day := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, zone) }
	rec := func(id string, queued time.Time, a Action) Record {
		return Record{ID: id, Agency: "a", State: Waiting, Queued: queued, Rule: &Ruled{Number: 1, Action: a}}
	}
	with := func(r Record, change func(*Record)) Record { change(&r); return r }
	night := []Hours{{22 * 60, 24 * 60}, {0, 7 * 60}}
	for name, c := range map[string]struct {
		quiet []Hours
		rings int
		rang  []time.Time
		now   time.Time
		list  []Record
		tell  string // ids, * rings
		next  time.Time
	}{
		"nothing waits":           {now: day(10, 12, 0), next: day(10, 18, 0)},
		"before the digest":       {now: day(10, 17, 59), list: []Record{rec("x", day(10, 9, 0), Digest)}, next: day(10, 18, 0)},
		"at the digest":           {now: day(10, 18, 0), list: []Record{rec("y", day(10, 10, 0), Digest), rec("x", day(10, 9, 0), RequireTwo)}, tell: "x* y", next: day(11, 18, 0)},
		"after it":                {now: day(10, 18, 1), list: []Record{rec("x", day(10, 18, 0).Add(1), Digest)}, next: day(11, 18, 0)},
		"missed, the hub was off": {now: day(12, 3, 0), list: []Record{rec("x", day(10, 9, 0), Digest)}, tell: "x*", next: day(12, 18, 0)},
		"notify":                  {now: day(10, 9, 0), list: []Record{rec("x", day(10, 9, 0), Notify)}, tell: "x*", next: day(10, 18, 0)},
		"hold":                    {now: day(12, 9, 0), list: []Record{rec("x", day(10, 9, 0), Keep)}, next: day(12, 18, 0)},
		"of an older version":     {now: day(12, 9, 0), list: []Record{{ID: "x", State: Prepared}}, tell: "x*", next: day(12, 18, 0)},
		"told already":            {now: day(12, 9, 0), list: []Record{with(rec("x", day(10, 9, 0), Notify), func(r *Record) { r.Told = day(10, 9, 0) })}, next: day(12, 18, 0)},
		"read already":            {now: day(12, 9, 0), list: []Record{with(rec("x", day(10, 9, 0), Notify), func(r *Record) { r.Shown = day(10, 9, 0) })}, next: day(12, 18, 0)},
		"decided":                 {now: day(12, 9, 0), list: []Record{with(rec("x", day(10, 9, 0), Notify), func(r *Record) { r.State = Declined })}, next: day(12, 18, 0)},
		"quiet":                   {quiet: night, now: day(10, 23, 0), list: []Record{rec("x", day(10, 22, 30), Notify)}, next: day(11, 7, 0)},
		"quiet after midnight":    {quiet: night, now: day(11, 0, 0), list: []Record{rec("x", day(10, 22, 30), Notify)}, next: day(11, 7, 0)},
		"quiet is over": {
			quiet: night, now: day(11, 7, 0), list: []Record{rec("x", day(10, 22, 30), Notify), rec("y", day(10, 23, 0), Notify), rec("z", day(10, 23, 0), Digest)},
			tell: "x* y", next: day(11, 18, 0),
		},
		"digest in quiet hours": {quiet: []Hours{{17 * 60, 20 * 60}}, now: day(10, 18, 0), list: []Record{rec("x", day(10, 9, 0), Digest)}, next: day(10, 20, 0)},
		"digest after them":     {quiet: []Hours{{17 * 60, 20 * 60}}, now: day(10, 20, 0), list: []Record{rec("x", day(10, 9, 0), Digest), rec("y", day(10, 19, 0), Digest)}, tell: "x*", next: day(11, 18, 0)},
		"the cap": {
			rings: 2, now: day(10, 9, 0), list: []Record{rec("x", day(10, 8, 0), Notify), rec("y", day(10, 8, 1), Notify), rec("z", day(10, 8, 2), Notify)},
			tell: "x* y", next: day(10, 18, 0),
		},
		"others ring beside it": {
			rings: 1, rang: []time.Time{day(10, 8, 0)}, now: day(10, 9, 0),
			list: []Record{rec("x", day(10, 9, 0), Notify), with(rec("y", day(10, 9, 0), Notify), func(r *Record) { r.Agency = "b" })}, tell: "y*", next: day(10, 18, 0),
		},
		"the cap waits":       {rings: 1, rang: []time.Time{day(9, 10, 0)}, now: day(10, 9, 0), list: []Record{rec("x", day(10, 9, 0), Notify)}, next: day(10, 10, 0)},
		"the cap ends":        {rings: 1, rang: []time.Time{day(9, 10, 0)}, now: day(10, 10, 0), list: []Record{rec("x", day(10, 9, 0), Notify)}, tell: "x*", next: day(10, 18, 0)},
		"the cap, and digest": {rings: 1, rang: []time.Time{day(10, 10, 0)}, now: day(10, 18, 0), list: []Record{rec("x", day(10, 11, 0), Notify)}, tell: "x*", next: day(11, 18, 0)},
		"three by default":    {rang: []time.Time{day(10, 8, 0), day(10, 8, 1)}, now: day(10, 9, 0), list: []Record{rec("x", day(10, 9, 0), Notify), rec("y", day(10, 9, 0), Notify)}, tell: "x*", next: day(10, 18, 0)},
	} {
		p := Notices{Digest: 18 * 60, Quiet: c.quiet, Rings: c.rings}
		tell, next := p.due(c.list, map[string][]time.Time{"a": c.rang}, c.now)
		var got []string
		for _, n := range tell {
			got = append(got, fmt.Sprint(n.id, map[bool]string{true: "*"}[n.ring]))
		}
		if s := strings.Join(got, " "); s != c.tell || !next.Equal(c.next) {
			t.Errorf("%s: tells %q, looks again %s; want %q and %s", name, s, next, c.tell, c.next)
		}
	}
}

// TestQuietOverSummerTime: a night that ends in the hour that is left out ends all the same.
func TestQuietOverSummerTime(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	p := Notices{Quiet: []Hours{{22 * 60, 150}}} // to 02:30
	now := time.Date(2027, 3, 27, 23, 0, 0, 0, zone)
	end, quiet := p.quietUntil(now)
	if !quiet || end.Sub(now) < 3*time.Hour || end.Sub(now) > 4*time.Hour {
		t.Errorf("%s, %t", end, quiet)
	}
}
