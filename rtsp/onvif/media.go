package onvif

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Profile is one media profile with video.
type Profile struct {
	Token   string  `json:"token"`
	Name    string  `json:"name"`
	Source  string  `json:"source"` // token of the video source: which lens or channel
	Codec   string  `json:"codec"`  // as the device writes it, in capitals: H264, H265, JPEG
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	FPS     float64 `json:"fps"`     // 0 if not told
	Bitrate int     `json:"bitrate"` // limit in kbit/s; 0 if not told
	Stream  string  `json:"stream"`  // rtsp:// address without credentials; empty if the device gives none
}

// maxProfiles bounds how many profiles are looked at; each costs a question
// about its stream.
const maxProfiles = 32

// Profiles lists the device's media profiles that have video, with the address
// of each one's stream: Media2 where the device has it, else Media.
func (c *Camera) Profiles(ctx context.Context) ([]Profile, error) {
	l, err := c.link(ctx)
	if err != nil {
		return nil, c.explain(err)
	}
	list, from, err := c.profiles(ctx, l)
	if err != nil {
		return nil, c.explain(err)
	}
	for i := range list {
		n, err := c.call(ctx, l, from.streamRequest(list[i].Token))
		if ctx.Err() != nil || errors.Is(err, errRefused) {
			return nil, c.explain(fmt.Errorf("asking for a stream's address: %w", err))
		}
		if err != nil {
			continue // a profile that is not streamable is no reason to lose the others
		}
		if u := c.resolve(uriIn(n), l.ownPort, "rtsp", "rtsps"); u != nil {
			list[i].Stream = u.String()
		}
	}
	return list, nil
}

// mediaService is one of a device's two media services.
type mediaService struct {
	at *url.URL
	ns string
}

func (m mediaService) request(name, inner string) request {
	return request{to: m.at, action: m.ns + "/" + name, body: "<" + name + ` xmlns="` + m.ns + `">` + inner + "</" + name + ">"}
}

// uriIn is the address in the answer of either media service.
func uriIn(n *node) string {
	if uri := n.value("Uri"); uri != "" {
		return uri
	}
	return n.value("MediaUri", "Uri")
}

// profiles asks Media2 first; a device whose Media2 refuses or is empty is asked
// by Media too.
func (c *Camera) profiles(ctx context.Context, l *link) ([]Profile, mediaService, error) {
	failed := errNoMedia
	for _, m := range []mediaService{{l.media2, nsMedia2}, {l.media, nsMedia}} {
		if m.at == nil {
			continue
		}
		inner := ""
		if m.ns == nsMedia2 {
			inner = "<Type>VideoSource</Type><Type>VideoEncoder</Type>"
		}
		n, err := c.call(ctx, l, m.request("GetProfiles", inner))
		if err == nil {
			if list := parseProfiles(n); len(list) > 0 || m.ns == nsMedia {
				return list, m, nil
			}
			continue
		}
		failed = err
		if ctx.Err() != nil || errors.Is(err, errRefused) {
			break
		}
	}
	return nil, mediaService{}, fmt.Errorf("asking for the profiles: %w", failed)
}

// streamRequest asks for RTSP with the RTP inside (Media 5.15, Media2 5.4.1).
func (m mediaService) streamRequest(token string) request {
	profile := "<ProfileToken>" + escape(token) + "</ProfileToken>"
	if m.ns == nsMedia2 {
		return m.request("GetStreamUri", "<Protocol>RTSP</Protocol>"+profile)
	}
	return m.request("GetStreamUri", `<StreamSetup><Stream xmlns="`+nsSchema+`">RTP-Unicast</Stream>`+
		`<Transport xmlns="`+nsSchema+`"><Protocol>RTSP</Protocol></Transport></StreamSetup>`+profile)
}

// parseProfiles reads a GetProfilesResponse of either media service. Profiles
// without a video encoder or a token are left out.
func parseProfiles(n *node) (list []Profile) {
	for _, p := range n.all("Profiles") {
		enc, src := p.child("VideoEncoderConfiguration"), p.child("VideoSourceConfiguration")
		if conf := p.child("Configurations"); conf != nil { // Media2
			enc, src = conf.child("VideoEncoder"), conf.child("VideoSource")
		}
		token := p.attr("token")
		if enc == nil || token == "" || len(token) > maxText || len(list) == maxProfiles {
			continue
		}
		list = append(list, Profile{
			Token: token, Name: plain(p.value("Name"), maxText), Source: plain(src.value("SourceToken"), maxText),
			Codec: codecName(enc.value("Encoding")),
			Width: whole(enc.value("Resolution", "Width")), Height: whole(enc.value("Resolution", "Height")),
			FPS: positive(enc.value("RateControl", "FrameRateLimit")), Bitrate: whole(enc.value("RateControl", "BitrateLimit")),
		})
	}
	return list
}

// codecName is an encoding as Media (an enumeration) and Media2 (an IANA media
// subtype) write it, in one form.
func codecName(s string) string {
	s = strings.ToUpper(plain(s, 16))
	if s == "HEVC" {
		return "H265"
	}
	return strings.ReplaceAll(s, ".", "")
}

// whole reads a number of pixels or kbit/s; what is none is 0.
func whole(s string) int {
	f := positive(s) // Media2 devices write "25.000000"
	return int(math.Min(f, math.MaxInt32))
}

func positive(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// Pick suggests the profiles for a camera's main and sub stream: of the first
// video source, the largest picture that can be stored, and the smallest that
// is at least 320 wide and not the main one. Of equal ones the first is taken,
// since that is how devices list them. Either is nil if there is none.
func Pick(list []Profile) (main, sub *Profile) {
	var of []*Profile
	for i := range list {
		p := &list[i]
		if p.Stream == "" || !slices.Contains([]string{"H264", "H265", "JPEG"}, p.Codec) || len(of) > 0 && p.Source != of[0].Source {
			continue
		}
		of = append(of, p)
	}
	area := func(p *Profile) int64 { return int64(p.Width) * int64(p.Height) }
	for _, p := range of {
		if main == nil || p.Codec != "JPEG" && (main.Codec == "JPEG" || area(p) > area(main)) {
			main = p
		}
	}
	for _, p := range of {
		if p == main || p.Stream == main.Stream || p.Codec == "JPEG" || p.Width < 320 || area(p) > area(main) {
			continue
		}
		if sub == nil || area(p) < area(sub) {
			sub = p
		}
	}
	return main, sub
}

// parseTime reads an xs:dateTime. A missing zone is taken for UTC, as ONVIF
// demands UTC (Core 9.4.3); times no calendar has give false.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1970 && t.Year() < 2200 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
