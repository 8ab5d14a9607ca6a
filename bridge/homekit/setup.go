package homekit

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Accessory categories (HAP R2, 13).
const (
	categorySensor   = 10
	categoryCamera   = 17
	categoryDoorbell = 18
)

// newCode returns a random setup code that is not one of the forbidden ones.
func newCode() string {
	for {
		d := fmt.Sprintf("%08d", randomInt(100_000_000))
		if c := d[:3] + "-" + d[3:5] + "-" + d[5:]; validCode(c) {
			return c
		}
	}
}

// validCode reports whether code has the form 123-45-678 and is not one of the
// codes HAP R2, 5.3.1 forbids: eight equal digits, 123-45-678, 876-54-321.
func validCode(code string) bool {
	if len(code) != 10 || code[3] != '-' || code[6] != '-' {
		return false
	}
	d := digits(code)
	if len(d) != 8 || d == "12345678" || d == "87654321" {
		return false
	}
	return strings.Trim(d, d[:1]) != ""
}

func digits(code string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, code)
}

// newSetupID returns four random characters that tie a QR code to a device.
func newSetupID() string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	id := make([]byte, 4)
	for i := range id {
		id[i] = alphabet[randomInt(int64(len(alphabet)))]
	}
	return string(id)
}

// newDeviceID returns a random accessory identifier in the form of a MAC
// address.
func newDeviceID() string {
	var b [6]byte
	random(b[:])
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", b[0], b[1], b[2], b[3], b[4], b[5])
}

func random(b []byte) { rand.Read(b) } // never fails: crypto/rand ends the program instead

func randomInt(below int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(below))
	if err != nil { // crypto/rand.Reader never fails
		panic(err)
	}
	return n.Int64()
}

// setupURI is the content of the pairing QR code: category, the flag that says
// the accessory speaks over IP, and the code, in base 36, then the setup id.
func setupURI(category int, code, setupID string) string {
	const overIP = 2
	n, err := strconv.ParseUint(digits(code), 10, 27)
	if err != nil {
		return ""
	}
	payload := uint64(category)<<31 | overIP<<27 | n
	s := strings.ToUpper(strconv.FormatUint(payload, 36))
	return "X-HM://" + strings.Repeat("0", 9-len(s)) + s + setupID
}
