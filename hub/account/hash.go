package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// The second recommended option of RFC 9106, section 4: for where memory is scarce.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	saltLen      = 16
	keyLen       = 32
)

var (
	errHash = errors.New("not an argon2id hash this program wrote")
	// hashing lets one hash run at a time: its 64 MiB are a good part of a
	// small computer, and strangers choose when tries come in.
	hashing sync.Mutex
)

// normal makes the same characters typed on different systems the same bytes
// (RFC 8265, section 4.2.2).
func normal(passphrase string) string { return norm.NFC.String(passphrase) }

// hashPassphrase returns a hash in PHC string format.
func hashPassphrase(passphrase string) (string, error) {
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("making salt: %w", err)
	}
	key := derive(passphrase, salt, argonTime, argonMemory, argonThreads)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// checkPassphrase compares in constant time.
func checkPassphrase(hash, passphrase string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, errHash
	}
	var m, t uint32
	var p uint8
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &m, &t, &p); err != nil || n != 3 {
		return false, errHash
	}
	if m < 8 || m > 1<<20 || t < 1 || t > 64 || p < 1 { // 1 GiB: more was never written and would end the program
		return false, errHash
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) < 8 {
		return false, errHash
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) != keyLen {
		return false, errHash
	}
	return subtle.ConstantTimeCompare(derive(passphrase, salt, t, m, p), want) == 1, nil
}

func derive(passphrase string, salt []byte, time, memory uint32, threads uint8) []byte {
	hashing.Lock()
	defer hashing.Unlock()
	return argon2.IDKey([]byte(passphrase), salt, time, memory, threads, keyLen)
}
