package delivery

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
)

func TestNoAddressInTheLog(t *testing.T) {
	secret := "0123456789abcdef"
	for _, err := range []error{
		&url.Error{Op: "Patch", URL: "https://a.example/files/" + secret, Err: io.ErrUnexpectedEOF},
		fmt.Errorf("sending: %w", &url.Error{Op: "parse", URL: ":" + secret + "/x", Err: io.EOF}),
		errors.Join(errProtocol, errors.New("HTTP 200: lost /files/"+secret)),
	} {
		if got := withoutPaths(err); strings.Contains(got, secret) || got == "" {
			t.Errorf("%q", got)
		}
	}
	if got := withoutURLs("See https://a.example/files/" + secret + " and/or wait."); got != "See (an address) and/or wait." {
		t.Errorf("%q", got)
	}
}

func TestUnsignedIsTriedAgain(t *testing.T) {
	f := explain(errNoReceipt)
	if !strings.Contains(f.words, "received everything but has not signed yet") || f.lasting != lastingBriefly {
		t.Errorf("%+v", f)
	}
}
