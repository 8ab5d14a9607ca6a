package homekit

import (
	"net"
	"strconv"
	"time"
)

// Status of an accessory, for the pairing page and the command line. The
// bridge's own is the doorbell's and leads to the others.
type Status struct {
	Accessory   string       `json:"accessory"` // what commands call it: doorbell, sensor or camera-NAME
	Name        string       `json:"name"`
	DeviceID    string       `json:"device_id"`
	Addr        string       `json:"addr"` // empty before Run
	Port        int          `json:"port"`
	Category    int          `json:"category"`
	Kind        string       `json:"kind"` // doorbell, sensor, camera, or snapshots for a camera without live view
	Paired      bool         `json:"paired"`
	Controllers []Controlled `json:"controllers"`
	Tries       int          `json:"tries"`  // wrong codes since the last pairing
	Locked      bool         `json:"locked"` // by wrong codes, until a reset
	Until       time.Time    `json:"open_until,omitzero"`
	Code        string       `json:"code,omitempty"`      // only while it can be paired
	SetupURI    string       `json:"setup_uri,omitempty"` // X-HM://, only while it can be paired

	Sensor  *Status  `json:"-"` // the motion sensor, paired on its own
	Cameras []Status `json:"-"` // each paired on its own
}

// Controlled is a paired controller as its owner sees it.
type Controlled struct {
	ID        string    `json:"id"`
	Admin     bool      `json:"admin"`
	Added     time.Time `json:"added,omitzero"`
	Seen      time.Time `json:"seen,omitzero"` // when it came by; kept by the hour
	Peer      string    `json:"peer,omitempty"`
	Connected bool      `json:"connected"`
}

// All lists the accessory and those that it leads to.
func (s Status) All() []Status {
	list := []Status{s}
	if s.Sensor != nil {
		list = append(list, *s.Sensor)
	}
	return append(list, s.Cameras...)
}

// Status describes all accessories.
func (b *Bridge) Status() Status {
	b.mu.Lock()
	addr, eyeAt := b.addr, b.eyeAt
	b.mu.Unlock()
	st := b.status(b.bell, "doorbell", addr)
	eye := b.status(b.eye, "sensor", eyeAt)
	st.Sensor = &eye
	for _, c := range b.cameras {
		b.mu.Lock()
		addr := c.addr
		b.mu.Unlock()
		kind := "camera"
		if c.State == nil {
			kind = "snapshots"
		}
		st.Cameras = append(st.Cameras, b.status(c.server, kind, addr))
	}
	return st
}

func (b *Bridge) status(s *server, kind, addr string) Status {
	id := s.store.get()
	st := Status{
		Accessory: id.Accessory, Name: s.name, DeviceID: id.DeviceID, Addr: addr, Category: s.category, Kind: kind,
		Paired: len(id.Controllers) > 0, Controllers: make([]Controlled, len(id.Controllers)),
		Tries: id.Tries, Locked: id.Tries >= triesMax,
	}
	if _, port, err := net.SplitHostPort(addr); err == nil {
		st.Port, _ = strconv.Atoi(port) // of a listener: always a number
	}
	here := map[string]bool{}
	for _, c := range s.all() {
		here[c.controllerID()] = true
	}
	for i, c := range id.Controllers {
		st.Controllers[i] = Controlled{ID: c.ID, Admin: c.Admin, Added: c.Added, Seen: c.Seen, Peer: c.Peer, Connected: here[c.ID]}
	}
	if code, until, ok := b.window.open(); ok && !st.Paired && !st.Locked {
		st.Until, st.Code, st.SetupURI = until, code, setupURI(s.category, code, id.SetupID)
	}
	return st
}
