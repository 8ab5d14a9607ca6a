package cert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"gatehouse/bridge/matter/tlv"
)

// A root and a node that matter.js publishes with its tests, and the
// intermediate of the specification's example (6.5.15), with their X.509 forms.
const (
	rootTLV   = "153001010024020137032414001826048012542826058015203b37062414001824070124080130094104d89eb7e3f3226d0918f4b85832457bb9981bca7aaef58c18fb5ec07525e472b2bd1617fb75ee41bd388f94ae6a6070efc896777516a5c54aff74ec0804cdde9d370a3501290118240260300414e766069362d7e35b79687161644d222bdde93a68300514e766069362d7e35b79687161644d222bdde93a6818300b404e8fb06526f0332b3e928166864a6d29cade53fb5b8918a6d134d0994bf1ae6dce6762dcba99e80e96249d2f1ccedb336b26990f935dba5a0b9e5b4c9e5d1d8f18"
	rootTBS   = "3082013ca003020102020100300a06082a8648ce3d04030230223120301e060a2b0601040182a27c01040c1030303030303030303030303030303030301e170d3231303631303030303030305a170d3331303630383030303030305a30223120301e060a2b0601040182a27c01040c10303030303030303030303030303030303059301306072a8648ce3d020106082a8648ce3d03010703420004d89eb7e3f3226d0918f4b85832457bb9981bca7aaef58c18fb5ec07525e472b2bd1617fb75ee41bd388f94ae6a6070efc896777516a5c54aff74ec0804cdde9da3633061300f0603551d130101ff040530030101ff300e0603551d0f0101ff040403020106301d0603551d0e04160414e766069362d7e35b79687161644d222bdde93a68301f0603551d23041830168014e766069362d7e35b79687161644d222bdde93a68"
	nodeTLV   = "153001010124020137032414001826048012542826058015203b37062415012411da1824070124080130094104e0bf14a052dd7ab08d485e20570c6e6ac6fbb99513d3aacd66808c722941ae0538e9323ec89f39228bd228270f1716539cecc64e62b26c58c3355d68935d87b2370a350128011824020136030402040118300414c524e05cad04a826ecda84501766732b5f181354300514e766069362d7e35b79687161644d222bdde93a6818300b40aca27ff4b68e81168295b85753e128226ec3d7b35916be9b32f4311bb4eb39a3b9e5583c8d762be1e9332647d61088bb057b6844892654c97624797d0390c9c318"
	nodeTBS   = "3082017fa003020102020101300a06082a8648ce3d04030230223120301e060a2b0601040182a27c01040c1030303030303030303030303030303030301e170d3231303631303030303030305a170d3331303630383030303030305a30443120301e060a2b0601040182a27c01050c10303030303030303030303030303030313120301e060a2b0601040182a27c01010c10303030303030303030303030303044413059301306072a8648ce3d020106082a8648ce3d03010703420004e0bf14a052dd7ab08d485e20570c6e6ac6fbb99513d3aacd66808c722941ae0538e9323ec89f39228bd228270f1716539cecc64e62b26c58c3355d68935d87b2a38183308180300c0603551d130101ff04023000300e0603551d0f0101ff04040302078030200603551d250101ff0416301406082b0601050507030206082b06010505070301301d0603551d0e04160414c524e05cad04a826ecda84501766732b5f181354301f0603551d23041830168014e766069362d7e35b79687161644d222bdde93a68"
	icacTLV   = "153001082db444855641aedf2402013703271401000000cacacaca182604ef171b2726056eb5b94c3706271303000000cacacaca1824070124080130094104c5d0861bb8f90c405c12314e4c5ebeea939f72774bcc33239e2f59f6f46af8dc7d4682a0e3ccc646e6df29ea86bf562ae720a898337d383f32c0a09e416019ea370a35012901182402603004145352d7059e9c15a508906862864801a29f1f41d330051413af81ab37374b2ed2a9649b12b7a3a4287e151d18300b40841a06d43b5e9fecd24e87b1244eb51c6a2cf20d9b5e6ba07f11e6002f7e0ca34e32a602c3609d0092d348bdbd198a114646bd41cf103783641ae25e3f23fd2618"
	threeCATs = "308201cea003020102020101300a06082a8648ce3d04030230223120301e060a2b0601040182a27c01040c1030303030303030303030303030303030301e170d3231303631303030303030305a170d3331303630383030303030305a3081923120301e060a2b0601040182a27c01050c10303030303030303030303030303030313120301e060a2b0601040182a27c01010c103030303030303030303030303030444131183016060a2b0601040182a27c01060c08313233343536373831183016060a2b0601040182a27c01060c08353637383930313231183016060a2b0601040182a27c01060c0839303132333435363059"
)

func parse(t testing.TB, s string) *Certificate {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExamples(t *testing.T) {
	root, node, icac := parse(t, rootTLV), parse(t, nodeTLV), parse(t, icacTLV)
	for name, c := range map[string]struct {
		cert *Certificate
		tbs  string
	}{"root": {root, rootTBS}, "node": {node, nodeTBS}} {
		tbs, err := c.cert.TBS()
		if got := hex.EncodeToString(tbs); err != nil || got != c.tbs {
			t.Errorf("%s: %v\n%s, want\n%s", name, err, got, c.tbs)
		}
	}
	id, err := CheckChain(node, nil, root)
	if err != nil || id.Node != 0xda || id.Fabric != 1 {
		t.Errorf("%+v, %v", id, err)
	}
	if got, ok := icac.Subject.Only(ICACID); !ok || got != 0xcacacaca00000003 {
		t.Errorf("the intermediate is %x", got)
	}
	if err := icac.authority(ICACID); err != nil {
		t.Error(err)
	}
	for _, tag := range []uint64{0x12345678, 0x56789012, 0x90123456} {
		node.Subject = append(node.Subject, Attribute{Kind: CAT, ID: tag})
	}
	tbs, err := node.TBS()
	if got := hex.EncodeToString(tbs); err != nil || !strings.HasPrefix(got, threeCATs) {
		t.Errorf("with tags: %v\n%s", err, got)
	}
}

// person is a holder of a key, who signs for others in tests.
type person struct {
	key  *ecdsa.PrivateKey
	cert *Certificate
}

// issue makes a certificate as an administrator does.
func issue(t *testing.T, by *person, subject Name, change func(*Certificate)) *person {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	p := &person{key: key}
	if by == nil {
		by = p
	}
	keyID := sha256.Sum256(public)
	c := &Certificate{
		Serial: []byte{1}, Subject: subject, Issuer: subject, NotBefore: 1, PublicKey: public, Signature: make([]byte, 64),
	}
	issuerID := keyID[:20]
	if by != p {
		c.Issuer = by.cert.Subject
		e, _ := by.cert.extension(subjectKeyID)
		issuerID = e.Octets
	}
	c.Extensions = []Extension{{Kind: basicConstraints, CA: true, Path: -1}, {Kind: keyUsage, Usage: certSign | crlSign}}
	if len(subject.All(NodeID)) > 0 {
		c.Extensions = []Extension{
			{Kind: basicConstraints, Path: -1},
			{Kind: keyUsage, Usage: digitalSignature},
			{Kind: extendedUsage, Usages: []uint8{clientAuth, serverAuth}},
		}
	}
	c.Extensions = append(c.Extensions, Extension{Kind: subjectKeyID, Octets: keyID[:20]}, Extension{Kind: authorityKeyID, Octets: issuerID})
	if change != nil {
		change(c)
	}
	tbs, err := c.TBS()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(tbs)
	r, s, err := ecdsa.Sign(rand.Reader, by.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	r.FillBytes(c.Signature[:32])
	s.FillBytes(c.Signature[32:])
	if p.cert, err = Parse(encode(c)); err != nil {
		t.Fatal(err)
	}
	return p
}

func encode(c *Certificate) []byte {
	var w tlv.Writer
	w.Struct(tlv.Anonymous)
	w.Octets(tlv.Context(1), c.Serial)
	w.Uint(tlv.Context(2), 1)
	name := func(tag uint8, n Name) {
		w.List(tlv.Context(tag))
		for _, a := range n {
			switch {
			case a.Kind >= NodeID:
				w.Uint(tlv.Context(a.Kind), a.ID)
			case a.Printable:
				w.Text(tlv.Context(a.Kind|0x80), a.Text)
			default:
				w.Text(tlv.Context(a.Kind), a.Text)
			}
		}
		w.End()
	}
	name(3, c.Issuer)
	w.Uint(tlv.Context(4), uint64(c.NotBefore))
	w.Uint(tlv.Context(5), uint64(c.NotAfter))
	name(6, c.Subject)
	w.Uint(tlv.Context(7), 1)
	w.Uint(tlv.Context(8), 1)
	w.Octets(tlv.Context(9), c.PublicKey)
	w.List(tlv.Context(10))
	for _, e := range c.Extensions {
		switch e.Kind {
		case basicConstraints:
			w.Struct(tlv.Context(1))
			w.Bool(tlv.Context(1), e.CA)
			if e.Path >= 0 {
				w.Uint(tlv.Context(2), uint64(e.Path))
			}
			w.End()
		case keyUsage:
			w.Uint(tlv.Context(2), uint64(e.Usage))
		case extendedUsage:
			w.Array(tlv.Context(3))
			for _, u := range e.Usages {
				w.Uint(tlv.Anonymous, uint64(u))
			}
			w.End()
		default:
			w.Octets(tlv.Context(e.Kind), e.Octets)
		}
	}
	w.End()
	w.Octets(tlv.Context(11), c.Signature)
	w.End()
	return w.Bytes()
}

func id(pairs ...uint64) Name {
	var n Name
	for p := range slices.Chunk(pairs, 2) {
		n = append(n, Attribute{Kind: uint8(p[0]), ID: p[1]})
	}
	return n
}

// TestChains: a chain of three is taken, and each way of being wrong is not.
func TestChains(t *testing.T) {
	root := issue(t, nil, id(RCACID, 1, FabricID, 5), nil)
	between := issue(t, root, id(ICACID, 2, FabricID, 5), nil)
	node := issue(t, between, id(NodeID, 9, FabricID, 5, CAT, 0x10001, CAT, 0x20002), nil)
	got, err := CheckChain(node.cert, between.cert, root.cert)
	if err != nil || got.Node != 9 || got.Fabric != 5 || !slices.Equal(got.Tags, []uint32{0x10001, 0x20002}) || !bytes.Equal(got.Key, node.cert.PublicKey) {
		t.Fatalf("%+v, %v", got, err)
	}

	extension := func(kind uint8, change func(*Extension)) func(*Certificate) {
		return func(c *Certificate) {
			for i := range c.Extensions {
				if c.Extensions[i].Kind == kind {
					change(&c.Extensions[i])
				}
			}
		}
	}
	without := func(kind uint8) func(*Certificate) {
		return func(c *Certificate) {
			c.Extensions = slices.DeleteFunc(c.Extensions, func(e Extension) bool { return e.Kind == kind })
		}
	}
	impostor := issue(t, nil, id(RCACID, 1, FabricID, 5), nil)
	for name, chain := range map[string][3]*person{
		"between is left out":       {node, nil, root},
		"another root of that name": {node, between, impostor},
		"root in the middle":        {node, root, root},
		"node as root":              {node, between, node},
		"other fabric of node":      {issue(t, between, id(NodeID, 9, FabricID, 6), nil), between, root},
		"other fabric between":      {issue(t, issue(t, root, id(ICACID, 2, FabricID, 6), nil), id(NodeID, 9, FabricID, 5), nil), between, root},
		"no node id":                {issue(t, between, id(FabricID, 5), nil), between, root},
		"node id 0":                 {issue(t, between, id(NodeID, 0, FabricID, 5), nil), between, root},
		"a group's id":              {issue(t, between, id(NodeID, 0xffff_ffff_ffff_0001, FabricID, 5), nil), between, root},
		"two node ids":              {issue(t, between, id(NodeID, 9, NodeID, 10, FabricID, 5), nil), between, root},
		"fabric 0":                  {issue(t, between, id(NodeID, 9, FabricID, 0), nil), between, root},
		"four tags":                 {issue(t, between, id(NodeID, 9, FabricID, 5, CAT, 0x10001, CAT, 0x20001, CAT, 0x30001, CAT, 0x40001), nil), between, root},
		"a tag twice":               {issue(t, between, id(NodeID, 9, FabricID, 5, CAT, 0x10001, CAT, 0x10002), nil), between, root},
		"a tag of version 0":        {issue(t, between, id(NodeID, 9, FabricID, 5, CAT, 0x10000), nil), between, root},
		"node is a CA":              {issue(t, between, id(NodeID, 9, FabricID, 5), extension(basicConstraints, func(e *Extension) { e.CA = true })), between, root},
		"node signs certificates":   {issue(t, between, id(NodeID, 9, FabricID, 5), extension(keyUsage, func(e *Extension) { e.Usage |= certSign })), between, root},
		"node is no client":         {issue(t, between, id(NodeID, 9, FabricID, 5), extension(extendedUsage, func(e *Extension) { e.Usages = []uint8{serverAuth} })), between, root},
		"node without key id":       {issue(t, between, id(NodeID, 9, FabricID, 5), without(subjectKeyID)), between, root},
		"other authority's key id":  {issue(t, between, id(NodeID, 9, FabricID, 5), extension(authorityKeyID, func(e *Extension) { e.Octets = make([]byte, 20) })), between, root},
		"between is no CA":          {node, issue(t, root, id(ICACID, 2, FabricID, 5), extension(basicConstraints, func(e *Extension) { e.CA = false })), root},
		"root is no CA":             {node, between, issue(t, nil, id(RCACID, 1, FabricID, 5), extension(keyUsage, func(e *Extension) { e.Usage = digitalSignature }))},
	} {
		var middle *Certificate
		if chain[1] != nil {
			middle = chain[1].cert
		}
		if got, err := CheckChain(chain[0].cert, middle, chain[2].cert); !errors.Is(err, ErrBad) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestForged: no bit of a certificate can be changed.
func TestForged(t *testing.T) {
	whole, err := hex.DecodeString(rootTLV)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(whole) * 8 {
		forged := bytes.Clone(whole)
		forged[i/8] ^= 1 << (i % 8)
		c, err := Parse(forged)
		if err == nil {
			err = CheckRoot(c)
		}
		if !errors.Is(err, ErrBad) {
			t.Errorf("bit %d changed: %v", i, err)
		}
	}
}

// TestTheLibraryAgrees: what is rebuilt is what Go's library reads, with all
// that a name and the extensions may have.
func TestTheLibraryAgrees(t *testing.T) {
	var name Name
	for kind := uint8(1); kind <= domainComponent; kind++ {
		name = append(name, Attribute{Kind: kind, Text: "Ab 1", Printable: kind%2 == 0 && kind != domainComponent})
	}
	name = append(name, id(RCACID, 0xabcdef)...)
	p := issue(t, nil, name[:6:6].with(id(RCACID, 0xabcdef)), func(c *Certificate) {
		c.NotBefore, c.NotAfter = 1, 0
		c.Extensions[0].Path = 1
	})
	tbs, err := p.cert.TBS()
	if err != nil {
		t.Fatal(err)
	}
	x := sign(t, tbs, p.cert.Signature)
	if !x.IsCA || x.MaxPathLen != 1 || x.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || x.NotAfter.Year() != 9999 || x.NotBefore.Year() != 2000 {
		t.Errorf("read as %+v", x)
	}
	if err := x.CheckSignature(x509.ECDSAWithSHA256, x.RawTBSCertificate, x.Signature); err != nil {
		t.Error(err)
	}
	long := &Certificate{Serial: []byte{1}, Issuer: name, Subject: name, NotAfter: 0xffffffff, PublicKey: p.cert.PublicKey, Extensions: []Extension{
		{Kind: extendedUsage, Usages: []uint8{1, 2, 3, 4, 5, 6}}, {Kind: keyUsage, Usage: 0x1ff},
	}}
	if tbs, err = long.TBS(); err != nil {
		t.Fatal(err)
	}
	x = sign(t, tbs, p.cert.Signature)
	if len(x.Subject.Names) != len(name) || len(x.ExtKeyUsage) != 6 || x.KeyUsage != 0x1ff || x.NotAfter.Year() != 2136 {
		t.Errorf("read as %+v", x)
	}
}

func (n Name) with(more Name) Name { return append(slices.Clone(n), more...) }

// sign puts the X.509 certificate together.
func sign(t *testing.T, tbs, signature []byte) *x509.Certificate {
	t.Helper()
	type pair struct{ R, S asn1.RawValue }
	integer := func(b []byte) asn1.RawValue {
		if b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		for len(b) > 1 && b[0] == 0 && b[1]&0x80 == 0 {
			b = b[1:]
		}
		return asn1.RawValue{Tag: asn1.TagInteger, Bytes: b}
	}
	rs, err := asn1.Marshal(pair{integer(signature[:32]), integer(signature[32:])})
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm struct{ OID asn1.ObjectIdentifier }
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, struct{ OID asn1.ObjectIdentifier }{oidECDSA}, asn1.BitString{Bytes: rs, BitLength: 8 * len(rs)}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestBad(t *testing.T) {
	good, err := hex.DecodeString(nodeTLV)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing":                    nil,
		"no TLV":                     []byte("certificate"),
		"a list":                     {0x17, 0x18},
		"an empty one":               {0x15, 0x18},
		"too long":                   append(bytes.Clone(good), make([]byte, MaxLen)...),
		"with RSA":                   bytes.Replace(good, []byte{0x24, 2, 1}, []byte{0x24, 2, 2}, 1),
		"a key usage of 32 bits":     bytes.Replace(good, []byte{0x24, 2, 1, 0x36}, []byte{0x26, 2, 1, 0, 1, 0, 0x36}, 1),
		"an attribute of tag 23":     bytes.Replace(good, []byte{0x24, 0x11, 0xda}, []byte{0x24, 23, 0xda}, 1),
		"a printable node id":        bytes.Replace(good, []byte{0x24, 0x11, 0xda}, []byte{0x24, 0x91, 0xda}, 1),
		"an extension of tag 7":      bytes.Replace(good, []byte{0x30, 4, 20}, []byte{0x30, 7, 20}, 1),
		"a key id of 19":             bytes.Replace(good, []byte{0x30, 4, 20, 0xc5}, []byte{0x30, 4, 19}, 1),
		"extension 4 twice":          bytes.Replace(good, []byte{0x30, 5, 20}, []byte{0x30, 4, 20}, 1),
		"a subject without anything": bytes.Replace(good, []byte{0x24, 0x15, 1, 0x24, 0x11, 0xda}, nil, 1),
	} {
		if c, err := Parse(b); !errors.Is(err, ErrBad) || c != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse: no input makes reading or rebuilding panic.
func FuzzParse(f *testing.F) {
	for _, s := range []string{rootTLV, nodeTLV, icacTLV} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	root := parse(f, rootTLV)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		tbs, err := c.TBS()
		if err != nil && !errors.Is(err, ErrBad) {
			t.Fatal(err)
		}
		if _, err := CheckChain(c, nil, root); err == nil && hex.EncodeToString(tbs) != nodeTBS {
			t.Fatalf("%x passed for the node", b)
		}
	})
}
