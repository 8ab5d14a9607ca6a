package rtsp

// unitBlock is how many Units are made at once: an access unit costs a fraction
// of an allocation. They live as long as one of them does, which is to be less
// than a second of an ordinary camera.
const unitBlock = 16

// slab makes the Units of one track.
type slab struct {
	units []Unit
	parts [][]byte
}

// unit returns a new Unit with n empty elements of Data. A Random picture begins
// anew where half is used: its group must not keep the one before in memory.
func (s *slab) unit(n int, random bool) *Unit {
	if len(s.units) == 0 || random && len(s.units) <= unitBlock/2 {
		s.units, s.parts = make([]Unit, unitBlock), nil
	}
	if len(s.parts) < n {
		s.parts = make([][]byte, max(2*unitBlock, n))
	}
	u := &s.units[0]
	u.Data, u.Random = s.parts[:n:n], random
	s.units, s.parts = s.units[1:], s.parts[n:]
	return u
}
