package cert

import (
	"bytes"
	"fmt"
	"slices"
)

// Identity is who a chain of certificates says its holder is.
type Identity struct {
	Node, Fabric uint64
	Tags         []uint32 // CASE authenticated tags, at most three
	Key          []byte
}

// The bits of the key usage, and two extended ones (6.5.11.2, 6.5.11.3).
const (
	digitalSignature = 1 << 0
	certSign         = 1 << 5
	crlSign          = 1 << 6

	serverAuth = 1
	clientAuth = 2
)

// The operational node ids (2.5.5.1).
const (
	minNode = 1
	maxNode = 0xffff_ffef_ffff_ffff
)

// maxTags is how many CASE authenticated tags a node may have (6.6.2.1.2).
const maxTags = 3

// CheckRoot judges a root before it is trusted (6.4.5.1, 6.4.10).
func CheckRoot(root *Certificate) error {
	if err := root.authority(RCACID); err != nil {
		return fmt.Errorf("the root: %w", err)
	}
	if !slices.Equal(root.Issuer, root.Subject) {
		return fmt.Errorf("the root: %w: it was issued by another", ErrBad)
	}
	if err := root.issuedBy(root); err != nil {
		return fmt.Errorf("the root: %w", err)
	}
	return nil
}

// CheckChain judges a node's certificate and the one between it and the root,
// which may be nil, under a root that is trusted (6.4.5, 6.4.10). Times are not
// judged: a device has no time that it could trust (6.4.5.3 leaves it to it).
func CheckChain(node, between, root *Certificate) (Identity, error) {
	id, err := node.identity()
	if err != nil {
		return Identity{}, fmt.Errorf("the node: %w", err)
	}
	if err := CheckRoot(root); err != nil {
		return Identity{}, err
	}
	issuer := root
	if between != nil {
		if err := between.authority(ICACID); err != nil {
			return Identity{}, fmt.Errorf("the intermediate: %w", err)
		}
		if err := between.issuedBy(root); err != nil {
			return Identity{}, fmt.Errorf("the intermediate: %w", err)
		}
		issuer = between
	}
	if err := node.issuedBy(issuer); err != nil {
		return Identity{}, fmt.Errorf("the node: %w", err)
	}
	for _, ca := range []*Certificate{between, root} {
		if ca == nil {
			continue
		}
		if of := ca.Subject.All(FabricID); len(of) > 0 && of[0] != id.Fabric {
			return Identity{}, fmt.Errorf("%w: the authority is of fabric %016X, the node of %016X", ErrBad, of[0], id.Fabric)
		}
	}
	return id, nil
}

// authority judges a certificate that issues others (6.5.11.1, 6.5.11.2).
func (c *Certificate) authority(kind uint8) error {
	if _, ok := c.Subject.Only(kind); !ok || len(c.Subject.All(NodeID)) > 0 || len(c.Subject.All(FabricID)) > 1 ||
		len(c.Subject.All(RCACID))+len(c.Subject.All(ICACID)) != 1 || len(c.Subject.All(CAT)) > 0 {
		return fmt.Errorf("%w: its subject is not that of such an authority", ErrBad)
	}
	constraints, ok := c.extension(basicConstraints)
	usage, ok2 := c.extension(keyUsage)
	if !ok || !ok2 || !constraints.CA || usage.Usage&^digitalSignature != certSign|crlSign {
		return fmt.Errorf("%w: it may not sign certificates", ErrBad)
	}
	if kind == ICACID && constraints.Path > 0 || kind == RCACID && constraints.Path > 1 {
		return fmt.Errorf("%w: a path of %d authorities under it", ErrBad, constraints.Path)
	}
	return nil
}

// identity judges a node's certificate (6.5.6.3, 6.5.11).
func (c *Certificate) identity() (Identity, error) {
	node, ok := c.Subject.Only(NodeID)
	fabric, ok2 := c.Subject.Only(FabricID)
	if !ok || !ok2 || node < minNode || node > maxNode || fabric == 0 ||
		len(c.Subject.All(RCACID))+len(c.Subject.All(ICACID))+len(c.Subject.All(Firmware)) > 0 {
		return Identity{}, fmt.Errorf("%w: its subject is not that of a node", ErrBad)
	}
	constraints, ok := c.extension(basicConstraints)
	usage, ok2 := c.extension(keyUsage)
	extended, ok3 := c.extension(extendedUsage)
	if !ok || !ok2 || !ok3 || constraints.CA || usage.Usage != digitalSignature ||
		!slices.Contains(extended.Usages, clientAuth) || !slices.Contains(extended.Usages, serverAuth) {
		return Identity{}, fmt.Errorf("%w: it is not for both sides of a session", ErrBad)
	}
	id := Identity{Node: node, Fabric: fabric, Key: c.PublicKey}
	seen := map[uint64]bool{}
	for _, tag := range c.Subject.All(CAT) {
		// The upper half names the tag, the lower is its version, which is not 0.
		if seen[tag>>16] || tag&0xffff == 0 || len(id.Tags) == maxTags {
			return Identity{}, fmt.Errorf("%w: its CASE authenticated tags", ErrBad)
		}
		seen[tag>>16] = true
		id.Tags = append(id.Tags, uint32(tag))
	}
	return id, nil
}

// issuedBy checks that another is the issuer: by name, by key id, by signature.
func (c *Certificate) issuedBy(issuer *Certificate) error {
	if !slices.Equal(c.Issuer, issuer.Subject) {
		return fmt.Errorf("%w: it names another issuer", ErrBad)
	}
	_, ok := c.extension(subjectKeyID)
	authority, ok2 := c.extension(authorityKeyID)
	subject, ok3 := issuer.extension(subjectKeyID)
	if !ok || !ok2 || !ok3 || !bytes.Equal(authority.Octets, subject.Octets) {
		return fmt.Errorf("%w: its key ids are not its issuer's", ErrBad)
	}
	return c.SignedBy(issuer.PublicKey)
}
