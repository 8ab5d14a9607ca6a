package ui

import (
	"context"
	"slices"
	"time"

	"gatehouse/hub/account"
	"gatehouse/hub/keep"
	"gatehouse/hub/ledger"
	"gatehouse/hub/recording"
)

// shelf is a keep.Store in memory, which tells the fixture home's ledger.
type shelf struct {
	list   []keep.Kept
	ledger *fakeLedger
}

func (s *shelf) Kept(context.Context) ([]keep.Kept, error) { return slices.Clone(s.list), nil }

func (s *shelf) tell(e ...ledger.Entry) { s.ledger.entries = append(s.ledger.entries, e...) }

func (s *shelf) AddKept(_ context.Context, k keep.Kept, e ledger.Entry) error {
	s.list = slices.Insert(s.list, 0, k)
	s.tell(e)
	return nil
}

func (s *shelf) at(id string) int {
	return slices.IndexFunc(s.list, func(k keep.Kept) bool { return k.ID == id })
}

func (s *shelf) ChangeKept(_ context.Context, k keep.Kept, e ledger.Entry) error {
	s.list[s.at(k.ID)] = k
	s.tell(e)
	return nil
}

func (s *shelf) DropKept(_ context.Context, id string, e ...ledger.Entry) error {
	s.list = slices.Delete(s.list, s.at(id), s.at(id)+1)
	s.tell(e...)
	return nil
}

// Hold and Release are the archive's, for package keep.
func (a *fakeArchive) Hold(_ context.Context, h recording.Hold) error {
	a.holds = slices.DeleteFunc(a.holds, func(o recording.Hold) bool { return o.ID == h.ID && o.Camera == h.Camera })
	a.holds = append(a.holds, h)
	return nil
}

func (a *fakeArchive) Release(_ context.Context, id string) error {
	a.holds = slices.DeleteFunc(a.holds, func(o recording.Hold) bool { return o.ID == id })
	return nil
}

const (
	keptID  = "own-4k2nq8vr5tj6ycb3"
	endedID = "own-7q3mk2xd9fhtw4rc"
)

// fixtureKept are three ranges: one of the owner's without an end, one of
// somebody who was removed, and one whose time is over and footage gone.
func fixtureKept() []keep.Kept {
	day := time.Date(2026, 11, 21, 22, 10, 0, 0, time.UTC)
	return []keep.Kept{
		{ID: keptID, Cameras: []string{"Driveway", "Front door"}, From: day, To: day.Add(12 * time.Minute), Note: "Fox at the bins, قرب الباب 🦊", By: account.OwnerNumber, Made: fixtureNow.Add(-20 * time.Hour)},
		{ID: "own-2k8vn5rtj6ycb3ge", Cameras: []string{"Driveway"}, From: day.AddDate(0, 0, -3), To: day.AddDate(0, 0, -3).Add(95 * time.Second), Until: fixtureNow.AddDate(0, 0, 9), By: 40, Made: fixtureNow.AddDate(0, 0, -2)},
		{ID: endedID, Cameras: []string{"Front door"}, From: day.AddDate(0, 0, -60), To: day.AddDate(0, 0, -60).Add(time.Hour), Until: fixtureNow.AddDate(0, 0, -3), Note: "Delivery", By: account.OwnerNumber, Made: fixtureNow.AddDate(0, 0, -33)},
	}
}

// newKeeps is the real service over the fixture home.
func (h *house) newKeeps() Keeps {
	s, err := keep.New(context.Background(), keep.Config{Store: h.shelf, Footage: h.archive, Now: func() time.Time { return h.now() }})
	if err != nil {
		panic(err) // of fakes without a fault
	}
	return s
}
