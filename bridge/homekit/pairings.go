package homekit

import (
	"crypto/ed25519"
	"errors"
)

// Methods of /pairings (HAP R2, table 5-3).
const (
	methodAdd    = 3
	methodRemove = 4
	methodList   = 5
)

// pairings adds, removes and lists controllers for an administrator (HAP R2,
// 5.10 to 5.12).
func (s *server) pairings(c *conn, items []tlv) answer {
	me, ok := s.store.controller(c.session.controller)
	if !ok || !me.Admin {
		return pairError(2, pairAuthentication)
	}
	switch findByte(items, tagMethod) {
	case methodAdd:
		return s.addPairing(items)
	case methodRemove:
		return s.removePairing(items)
	case methodList:
		return s.listPairings()
	default:
		return pairError(2, pairUnknown)
	}
}

func (s *server) addPairing(items []tlv) answer {
	id, _ := find(items, tagIdentifier)
	key, _ := find(items, tagPublicKey)
	if len(id) == 0 || len(id) > controllerIDMax || len(key) != ed25519.PublicKeySize {
		return pairError(2, pairUnknown)
	}
	err := s.store.add(Controller{ID: string(id), Key: key, Admin: findByte(items, tagPermissions)&1 == 1, Added: s.now()})
	switch {
	case errors.Is(err, errFull):
		return pairError(2, pairMaxPeers)
	case err != nil:
		s.log.Warn("adding controller failed", "err", err)
		return pairError(2, pairUnknown)
	}
	a := tlvAnswer(appendTLV(nil, tagState, []byte{2}))
	a.after = s.pairingsChanged
	return a
}

func (s *server) removePairing(items []tlv) answer {
	id, _ := find(items, tagIdentifier)
	if err := s.store.remove(string(id)); err != nil {
		s.log.Error("removing controller failed", "err", err)
		return pairError(2, pairUnknown)
	}
	s.log.Info("controller removed", "peer", string(id))
	a := tlvAnswer(appendTLV(nil, tagState, []byte{2}))
	a.after = s.pairingsChanged
	return a
}

func (s *server) listPairings() answer {
	b := appendTLV(nil, tagState, []byte{2})
	for i, c := range s.store.get().Controllers {
		if i > 0 {
			b = appendTLV(b, tagSeparator, nil)
		}
		admin := byte(0)
		if c.Admin {
			admin = 1
		}
		b = appendTLV(b, tagIdentifier, []byte(c.ID))
		b = appendTLV(b, tagPublicKey, c.Key)
		b = appendTLV(b, tagPermissions, []byte{admin})
	}
	return tlvAnswer(b)
}
