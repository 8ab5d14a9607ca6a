package delivery_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/hub/bulletin"
)

// peer is a server that nobody here wrote, in processes of its own: Debian's
// OpenSSH, nginx or Apache, on loopback and without privileges.
type peer struct {
	t       testing.TB
	dir     string // its own
	folder  string // where packages arrive
	addr    string
	args    []string
	env     []string // beside ours
	cmd     *exec.Cmd
	host    bulletin.UploadHost
	as      *syscall.Credential // nil if the tests have no privileges to drop
	account string
	output  bytes.Buffer
}

// nobody is whom servers run as if the tests are root's.
const nobody = 65534

func newPeer(t testing.TB) *peer {
	t.Helper()
	p := &peer{t: t}
	var err error
	if p.dir, err = os.MkdirTemp("", "gatehouse-peer"); err != nil { // nobody cannot reach t.TempDir
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s", p.output.Bytes())
		}
		if err := os.RemoveAll(p.dir); err != nil {
			t.Error(err)
		}
	})
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	p.account = u.Username
	if os.Getuid() == 0 {
		p.as, p.account = &syscall.Credential{Uid: nobody, Gid: nobody}, "nobody"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p.folder = filepath.Join(p.dir, "www", "in")
	for _, dir := range []string{p.folder, filepath.Join(p.dir, "tmp")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *peer) write(name, text string) string {
	p.t.Helper()
	name = filepath.Join(p.dir, name)
	if err := os.WriteFile(name, []byte(strings.NewReplacer("DIR", p.dir, "ADDR", p.addr).Replace(text)), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return name
}

// start runs the server and waits until it answers.
func (p *peer) start() {
	p.t.Helper()
	if p.as != nil {
		err := filepath.WalkDir(p.dir, func(name string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(name, nobody, nobody)
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, &p.output, &p.output
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.WaitDelay = time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			_ = c.Close()
			return
		}
	}
	p.t.Fatalf("%s does not answer", p.args[0])
}

// kill ends the server and all that it started, as a power cut would.
func (p *peer) kill() {
	if p.cmd == nil {
		return
	}
	for _, pid := range family(p.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = p.cmd.Wait()
	p.cmd = nil
}

// family is a process and its descendants.
func family(pid int) []int {
	out := []int{pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	parent := map[int]int{}
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		of, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		rest := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		parent[of], _ = strconv.Atoi(rest[1])
	}
	for i := 0; i < len(out); i++ {
		for of, its := range parent {
			if its == out[i] {
				out = append(out, of)
			}
		}
	}
	return out
}

// files are the names and contents of what has arrived.
func (p *peer) files() map[string][]byte {
	p.t.Helper()
	list, err := os.ReadDir(p.folder)
	if err != nil {
		p.t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range list {
		if f.IsDir() { // Apache's locks
			continue
		}
		data, err := os.ReadFile(filepath.Join(p.folder, f.Name()))
		if err != nil {
			p.t.Fatal(err)
		}
		out[f.Name()] = data
	}
	return out
}

func program(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name)
		}
	}
	t.Fatalf("%s is not installed: make tools", name)
	return ""
}

// openSSH has an account that takes any key, as an agency would set it up for
// senders that it does not know. login may say otherwise.
func openSSH(t testing.TB, login ...string) *peer {
	p := newPeer(t)
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	p.write("key", string(pem.EncodeToMemory(block)))
	wire, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	p.host = bulletin.UploadHost{Host: p.addr, SSHKey: wire.Marshal(), SSHUser: p.account}
	if login == nil {
		login = []string{"AuthorizedKeysCommand /usr/bin/echo %t %k", "AuthorizedKeysCommandUser " + p.account}
	}
	config := p.write("sshd_config", strings.Join(append([]string{
		"ListenAddress ADDR", "HostKey DIR/key", "PidFile none", "StrictModes no", "AuthorizedKeysFile none",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "UsePAM yes", "Subsystem sftp internal-sftp",
		"ForceCommand internal-sftp", "DisableForwarding yes", "MaxStartups 100",
	}, login...), "\n")+"\n")
	p.args = []string{program(t, "sshd"), "-D", "-e", "-f", config}
	p.start()
	return p
}

// target is where packages go: SFTP without a chroot knows absolute paths.
func (p *peer) target(kind string) bulletin.Target {
	if kind == bulletin.SFTP {
		return bulletin.Target{Kind: kind, URL: "sftp://" + p.addr + p.folder}
	}
	return bulletin.Target{Kind: kind, URL: "https://" + p.addr + "/in/"}
}

// tls writes a certificate and pins its key.
func (p *peer) tls() {
	p.t.Helper()
	c := selfSigned(p.t)
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		p.t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		p.t.Fatal(err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	p.host = bulletin.UploadHost{Host: p.addr, SPKI: sum[:]}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: leaf.Raw},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: key},
	} { // not by p.write: what it fills in may stand in a certificate as well
		if err := os.WriteFile(filepath.Join(p.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

func nginx(t testing.TB) *peer {
	p := newPeer(t)
	p.tls()
	config := p.write("nginx.conf", `daemon off; worker_processes 1; pid DIR/pid; events {}
http {
	access_log off; client_body_temp_path DIR/tmp; proxy_temp_path DIR/tmp; fastcgi_temp_path DIR/tmp;
	uwsgi_temp_path DIR/tmp; scgi_temp_path DIR/tmp; client_max_body_size 0;
	server {
		listen ADDR ssl; ssl_protocols TLSv1.3; ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/key.pem;
		root DIR/www; dav_methods PUT MOVE;
	}
}
`)
	p.args = []string{program(t, "nginx"), "-p", p.dir, "-e", "stderr", "-c", config}
	p.start()
	return p
}

// apache takes uploads with a signature in the address alone if signed is not "".
func apache(t testing.TB, signed string) *peer {
	p := newPeer(t)
	p.tls()
	guard := "Require all granted"
	if signed != "" {
		guard = fmt.Sprintf("Require expr %%{QUERY_STRING} == '%s'", signed)
	}
	var modules strings.Builder
	for _, m := range []string{"mpm_event", "authz_core", "dav", "dav_fs", "ssl"} {
		fmt.Fprintf(&modules, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	config := p.write("httpd.conf", modules.String()+`ServerName localhost
Listen ADDR
PidFile DIR/pid
DefaultRuntimeDir DIR/tmp
Mutex fcntl:DIR/tmp
ErrorLog DIR/error.log
DocumentRoot DIR/www
DavLockDB DIR/tmp/locks
SSLEngine on
SSLProtocol TLSv1.3
SSLSessionCache none
SSLCertificateFile DIR/cert.pem
SSLCertificateKeyFile DIR/key.pem
<Directory DIR/www>
	Dav On
	`+guard+`
</Directory>
`)
	p.args = []string{program(t, "apache2"), "-D", "FOREGROUND", "-d", p.dir, "-f", config}
	p.start()
	return p
}
