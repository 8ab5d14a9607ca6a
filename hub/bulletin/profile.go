package bulletin

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"
)

const (
	profileSchema  = "gatehouse.profile/v1"
	maxProfileLife = 366 * 24 * time.Hour
)

// Levels of government of an agency.
func Levels() []string {
	return []string{"municipal", "county", "state", "federal", "fire", "other"}
}

// VerifiedProfile is a profile whose own roots signed it.
type VerifiedProfile struct {
	Profile
	Hash     [32]byte // of the envelope
	RootID   string   // hex SHA-256 over the sorted root key set and threshold: what the owner pins
	Envelope []byte
}

// OpenProfile verifies a profile's envelope by the roots it lists and its
// schema. It does not know which root the owner trusts: compare RootID.
// Signatures of other keys are left alone, as those of a root that is being
// replaced: see RotatedFrom.
func OpenProfile(envelope []byte) (VerifiedProfile, error) {
	v, r := openProfile(envelope)
	return v, asError(r)
}

func openProfile(envelope []byte) (VerifiedProfile, *Refusal) {
	w, p, r := unsignedProfile(envelope)
	if r != nil {
		return VerifiedProfile{}, r
	}
	if r := p.Root.verify(w); r != nil {
		return VerifiedProfile{}, r
	}
	return VerifiedProfile{
		Profile: p, Hash: sha256.Sum256(envelope), RootID: p.Root.ID(), Envelope: slices.Clone(envelope),
	}, nil
}

// verify wants the threshold of the set's keys to have signed.
func (s KeySet) verify(w wireEnvelope) *Refusal {
	signed, r := w.verify(true, s.Keys)
	if r != nil {
		return r
	}
	if len(signed) < s.Threshold {
		return refuse(BadSignature, "Fewer root keys have signed the profile than it requires.")
	}
	return nil
}

// ID is the hex SHA-256 over the threshold and the sorted key ids.
func (s KeySet) ID() string {
	ids := make([]string, 0, len(s.Keys))
	for _, k := range s.Keys {
		ids = append(ids, k.ID())
	}
	slices.Sort(ids)
	h := sha256.Sum256(fmt.Appendf(nil, "gatehouse/root/v1\n%d\n%s\n", s.Threshold, strings.Join(ids, "\n")))
	return hex.EncodeToString(h[:])
}

// RotatedFrom reports whether p follows old as TUF rotates roots: the same
// agency, a later version, and signed by the old root's threshold too.
func (p VerifiedProfile) RotatedFrom(old VerifiedProfile) error {
	if p.Agency != old.Agency || p.Version <= old.Version {
		return refuse(OldProfile, "The profile does not follow the one that is known.")
	}
	w, r := parseEnvelope(p.Envelope, ProfileType, MaxProfile)
	if r == nil {
		r = old.Root.verify(w)
	}
	if r != nil {
		return refuse(RootChanged, "The agency's old root keys have not signed for its new ones.")
	}
	return nil
}

// roles lists the profile's keys by role. A key stands in one role only.
func (p Profile) roles() [][]PublicKey {
	return [][]PublicKey{p.Root.Keys, p.Officers, p.Supervisors, p.Receipts}
}

func checkProfile(p Profile) *Refusal {
	var c checker
	c.must(p.Type == profileSchema, "The document is not a profile of version 1.")
	c.must(IsDNSName(p.Agency), "The member agency is not a lower-case DNS name.")
	c.text("name", p.Name, 2, 100)
	c.must(p.Version >= 1, "The member version is not 1 or more.")
	c.must(p.Expires.After(p.IssuedAt), "The profile expires before it is issued.")
	c.must(p.Expires.Sub(p.IssuedAt) <= maxProfileLife, "The profile is valid for more than a year.")
	c.oneOf("level", p.Level, Levels())
	if err := checkRing(p.Jurisdiction, 4, maxElements); err != "" {
		c.fail(BadArea, "The jurisdiction "+err)
	}
	c.keys(p)
	c.recipients(p.Recipients)
	c.uploadHosts(p.UploadHosts)
	c.matches("call_back", phone.MatchString(p.CallBack), "a telephone number")
	c.text("policy", p.Policy, 1, 2000)
	c.contact("oversight", p.Oversight, 1, 500)
	return c.r
}

func (c *checker) keys(p Profile) {
	c.count("root.keys", len(p.Root.Keys), 1, 16)
	c.must(p.Root.Threshold >= 1 && p.Root.Threshold <= len(p.Root.Keys), "The root's threshold does not fit the number of its keys.")
	c.count("officers", len(p.Officers), 1, 200)
	c.count("supervisors", len(p.Supervisors), 1, 200)
	c.count("receipts", len(p.Receipts), 1, 16)
	seen := map[string]bool{}
	for _, role := range p.roles() {
		for _, k := range role {
			c.must(len(k.Ed25519) == ed25519.PublicKeySize, "A key is not 32 bytes long.")
			if seen[k.ID()] {
				c.fail(DoubleRole, "One key stands twice in the profile; each role needs keys of its own.")
			}
			seen[k.ID()] = true
		}
	}
}

// recipients wants age recipients of one kind: age itself refuses to encrypt
// to classic and post-quantum ones together.
func (c *checker) recipients(list []string) {
	c.count("recipients", len(list), 1, 16)
	c.distinct("recipients", list)
	kinds := map[bool]bool{}
	for _, s := range list {
		_, err1 := age.ParseX25519Recipient(s)
		_, err2 := age.ParseHybridRecipient(s)
		c.must(err1 == nil || err2 == nil, "A recipient is not an age recipient.")
		kinds[err1 == nil] = true
	}
	c.must(len(kinds) <= 1, "The recipients mix classic and post-quantum keys.")
}

func (c *checker) uploadHosts(list []UploadHost) {
	c.count("upload_hosts", len(list), 0, 32)
	var names []string
	for _, u := range list {
		c.must(isHostPort(u.Host), "An upload host is not a lower-case DNS name or address, with a port unless it is 443.")
		c.must(u.SPKI == nil || len(u.SPKI) == sha256.Size, "An upload host's key pin is not 32 bytes long.")
		c.sshHost(u)
		names = append(names, u.Host)
	}
	c.distinct("upload_hosts", names)
}

// sshHost checks what an SFTP host needs: a key that is pinned whole, so that
// the hub asks the host for that one and no other, and a user.
func (c *checker) sshHost(u UploadHost) {
	if u.SSHKey == nil && u.SSHUser == "" {
		return
	}
	c.must(u.SPKI == nil, "An upload host has pins for TLS and for SSH, but takes only one of them.")
	c.must(sshUser.MatchString(u.SSHUser), "An upload host's SSH user is not of 1 to 32 lower-case letters, digits, - and _.")
	k, err := ssh.ParsePublicKey(u.SSHKey)
	ok := err == nil && slices.Contains([]string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384}, k.Type())
	c.must(ok && bytes.Equal(k.Marshal(), u.SSHKey), "An upload host's SSH key is not an Ed25519 or ECDSA one.")
}

// UploadHost returns the host of a well-formed target as the profile lists it.
// Targets of SFTP, and they alone, are at hosts with an SSH key.
func (p Profile) UploadHost(t Target) (u UploadHost, listed bool) {
	host, ok := t.Host()
	i := slices.IndexFunc(p.UploadHosts, func(u UploadHost) bool { return u.Host == host })
	if !ok || i < 0 || (t.Kind == SFTP) != (p.UploadHosts[i].SSHKey != nil) {
		return UploadHost{}, false
	}
	return p.UploadHosts[i], true
}

// isHostPort reports whether s is a host in the one form that [Target.Host] gives.
func isHostPort(s string) bool {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || n == 443 || strconv.FormatUint(n, 10) != port {
			return false
		}
	}
	if in, ok := strings.CutPrefix(host, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(in, "]"))
		return err == nil && a.Is6() && "["+a.String()+"]" == host
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Is4() && a.String() == host
	}
	return IsDNSName(host) || host == "localhost"
}
