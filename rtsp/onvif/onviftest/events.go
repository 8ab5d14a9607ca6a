package onviftest

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pullPoint is one subscription.
type pullPoint struct {
	queue []notification
	ends  time.Time // by the world's clock
}

type notification struct {
	Property
	operation string
}

// sweep forgets subscriptions that ran out. d.mu is held.
func (d *Device) sweep() {
	for id, s := range d.subs {
		if time.Now().After(s.ends) {
			delete(d.subs, id)
		}
	}
}

// duration reads a time as xs:duration in whole seconds. Others are read as some
// devices do: minutes as if they were seconds.
func duration(s string, otherwise time.Duration) time.Duration {
	n, err := strconv.Atoi(strings.TrimRight(strings.TrimPrefix(s, "PT"), "SM"))
	if err != nil {
		return otherwise
	}
	return time.Duration(n) * time.Second
}

func (d *Device) grant(asked string) time.Duration {
	lasts := duration(asked, time.Minute)
	if g := d.cfg.Quirks.Grants; g > 0 {
		lasts = g
	}
	return lasts
}

// event answers the event service and its pull points.
func (x *exchange) event(name string) bool {
	if name == events+"CreatePullPointSubscription" {
		if x.d.cfg.Quirks.NoEvents {
			return false
		}
		x.create()
		return true
	}
	switch name {
	case events + "PullMessages", events + "SetSynchronizationPoint", wsn + "Renew", wsn + "Unsubscribe":
	default:
		return false
	}
	if x.env.Header.Action == "" || x.env.Header.To == "" {
		x.fault("Sender", "wsa5:MessageAddressingHeaderRequired", "no WS-Addressing headers")
		return true
	}
	if port := x.r.Context().Value(http.LocalAddrContextKey).(net.Addr).String(); x.d.second != nil && port != x.d.second.Addr().String() {
		x.status(http.StatusNotFound, "")
		return true
	}
	x.d.mu.Lock()
	x.d.sweep()
	id := x.pullPointID()
	s := x.d.subs[id]
	x.d.mu.Unlock()
	if s == nil {
		x.fault("Sender", "wsnt:ResourceUnknownFault", "there is no such subscription")
		return true
	}
	switch {
	case name == events+"PullMessages":
		x.pull(id, s)
	case name == wsn+"Renew":
		x.renew(s)
	case name == wsn+"Unsubscribe":
		x.d.mu.Lock()
		delete(x.d.subs, id)
		x.d.mu.Unlock()
		x.reply("<wsnt:UnsubscribeResponse/>")
	default:
		x.synchronize(s)
	}
	return true
}

// pullPointID is which subscription a request is for. d.mu is held.
func (x *exchange) pullPointID() string {
	q := x.d.cfg.Quirks
	switch {
	case q.Reference == "parameters":
		if p := x.env.Header.Subscription; p != nil && p.IsRef == "true" {
			return p.ID
		}
		return ""
	case q.Reference == "empty", q.Reference == "urn":
		for id := range x.d.subs {
			return id // such devices have one
		}
		return ""
	}
	return x.r.URL.Query().Get("Idx")
}

func (x *exchange) create() {
	d, q := x.d, x.d.cfg.Quirks
	d.mu.Lock()
	d.sweep()
	if q.Slots > 0 && len(d.subs) >= q.Slots {
		d.mu.Unlock()
		x.fault("Receiver", "ter:MaxNotificationConsumers", "too many subscriptions")
		return
	}
	if q.NoInitialTime && x.env.Body.Operation.Initial != "" {
		d.mu.Unlock()
		x.fault("Sender", "wsnt:UnacceptableInitialTerminationTimeFault", "not this time")
		return
	}
	d.lastSub++
	id := fmt.Sprintf("00_%d", d.lastSub)
	lasts := d.grant(x.env.Body.Operation.Initial)
	d.subs[id] = &pullPoint{ends: time.Now().Add(lasts)}
	now := d.now()
	d.mu.Unlock()
	address, params := d.xaddr("/onvif/Notification?Idx="+id), ""
	if d.second != nil {
		address = d.secondAddress("/onvif/Notification?Idx=" + id)
	}
	switch q.Reference {
	case "empty":
		address = ""
	case "urn":
		address = "urn:uuid:5f5a69c2-e0ae-504f-829b-28f366d8f9a2"
	case "parameters":
		address = d.xaddr("/onvif/Subscription")
		params = `<wsa5:ReferenceParameters><mk:SubscriptionId>` + id + `</mk:SubscriptionId></wsa5:ReferenceParameters>`
	}
	x.reply(`<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa5:Address>` + address + `</wsa5:Address>` + params +
		`</tev:SubscriptionReference><wsnt:CurrentTime>` + stamp(now) + `</wsnt:CurrentTime><wsnt:TerminationTime>` +
		stamp(now.Add(lasts)) + `</wsnt:TerminationTime></tev:CreatePullPointSubscriptionResponse>`)
}

// secondAddress is a place at the port of the pull points.
func (d *Device) secondAddress(path string) string {
	host, port, _ := net.SplitHostPort(d.second.Addr().String())
	if d.cfg.Quirks.Host != "" {
		host = d.cfg.Quirks.Host
	}
	return "http://" + net.JoinHostPort(host, port) + path
}

func (x *exchange) renew(s *pullPoint) {
	if x.d.cfg.Quirks.NoRenew {
		x.fault("Sender", "ter:ActionNotSupported", "")
		return
	}
	x.d.mu.Lock()
	lasts := x.d.grant(x.env.Body.Operation.Termination)
	s.ends = time.Now().Add(lasts)
	now := x.d.now()
	x.d.mu.Unlock()
	x.reply("<wsnt:RenewResponse><wsnt:TerminationTime>" + stamp(now.Add(lasts)) + "</wsnt:TerminationTime><wsnt:CurrentTime>" +
		stamp(now) + "</wsnt:CurrentTime></wsnt:RenewResponse>")
}

func (x *exchange) synchronize(s *pullPoint) {
	if x.d.cfg.Quirks.NoSynchronize {
		x.fault("Receiver", "ter:ActionNotSupported", "no")
		return
	}
	x.d.mu.Lock()
	for _, p := range x.d.state {
		s.queue = append(s.queue, notification{p, "Initialized"})
	}
	x.d.wake()
	x.d.mu.Unlock()
	x.reply("<tev:SetSynchronizationPointResponse/>")
}

// pull waits for notifications as PullMessages asks for (Core 9.1.2).
func (x *exchange) pull(id string, s *pullPoint) {
	q, op := x.d.cfg.Quirks, x.env.Body.Operation
	wait := duration(op.Timeout, 0)
	if op.Limit < 1 || wait <= 0 {
		x.fault("Sender", "ter:InvalidArgVal", "a limit and a time are needed")
		return
	}
	if q.MaxTimeout > 0 && wait > q.MaxTimeout {
		x.fault("Sender", "ter:InvalidArgVal", "too long")
		return
	}
	if q.NoWait {
		wait = 0
	}
	until := time.After(wait)
	for {
		x.d.mu.Lock()
		changed, alive := x.d.changed, x.d.subs[id] == s && !x.d.down
		n := min(len(s.queue), op.Limit)
		list := s.queue[:n]
		if alive && n > 0 {
			s.queue = s.queue[n:]
		}
		x.d.mu.Unlock()
		switch {
		case !alive:
			x.fault("Sender", "wsnt:ResourceUnknownFault", "the subscription is gone")
			return
		case n > 0:
			x.messages(list, s)
			return
		}
		select {
		case <-changed:
		case <-until:
			if q.CloseIdle {
				x.call.Status = 0
				panic(http.ErrAbortHandler)
			}
			x.messages(nil, s)
			return
		case <-x.r.Context().Done():
			return
		}
	}
}

func (x *exchange) messages(list []notification, s *pullPoint) {
	q := x.d.cfg.Quirks
	var b strings.Builder
	x.d.mu.Lock()
	off := q.Skew + x.d.skew
	now, ends := x.d.now(), s.ends.Add(off)
	x.d.mu.Unlock()
	for _, n := range list {
		utc := stamp(n.At.Add(off + q.MessageTime))
		if q.ZeroTime {
			utc = "0000-00-00T00:00:00Z"
		}
		topic, operation := n.Topic, ` PropertyOperation="`+n.operation+`"`
		if q.SlashTopic {
			topic += "//."
		}
		if q.NoOperation {
			operation = ""
		}
		data := fmt.Sprintf(`<tt:Data><tt:SimpleItem Name="%s" Value="%s"/></tt:Data>`, n.Name, n.Value)
		if n.Name == "" {
			data = `<tt:Data><tt:SimpleItem Name="ObjectId" Value="17"/></tt:Data>`
		}
		fmt.Fprintf(&b, `<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">%s</wsnt:Topic>`+
			`<wsnt:Message><tt:Message UtcTime="%s"%s><tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="%s"/>`+
			`<tt:SimpleItem Name="Rule" Value="MyRule"/></tt:Source>%s</tt:Message></wsnt:Message></wsnt:NotificationMessage>`,
			topic, utc, operation, n.Source, data)
	}
	x.reply("<tev:PullMessagesResponse><tev:CurrentTime>" + stamp(now) + "</tev:CurrentTime><tev:TerminationTime>" + stamp(ends) +
		"</tev:TerminationTime>" + b.String() + "</tev:PullMessagesResponse>")
}
