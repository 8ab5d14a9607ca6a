package homekit

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAnnouncedOnALateNetwork starts on a machine without a network; then one
// comes, gets another address, and another link comes beside it. Home
// Assistant's controller finds the doorbell each time, where it may.
func TestAnnouncedOnALateNetwork(t *testing.T) {
	if !ownNetwork(t) {
		return
	}
	ip(t, "link set lo up")
	p := startPeer(t, "aiohomekit")
	st := startBridge(t, Config{Addr: "0.0.0.0:0"}).Status()
	last := ""
	found := func(address string) bool {
		var got struct{ Address, ID string }
		l := p.try(m{"do": "discover", "id": st.DeviceID, "address": address, "within": 8000})
		last = l.Error
		if l.Error == "" {
			if err := json.Unmarshal(l.Result, &got); err != nil {
				t.Fatal(err)
			}
		}
		return l.Error == "" && got.Address == address && got.ID == st.DeviceID
	}
	waitFound := func(address string) {
		t.Helper()
		for end := time.Now().Add(2 * time.Minute); !found(address); {
			if time.Now().After(end) {
				t.Fatalf("not found at %s: %s", address, last)
			}
		}
	}
	plug := func(link, address string) {
		t.Helper()
		ip(t, "link add "+link+" type veth peer name veth-"+link, "link set veth-"+link+" up", "link set "+link+" up", "addr add "+address+" dev "+link)
	}
	plug("home", "192.168.77.5/24")
	waitFound("192.168.77.5")
	ip(t, "addr del 192.168.77.5/24 dev home", "addr add 192.168.78.6/24 dev home")
	waitFound("192.168.78.6")
	plug("docker7", "172.17.0.1/16")
	plug("other", "10.7.0.7/24")
	waitFound("10.7.0.7")
	if found("172.17.0.1") {
		t.Error("announced to containers")
	}
}

// ownNetwork runs the test again in a process that has a network of its own; it
// reports whether this is that process.
func ownNetwork(t *testing.T) bool {
	t.Helper()
	const mark = "GATEHOUSE_OWN_NETWORK"
	if os.Getenv(mark) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=15m")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a network of its own: %v", err)
	}
	return false
}

// ip changes the network.
func ip(t *testing.T, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", c, err, out)
		}
	}
}
