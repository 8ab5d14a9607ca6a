package bulletin_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/bulletin/bulletintest"
)

// sshKey and rsaKey are host keys in wire format.
var (
	sshKey = wire(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public())
	rsaKey = wire(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537})
)

func wire(key any) []byte {
	k, err := ssh.NewPublicKey(key)
	if err != nil {
		panic(err)
	}
	return k.Marshal()
}

func sshHost(user string, key []byte) func(*bulletin.Profile) {
	return func(p *bulletin.Profile) { p.UploadHosts[0].SSHUser, p.UploadHosts[0].SSHKey = user, key }
}

// TestHostsOfSSHAndTLS: a host takes SFTP if the profile has its SSH key, else HTTPS.
func TestHostsOfSSHAndTLS(t *testing.T) {
	a := bulletintest.New(t, now, func(p *bulletin.Profile) {
		p.UploadHosts = []bulletin.UploadHost{
			{Host: "sftp.example:22", SSHUser: "drop", SSHKey: sshKey},
			{Host: "sftp.example:2222", SSHUser: "drop", SSHKey: sshKey},
			{Host: "web.example"},
			{Host: "web.example:22"},
		}
	})
	p, err := bulletin.OpenProfile(a.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, url, host string }{
		{bulletin.SFTP, "sftp://sftp.example/in/", "sftp.example:22"},
		{bulletin.SFTP, "sftp://sftp.example:2222/in/", "sftp.example:2222"},
		{bulletin.SFTP, "sftp://web.example/in/", ""},
		{bulletin.SFTP, "sftp://drop@sftp.example/in/", ""},
		{bulletin.WebDAV, "https://sftp.example:22/in/", ""},
		{bulletin.WebDAV, "https://web.example/in/", "web.example"},
		{bulletin.HTTPSPut, "https://web.example:22/in/?sp=c", "web.example:22"},
		{bulletin.InPerson, "", ""},
	} {
		u, listed := p.UploadHost(bulletin.Target{Kind: c.kind, URL: c.url})
		if u.Host != c.host || listed != (c.host != "") {
			t.Errorf("%s %s: %q %v, want %q", c.kind, c.url, u.Host, listed, c.host)
		}
		if c.kind == bulletin.SFTP && listed && !bytes.Equal(u.SSHKey, sshKey) {
			t.Errorf("%s: key %x", c.url, u.SSHKey)
		}
	}
}
