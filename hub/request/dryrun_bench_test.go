package request_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"gatehouse/hub/request"
)

// BenchmarkDryRun tries rules on 22,335 requests, a year of a large bulletin, of ten agencies on the list.
func BenchmarkDryRun(b *testing.B) {
	h := newHome(b).allowed()
	r := h.arrive(h.request(), request.Waiting)
	rules := []request.Rule{{In30Days: 1000, Category: "arson", Action: request.Hide}, {In30Days: 100, Action: request.Notify}}
	list := make([]request.Rejudged, 22334)
	for i := range list {
		x := r
		x.ID, x.Agency, x.Received = fmt.Sprintf("%06d", i), fmt.Sprintf("agency%d.example", i%10), h.clock.Now().Add(-time.Duration(i)*23*time.Minute)
		q := *r.Request
		q.ID, q.Agency, x.Request, x.Envelope = x.ID, x.Agency, &q, append(r.Envelope[:len(r.Envelope):len(r.Envelope)], x.ID...)
		list[i] = request.Rejudged{Record: x}
	}
	if err := h.house.PutRecords(b.Context(), list); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	var most uint64
	for b.Loop() {
		got, err := h.DryRun(b.Context(), rules)
		if err != nil || got.Requests != 22335 || got.Rules[1].Caught < 20000 {
			b.Fatalf("%v, %+v", err, got.Rules)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	b.ReportMetric(float64(most)/1e6, "MB-heap")
}
