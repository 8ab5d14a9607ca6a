package onviftest

import (
	"context"
	"encoding/xml"
	"fmt"
	"net"
	"strings"
	"sync"
)

// Discovery answers WS-Discovery probes for a device.
type Discovery struct {
	Endpoint string   // such as urn:uuid:…
	XAddrs   string   // with blanks between them
	Scopes   string   // the same
	Types    string   // default dn:NetworkVideoTransmitter tds:Device
	Relates  string   // says to answer another probe
	Raw      []string // sent before each answer
	Times    int      // how often each answer is sent; default 1
}

// ListenMulticast joins WS-Discovery's group on an interface: 239.255.255.250
// with udp4, ff02::c with udp6.
func ListenMulticast(network, iface string) (*net.UDPConn, error) {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, err
	}
	group := net.IPv4(239, 255, 255, 250)
	if network == "udp6" {
		group = net.ParseIP("ff02::c")
	}
	return net.ListenMulticastUDP(network, i, &net.UDPAddr{IP: group, Port: 3702})
}

// Run answers what arrives at the sockets until ctx ends, and closes them.
func (d Discovery) Run(ctx context.Context, conns ...*net.UDPConn) error {
	var wg sync.WaitGroup
	for _, c := range conns {
		stop := context.AfterFunc(ctx, func() { c.Close() })
		defer stop()
		wg.Go(func() {
			defer c.Close()
			buf := make([]byte, 64<<10)
			for {
				n, from, err := c.ReadFromUDP(buf)
				if err != nil {
					return
				}
				for _, b := range d.answers(buf[:n]) {
					_, _ = c.WriteToUDP(b, from)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

func (d Discovery) answers(b []byte) (list [][]byte) {
	var probe struct {
		XMLName xml.Name `xml:"http://www.w3.org/2003/05/soap-envelope Envelope"`
		Header  struct {
			Action string `xml:"http://schemas.xmlsoap.org/ws/2004/08/addressing Action"`
			ID     string `xml:"http://schemas.xmlsoap.org/ws/2004/08/addressing MessageID"`
			To     string `xml:"http://schemas.xmlsoap.org/ws/2004/08/addressing To"`
		} `xml:"http://www.w3.org/2003/05/soap-envelope Header"`
		Types string `xml:"Body>Probe>Types"`
	}
	if xml.Unmarshal(b, &probe) != nil || !strings.HasSuffix(probe.Header.Action, "/discovery/Probe") ||
		probe.Header.To != "urn:schemas-xmlsoap-org:ws:2005:04:discovery" {
		return nil
	}
	types, relates := d.Types, probe.Header.ID
	if types == "" {
		types = "dn:NetworkVideoTransmitter tds:Device"
		if !strings.Contains(types, probe.Types) {
			return nil
		}
	}
	if d.Relates != "" {
		relates = d.Relates
	}
	for _, r := range d.Raw {
		list = append(list, []byte(r))
	}
	text := fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"`+
		` xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"`+
		` xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"><SOAP-ENV:Header>`+
		`<wsa:MessageID>uuid:0</wsa:MessageID><wsa:RelatesTo>%s</wsa:RelatesTo>`+
		`<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</wsa:Action></SOAP-ENV:Header><SOAP-ENV:Body>`+
		`<d:ProbeMatches><d:ProbeMatch><wsa:EndpointReference><wsa:Address>%s</wsa:Address></wsa:EndpointReference><d:Types>%s</d:Types>`+
		`<d:Scopes>%s</d:Scopes><d:XAddrs>%s</d:XAddrs><d:MetadataVersion>10</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches>`+
		`</SOAP-ENV:Body></SOAP-ENV:Envelope>`, relates, d.Endpoint, types, d.Scopes, d.XAddrs)
	for range max(d.Times, 1) {
		list = append(list, []byte(text))
	}
	return list
}
