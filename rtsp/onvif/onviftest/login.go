package onviftest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Ways a device wants its clients to log in.
const (
	LoginToken  = "token"         // UsernameToken; HTTP Digest is not known
	LoginDigest = "digest"        // HTTP Digest with MD5; tokens are not looked at
	LoginSHA256 = "digest-sha256" // HTTP Digest, SHA-256 or MD5
	LoginBoth   = "digest+token"  // Digest for HTTP and a token for SOAP
	LoginNone   = "none"
)

// tokenWindow is how far a token's time may be off.
const tokenWindow = 5 * time.Second

// authenticate checks the login and answers if it is not good.
func (x *exchange) authenticate([]byte) bool {
	want := x.d.cfg.Quirks.Login
	var used []string
	digested := x.digest(http.MethodPost, want == LoginSHA256)
	if x.r.Header.Get("Authorization") != "" {
		used = append(used, "digest")
	}
	if x.env.Header.Security != nil {
		used = append(used, "token")
	}
	if len(used) > 0 {
		x.call.Login = strings.Join(used, "+")
	}
	switch want {
	case LoginNone:
		return true
	case LoginDigest, LoginSHA256:
		if !digested {
			x.challenge(want == LoginSHA256)
		}
		return digested
	case LoginBoth:
		if !digested {
			x.challenge(false)
			return false
		}
	}
	if x.token() && x.call.Name != x.d.cfg.Quirks.Forbids {
		return true
	}
	if x.d.cfg.Quirks.Bare401 {
		x.status(http.StatusUnauthorized, "")
		return false
	}
	x.fault("Sender", "ter:NotAuthorized", "Sender not Authorized")
	return false
}

// token checks a UsernameToken as the profile (3.1) asks a service to: digest,
// age, and that its nonce is new.
func (x *exchange) token() bool {
	s := x.env.Header.Security
	if s == nil || s.Token.Username != x.d.cfg.User || !strings.HasSuffix(s.Token.Password.Type, "#PasswordDigest") {
		return false
	}
	nonce, err := base64.StdEncoding.DecodeString(s.Token.Nonce)
	if err != nil || len(nonce) > 20 {
		return false
	}
	h := sha1.New()
	h.Write(nonce)
	h.Write([]byte(s.Token.Created))
	h.Write([]byte(x.d.cfg.Password))
	created, err := time.Parse(time.RFC3339, s.Token.Created)
	x.d.mu.Lock()
	defer x.d.mu.Unlock()
	if err != nil || len(s.Token.Created) > 24 || x.d.now().Sub(created).Abs() > tokenWindow || x.d.nonces[s.Token.Nonce] {
		return false
	}
	x.d.nonces[s.Token.Nonce] = true
	return hmac.Equal([]byte(base64.StdEncoding.EncodeToString(h.Sum(nil))), []byte(s.Token.Password.Value))
}

const realm = "IP Camera(C1234)"

func (x *exchange) challenge(sha bool) {
	nonce := make([]byte, 8)
	_, _ = rand.Read(nonce)
	text := hex.EncodeToString(nonce)
	x.d.mu.Lock()
	x.d.nonces["digest "+text] = true
	x.d.mu.Unlock()
	if sha { // the weaker first, which is not the order of preference
		x.w.Header().Add("WWW-Authenticate", `Digest realm="`+realm+`", qop="auth", nonce="`+text+`", algorithm=MD5`)
		x.w.Header().Add("WWW-Authenticate", `Digest realm="`+realm+`", qop="auth", nonce="`+text+`", algorithm=SHA-256`)
	} else {
		x.w.Header().Add("WWW-Authenticate", `Digest qop="auth", realm="`+realm+`", nonce="`+text+`", stale="FALSE"`)
	}
	x.status(http.StatusUnauthorized, "<html>Unauthorized</html>")
}

var field = regexp.MustCompile(`(\w+)=(?:"([^"]*)"|([^,\s]*))`)

// digest checks an Authorization header (RFC 7616, 3.4). With sha only SHA-256
// will do.
func (x *exchange) digest(method string, sha bool) bool {
	rest, ok := strings.CutPrefix(x.r.Header.Get("Authorization"), "Digest ")
	if !ok {
		return false
	}
	f := map[string]string{}
	for _, m := range field.FindAllStringSubmatch(rest, -1) {
		f[m[1]] = m[2] + m[3]
	}
	var h hash.Hash = md5.New()
	if sha {
		if f["algorithm"] != "SHA-256" {
			return false
		}
		h = sha256.New()
	}
	sum := func(s string) string {
		h.Reset()
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil))
	}
	x.d.mu.Lock()
	known := x.d.nonces["digest "+f["nonce"]]
	once := "nc " + f["nonce"] + f["nc"]
	replayed := x.d.nonces[once]
	x.d.nonces[once] = true
	x.d.mu.Unlock()
	want := sum(strings.Join([]string{
		sum(x.d.cfg.User + ":" + realm + ":" + x.d.cfg.Password), f["nonce"], f["nc"], f["cnonce"], f["qop"],
		sum(method + ":" + x.r.URL.RequestURI()),
	}, ":"))
	return known && !replayed && f["username"] == x.d.cfg.User && f["uri"] == x.r.URL.RequestURI() && f["response"] == want
}

// snapshot serves the picture.
func (x *exchange) snapshot() {
	q := x.d.cfg.Quirks
	if x.r.Header.Get("Authorization") != "" {
		x.call.Login, _, _ = strings.Cut(strings.ToLower(x.r.Header.Get("Authorization")), " ")
	}
	user, pass, _ := x.r.BasicAuth()
	switch {
	case !strings.HasPrefix(x.r.URL.Path, "/onvif/snapshot"):
		x.status(http.StatusNotFound, "")
		return
	case q.SnapshotLogin == LoginNone:
	case q.SnapshotLogin == "basic":
		if user != x.d.cfg.User || pass != x.d.cfg.Password {
			x.w.Header().Set("WWW-Authenticate", `Basic realm="camera"`)
			x.status(http.StatusUnauthorized, "")
			return
		}
	case !x.digest(http.MethodGet, false):
		x.challenge(false)
		return
	}
	x.d.mu.Lock()
	b := x.d.still
	x.d.mu.Unlock()
	x.w.Header().Set("Content-Type", "image/jpeg")
	x.w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	_, _ = x.w.Write(b)
}
