package onviftest

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// xaddr is how the device calls one of its services.
func (d *Device) xaddr(path string) string {
	host := d.cfg.Quirks.Host
	switch {
	case host == "":
		host = d.Addr()
	case !strings.Contains(host, ":"):
		_, port, _ := net.SplitHostPort(d.Addr())
		host = net.JoinHostPort(host, port)
	}
	scheme := d.scheme()
	if d.cfg.Quirks.PlainXAddrs {
		scheme = "http"
	}
	return scheme + "://" + host + path
}

// device answers the device service.
func (x *exchange) device(name string) bool {
	d, q := x.d, x.d.cfg.Quirks
	switch name {
	case device + "GetSystemDateAndTime":
		d.mu.Lock()
		t := d.now().Add(q.TellsTime)
		d.mu.Unlock()
		x.reply(fmt.Sprintf(`<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>`+
			`<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone><tt:UTCDateTime>`+
			`<tt:Time><tt:Hour>%d</tt:Hour><tt:Minute>%d</tt:Minute><tt:Second>%d</tt:Second></tt:Time>`+
			`<tt:Date><tt:Year>%d</tt:Year><tt:Month>%d</tt:Month><tt:Day>%d</tt:Day></tt:Date></tt:UTCDateTime>`+
			`</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`, t.Hour(), t.Minute(), t.Second(), t.Year(), t.Month(), t.Day()))
	case device + "GetDeviceInformation":
		x.reply(`<tds:GetDeviceInformationResponse><tds:Manufacturer>Beispiel S` + "\u00fc" + `d</tds:Manufacturer><tds:Model>T-1</tds:Model>` +
			`<tds:FirmwareVersion>5.7</tds:FirmwareVersion><tds:SerialNumber>C1234</tds:SerialNumber><tds:HardwareId>88</tds:HardwareId></tds:GetDeviceInformationResponse>`)
	case device + "GetServices":
		if q.NoGetServices {
			return false
		}
		var b strings.Builder
		for _, s := range d.services() {
			fmt.Fprintf(&b, "<tds:Service><tds:Namespace>%s</tds:Namespace><tds:XAddr>%s</tds:XAddr>"+
				"<tds:Version><tt:Major>21</tt:Major><tt:Minor>12</tt:Minor></tds:Version></tds:Service>", strings.TrimSpace(s[0]), d.xaddr(s[1]))
		}
		x.reply("<tds:GetServicesResponse>" + b.String() + "</tds:GetServicesResponse>")
	case device + "GetCapabilities":
		x.reply("<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>" + d.xaddr("/onvif/device_service") +
			"</tt:XAddr></tt:Device><tt:Events><tt:XAddr>" + d.xaddr("/onvif/Events") + "</tt:XAddr>" +
			"<tt:WSPullPointSupport>false</tt:WSPullPointSupport></tt:Events><tt:Media><tt:XAddr>" + d.xaddr("/onvif/Media") +
			"</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>")
	default:
		return false
	}
	return true
}

func (d *Device) services() [][2]string {
	list := [][2]string{{device, "/onvif/device_service"}, {media, "/onvif/Media"}}
	if !d.cfg.Quirks.NoEvents {
		list = append(list, [2]string{events, "/onvif/Events"})
	}
	if d.cfg.Quirks.Media2 != "" {
		list = append(list, [2]string{media2, "/onvif/Media2"})
	}
	return list
}

func (d *Device) profile(token string) *Profile {
	for i := range d.Media {
		if d.Media[i].Token == token {
			return &d.Media[i]
		}
	}
	return nil
}

// media answers both media services.
func (x *exchange) media(name string) bool {
	d, q, op := x.d, x.d.cfg.Quirks, x.env.Body.Operation
	if strings.HasPrefix(name, media2) && q.Media2 != "works" {
		return false
	}
	p := d.profile(op.Profile)
	switch name {
	case media + "GetProfiles", media2 + "GetProfiles":
		x.reply(d.profiles(strings.HasPrefix(name, media2)))
		return true
	case media + "GetStreamUri":
		if op.Setup.Stream != "RTP-Unicast" || op.Setup.Transport.Protocol != "RTSP" {
			p = nil
		}
	case media2 + "GetStreamUri":
		if op.Protocol != "RTSP" {
			p = nil
		}
	case media + "GetSnapshotUri", media2 + "GetSnapshotUri":
		if q.NoSnapshot {
			return false
		}
	default:
		return false
	}
	if p == nil {
		x.fault("Sender", "ter:InvalidArgVal", "there is no such profile or stream")
		return true
	}
	uri := d.streamURI(p)
	prefix, element := "trt", "GetStreamUriResponse"
	if strings.HasSuffix(name, "GetSnapshotUri") {
		uri, element = d.snapshotURI(p), "GetSnapshotUriResponse"
	}
	if !q.BareAmpersand {
		uri = strings.ReplaceAll(uri, "&", "&amp;")
	}
	inner := "<trt:MediaUri><tt:Uri>" + uri + "</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>" +
		"<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>"
	if strings.HasPrefix(name, media2) {
		prefix, inner = "tr2", "<tr2:Uri>"+uri+"</tr2:Uri>"
	}
	x.reply("<" + prefix + ":" + element + ">" + inner + "</" + prefix + ":" + element + ">")
	return true
}

func (d *Device) streamURI(p *Profile) string {
	host := d.cfg.Quirks.Host
	if host == "" {
		host = d.Addr()
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	user := ""
	if d.cfg.Quirks.LoginInURI {
		user = "admin:12345@"
	}
	return "rtsp://" + user + net.JoinHostPort(host, d.StreamPort) + p.Stream
}

func (d *Device) snapshotURI(p *Profile) string {
	return d.xaddr("/onvif/snapshot?profile=" + p.Token + "&x=1")
}

func (d *Device) profiles(second bool) string {
	var b strings.Builder
	for _, p := range d.Media {
		source := `token="VideoSourceConfig_1"><tt:Name>source</tt:Name><tt:SourceToken>` + p.Source + "</tt:SourceToken>"
		size := fmt.Sprintf("<tt:Resolution><tt:Width>%d</tt:Width><tt:Height>%d</tt:Height></tt:Resolution>", p.Width, p.Height)
		if second {
			fmt.Fprintf(&b, `<tr2:Profiles token="%s" fixed="true"><tr2:Name>%s</tr2:Name><tr2:Configurations><tr2:VideoSource %s</tr2:VideoSource>`+
				`<tr2:VideoEncoder token="enc" GovLength="50"><tt:Encoding>%s</tt:Encoding>%s<tt:RateControl ConstantBitRate="false">`+
				`<tt:FrameRateLimit>%d.000000</tt:FrameRateLimit><tt:BitrateLimit>%d</tt:BitrateLimit></tt:RateControl></tr2:VideoEncoder>`+
				`</tr2:Configurations></tr2:Profiles>`, p.Token, p.Name, source, p.Encoding, size, p.FPS, p.Kbit)
			continue
		}
		fmt.Fprintf(&b, `<trt:Profiles token="%s" fixed="true"><tt:Name>%s</tt:Name><tt:VideoSourceConfiguration %s</tt:VideoSourceConfiguration>`+
			`<tt:VideoEncoderConfiguration token="enc"><tt:Encoding>%s</tt:Encoding>%s<tt:RateControl><tt:FrameRateLimit>%d</tt:FrameRateLimit>`+
			`<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>%d</tt:BitrateLimit></tt:RateControl></tt:VideoEncoderConfiguration>`+
			`</trt:Profiles>`, p.Token, p.Name, source, p.Encoding, size, p.FPS, p.Kbit)
	}
	b.WriteString(`<trt:Profiles token="audio"><tt:Name>no video</tt:Name></trt:Profiles>`)
	if second {
		return "<tr2:GetProfilesResponse>" + b.String() + "</tr2:GetProfilesResponse>"
	}
	return "<trt:GetProfilesResponse>" + b.String() + "</trt:GetProfilesResponse>"
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
