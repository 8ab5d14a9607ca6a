package ui

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/delivery"
	"gatehouse/hub/evidence"
	"gatehouse/hub/finding"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
	"gatehouse/hub/request"
	"gatehouse/hub/survey"
	"gatehouse/rtsp"
)

// The fixture home: two cameras at Lakeside, one request that waits, and one
// of every other kind. Its clock starts at a fixed moment.
var (
	fixtureNow  = time.Date(2026, 11, 22, 20, 30, 0, 0, time.UTC)
	fixtureZone = mustZone("America/Los_Angeles")
)

const (
	fixturePass       = "correct horse battery"
	fixtureToken      = "fixture-session"
	waitingID         = "01936f2a-7c00-7000-8000-000000000001"
	preparedID        = "01936f2a-7c00-7000-8000-000000000002"
	coolingID         = "01936f2a-7c00-7000-8000-000000000003"
	sentID            = "01936f2a-7c00-7000-8000-000000000004"
	handedID          = "01936f2a-7c00-7000-8000-000000000008"
	manualID          = "hand-7q3mk2xd9fhtw4rc"
	fixtureManualLink = "https://lakeside.evidence.example/request/9f2c71"
	readyID           = "hand-2k8vn5rtj6ycb3ge"
)

func mustZone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}

// house is a whole home made of fakes.
type house struct {
	requests *fakeRequests
	outbox   *fakeOutbox
	archive  *fakeArchive
	ledger   *fakeLedger
	shelf    *shelf
	keeps    Keeps // over the shelf
	accounts *accounts
	clips    *fakeClips
	whep     WHEP // nil for a browser, which it could show nothing
	motions  *fakeMotions
	cameras  []string // beside the two
	bare     bool     // without the two
	labels   map[string]string
	now      func() time.Time
	homekit  *fakeHomeKit
	lock     bool     // of the Home app may approve
	off      bool     // the network
	waits    []string // settings for the next start
	starts   int      // that the owner asked for
	saved    []string
	step     fakeFirstRun
	problems []finding.Finding
	stores   []recording.DiskStatus // those of fixtureStores if nil
	cause    rtsp.Cause             // why the second camera is offline, if it is
	failure  *survey.Failure        // of a camera that is tried
}

func newHouse() *house {
	h := &house{now: func() time.Time { return fixtureNow }}
	h.outbox = &fakeOutbox{now: func() time.Time { return h.now() }, jobs: fixtureJobs()}
	h.requests = &fakeRequests{outbox: h.outbox, records: fixtureRecords(), allowed: fixtureAllowed(), known: fixtureKnown()}
	h.archive = &fakeArchive{now: func() time.Time { return h.now() }}
	h.ledger = &fakeLedger{entries: fixtureEntries()}
	h.shelf = &shelf{list: fixtureKept(), ledger: h.ledger}
	h.accounts = newAccounts(func() time.Time { return h.now() }, true)
	h.clips = &fakeClips{now: func() time.Time { return h.now() }, archive: h.archive}
	h.motions = &fakeMotions{perDay: 120, now: func() time.Time { return h.now() }}
	h.homekit = newFakeHomeKit(func() time.Time { return h.now() })
	h.requests.clips = h.clips
	h.keeps = h.newKeeps()
	return h
}

func (h *house) config() Config {
	cfg := Config{
		Requests: h.requests, Outbox: h.outbox, Clips: h.clips, WHEP: h.whep, HLS: &fakeHLS{h.clips}, Archive: h.archive, Keeps: h.keeps, Motions: h.motions,
		Ledger: h.ledger, LedgerKey: "gatehouse.example/ledger+1c0ffee5+AZ7tdyR0Zx", Accounts: h.accounts,
		Cameras: []Camera{
			{Name: "Front door", State: func() rtsp.State { return liveState(h.now()) }},
			{Name: "Driveway", State: func() rtsp.State {
				st := liveState(h.now())
				if h.archive.broken || h.cause.Code != "" {
					st = rtsp.State{Phase: rtsp.PhaseOffline, Reason: rtsp.ReasonAuth, Since: fixtureNow.Add(-time.Hour), Cause: rtsp.Cause{Code: "camera-login"}}
					if h.cause.Code != "" {
						st.Cause = h.cause
					}
				}
				return st
			}},
		},
		Home:    Home{Name: "Lakeside house", Position: bulletin.Point{Lat: 47.6121, Lon: -122.2031}, TimeZone: fixtureZone},
		Rules:   h.rules(),
		Network: Network{On: func() bool { return !h.off }, Switch: func(on bool) error { h.off = !on; return nil }},
		Restart: Restart{
			Waiting: func() []string { return h.waits }, Begin: func() { h.starts++ },
			Started: fixtureNow.Add(-26 * time.Hour),
		},
		HomeKit:   h.homekit,
		Lock:      h.lock,
		Trust:     Trust{Root: []byte("root"), Fingerprint: "5ce1eb40c4f4b1a2fd9d7d0aaf3c21f8c7dd2a6c1f1f0d6b0f8f0d7a3b9e4c21"},
		HubKey:    fixtureRoot(0x44),
		SetupCode: "4821-7730",
		Settings:  fakeSettings{}, Survey: fakeSurvey{h.failure}, FirstRun: &h.step, Disks: fixtureDisks, Stores: h.disks,
		Problems:     func() []finding.Finding { return h.problems },
		AllowedHosts: []string{"hub.example"},
		Log:          slog.New(slog.DiscardHandler),
		Now:          func() time.Time { return h.now() },
	}
	if h.bare {
		cfg.Cameras = nil
	}
	for _, name := range h.cameras {
		cfg.Cameras = append(cfg.Cameras, Camera{Name: name, State: func() rtsp.State { return liveState(h.now()) }})
	}
	for i, cam := range cfg.Cameras {
		cfg.Cameras[i].Label = h.labels[cam.Name]
	}
	return cfg
}

// many makes a home of 64 cameras, with names that people do give.
func (h *house) many() {
	h.cameras = []string{"كاميرا الباب الأمامي", "🐓 hens 🐔", "Workshop", longName}
	for i := len(h.cameras) + 2; i < 64; i++ {
		h.cameras = append(h.cameras, fmt.Sprintf("Hall %d", i))
	}
	h.clips.hevc = map[string]bool{"Workshop": true}
	h.motions.perDay = 2000
	h.archive.gone, h.archive.empty = "Old garage", "Hall 9"
}

// called makes a home whose cameras people call what they like.
func (h *house) called() {
	h.cameras = []string{"yard", "camera-4", "camera-5"}
	h.labels = map[string]string{
		"Front door": "مدخل البيت الأمامي", "Driveway": "Einfahrt Süd 🚗", "yard": "👩🏽‍🌾 & 🐓🐓🐓",
		"camera-4": "The back door, the bins, the bicycle shed and a bit of the hedge", "camera-5": strings.Repeat("Wm", 32),
	}
}

const longName = "The camera above the back door that looks over the bins, the bicycle shed and a corner of the neighbours' hedge"

func (h *house) disks(ctx context.Context) ([]recording.DiskStatus, error) {
	if h.stores != nil {
		return h.stores, nil
	}
	return fixtureStores(ctx)
}

func (h *house) handler(t testing.TB) http.Handler {
	t.Helper()
	return New(h.config())
}

func liveState(now time.Time) rtsp.State {
	return rtsp.State{
		Phase: rtsp.PhaseLive, Since: now.Add(-26 * time.Hour), Clock: rtsp.ClockReport, Offset: 12 * time.Millisecond,
		Formats: []*rtsp.Format{{Codec: rtsp.H264, Width: 1920, Height: 1080}},
	}
}

func fixtureRequest(id string) *bulletin.Request {
	from := time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	return &bulletin.Request{
		Type: "gatehouse.request/v1", ID: id, Revision: 1, Status: bulletin.StatusOpen, Agency: "police.lakeside.example",
		Case: bulletin.Case{Number: "2026-118834", OpenedOn: "2026-11-21", State: "active"},
		Incident: bulletin.Incident{
			Category: "hit_and_run", Headline: "Cyclist injured on Alder Street",
			Occurred: bulletin.Window{From: from.Add(20 * time.Minute), To: from.Add(25 * time.Minute)},
			Summary:  "A cyclist was struck at the corner of Alder Street and 4th Avenue. The driver left towards the lake. We look for a dark estate car with damage at the front right.",
			NotRelatedTo: []string{
				"protest", "immigration", "reproductive_health", "gender_care", "journalism", "religion",
			},
		},
		Window: bulletin.Window{From: from, To: from.Add(45 * time.Minute)},
		Area: bulletin.Area{
			Description: "Alder Street between 2nd and 6th Avenue",
			Ring: []bulletin.Point{
				{Lat: 47.6100, Lon: -122.2070},
				{Lat: 47.6102, Lon: -122.1985},
				{Lat: 47.6131, Lon: -122.1978},
				{Lat: 47.6142, Lon: -122.2022},
				{Lat: 47.6133, Lon: -122.2068},
				{Lat: 47.6100, Lon: -122.2070},
			},
		},
		Cameras: "exterior", Basis: "voluntary",
		AuthorisedBy: bulletin.Authorised{
			Officer:    bulletin.Officer{Name: "J. Okafor", Badge: "4417", Unit: "Traffic unit", Phone: "+1 425 555 0142"},
			Supervisor: bulletin.Officer{Name: "M. Reyes", Badge: "2203"},
		},
		IssuedAt: fixtureNow.Add(-5 * time.Hour), ExpiresAt: fixtureNow.Add(6*24*time.Hour + 3*time.Hour),
		Handling: bulletin.Handling{
			RetentionDays: 365, UnusedDeleteDays: 30, Onward: true, OnwardTo: []string{"King County Prosecutor"},
			DeletionContact: "records@police.lakeside.example",
		},
	}
}

func fixtureRecord(id string, state request.State) request.Record {
	q := fixtureRequest(id)
	return request.Record{
		ID: id, Revision: 1, Agency: q.Agency, AgencyName: "Lakeside Police", CallBack: "+1 425 555 0100",
		State: state, Source: "bulletin.example", Received: fixtureNow.Add(-4 * time.Hour), Updated: fixtureNow.Add(-4 * time.Hour),
		Request: q, AreaKM2: 0.21, HeldUntil: q.ExpiresAt.Add(7 * 24 * time.Hour),
		Matches: []request.Match{
			{Camera: "Front door", From: q.Window.From, To: q.Window.To, Recorded: 2700},
			{Camera: "Driveway", From: q.Window.From, To: q.Window.To, Recorded: 2508},
		},
	}
}

// fixtureManual is a request that the owner entered.
func fixtureManual(id string, state request.State) request.Record {
	r := fixtureRecord(id, state)
	m := request.Manual{
		Who: "Officer Ruiz, Lakeside Police", Reference: "24-11873", Place: "Alder Street and 4th Avenue", Way: request.ByPortal,
		Text: "Good afternoon,\nwe look into a crash of Saturday and would be glad of video from your house.\nPlease upload it with the link.",
		Link: fixtureManualLink, Window: r.Request.Window, AnswerBy: r.Request.ExpiresAt, Entered: r.Received,
	}
	r.Agency, r.AgencyName, r.CallBack, r.Source, r.Request, r.Manual = "", "", "", "you", nil, &m
	r.AreaKM2 = 0
	return r
}

func fixturePackage(clips []evidence.Selection) *evidence.Package {
	p := &evidence.Package{
		ID: "GH-7Q3M-K2XD", Digest: fixtureRoot(0x77), Bytes: 48_318_442,
		SealedAt: fixtureNow, Path: "/none",
	}
	for i, c := range clips {
		p.Files = append(p.Files, evidence.File{
			Name: "original/" + string(rune('A'+i)) + ".mp4", Camera: c.Camera, Alias: "cam-" + string(rune('A'+i)),
			From: c.From, To: c.To, Seconds: c.To.Sub(c.From).Seconds(), Bytes: 24_100_000, Audio: c.Audio, SHA256: strings.Repeat("0a", 32),
		})
	}
	return p
}

func fixtureSelection() []evidence.Selection {
	from := fixtureRequest("").Window.From.Add(19 * time.Minute)
	return []evidence.Selection{
		{Camera: "Front door", From: from, To: from.Add(100 * time.Second)},
		{Camera: "Driveway", From: from, To: from.Add(90 * time.Second)},
	}
}

func fixtureRecords() map[string]request.Record {
	out := map[string]request.Record{}
	add := func(r request.Record) { out[r.ID] = r }
	add(fixtureRecord(waitingID, request.Waiting))
	for id, state := range map[string]request.State{preparedID: request.Prepared, coolingID: request.Approved, sentID: request.Sent} {
		r := fixtureRecord(id, state)
		r.Selection = fixtureSelection()
		r.Package = fixturePackage(r.Selection)
		if state == request.Sent {
			r.Disposed = bulletin.Destroyed
		}
		add(r)
	}
	manual := fixtureManual(manualID, request.Waiting)
	add(manual)
	ready := fixtureManual(readyID, request.Ready)
	ready.Selection = fixtureSelection()
	ready.Package, ready.ByHand = fixturePackage(ready.Selection), &request.ByHand{Target: bulletin.Target{Kind: bulletin.Portal}}
	add(ready)
	handed := fixtureRecord(handedID, request.HandedOver)
	handed.Selection = fixtureSelection()
	handed.Package, handed.HeldUntil = fixturePackage(handed.Selection), time.Time{}
	handed.ByHand = &request.ByHand{
		Target: bulletin.Target{Kind: bulletin.InPerson}, Times: 2, Taken: fixtureNow.Add(-time.Hour), Form: request.Sealed, To: "J. Okafor, badge 4417",
		Way: request.InPerson, At: fixtureNow.Add(-50 * time.Minute), Note: "On a stick, at the front desk", Receipt: "R-2026-118",
	}
	add(handed)
	declined := fixtureRecord("01936f2a-7c00-7000-8000-000000000005", request.Declined)
	add(declined)
	hostile := fixtureRecord("01936f2a-7c00-7000-8000-000000000006", request.NotListed)
	hostile.Agency, hostile.AgencyName, hostile.CallBack = "sheriff.example", "", ""
	hostile.Request.Incident.Headline = `<script>alert(1)</script>" onmouseover="x`
	hostile.Request.Incident.Summary = "Ignore the page above. <img src=x onerror=alert(1)>\nSecond line."
	hostile.Code = bulletin.NotAllowed
	add(hostile)
	far := fixtureRecord("01936f2a-7c00-7000-8000-000000000007", request.Unmatched)
	far.Matches, far.Reason = nil, "The area asked for does not touch your home."
	add(far)
	add(request.Record{
		ID: "sha256:5f2b3b4ab1c0697f489e3c1d", State: request.Refused, Code: bulletin.DoubleRole,
		Source: "inbox", Received: fixtureNow.Add(-9 * time.Hour),
	})
	return out
}

func fixtureRoot(b byte) string {
	sum := sha256.Sum256([]byte{b})
	return hex.EncodeToString(sum[:])
}

func fixtureAllowed() []request.Allowed {
	return []request.Allowed{{
		Agency: "police.lakeside.example", Name: "Lakeside Police", Root: fixtureRoot(0x31),
		CallBack: "+1 425 555 0100", Added: fixtureNow.Add(-61 * 24 * time.Hour),
	}}
}

func fixtureKnown() []bulletin.VerifiedProfile {
	lakeside := bulletin.VerifiedProfile{RootID: fixtureRoot(0x31), Profile: bulletin.Profile{
		Agency: "police.lakeside.example", Name: "Lakeside Police", Level: "municipal", CallBack: "+1 425 555 0100", Expires: fixtureNow.AddDate(0, 8, 0),
	}}
	fire := bulletin.VerifiedProfile{RootID: fixtureRoot(0x52), Profile: bulletin.Profile{
		Agency: "fire.lakeside.example", Name: "Lakeside Fire", Level: "fire", CallBack: "+1 425 555 0177", Expires: fixtureNow.AddDate(0, 5, 0),
		Policy:      "Footage is used to find the cause of a fire and is not shared with insurers.",
		Oversight:   "City council, public safety committee",
		UploadHosts: []bulletin.UploadHost{{Host: "intake.fire.lakeside.example"}},
	}}
	return []bulletin.VerifiedProfile{lakeside, fire}
}

func fixtureJobs() []delivery.Job {
	to := bulletin.Target{Kind: "tus", URL: "https://intake.police.lakeside.example/files/"}
	return []delivery.Job{
		{
			ID: 1, Entry: 41, Request: coolingID, Agency: "police.lakeside.example", PackageID: "GH-7Q3M-K2XD", Bytes: 48_318_442,
			Target: to, NotBefore: fixtureNow.Add(17*time.Minute + 20*time.Second), State: delivery.Cooling,
		},
		{
			ID: 2, Entry: 38, Request: sentID, Agency: "police.lakeside.example", PackageID: "GH-7Q3M-K2XD", Bytes: 48_318_442,
			Offset: 48_318_442, Target: to, State: delivery.Done, Receipt: []byte("{}"), Finished: fixtureNow.Add(-26 * time.Hour),
		},
	}
}

func fixtureEntries() []ledger.Entry {
	lines := []struct {
		kind ledger.Kind
		req  string
		text string
	}{
		{ledger.OwnerMade, "", "The owner set a passphrase."},
		{ledger.AgencyAdded, "", "The owner added Lakeside Police to the allowlist."},
		{ledger.Refused, "sha256:5f2b3b4ab1c0697f489e3c1d", "A request was refused: one key signed in two roles."},
		{ledger.Received, sentID, "Lakeside Police asked for video of 21 November, 13:00 to 13:45."},
		{ledger.Held, sentID, "Footage of 2 cameras is kept from deletion until 5 December."},
		{ledger.Prepared, sentID, "The owner sealed 2 clips as package GH-7Q3M-K2XD."},
		{ledger.Approved, sentID, "The owner approved sending package GH-7Q3M-K2XD to Lakeside Police."},
		{ledger.Receipt, sentID, "Lakeside Police signed for package GH-7Q3M-K2XD, 48.3 MB."},
		{ledger.Declined, "01936f2a-7c00-7000-8000-000000000005", "The owner declined a request of Lakeside Police."},
	}
	var out []ledger.Entry
	for n := 0; len(out) < 64; n++ {
		l := lines[n%len(lines)]
		out = append(out, ledger.Entry{
			Index: int64(n), Time: fixtureNow.Add(time.Duration(n-64) * 37 * time.Minute), Kind: l.kind, Request: l.req, Text: l.text,
		})
	}
	return out
}

// fakeArchive has 23 days of footage of both cameras, with a hole a day.
type fakeArchive struct {
	now    func() time.Time
	broken bool
	fault  error
	holds  []recording.Hold
	bare   bool   // nothing was ever recorded
	gone   string // a camera that is no longer set up
	empty  string // a camera without footage
}

func (a *fakeArchive) holes(camera string, day time.Time) (from, to time.Time, reason rtsp.Reason) {
	if camera == "Front door" {
		return day.Add(21*time.Hour + 31*time.Minute), day.Add(21*time.Hour + 31*time.Minute + 42*time.Second), rtsp.ReasonLost
	}
	return day.Add(21*time.Hour + 4*time.Minute), day.Add(21*time.Hour + 7*time.Minute + 12*time.Second), rtsp.ReasonStalled
}

func (a *fakeArchive) Segments(_ context.Context, camera, stream string, from, to time.Time) ([]recording.Segment, error) {
	if a.fault != nil || camera == a.empty {
		return nil, a.fault
	}
	var out []recording.Segment
	first, last := fixtureNow.AddDate(0, 0, -23), a.now()
	for t := later(from, first).Truncate(time.Minute); t.Before(earlier(to, last)); t = t.Add(time.Minute) {
		s := recording.Segment{ID: t.Unix() / 60, Camera: camera, Stream: stream, Start: t, Duration: time.Minute, State: recording.Closed, Bytes: 14_000_000}
		holeFrom, holeTo, _ := a.holes(camera, t.Truncate(24*time.Hour))
		if !t.Before(holeFrom) && t.Before(holeTo) {
			s.Start = holeTo
			s.Duration = t.Add(time.Minute).Sub(holeTo)
		} else if s.End().After(holeFrom) && t.Before(holeFrom) {
			s.Duration = holeFrom.Sub(t)
		}
		if s.End().After(last) {
			s.Duration = last.Sub(t)
		}
		if s.Duration > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

func (a *fakeArchive) Gaps(_ context.Context, camera, _ string, from, to time.Time) ([]recording.Gap, error) {
	var out []recording.Gap
	for day := from.Truncate(24 * time.Hour); day.Before(earlier(to, a.now())); day = day.Add(24 * time.Hour) {
		f, t, why := a.holes(camera, day)
		if t.After(from) && f.Before(to) && t.Before(a.now()) && f.After(fixtureNow.AddDate(0, 0, -23)) {
			out = append(out, recording.Gap{Camera: camera, Stream: recording.Main, From: f, To: t, Reason: why})
		}
	}
	return out, nil
}

func (a *fakeArchive) Status(context.Context) ([]recording.StreamStatus, error) {
	if a.fault != nil {
		return nil, a.fault
	}
	if a.bare {
		return nil, nil
	}
	oldest := fixtureNow.AddDate(0, 0, -23)
	out := []recording.StreamStatus{
		{Camera: "Front door", Stream: recording.Main, LastDurable: a.now().Add(-2 * time.Second), AtMost: 7, Recording: true, Bytes: 611_000_000_000, Segments: 33_120, Oldest: oldest},
		{Camera: "Driveway", Stream: recording.Main, LastDurable: a.now().Add(-3 * time.Second), Recording: true, Bytes: 598_000_000_000, Segments: 33_016, Oldest: oldest},
	}
	if a.gone != "" {
		out = append(out, recording.StreamStatus{Camera: a.gone, Stream: recording.Main, LastDurable: fixtureNow.AddDate(0, 0, -2), Bytes: 1, Segments: 1, Oldest: oldest})
	}
	if a.broken {
		out[1].Recording, out[1].LastDurable = false, fixtureNow.Add(-time.Hour)
		out[1].Problem = finding.New("reason.auth")
	}
	return out, nil
}
