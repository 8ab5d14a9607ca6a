package onvif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

const (
	// subscribeFor is asked for: long enough for a renewal to be missed, short
	// enough that subscriptions of a hub that died do not fill a device's table.
	// Some devices read minutes as seconds, so it is written in seconds.
	subscribeFor = 300 * time.Second
	// pollFor is how long a device may keep a poll open. Routers and devices
	// drop connections that are silent for a minute.
	pollFor = 30 * time.Second
	// leastPoll is ONVIF's shortest whole number of seconds.
	leastPoll = time.Second
	// leaveLimit bounds Unsubscribe, for which a stopping hub waits.
	leaveLimit = 2 * time.Second
)

const (
	actionManager = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/"
	actionPull    = nsEvents + "/PullPointSubscription/"
	actionCreate  = nsEvents + "/EventPortType/CreatePullPointSubscriptionRequest"
)

// subscription is a pull point of a device (Core 9.1).
type subscription struct {
	at    *url.URL
	said  string  // at, as the device calls it
	refs  []*node // to send back with each request
	renew time.Time
	poll  time.Duration // of one PullMessages
}

// subscribe makes a pull point for all events: filters are where devices differ
// most, and motion is a few bytes.
func (c *Camera) subscribe(ctx context.Context, l *link) (*subscription, error) {
	if l.events == nil {
		return nil, errNoEvents
	}
	create := func(inner string) (*node, error) {
		return c.call(ctx, l, request{
			to: l.events, said: l.eventsRaw, action: actionCreate, addressed: true,
			body: `<CreatePullPointSubscription xmlns="` + nsEvents + `">` + inner + `</CreatePullPointSubscription>`,
		})
	}
	n, err := create("<InitialTerminationTime>" + seconds(subscribeFor) + "</InitialTerminationTime>")
	var f *fault
	if errors.As(err, &f) { // not this time, perhaps one of its own
		n, err = create("")
	}
	if err != nil {
		return nil, fmt.Errorf("subscribing: %w", err)
	}
	ref := n.child("SubscriptionReference")
	s := &subscription{said: ref.value("Address"), refs: referenceParameters(ref)}
	// Without an address, or with one that is a name (urn:uuid:…), the pull point
	// is where it was asked for.
	if s.at = c.resolve(s.said, l.ownPort, "http", "https"); s.at == nil {
		s.at = l.events
		if s.said == "" {
			s.said = l.eventsRaw
		}
	}
	s.granted(n, time.Now())
	return s, nil
}

// maxRefs bounds the reference parameters, which are sent back every time.
const maxRefs = 8

func referenceParameters(ref *node) []*node {
	p := ref.child("ReferenceParameters")
	if p == nil || len(p.children) > maxRefs {
		return nil
	}
	return p.children
}

// referenceHeaders writes reference parameters as SOAP headers (WS-Addressing
// SOAP Binding 3.1).
func referenceHeaders(refs []*node) string {
	var b bytes.Buffer
	for _, r := range refs {
		r.appendXML(&b, ` a:IsReferenceParameter="true"`)
	}
	return b.String()
}

// granted plans the renewal from what the device grants: at half of the time.
// It may grant less than was asked for; what makes no sense is taken for a minute.
func (s *subscription) granted(n *node, now time.Time) {
	lasts := time.Minute
	end, ok1 := parseTime(n.value("TerminationTime"))
	current, ok2 := parseTime(n.value("CurrentTime"))
	if d := end.Sub(current); ok1 && ok2 && d >= 2*time.Second && d <= 24*time.Hour {
		lasts = min(d, 2*subscribeFor)
	}
	s.renew = now.Add(lasts / 2)
	s.poll = min(pollFor, max(leastPoll, (lasts/4).Truncate(time.Second)))
}

func seconds(d time.Duration) string { return fmt.Sprintf("PT%dS", int(d.Seconds())) }

func (c *Camera) callSubscription(ctx context.Context, l *link, s *subscription, q request) (*node, error) {
	q.to, q.said, q.refs, q.addressed = s.at, s.said, s.refs, true
	return c.call(ctx, l, q)
}

// synchronize asks for the present state of every property (Core 9.5). Devices
// that cannot, tell changes only.
func (c *Camera) synchronize(ctx context.Context, l *link, s *subscription) error {
	_, err := c.callSubscription(ctx, l, s, request{
		action: actionPull + "SetSynchronizationPointRequest", mayBeBare: true,
		body: `<SetSynchronizationPoint xmlns="` + nsEvents + `"/>`,
	})
	var f *fault
	var h *httpError
	if errors.As(err, &f) || errors.As(err, &h) {
		return nil
	}
	return err
}

// pull waits for notifications, at most for poll.
func (c *Camera) pull(ctx context.Context, l *link, s *subscription, poll time.Duration) (*node, error) {
	n, err := c.callSubscription(ctx, l, s, request{
		action: actionPull + "PullMessagesRequest", within: poll + callLimit, poll: true,
		body: `<PullMessages xmlns="` + nsEvents + `"><Timeout>` + seconds(poll) + `</Timeout><MessageLimit>100</MessageLimit></PullMessages>`,
	})
	if err != nil {
		return nil, fmt.Errorf("pulling messages: %w", err)
	}
	return n, nil
}

func (c *Camera) prolong(ctx context.Context, l *link, s *subscription) error {
	n, err := c.callSubscription(ctx, l, s, request{
		action: actionManager + "RenewRequest", mayBeBare: true,
		body: `<Renew xmlns="` + nsWSN + `"><TerminationTime>` + seconds(subscribeFor) + `</TerminationTime></Renew>`,
	})
	if err != nil {
		return fmt.Errorf("renewing: %w", err)
	}
	s.granted(n, time.Now())
	return nil
}

// leave ends a subscription, also when ctx has ended: devices have room for a
// few. Its failure is of no interest: the subscription runs out.
func (c *Camera) leave(ctx context.Context, l *link, s *subscription) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	_, _ = c.callSubscription(ctx, l, s, request{
		action: actionManager + "UnsubscribeRequest", mayBeBare: true, body: `<Unsubscribe xmlns="` + nsWSN + `"/>`,
	})
}
