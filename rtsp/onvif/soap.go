package onvif

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// Namespaces, by the prefixes that the ONVIF specifications use.
const (
	nsSOAP      = "http://www.w3.org/2003/05/soap-envelope"
	nsDevice    = "http://www.onvif.org/ver10/device/wsdl"
	nsMedia     = "http://www.onvif.org/ver10/media/wsdl"
	nsMedia2    = "http://www.onvif.org/ver20/media/wsdl"
	nsEvents    = "http://www.onvif.org/ver10/events/wsdl"
	nsSchema    = "http://www.onvif.org/ver10/schema"
	nsWSN       = "http://docs.oasis-open.org/wsn/b-2"
	nsAddress   = "http://www.w3.org/2005/08/addressing"
	nsWSSE      = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsWSU       = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	digestType  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
	nonceCoding = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
)

// request is one SOAP 1.2 request over HTTP.
type request struct {
	to        *url.URL      // where it is posted
	action    string        // SOAP action
	body      string        // of the envelope
	addressed bool          // carries WS-Addressing headers, as all event requests do (Core 9)
	said      string        // wsa:To, if the device calls the place otherwise than to
	refs      []*node       // reference parameters to send back (WS-Addressing SOAP Binding 3.1)
	within    time.Duration // time limit; zero: callLimit
	mayBeBare bool          // an empty answer is a success
	poll      bool          // the device waits before it answers
	open      bool          // an answer does not prove that the login was looked at (Core 5.9.4.3, PRE_AUTH)
}

// envelope writes the request with a security header, or with none if it is empty.
func (q request) envelope(security string) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddress + `"><s:Header>`)
	if q.addressed {
		to := q.said
		if to == "" {
			to = q.to.String()
		}
		fmt.Fprintf(&b, "<a:Action>%s</a:Action><a:MessageID>urn:uuid:%s</a:MessageID>"+
			"<a:ReplyTo><a:Address>%s/anonymous</a:Address></a:ReplyTo><a:To>%s</a:To>",
			escape(q.action), uuid.NewString(), nsAddress, escape(to))
	}
	b.WriteString(referenceHeaders(q.refs))
	b.WriteString(security)
	b.WriteString("</s:Header><s:Body>" + q.body + "</s:Body></s:Envelope>")
	return []byte(b.String())
}

// security is a UsernameToken with a password digest (WS-Security UsernameToken
// Profile 1.0, 3.1), dated by the device's clock: devices refuse what is older
// or newer than a few seconds. A nonce of 16 bytes and a time in milliseconds
// is what every device knows; some refuse longer ones.
func security(user, password string, now time.Time) string {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	created := now.UTC().Format("2006-01-02T15:04:05.000Z")
	return fmt.Sprintf(`<w:Security xmlns:w="%s" xmlns:u="%s" s:mustUnderstand="1"><w:UsernameToken><w:Username>%s</w:Username>`+
		`<w:Password Type="%s">%s</w:Password><w:Nonce EncodingType="%s">%s</w:Nonce><u:Created>%s</u:Created></w:UsernameToken></w:Security>`,
		nsWSSE, nsWSU, escape(user), digestType, passwordDigest(nonce, created, password),
		nonceCoding, base64.StdEncoding.EncodeToString(nonce), created)
}

// fault is a SOAP fault.
type fault struct {
	codes  []string // local names from the outermost code inwards
	reason string
	status int // of HTTP
}

// Error names the codes and the reason as the device wrote it.
func (f *fault) Error() string {
	return fmt.Sprintf("SOAP fault %s: %s", plain(strings.Join(f.codes, "/"), 80), plain(f.reason, 160))
}

// unauthorised reports whether the device wants other credentials (Core 5.12.2),
// or a token of another time.
func (f *fault) unauthorised() bool {
	if f.status == http.StatusUnauthorized {
		return true
	}
	for _, c := range f.codes {
		switch c {
		case "NotAuthorized", "FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken", "OperationProhibited":
			return true
		}
	}
	reason := strings.ToLower(f.reason)
	return strings.Contains(reason, "not authorized") || strings.Contains(reason, "time check failed")
}

// parseEnvelope returns the one element in the body of a SOAP envelope, or its
// fault. The element may be missing.
func parseEnvelope(b []byte, status int) (*node, error) {
	root, err := parseXML(b)
	if err != nil {
		return nil, err
	}
	body := root.child("Body")
	if root.name.Local != "Envelope" || body == nil {
		return nil, fmt.Errorf("%w: not a SOAP envelope", errDocument)
	}
	f := body.child("Fault")
	if f == nil {
		if len(body.children) == 0 {
			return nil, nil
		}
		return body.children[0], nil
	}
	out := &fault{status: status, reason: f.value("Reason", "Text")}
	for code := f.child("Code"); code != nil; code = code.child("Subcode") {
		out.codes = append(out.codes, local(code.value("Value")))
	}
	if len(out.codes) == 0 { // SOAP 1.1
		out.codes, out.reason = []string{local(f.value("faultcode"))}, f.value("faultstring")
	}
	return nil, out
}

// local is a qualified name without its prefix.
func local(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

// plain shortens text from a device to n bytes of printable characters.
func plain(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\uFFFD' {
			return ' '
		}
		return r
	}, s)
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
