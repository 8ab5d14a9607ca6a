package code

import (
	"errors"
	"testing"
)

// The example device of the specification and of every SDK.
var example = Payload{Vendor: 0xfff1, Product: 0x8000, Discriminator: 3840, Passcode: 20202021}

func TestExample(t *testing.T) {
	if got, err := example.Manual(); got != "34970112332" || err != nil {
		t.Errorf("manual code %s, %v", got, err)
	}
	if got := Grouped("34970112332"); got != "3497-011-2332" {
		t.Error(got)
	}
	// The SDK's examples are found by Bluetooth, capability 1.
	if got := example.qr(1 << 1); got != "MT:Y.K9042C00KA0648G00" {
		t.Errorf("QR code %s", got)
	}
	on, err := example.QR()
	if err != nil || len(on) != len("MT:Y.K9042C00KA0648G00") || on == example.qr(1<<1) {
		t.Errorf("on the network: %s, %v", on, err)
	}
}

// TestCheckDigit: one digit mistyped, or two neighbours swapped, is noticed.
func TestCheckDigit(t *testing.T) {
	const good = "3497011233"
	want := verhoeff(good)
	for i := range good {
		for d := byte('0'); d <= '9'; d++ {
			typo := good[:i] + string(d) + good[i+1:]
			if (verhoeff(typo) == want) != (typo == good) {
				t.Errorf("%s has the check digit of %s", typo, good)
			}
		}
		if i > 0 && good[i] != good[i-1] {
			swapped := good[:i-1] + good[i:i+1] + good[i-1:i] + good[i+1:]
			if verhoeff(swapped) == want {
				t.Errorf("%s has the check digit of %s", swapped, good)
			}
		}
	}
}

func TestPasscodes(t *testing.T) {
	for _, p := range []uint32{0, 11111111, 22222222, 88888888, 99999999, 12345678, 87654321, MaxPasscode + 1, 1 << 27} {
		if Valid(p) {
			t.Errorf("%08d may not be used", p)
		}
		for _, f := range []func(Payload) (string, error){Payload.QR, Payload.Manual} {
			if s, err := f(Payload{Passcode: p}); !errors.Is(err, ErrPayload) || s != "" {
				t.Errorf("%08d: %q, %v", p, s, err)
			}
		}
	}
	if _, err := (Payload{Passcode: 20202021, Discriminator: 4096}).QR(); !errors.Is(err, ErrPayload) {
		t.Error("a discriminator of 13 bits passed")
	}
	if a, b := NewPasscode(), NewPasscode(); a == b || !Valid(a) || !Valid(b) {
		t.Errorf("drew %d and %d", a, b)
	}
	if !Valid(1) || !Valid(MaxPasscode) {
		t.Error("the ends of the range may be used")
	}
}
