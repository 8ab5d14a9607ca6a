package homekit

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
)

// verifying is the state of a connection between M2 and M3 of pair-verify.
type verifying struct {
	peer, mine []byte // X25519 public keys
	shared     []byte
	key        []byte // of the messages M2 and M3
}

// pairVerify answers one message of pair-verify (HAP R2, 5.7). Every refusal is
// error 2: some home hubs wait for ever on any other.
func (s *server) pairVerify(c *conn, items []tlv) answer {
	switch findByte(items, tagState) {
	case 1:
		return s.startVerify(c, items)
	case 3:
		return s.finishVerify(c, items)
	default:
		return pairError(findByte(items, tagState)+1, pairUnknown)
	}
}

func (s *server) startVerify(c *conn, items []tlv) answer {
	c.verify = nil
	raw, _ := find(items, tagPublicKey)
	peer, err := ecdh.X25519().NewPublicKey(raw)
	if err != nil {
		return pairError(2, pairAuthentication)
	}
	mine, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return pairError(2, pairUnknown)
	}
	shared, err := mine.ECDH(peer) // refuses a peer that forces a zero secret
	if err != nil {
		return pairError(2, pairAuthentication)
	}
	key, err := deriveKey(shared, "Pair-Verify-Encrypt-Salt", "Pair-Verify-Encrypt-Info")
	if err != nil {
		return pairError(2, pairUnknown)
	}
	v := &verifying{peer: raw, mine: mine.PublicKey().Bytes(), shared: shared, key: key}
	id := []byte(s.store.get().DeviceID)
	inner := appendTLV(nil, tagIdentifier, id)
	inner = appendTLV(inner, tagSignature, ed25519.Sign(s.store.key(), join(v.mine, id, v.peer)))
	sealed, err := seal(key, "PV-Msg02", inner)
	if err != nil {
		return pairError(2, pairUnknown)
	}
	c.verify = v
	b := appendTLV(nil, tagState, []byte{2})
	b = appendTLV(b, tagPublicKey, v.mine)
	return tlvAnswer(appendTLV(b, tagEncrypted, sealed))
}

func (s *server) finishVerify(c *conn, items []tlv) answer {
	v := c.verify
	c.verify = nil
	if v == nil {
		return pairError(4, pairAuthentication)
	}
	peer, ok := s.verifyPeer(v, items)
	if !ok {
		return pairError(4, pairAuthentication)
	}
	in, err := newFramer(v.shared, "Control-Write-Encryption-Key")
	if err != nil {
		return pairError(4, pairUnknown)
	}
	out, err := newFramer(v.shared, "Control-Read-Encryption-Key")
	if err != nil {
		return pairError(4, pairUnknown)
	}
	a := tlvAnswer(appendTLV(nil, tagState, []byte{4}))
	a.session = &session{controller: peer.ID, in: in, out: out}
	a.after = func() { s.came(c, peer.ID) }
	return a
}

// came notes that a controller is here. One that was removed while it proved its
// key was not cut off with its other connections, and is now.
func (s *server) came(c *conn, id string) {
	if _, ok := s.store.controller(id); !ok {
		c.net.Close()
		return
	}
	if err := s.store.saw(id, c.peer().String(), s.now()); err != nil {
		s.log.Warn("keeping when a controller came failed", "err", err)
	}
}

// verifyPeer opens M3 and returns the paired controller that signed it.
func (s *server) verifyPeer(v *verifying, items []tlv) (Controller, bool) {
	inner, err := openItems(v.key, "PV-Msg03", items)
	if err != nil {
		return Controller{}, false
	}
	id, _ := find(inner, tagIdentifier)
	sig, _ := find(inner, tagSignature)
	peer, ok := s.store.controller(string(id))
	if !ok || len(peer.Key) != ed25519.PublicKeySize {
		return Controller{}, false
	}
	return peer, ed25519.Verify(peer.Key, join(v.peer, id, v.mine), sig)
}
