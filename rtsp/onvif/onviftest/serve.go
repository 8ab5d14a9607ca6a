package onviftest

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// envelope is a SOAP 1.2 request, with the namespaces it must have.
type envelope struct {
	XMLName xml.Name `xml:"http://www.w3.org/2003/05/soap-envelope Envelope"`
	Header  struct {
		Action   string `xml:"http://www.w3.org/2005/08/addressing Action"`
		To       string `xml:"http://www.w3.org/2005/08/addressing To"`
		Security *struct {
			Token struct {
				Username string `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd Username"`
				Password struct {
					Type  string `xml:"Type,attr"`
					Value string `xml:",chardata"`
				} `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd Password"`
				Nonce   string `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd Nonce"`
				Created string `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd Created"`
			} `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd UsernameToken"`
		} `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd Security"`
		Subscription *struct {
			IsRef string `xml:"http://www.w3.org/2005/08/addressing IsReferenceParameter,attr"`
			ID    string `xml:",chardata"`
		} `xml:"urn:example:maker SubscriptionId"`
	} `xml:"http://www.w3.org/2003/05/soap-envelope Header"`
	Body struct {
		Operation operation `xml:",any"`
	} `xml:"http://www.w3.org/2003/05/soap-envelope Body"`
}

type operation struct {
	XMLName  xml.Name
	Profile  string `xml:"ProfileToken"`
	Protocol string `xml:"Protocol"`
	Setup    struct {
		Stream    string `xml:"http://www.onvif.org/ver10/schema Stream"`
		Transport struct {
			Protocol string `xml:"http://www.onvif.org/ver10/schema Protocol"`
		} `xml:"http://www.onvif.org/ver10/schema Transport"`
	} `xml:"StreamSetup"`
	Timeout     string `xml:"Timeout"`
	Limit       int    `xml:"MessageLimit"`
	Initial     string `xml:"InitialTerminationTime"`
	Termination string `xml:"TerminationTime"`
}

const (
	device = "http://www.onvif.org/ver10/device/wsdl "
	media  = "http://www.onvif.org/ver10/media/wsdl "
	media2 = "http://www.onvif.org/ver20/media/wsdl "
	events = "http://www.onvif.org/ver10/events/wsdl "
	wsn    = "http://docs.oasis-open.org/wsn/b-2 "
)

// exchange is one request being answered.
type exchange struct {
	d    *Device
	w    http.ResponseWriter
	r    *http.Request
	env  envelope
	call Call
}

// unauthenticated are the operations of access class PRE_AUTH (Core 5.9.4.3).
// GetServices and GetCapabilities are of it too; this device is stricter.
const unauthenticated = "GetSystemDateAndTime"

func (d *Device) serve(w http.ResponseWriter, r *http.Request) {
	x := &exchange{d: d, w: w, r: r, call: Call{Path: r.URL.Path, At: time.Now(), Status: 200, Login: "none"}}
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.calls = append(d.calls, x.call)
	}()
	d.mu.Lock()
	down := d.down
	d.mu.Unlock()
	switch {
	case down:
		x.status(http.StatusServiceUnavailable, "")
	case d.cfg.Quirks.Redirect != "":
		w.Header().Set("Location", d.cfg.Quirks.Redirect)
		x.status(http.StatusTemporaryRedirect, "")
	case d.cfg.Quirks.Raw != "":
		_, _ = io.WriteString(w, d.cfg.Quirks.Raw)
	case d.cfg.Quirks.Endless:
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	case r.Method == http.MethodGet:
		x.call.Name = "GET"
		x.snapshot()
	default:
		x.soap()
	}
}

func (x *exchange) status(code int, text string) {
	x.call.Status = code
	x.w.WriteHeader(code)
	_, _ = io.WriteString(x.w, text)
}

func (x *exchange) soap() {
	b, err := io.ReadAll(io.LimitReader(x.r.Body, 1<<20))
	x.call.Body = string(b)
	if err == nil {
		err = xml.Unmarshal(b, &x.env)
	}
	op := x.env.Body.Operation
	x.call.Name = op.XMLName.Local
	if err != nil || x.call.Name == "" {
		x.fault("Sender", "ter:WellFormed", "the request cannot be read")
		return
	}
	if q := x.d.cfg.Quirks; (x.call.Name != unauthenticated || q.LockedClock) && !x.authenticate(b) {
		return
	}
	name := op.XMLName.Space + " " + op.XMLName.Local
	switch {
	case x.device(name), x.media(name), x.event(name):
	default:
		x.fault("Receiver", "ter:ActionNotSupported", "this device does not know "+op.XMLName.Local)
	}
}

// reply sends an envelope, in the clothes the quirks say.
func (x *exchange) reply(inner string) { x.envelope(http.StatusOK, inner) }

const namespaces = ` xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl"` +
	` xmlns:tr2="http://www.onvif.org/ver20/media/wsdl" xmlns:tev="http://www.onvif.org/ver10/events/wsdl"` +
	` xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2"` +
	` xmlns:wsa5="http://www.w3.org/2005/08/addressing" xmlns:ter="http://www.onvif.org/ver10/error"` +
	` xmlns:tns1="http://www.onvif.org/ver10/topics" xmlns:mk="urn:example:maker"`

func (x *exchange) envelope(code int, inner string) {
	q := x.d.cfg.Quirks
	text := `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"` + namespaces +
		`><SOAP-ENV:Header/><SOAP-ENV:Body>` + inner + `</SOAP-ENV:Body></SOAP-ENV:Envelope>`
	if q.Prefixes {
		for i, p := range []string{"SOAP-ENV", "tds", "trt", "tr2", "tev", "tt", "wsnt", "wsa5"} {
			name := fmt.Sprintf("ns%d", i)
			text = strings.NewReplacer("<"+p+":", "<"+name+":", "</"+p+":", "</"+name+":", "xmlns:"+p+"=", "xmlns:"+name+"=").Replace(text)
		}
	}
	b, declared := []byte(text), "UTF-8"
	if q.Latin1 {
		declared, b = "ISO-8859-1", nil
		for _, r := range text {
			b = append(b, byte(r)) // every rune of this package's texts is in Latin-1
		}
	}
	b = append([]byte(`<?xml version="1.0" encoding="`+declared+`"?>`+"\n"), b...)
	x.w.Header().Set("Content-Type", "application/soap+xml; charset="+strings.ToLower(declared))
	x.call.Status = code
	x.w.WriteHeader(code)
	if !q.Chunked {
		_, _ = x.w.Write(b)
		return
	}
	for len(b) > 0 {
		n := min(len(b), 7)
		_, _ = x.w.Write(b[:n])
		_ = http.NewResponseController(x.w).Flush()
		b = b[n:]
	}
}

func (x *exchange) fault(code, subcode, reason string) {
	if x.d.cfg.Quirks.OldFaults {
		x.envelope(http.StatusInternalServerError, "<SOAP-ENV:Fault><faultcode>"+subcode+"</faultcode><faultstring>"+reason+"</faultstring></SOAP-ENV:Fault>")
		return
	}
	status := http.StatusInternalServerError
	if code == "Sender" {
		status = http.StatusBadRequest
	}
	x.envelope(status, "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:"+code+"</SOAP-ENV:Value><SOAP-ENV:Subcode><SOAP-ENV:Value>"+
		subcode+`</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason><SOAP-ENV:Text xml:lang="en">`+reason+
		"</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>")
}
