package ledger_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/hub/ledger"
)

func TestReport(t *testing.T) {
	l, _, _ := filled(t, 0)
	new2026 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, e := range []struct {
		at              time.Time
		kind            ledger.Kind
		agency, request string
	}{
		{new2026.Add(-time.Second), ledger.Received, "police.example", "r0"}, // the year before
		{new2026, ledger.Declined, "police.example", "r0"},
		{new2026, ledger.Received, "police.example", "r1"},
		{new2026, ledger.Shown, "police.example", "r1"},
		{new2026, ledger.Approved, "police.example", "r1"},
		{new2026, ledger.Failed, "police.example", "r1"},
		{new2026, ledger.Approved, "police.example", "r1"}, // again
		{new2026, ledger.Sent, "police.example", "r1"},
		{new2026, ledger.Receipt, "police.example", "r1"},
		{new2026, ledger.Received, "fire.example", "r2"},
		{new2026, ledger.Expired, "fire.example", "r2"},
		{new2026, ledger.Received, "fire.example", "r3"},
		{new2026, ledger.Withdrawn, "fire.example", "r3"},
		{new2026, ledger.Received, "=cmd()", "r4"},
		{new2026, ledger.Refused, "forged.example", "r5"},
		{new2026, ledger.HandedOver, "fire.example", "r2"},
		{new2026, ledger.Received, "", "hand-1"},
		{new2026, ledger.Received, "", "hand-2"},
		{new2026, ledger.HandedOver, "", "hand-2"},
		{new2026, ledger.AgencyAdded, "police.example", ""},
		{new2026, ledger.Recordings, "", ""},
		{new2026.AddDate(1, 0, 0), ledger.Received, "police.example", "r6"}, // the year after
	} {
		_, err := l.Append(t.Context(), ledger.Entry{Time: e.at, Kind: e.kind, Agency: e.agency, Request: e.request, Text: "It was."})
		if err != nil {
			t.Fatal(err)
		}
	}
	now := time.Date(2026, 11, 23, 1, 2, 3, 4, time.UTC)
	r, err := l.Report(t.Context(), 2026, now)
	if err != nil {
		t.Fatal(err)
	}
	want := ledger.Report{Year: 2026, Until: now.Truncate(time.Second), Agencies: []ledger.AgencyCount{
		{"(unverified)", ledger.Counts{Received: 2, ByHand: 1}},
		{"=cmd()", ledger.Counts{Received: 1}},
		{"fire.example", ledger.Counts{Received: 2, Expired: 1, Withdrawn: 1, ByHand: 1}},
		{"police.example", ledger.Counts{Received: 1, Shown: 1, Declined: 1, Approved: 1, Sent: 1}},
	}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var b bytes.Buffer
	if err := r.CSV(&b); err != nil {
		t.Fatal(err)
	}
	const csv = "year,agency,received,shown,declined,expired,withdrawn,approved,sent,by hand\n" +
		"2026,(unverified),2,0,0,0,0,0,0,1\n2026,'=cmd(),1,0,0,0,0,0,0,0\n2026,fire.example,2,0,0,1,1,0,0,1\n2026,police.example,1,1,1,0,0,1,1,0\n"
	if diff := cmp.Diff(csv, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sheet, err := r.PDF()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(sheet)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(out)), " ")
	for _, w := range []string{
		"Requests for footage in 2026", "The year 2026 is not over.", "fire.example 2 0 0 1 1 0 0 1", "police.example 1 1 1 0 0 1 1 0", "All 6 1 1 1 1 1 1 2",
	} {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in it:\n%s", w, text)
		}
	}
	empty, err := l.Report(t.Context(), 2031, now)
	if err != nil || len(empty.Agencies) != 0 {
		t.Errorf("%+v, %v", empty, err)
	}
	if _, err := empty.PDF(); err != nil {
		t.Error(err)
	}
}
