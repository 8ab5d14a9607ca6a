package homekit

import (
	"crypto/ed25519"
	"sync"
	"time"
)

// Tags of pairing messages (HAP R2, table 5-6).
const (
	tagMethod      = 0
	tagIdentifier  = 1
	tagSalt        = 2
	tagPublicKey   = 3
	tagProof       = 4
	tagEncrypted   = 5
	tagState       = 6
	tagError       = 7
	tagSignature   = 10
	tagPermissions = 11
	tagSeparator   = 255
)

// Errors of pairing messages (HAP R2, table 5-5).
const (
	pairUnknown        = 1
	pairAuthentication = 2
	pairMaxPeers       = 4
	pairMaxTries       = 5
	pairUnavailable    = 6
	pairBusy           = 7
)

const (
	// triesMax wrong codes close pairing until the identity is reset (HAP R2, 5.6.1).
	triesMax = 100
	// setupIdle is how long a controller may think between two messages before
	// another one may take its place.
	setupIdle = 90 * time.Second

	controllerIDMax = 64 // bytes; controllers use a UUID
)

// pairSetup is the one pair-setup that may be under way on an accessory.
type pairSetup struct {
	mu    sync.Mutex
	owner *conn
	last  time.Time
	srp   *srpServer // nil before M1 and after a wrong proof
}

// drop ends the pair-setup of a connection that closed.
func (p *pairSetup) drop(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.owner == c {
		p.owner, p.srp = nil, nil
	}
}

func pairError(state byte, code byte) answer {
	return tlvAnswer(appendTLV(appendTLV(nil, tagState, []byte{state}), tagError, []byte{code}))
}

// pairSetup answers one message of pair-setup (HAP R2, 5.6). A pairing is stored
// only after the same connection proved the code in M3, while the owner has
// pairing open: that it is closed is told at every message as a method that is
// not available (HAP R2, table 5-5), which controllers do not try again by themselves.
func (s *server) pairSetup(c *conn, items []tlv) answer {
	p := &s.setup
	p.mu.Lock()
	defer p.mu.Unlock()
	state, now := findByte(items, tagState), s.now()
	code, _, isOpen := s.window.open()
	busy := p.owner != nil && p.owner != c && now.Sub(p.last) < setupIdle
	switch {
	case state != 1 && state != 3 && state != 5:
		return pairError(state+1, pairUnknown)
	case s.store.paired(), !isOpen:
		return pairError(state+1, pairUnavailable)
	case s.store.get().Tries >= triesMax:
		return pairError(state+1, pairMaxTries)
	case busy:
		return pairError(state+1, pairBusy)
	case state != 1 && (p.owner != c || p.srp == nil):
		return pairError(state+1, pairAuthentication)
	}
	p.owner, p.last = c, now
	switch state {
	case 1:
		return p.start(code)
	case 3:
		return s.checkProof(items)
	default:
		return s.exchange(items)
	}
}

// start answers M1.
func (p *pairSetup) start(code string) answer {
	p.srp = newSRP(code)
	b := appendTLV(nil, tagState, []byte{2})
	b = appendTLV(b, tagSalt, p.srp.salt)
	return tlvAnswer(appendTLV(b, tagPublicKey, srpPad(p.srp.B)))
}

// checkProof answers M3. A wrong proof ends the attempt and is counted for ever.
func (s *server) checkProof(items []tlv) answer {
	public, _ := find(items, tagPublicKey)
	proof, _ := find(items, tagProof)
	mine, err := s.setup.srp.verify(public, proof)
	if err != nil {
		s.setup.owner, s.setup.srp = nil, nil
		tries := s.store.get().Tries + 1
		s.log.Warn("pairing refused", "reason", "wrong setup code")
		if err := s.store.setTries(tries); err != nil {
			s.log.Error("keeping pairing tries failed", "err", err)
			return pairError(4, pairUnavailable)
		}
		return pairError(4, pairAuthentication)
	}
	return tlvAnswer(appendTLV(appendTLV(nil, tagState, []byte{4}), tagProof, mine))
}

// exchange answers M5: it checks the controller's key, stores the pairing and
// gives the accessory's key.
func (s *server) exchange(items []tlv) answer {
	shared := s.setup.srp.key
	s.setup.owner, s.setup.srp = nil, nil
	if shared == nil { // no proof of the code
		return pairError(6, pairAuthentication)
	}
	key, err := deriveKey(shared, "Pair-Setup-Encrypt-Salt", "Pair-Setup-Encrypt-Info")
	if err != nil {
		return pairError(6, pairUnknown)
	}
	peer, ok := s.setupPeer(shared, key, items)
	if !ok {
		return pairError(6, pairAuthentication)
	}
	mine, err := s.setupProof(shared, key)
	if err != nil {
		return pairError(6, pairUnknown)
	}
	if err := s.store.first(peer); err != nil {
		s.log.Error("keeping pairing failed", "err", err)
		return pairError(6, pairUnknown)
	}
	s.log.Info("controller paired", "peer", peer.ID)
	a := tlvAnswer(appendTLV(appendTLV(nil, tagState, []byte{6}), tagEncrypted, mine))
	a.after = s.pairingsChanged
	return a
}

// openItems decrypts the items that a message carries in its encrypted data.
func openItems(key []byte, nonce string, items []tlv) ([]tlv, error) {
	sealed, _ := find(items, tagEncrypted)
	plain, err := open(key, nonce, sealed)
	if err != nil {
		return nil, err
	}
	return parseTLV(plain)
}

// setupPeer opens M5 and returns the controller if it signed it with its key.
func (s *server) setupPeer(shared, key []byte, items []tlv) (Controller, bool) {
	inner, err := openItems(key, "PS-Msg05", items)
	if err != nil {
		return Controller{}, false
	}
	id, _ := find(inner, tagIdentifier)
	ltpk, _ := find(inner, tagPublicKey)
	sig, _ := find(inner, tagSignature)
	x, err := deriveKey(shared, "Pair-Setup-Controller-Sign-Salt", "Pair-Setup-Controller-Sign-Info")
	if err != nil || len(id) == 0 || len(id) > controllerIDMax || len(ltpk) != ed25519.PublicKeySize {
		return Controller{}, false
	}
	ok := ed25519.Verify(ltpk, join(x, id, ltpk), sig)
	return Controller{ID: string(id), Key: ltpk, Admin: true, Added: s.now()}, ok
}

// setupProof is the sealed part of M6.
func (s *server) setupProof(shared, key []byte) ([]byte, error) {
	x, err := deriveKey(shared, "Pair-Setup-Accessory-Sign-Salt", "Pair-Setup-Accessory-Sign-Info")
	if err != nil {
		return nil, err
	}
	priv, id := s.store.key(), []byte(s.store.get().DeviceID)
	ltpk := priv.Public().(ed25519.PublicKey)
	b := appendTLV(nil, tagIdentifier, id)
	b = appendTLV(b, tagPublicKey, ltpk)
	b = appendTLV(b, tagSignature, ed25519.Sign(priv, join(x, id, ltpk)))
	return seal(key, "PS-Msg06", b)
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
