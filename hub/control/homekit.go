package control

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"gatehouse/bridge/homekit"
)

// errNoHomeKit is for calls about what the configuration leaves out.
var errNoHomeKit = errors.New("HomeKit does not run: switch it on with homekit.enabled in gatehouse.yml or in the console; if it is on, gatehouse status says what is wrong")

// HomeKit is whether and with what controllers may pair.
type HomeKit struct {
	Until       time.Time        `json:"open_until,omitzero"`
	Accessories []homekit.Status `json:"accessories"`
}

func (s *Server) homekit(handle func(string, func(*http.Request) (any, error))) {
	with := func(do func(*homekit.Bridge, *http.Request) error) func(*http.Request) (any, error) {
		return func(r *http.Request) (any, error) {
			b := s.cfg.HomeKit
			if b == nil {
				return nil, errNoHomeKit
			}
			if err := do(b, r); err != nil {
				return nil, err
			}
			k := HomeKit{Accessories: b.Status().All()}
			for _, a := range k.Accessories {
				k.Until = cmp.Or(k.Until, a.Until)
			}
			return k, nil
		}
	}
	handle("GET /homekit", with(func(*homekit.Bridge, *http.Request) error { return nil }))
	handle("POST /homekit/open", with(func(b *homekit.Bridge, _ *http.Request) error {
		_, err := b.OpenPairing()
		return err
	}))
	handle("POST /homekit/close", with(func(b *homekit.Bridge, _ *http.Request) error { b.ClosePairing(); return nil }))
	handle("POST /homekit/reset", with(func(b *homekit.Bridge, r *http.Request) error {
		return b.Reset(r.URL.Query().Get("accessory"))
	}))
}

// HomeKit tells of accessories and pairing.
func (c *Client) HomeKit(ctx context.Context) (k HomeKit, err error) {
	return k, c.call(ctx, "GET", "/homekit", nil, &k)
}

// OpenHomeKit lets controllers pair for 15 minutes.
func (c *Client) OpenHomeKit(ctx context.Context) (k HomeKit, err error) {
	return k, c.call(ctx, "POST", "/homekit/open", nil, &k)
}

// CloseHomeKit ends pairing.
func (c *Client) CloseHomeKit(ctx context.Context) (k HomeKit, err error) {
	return k, c.call(ctx, "POST", "/homekit/close", nil, &k)
}

// ResetHomeKit makes an accessory, or all if it is empty, one that nobody has met.
func (c *Client) ResetHomeKit(ctx context.Context, accessory string) (k HomeKit, err error) {
	return k, c.call(ctx, "POST", "/homekit/reset?accessory="+url.QueryEscape(accessory), nil, &k)
}
