package evidence

import (
	"context"
	"crypto/ed25519"
	"strings"
	"time"
)

// SetPatience says how long a Sealer waits for the end of a segment.
func (s *Sealer) SetPatience(d time.Duration) { s.patience = d }

// Fix makes package ids and what is said of this machine's clock the same each time.
func (s *Sealer) Fix(c *HubClock) {
	s.letter = func() byte { return 'A' }
	s.clock = func(time.Time) *HubClock { return c }
}

// Certificate is certificate.
func Certificate(m Manifest) ([]byte, error) { return certificate(m) }

// Resign signs the manifest of an unpacked package anew, over its files as they
// are: what a hub could do that lies.
func Resign(ctx context.Context, key ed25519.PrivateKey, id string, files map[string][]byte) error {
	s, err := openManifest(files[id+"/"+manifestName])
	if err != nil {
		return err
	}
	var all []entry
	for name, b := range files {
		if name = strings.TrimPrefix(name, id+"/"); name != manifestName && name != sumsName {
			all = append(all, textEntry(name, b))
		}
	}
	sortEntries(all)
	if files[id+"/"+manifestName], err = signManifest(ctx, key, s.Predicate, all); err != nil {
		return err
	}
	all = append(all, textEntry(manifestName, files[id+"/"+manifestName]))
	sortEntries(all)
	files[id+"/"+sumsName] = sums(all)
	return nil
}
