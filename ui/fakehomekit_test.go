package ui

import (
	"fmt"
	"time"

	"gatehouse/bridge/homekit"
)

const fixtureCode = "518-20-736"

// fakeHomeKit is a bridge of three accessories.
type fakeHomeKit struct {
	now   func() time.Time
	until time.Time
	list  []homekit.Status
	did   []string
}

func newFakeHomeKit(now func() time.Time) *fakeHomeKit {
	return &fakeHomeKit{now: now, list: []homekit.Status{
		{Accessory: "doorbell", Name: "Video request", Addr: "192.168.1.20:51826", Kind: "doorbell", Category: 18, SetupURI: "X-HM://00HDX8N2B7Q3Z"},
		{Accessory: "sensor", Name: "Motion at Video request", Addr: "192.168.1.20:51827", Kind: "sensor", Category: 10, SetupURI: "X-HM://00A9X8N2B4K1P"},
		{Accessory: "camera-porch", Name: "Porch", Addr: "192.168.1.20:51828", Kind: "camera", Category: 17, SetupURI: "X-HM://00GWX8N2B9ZZ1"},
	}}
}

// pair makes the doorbell a paired one, and locks the sensor.
func (f *fakeHomeKit) pair() {
	f.list[0].Paired = true
	f.list[0].Controllers = []homekit.Controlled{
		{ID: "7C0E52A4-93D1-4F7B-8A41-2F5D0C9B6E13", Admin: true, Added: f.now().Add(-40 * 24 * time.Hour), Seen: f.now().Add(-time.Hour), Peer: "192.168.1.44", Connected: true},
		{ID: "19D4F0B2-5B77-4E0C-B1F6-8C3A7D2E9F40", Added: f.now().Add(-3 * 24 * time.Hour), Seen: f.now().Add(-26 * time.Hour), Peer: "192.168.1.51"},
	}
	f.list[1].Tries, f.list[1].Locked = 100, true
}

// family is a home in which everybody's devices paired, with awkward names, ids and addresses.
func (f *fakeHomeKit) family() {
	f.pair()
	f.list[1].Tries, f.list[1].Locked = 3, false
	f.list[0].Controllers = append(f.list[0].Controllers,
		homekit.Controlled{ID: "decc6fa3-de3e-41c9-adba-ef7409821bfc", Admin: true, Added: f.now().Add(-400 * 24 * time.Hour), Seen: f.now().Add(-time.Minute), Peer: "fd12:3456:789a:1:ba27:ebff:fe12:3456", Connected: true},
		homekit.Controlled{ID: "home", Added: f.now().Add(-time.Hour)},
		homekit.Controlled{ID: "مفتاح-البيت-الطويل-جدا-الذي-لا-ينتهي", Added: f.now().Add(-time.Hour), Seen: f.now().Add(-10 * time.Minute), Peer: "192.168.1.99"},
	)
	f.list[2].Paired = true
	f.list[2].Controllers = f.list[0].Controllers[:1]
	f.list = append(f.list, homekit.Status{Accessory: "camera-yard", Name: "المدخل الخلفي", Addr: "192.168.1.20:51829", Kind: "snapshots", Category: 17, SetupURI: "X-HM://00GWX8N2B9ZZ2"},
		homekit.Status{Accessory: "camera-lane", Name: "The long lane behind the garages as far as the second gate", Addr: "192.168.1.20:51830", Kind: "camera", Category: 17, SetupURI: "X-HM://00GWX8N2B9ZZ3"})
	f.until = f.now().Add(12 * time.Minute)
}

func (f *fakeHomeKit) Status() homekit.Status {
	list := append([]homekit.Status{}, f.list...)
	for i := range list {
		if list[i].Paired || list[i].Locked || !f.now().Before(f.until) {
			list[i].SetupURI = ""
		} else {
			list[i].Until, list[i].Code = f.until, fixtureCode
		}
	}
	st := list[0]
	st.Sensor, st.Cameras = &list[1], list[2:]
	return st
}

func (f *fakeHomeKit) OpenPairing() (time.Time, error) {
	for _, a := range f.list {
		if !a.Paired && !a.Locked {
			f.until = f.now().Add(15 * time.Minute)
			return f.until, nil
		}
	}
	return time.Time{}, homekit.ErrPaired
}

func (f *fakeHomeKit) ClosePairing() { f.until = time.Time{} }

func (f *fakeHomeKit) Reset(accessory string) error {
	if accessory == "toaster" {
		return fmt.Errorf("%w: toaster", homekit.ErrNoAccessory)
	}
	f.did = append(f.did, "reset "+accessory)
	return nil
}

func (f *fakeHomeKit) RemoveController(accessory, id string) error {
	f.did = append(f.did, "remove "+accessory+" "+id)
	return nil
}
