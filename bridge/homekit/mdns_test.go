package homekit

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestControllerDiscovers(t *testing.T) { eachPeer(t, controllerDiscovers) }

func controllerDiscovers(t *testing.T, p *peer) {
	name := "Doorbell " + newSetupID() // other tests announce others at the same time
	b := startBridge(t, Config{Name: name})
	st := b.Status()
	var got struct {
		Name    string `json:"name"`
		Address string `json:"address"`
		Port    int    `json:"port"`
		ID      string `json:"id"`
		Kind    int    `json:"ci"`
		Free    bool   `json:"availableToPair"`
	}
	find := at(st, "", m{"do": "discover", "iface": loopback(t), "within": 30000})
	p.do(find, &got)
	if got.Name != name || got.Address != find["address"] || got.Port != find["port"] ||
		got.ID != st.DeviceID || got.Kind != categoryDoorbell || !got.Free {
		t.Errorf("found %+v, announced %+v", got, st)
	}
}

func loopback(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Fatal("no loopback interface")
	return ""
}

func TestInterfaces(t *testing.T) {
	lo := loopback(t)
	if got := interfaces(nil, net.IPv4(127, 0, 0, 1)); !cmp.Equal(got, []string{lo}) {
		t.Errorf("for loopback: %v", got)
	}
	if got := interfaces([]string{"wlan7"}, net.IPv4zero); !cmp.Equal(got, []string{"wlan7"}) {
		t.Errorf("named: %v", got)
	}
	for _, name := range interfaces(nil, net.IPv4zero) {
		if isContainerLink(name) {
			t.Errorf("announces on %s", name)
		}
	}
	for name, want := range map[string]bool{
		"docker0": true, "br-1f2e": true, "veth12ab@if3": true, "eth0": false, "br0": false, "wlan0": false,
	} {
		if isContainerLink(name) != want {
			t.Errorf("isContainerLink(%q) = %v", name, !want)
		}
	}
}

func TestRecordFollowsPairings(t *testing.T) {
	b, err := New(t.Context(), Config{Store: &memory{}})
	if err != nil {
		t.Fatal(err)
	}
	before := b.bell.txt()
	if before["sf"] != "1" || before["ci"] != "18" || before["id"] != b.Status().DeviceID || before["c#"] != "1" {
		t.Errorf("record of a free doorbell = %v", before)
	}
	if err := b.bell.store.add(Controller{ID: "a", Key: make([]byte, 32), Admin: true}); err != nil {
		t.Fatal(err)
	}
	if after := b.bell.txt(); after["sf"] != "0" || after["sh"] != before["sh"] {
		t.Errorf("record of a paired doorbell = %v", after)
	}
}
