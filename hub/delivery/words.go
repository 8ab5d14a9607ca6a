package delivery

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/bdragon300/tusgo"
	"golang.org/x/crypto/ssh"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/ledger"
)

// What can be wrong with an attempt.
var (
	errProfile   = errors.New("profile is not valid")
	errTarget    = errors.New("target is not one that a hub uploads to")
	errHost      = errors.New("host is not one of the profile's, or not the target's")
	errPin       = errors.New("key is not the pinned one")
	errPrivate   = errors.New("address is not a public one")
	errFile      = errors.New("sealed file cannot be read")
	errDigest    = errors.New("sealed file is not what was approved")
	errProtocol  = errors.New("answer does not follow the protocol")
	errTaken     = errors.New("another file is there already")
	errLogin     = errors.New("log-in is refused")
	errFolder    = errors.New("folder is missing or refused")
	errReceipt   = errors.New("receipt is not valid for the package")
	errNoReceipt = errors.New("no receipt yet")
	errUnchecked = errors.New("agency could not be looked up")
)

// revokedError says in plain words why an agency may not have a package any more.
type revokedError string

func (e revokedError) Error() string { return "revoked: " + string(e) }

// lasting says how soon another try makes sense.
type lasting int

const (
	lastingBriefly lasting = iota // back off and try again
	lastingForLong                // a person has to put something right: try now and then
	lastingForGood                // never
)

// fault is an error for the owner.
type fault struct {
	words   string
	lasting lasting
}

var faults = []struct {
	err error
	fault
}{
	{errDigest, fault{"The sealed file is not the one you approved any more, so nothing of it is sent.", lastingForGood}},
	{errProfile, fault{"The agency's profile cannot be read.", lastingForGood}},
	{errTarget, fault{"The request names no upload address that can be used.", lastingForGood}},
	{errFile, fault{"The sealed file cannot be read.", lastingForLong}},
	{errPin, fault{"The receiver's key is not the one in the agency's signed profile, so nothing is sent to it.", lastingForLong}},
	{errPrivate, fault{"The receiver's address is in a private network, which you have not allowed for this agency.", lastingForLong}},
	{errHost, fault{"The receiver names a host that is not in the agency's signed profile.", lastingForLong}},
	{errReceipt, fault{"The receiver's receipt is not valid for this package.", lastingForLong}},
	{errNoReceipt, fault{"The receiver has received everything but has not signed yet.", lastingBriefly}},
	{errTaken, fault{"There is another file at the upload address already, which is never replaced.", lastingForGood}},
	{errLogin, fault{"The receiver does not let this hub log in.", lastingForLong}},
	{errFolder, fault{"The receiver's folder for uploads is missing, or takes none.", lastingForLong}},
	{errUnchecked, fault{"This hub could not look up whether the agency may still have it.", lastingBriefly}},
	{errProtocol, fault{"The receiver's answers make no sense.", lastingForLong}},
}

// explain puts an error of an attempt into plain words.
func explain(err error) fault {
	var revoked revokedError
	if errors.As(err, &revoked) {
		return fault{string(revoked), lastingForGood}
	}
	for _, f := range faults {
		if errors.Is(err, f.err) {
			return f.fault
		}
	}
	var status statusError
	if errors.As(err, &status) {
		return explainStatus(int(status))
	}
	if errors.Is(err, tusgo.ErrProtocol) || errors.Is(err, tusgo.ErrUnexpectedResponse) {
		return explain(errProtocol)
	}
	var none *ssh.AlgorithmNegotiationError
	if errors.As(err, &none) {
		return fault{"The receiver has no key of the pinned kind, or no encryption that is good enough.", lastingForLong}
	}
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return fault{"The receiver's certificate is not one that this computer trusts.", lastingForLong}
	}
	return fault{"The receiver does not answer.", lastingBriefly}
}

func explainStatus(status int) fault {
	switch {
	case status >= 300 && status < 400:
		return fault{"The receiver points to another address, which is never followed.", lastingForLong}
	case status == http.StatusRequestEntityTooLarge:
		return fault{"The package is larger than the receiver takes.", lastingForGood}
	case status == http.StatusBadRequest, status == http.StatusUnsupportedMediaType, status == http.StatusUnprocessableEntity:
		return fault{fmt.Sprintf("The receiver refuses the package (status %d).", status), lastingForGood}
	case status == http.StatusConflict, status == http.StatusLocked, status == http.StatusTooManyRequests,
		status == http.StatusNotFound, status == http.StatusGone, status == http.StatusRequestTimeout:
		return fault{"The receiver is busy or has lost the upload.", lastingBriefly}
	case status < 500:
		return fault{fmt.Sprintf("The receiver does not accept uploads now (status %d).", status), lastingForLong}
	}
	return fault{fmt.Sprintf("The receiver is in trouble (status %d).", status), lastingBriefly}
}

var (
	urls  = regexp.MustCompile(`\S*://\S*`)
	paths = regexp.MustCompile(`\S*/\S*`)
)

// withoutURLs is for people: who knows an upload's address can add to it.
func withoutURLs(words string) string { return urls.ReplaceAllString(words, "(an address)") }

// withoutPaths is for the log: neither http.Client's errors, which quote whole
// addresses, nor a receiver that quotes the path of one puts an upload's address
// or a package's digest there.
func withoutPaths(err error) string { return paths.ReplaceAllString(err.Error(), "…") }

func entry(j Job, kind ledger.Kind, now time.Time, data map[string]any, text string) ledger.Entry {
	data["package"], data["sha256"], data["approval"] = j.PackageID, j.Digest, j.Entry
	e := ledger.Entry{Time: now, Kind: kind, Request: j.Request, Agency: j.Agency, Text: text}
	e.Data, _ = json.Marshal(data) // strings and numbers always marshal
	return e
}

func entrySent(j Job, host string, now time.Time) ledger.Entry {
	return entry(j, ledger.Sent, now, map[string]any{"bytes": j.Bytes, "host": host},
		fmt.Sprintf("Package %s was sent to %s, all %d bytes of it.", j.PackageID, host, j.Bytes))
}

func entryUnsigned(j Job, host string, now time.Time) ledger.Entry {
	return entry(j, ledger.Sent, now, map[string]any{"bytes": j.Bytes, "host": host, "receipt": "none"},
		fmt.Sprintf("Package %s was sent to %s, all %d bytes of it. The receiver is of a kind that signs no receipt.",
			j.PackageID, host, j.Bytes))
}

func entryReceipt(j Job, r bulletin.Receipt, now time.Time) ledger.Entry {
	return entry(j, ledger.Receipt, now, map[string]any{"receipt": j.Receipt}, // base64
		fmt.Sprintf("%s signed that it received package %s whole on %s.", j.Agency, j.PackageID,
			r.ReceivedAt.UTC().Format("2 January 2006, 15:04 UTC")))
}

func entryFailed(j Job, now time.Time) ledger.Entry {
	return entry(j, ledger.Failed, now, map[string]any{"bytes": j.Offset},
		fmt.Sprintf("Package %s could not be delivered: %s", j.PackageID, j.Error))
}

func entryCancelled(j Job, now time.Time) ledger.Entry {
	sent := "nothing of it had been sent"
	if j.UploadURL != "" {
		sent = fmt.Sprintf("the receiver had confirmed %d of its %d bytes, and may hold more", j.Offset, j.Bytes)
	}
	return entry(j, ledger.Cancelled, now, map[string]any{"bytes": j.Offset},
		fmt.Sprintf("The owner cancelled the delivery of package %s; %s.", j.PackageID, sent))
}

func entryWithdrawn(j Job, now time.Time) ledger.Entry {
	return entry(j, ledger.Cancelled, now, map[string]any{"bytes": 0},
		fmt.Sprintf("The delivery of package %s was stopped before anything of it was sent: "+
			"the request was withdrawn, or its agency may not have it any more.", j.PackageID))
}
