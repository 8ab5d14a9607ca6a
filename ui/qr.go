package ui

import (
	"errors"
	"fmt"
	"strings"

	"rsc.io/qr"
)

// errNoCode means that there is nothing to draw.
var errNoCode = errors.New("no set-up address")

// qrPath is a QR code as SVG path data, one unit a module, with the four
// modules of quiet zone of ISO/IEC 18004.
type qrPath struct {
	Side int
	Data string
}

func drawQR(text string) (*qrPath, error) {
	if text == "" {
		return nil, errNoCode
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("encoding set-up address: %w", err)
	}
	const quiet = 4
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			n := 0
			for x+n < code.Size && code.Black(x+n, y) {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, n, n)
				x += n
			}
		}
	}
	return &qrPath{Side: code.Size + 2*quiet, Data: b.String()}, nil
}
