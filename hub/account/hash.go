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

// cost is the work of a hash by argon2id.
type cost struct {
	time, memory uint32 // passes, KiB
	threads      uint8
}

// scarce is the second recommended option of RFC 9106, section 4: for where
// memory is scarce.
var scarce = cost{time: 3, memory: 64 << 10, threads: 4}

const (
	saltLen = 16
	keyLen  = 32
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
func hashPassphrase(passphrase string, c cost) (string, error) {
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("making salt: %w", err)
	}
	key := derive(passphrase, salt, c)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.time, c.threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// checkPassphrase compares in constant time.
func checkPassphrase(hash, passphrase string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, errHash
	}
	var c cost
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil || n != 3 {
		return false, errHash
	}
	if c.memory < 8 || c.memory > 1<<20 || c.time < 1 || c.time > 64 || c.threads < 1 { // 1 GiB: more was never written and would end the program
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
	return subtle.ConstantTimeCompare(derive(passphrase, salt, c), want) == 1, nil
}

func derive(passphrase string, salt []byte, c cost) []byte {
	hashing.Lock()
	defer hashing.Unlock()
	return argon2.IDKey([]byte(passphrase), salt, c.time, c.memory, c.threads, keyLen)
}
