package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"gatehouse/rtsp/onvif"
)

type camerasCmd struct {
	Discover camerasDiscover `cmd:"" help:"Find ONVIF cameras on the network. Needs no running hub."`
	Probe    camerasProbe    `cmd:"" help:"Ask one camera what it offers, and print the lines for gatehouse.yml."`
}

type camerasDiscover struct {
	Address   string        `arg:"" optional:"" help:"Ask this host alone, for example a camera on another network."`
	Interface []string      `help:"Network interface to ask on; may be repeated. Default: all but container bridges." sep:"none" placeholder:"NAME"`
	Wait      time.Duration `help:"How long to wait for answers." default:"3s"`
	JSON      bool          `help:"Print JSON."`
}

// Run lists the cameras that answer.
func (c *camerasDiscover) Run(e *env) error {
	if c.Wait <= 0 || c.Wait > time.Minute {
		return fmt.Errorf("%w--wait should be more than 0 and at most 1m", errInput)
	}
	list, err := onvif.Discover(e.ctx, onvif.DiscoverConfig{Interfaces: c.Interface, Address: c.Address, Wait: c.Wait})
	if errors.Is(err, onvif.ErrNoInterface) {
		return fmt.Errorf("%w%w", errInput, err)
	}
	if err != nil {
		return err
	}
	type found struct {
		onvif.Found
		Address string `json:"address"` // for probe
	}
	out := make([]found, len(list))
	for i, f := range list {
		out[i] = found{f, f.Address()}
	}
	return client{JSON: c.JSON}.print(e, out, func(w io.Writer) {
		for _, f := range out {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Address, f.Name, f.Hardware, strings.Join(f.Location, ", "), f.Endpoint)
		}
		if len(out) == 0 {
			fmt.Fprintln(e.stderr, "No camera answered. Many have ONVIF switched off at first; it is on their settings page.")
		}
	})
}

type camerasProbe struct {
	Address       string `arg:"" help:"Host, host:port, or the http:// or https:// address of the camera's ONVIF service."`
	User          string `help:"User name of the camera."`
	PasswordStdin bool   `name:"password-stdin" help:"Read the password from standard input, one line."`
	TLS           string `name:"tls" help:"Fingerprint of the camera's certificate, for https://." placeholder:"sha256:HEX"`
	Name          string `help:"What to call the camera in gatehouse.yml." default:"camera"`
	ShowPassword  bool   `help:"Print the lines for gatehouse.yml with the password in them."`
	JSON          bool   `help:"Print JSON."`
}

// probed is what probe prints.
type probed struct {
	Address  string          `json:"address"`
	Info     onvif.Info      `json:"device"`
	Clock    *float64        `json:"clock_offset_s"` // the camera's clock minus this machine's; null if it does not tell
	Profiles []onvif.Profile `json:"profiles"`
	Snapshot int             `json:"snapshot_bytes"` // 0: none
	Problem  string          `json:"problem,omitempty"`
	Config   string          `json:"config"` // for gatehouse.yml
}

// Run asks a camera what it offers.
func (c *camerasProbe) Run(e *env) error {
	address, err := c.address(e.ctx)
	if err != nil {
		return err
	}
	login, err := c.login(e.stdin)
	if err != nil {
		return err
	}
	address.User = login
	// What goes wrong is an answer of this command and no line of a log.
	cam, err := onvif.New(onvif.Config{Camera: c.Name, URL: address.String(), TLS: c.TLS, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("%w%w", errInput, err)
	}
	address.User = nil
	out := probed{Address: address.String()}
	if err := c.ask(e, cam, &out); err != nil {
		return inWords(e, err)
	}
	if c.ShowPassword {
		address.User = login
	} else if login != nil {
		address.User = url.UserPassword(login.Username(), "PASSWORD")
	}
	if out.Config, err = c.config(address, out.Profiles); err != nil {
		return err
	}
	return client{JSON: c.JSON}.print(e, out, func(w io.Writer) { c.printWords(w, out) })
}

// address finds where the camera's ONVIF service is. A host alone is asked by
// WS-Discovery, as many cameras have the service at a port of their own.
func (c *camerasProbe) address(ctx context.Context) (*url.URL, error) {
	text, scheme := c.Address, "http"
	if c.TLS != "" {
		scheme = "https"
	}
	if ip, err := netip.ParseAddr(text); err == nil && ip.Is6() {
		text = "[" + strings.ReplaceAll(text, "%", "%25") + "]"
	}
	bare := !strings.Contains(text, "://")
	if bare {
		text = scheme + "://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%wthe address should be a host, host:port, or an http:// or https:// address", errInput)
	}
	if u.User != nil {
		return nil, fmt.Errorf("%wno login in the address: use --user and --password-stdin", errInput)
	}
	if bare && u.Port() == "" && u.Path == "" {
		list, err := onvif.Discover(ctx, onvif.DiscoverConfig{Address: u.Host, Wait: time.Second})
		if err == nil && len(list) > 0 {
			if at, err := url.Parse(list[0].AddressAt(u.Hostname())); err == nil && (c.TLS == "" || at.Scheme == scheme) {
				return at, nil
			}
		}
	}
	return u, nil
}

func (c *camerasProbe) login(stdin io.Reader) (*url.Userinfo, error) {
	switch {
	case c.User == "" && c.PasswordStdin:
		return nil, fmt.Errorf("%w--password-stdin needs --user", errInput)
	case c.User == "":
		return nil, nil
	case !c.PasswordStdin:
		return nil, fmt.Errorf("%w--user needs --password-stdin", errInput)
	}
	pass, err := secret(stdin, "password")
	if err != nil {
		return nil, err
	}
	return url.UserPassword(c.User, pass), nil
}

// ask fills out. A camera without snapshots is still one.
func (c *camerasProbe) ask(e *env, cam *onvif.Camera, out *probed) (err error) {
	if out.Info, err = cam.Info(e.ctx); err != nil {
		return err
	}
	if out.Profiles, err = cam.Profiles(e.ctx); err != nil {
		return err
	}
	if st := cam.State(); st.ClockKnown {
		seconds := st.Offset.Round(100 * time.Millisecond).Seconds()
		out.Clock = &seconds
	}
	still, err := cam.Snapshot(e.ctx)
	if out.Snapshot = len(still); err != nil {
		out.Problem = inWords(e, err).Error()
	}
	return e.ctx.Err()
}

// inWords gives an ONVIF error as a sentence; --verbose tells more.
func inWords(e *env, err error) error {
	var o *onvif.Error
	if !errors.As(err, &o) {
		return err
	}
	e.log.Debug("probing failed", "err", err)
	return errors.New(o.Cause.String())
}

// config is the camera for gatehouse.yml.
func (c *camerasProbe) config(address *url.URL, list []onvif.Profile) (string, error) {
	withLogin := func(p *onvif.Profile) string {
		if p == nil {
			return ""
		}
		u, err := url.Parse(p.Stream)
		if err != nil {
			return ""
		}
		u.User = address.User
		return u.String()
	}
	main, sub := onvif.Pick(list)
	if main == nil {
		return "", errors.New("the camera offers no stream that can be recorded")
	}
	b, err := yaml.Marshal(struct {
		Cameras []any `yaml:"cameras"`
	}{[]any{struct {
		Name  string `yaml:"name"`
		URL   string `yaml:"url"`
		Sub   string `yaml:"sub,omitempty"`
		ONVIF string `yaml:"onvif"`
		TLS   string `yaml:"tls,omitempty"`
	}{c.Name, withLogin(main), withLogin(sub), address.String(), c.TLS}}})
	if err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	return string(b), nil
}

func (c *camerasProbe) printWords(w io.Writer, p probed) {
	fmt.Fprintf(w, "camera\t%s %s\tfirmware %s\tserial %s\n", p.Info.Manufacturer, p.Info.Model, p.Info.Firmware, p.Info.Serial)
	switch {
	case p.Clock == nil:
		fmt.Fprintf(w, "clock\tnot told\n")
	case *p.Clock < 0:
		fmt.Fprintf(w, "clock\t%.1f s behind this machine's\n", -*p.Clock)
	default:
		fmt.Fprintf(w, "clock\t%.1f s ahead of this machine's\n", *p.Clock)
	}
	for _, x := range p.Profiles {
		fmt.Fprintf(w, "profile\t%s\t%s\t%dx%d\t%g fps\t%d kbit/s\t%s\n", x.Name, x.Codec, x.Width, x.Height, x.FPS, x.Bitrate, x.Stream)
	}
	if p.Snapshot > 0 {
		fmt.Fprintf(w, "snapshot\t%d bytes\n", p.Snapshot)
	} else {
		fmt.Fprintf(w, "snapshot\tnone: %s\n", p.Problem)
	}
	fmt.Fprintf(w, "\n%s", p.Config)
	if !c.ShowPassword && c.User != "" {
		fmt.Fprintln(w, "# Write the password for PASSWORD, with @ : / % in it as %40 %3A %2F %25; or use --show-password.")
	}
}
