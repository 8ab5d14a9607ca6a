package homekit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/brutella/hap/characteristic"
)

const (
	// eventsEvery is the least time between two messages of ordinary events to
	// one controller (HAP R2, 6.8). The first is sent at once, and what changes
	// after it is told with its newest value when the time is over.
	eventsEvery = time.Second
	ringsMax    = 64 // rings that may wait for a controller that does not read before it is cut off
)

// mailbox holds the events of one controller until they may be sent: never
// while a request is being answered, so that no controller finds an event where
// it reads an answer. Nothing in it waits for the network.
type mailbox struct {
	poke chan struct{} // something may be due

	mu     sync.Mutex
	wants  map[*characteristic.C]bool
	rings  []json.RawMessage // each is told, in a message of its own
	values []changed         // in the order in which they first changed
	next   time.Time         // no values before
	busy   bool              // a request is being answered
}

// changed is a characteristic with the value that is to be told.
type changed struct {
	ch   *characteristic.C
	item json.RawMessage
}

func newMailbox() *mailbox {
	return &mailbox{poke: make(chan struct{}, 1), wants: map[*characteristic.C]bool{}}
}

// subscribe turns the events of a characteristic on or off.
func (m *mailbox) subscribe(ch *characteristic.C, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if on {
		m.wants[ch] = true
	} else {
		delete(m.wants, ch)
	}
}

func (m *mailbox) subscribed(ch *characteristic.C) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wants[ch]
}

// add takes an event if its characteristic is subscribed. It reports false if
// the controller has not read its rings for too long.
func (m *mailbox) add(ch *characteristic.C, item json.RawMessage) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.wants[ch] {
		return true
	}
	switch {
	case ch.Type != characteristic.TypeProgrammableSwitchEvent:
		m.keep(changed{ch, item})
	case len(m.rings) >= ringsMax:
		return false
	default:
		m.rings = append(m.rings, item)
	}
	m.wake()
	return true
}

// keep notes a value in place of the one before. The caller holds mu.
func (m *mailbox) keep(v changed) {
	for i := range m.values {
		if m.values[i].ch == v.ch {
			m.values[i] = v
			return
		}
	}
	m.values = append(m.values, v)
}

func (m *mailbox) wake() {
	select {
	case m.poke <- struct{}{}:
	default:
	}
}

// hold keeps events back from the first byte of a request to the last of its answer.
func (m *mailbox) hold(busy bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy = busy
	if !busy && len(m.rings)+len(m.values) > 0 {
		m.wake()
	}
}

// take returns the messages that are due, or how long to wait for the next; no
// time if only a poke can make one due.
func (m *mailbox) take(now time.Time) (messages []byte, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy {
		return nil, 0
	}
	for _, ring := range m.rings {
		messages = append(messages, eventMessage(ring)...)
	}
	m.rings = nil
	if len(m.values) == 0 {
		return messages, 0
	}
	if left := m.next.Sub(now); left > 0 {
		return messages, left
	}
	var items []json.RawMessage
	for _, v := range m.values {
		if m.wants[v.ch] { // still
			items = append(items, v.item)
		}
	}
	m.values = nil
	if len(items) > 0 {
		m.next = now.Add(eventsEvery)
		messages = append(messages, eventMessage(items...)...)
	}
	return messages, 0
}

// eventMessage is what tells of changes (HAP R2, 6.8).
func eventMessage(items ...json.RawMessage) []byte {
	var b bytes.Buffer
	b.WriteString(`{"characteristics":[`)
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(item)
	}
	b.WriteString(`]}`)
	head := fmt.Sprintf("EVENT/1.0 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", kindJSON, b.Len())
	return append([]byte(head), b.Bytes()...)
}

// notify tells every subscriber but the one that made the change. It never waits
// for a controller: one that does not read its rings loses the connection, and
// asks anew when it comes back.
func (s *server) notify(ch *characteristic.C, v any, req *http.Request) {
	item, err := json.Marshal(map[string]any{"aid": s.acc.Id, "iid": ch.Id, "value": v})
	if err != nil {
		s.log.Error("encoding event failed", "err", err)
		return
	}
	author := connOf(req)
	for _, c := range s.all() {
		if c != author && !c.mail.add(ch, item) {
			c.net.Close()
		}
	}
}

// post writes events as they become due, until the connection ends.
func (c *conn) post(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.mail.poke:
		case <-timer.C:
		}
		b, wait := c.mail.take(time.Now())
		if wait > 0 {
			timer.Reset(wait)
		}
		if len(b) == 0 {
			continue
		}
		c.w.Lock()
		err := c.write(b)
		c.w.Unlock()
		if err != nil {
			c.net.Close()
			return
		}
	}
}
