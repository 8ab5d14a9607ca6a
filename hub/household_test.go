package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/hub/backup"
	"gatehouse/hub/config"
	"gatehouse/hub/control"
	"gatehouse/hub/demo"
	"gatehouse/hub/internal/durable"
	"gatehouse/hub/request"
)

// journal keeps every line of a log.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// household is the demo's home, with more lines on its sharing, and its log. rate
// is what its line to the agency carries, in bytes a second; 0 does not limit it.
func household(t *testing.T, rate int64, sharing string) (*demoRun, *journal) {
	t.Helper()
	log := &journal{}
	dir := t.TempDir()
	d := &demoRun{
		cmd: &demoCmd{Data: dir}, began: time.Now(),
		env: &env{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)},
	}
	var err error
	if d.world, err = demo.Open(demo.Config{Dir: filepath.Join(dir, "world"), UploadRate: rate, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "hub")
	text := strings.Replace(d.world.HubConfig("127.0.0.1:0"), "sharing:\n", "sharing:\n"+sharing, 1)
	if err := durable.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, config.File), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	worldCtx, stopWorld := context.WithCancel(context.Background())
	hubCtx, stopHub := context.WithCancel(context.Background())
	world, ended, up := make(chan error, 1), make(chan error, 1), make(chan struct{})
	go func() { world <- d.world.Run(worldCtx) }()
	go func() {
		ended <- serve(hubCtx, serveOptions{
			data: data, ready: d.comesUp(up),
			log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
	}()
	t.Cleanup(func() {
		stopHub()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		stopWorld()
		if err := <-world; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-up:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	return d, log
}

// person is somebody at a browser of their own.
type person struct {
	t    *testing.T
	base string
	http *http.Client
}

func visitor(t *testing.T, base string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, base, &http.Client{Jar: jar, Timeout: time.Minute}}
}

func (p *person) get(path string) (status int, body string) {
	p.t.Helper()
	resp, err := p.http.Get(p.base + path)
	return p.read(resp, err)
}

func (p *person) post(path string, form url.Values) (status int, body string) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := p.http.Do(req)
	return p.read(resp, err)
}

func (p *person) read(resp *http.Response, err error) (int, string) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func find(t *testing.T, body, expr string) string {
	t.Helper()
	m := regexp.MustCompile(expr).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no %s in\n%.2000s", expr, body)
	}
	return m[1]
}

// TestTwoPeopleShare: in a real hub the owner invites somebody, each of them
// plays the same sealed bytes in a browser of their own, and nothing leaves
// before both approved that digest. Then every page of both, every line of the
// log at its most talkative and the status are searched for what must stay
// secret.
func TestTwoPeopleShare(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	d, log := household(t, 0, "  approvals: 2\n")
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
	}
	step(d.welcome(ctx))
	_, err := d.record(ctx)
	step(err)
	step(d.allow(ctx))
	id, err := d.request(ctx)
	step(err)

	const bosPass = "four-quiet-lemon-trees"
	owner, bo := visitor(t, d.home().console()), visitor(t, d.home().console())
	owner.post("/login", url.Values{"passphrase": {d.world.Passphrase()}})
	_, page := owner.post("/people/invite", url.Values{"name": {"bo"}, "role": {"approver"}, "passphrase": {d.world.Passphrase()}})
	code := find(t, page, `class="num code">([A-Z0-9-]+)<`)
	if status, _ := bo.get("/requests"); status != http.StatusOK {
		t.Error(status)
	}
	bo.post("/join", url.Values{"code": {code}, "passphrase": {bosPass}, "repeat": {bosPass}})

	address := "/requests/" + id
	_, page = owner.get(address)
	owner.post(address+"/prepare", url.Values{
		"form": {"prepare"}, "clip": {"0"},
		"from-0": {find(t, page, `name="from-0"[^>]* value="([^"]+)"`)}, "to-0": {find(t, page, `name="to-0"[^>]* value="([^"]+)"`)},
	})
	sums := map[string]bool{}
	for _, who := range []*person{owner, bo} {
		_, page := who.get(address)
		_, video := who.get(address + "/preview/0")
		sums[fmt.Sprintf("%s %x", find(t, page, `name="digest" value="([0-9a-f]{64})"`), sha256.Sum256([]byte(video)))] = len(video) > 1000
		if !strings.Contains(page, "2 people must approve this package") {
			t.Error("the page does not say that two must approve")
		}
	}
	if len(sums) != 1 {
		t.Fatalf("the two were shown different bytes: %v", sums)
	}
	_, page = bo.get(address)
	digest := find(t, page, `name="digest" value="([0-9a-f]{64})"`)
	approve := func(who *person, pass string) (status int) {
		t.Helper()
		status, _ = who.post(address+"/approve", url.Values{"digest": {digest}, "passphrase": {pass}})
		return status
	}
	approve(bo, bosPass)
	r, err := d.home().requests.Get(ctx, id)
	if err != nil || r.State != request.Prepared || len(r.Approvals) != 1 {
		t.Fatalf("after the first: %s %v, %v", r.State, r.Approvals, err)
	}
	if jobs, err := d.home().outbox.Jobs(ctx); err != nil || len(jobs) != 0 {
		t.Fatalf("on its way after one approval: %v, %v", jobs, err)
	}
	if status := approve(bo, bosPass); status != http.StatusConflict {
		t.Errorf("bo twice: %d", status)
	}
	if _, page := owner.get(address); !strings.Contains(page, "<bdi>bo</bdi> approved it,") || !strings.Contains(page, "1 more person must approve.") {
		t.Error("the owner is not told who approved and what is missing")
	}
	approve(owner, d.world.Passphrase())
	step(d.until(ctx, func() (bool, error) {
		r, err := d.home().requests.Get(ctx, id)
		return r.State == request.Sent, err
	}))
	jobs, err := d.home().outbox.Jobs(ctx)
	if err != nil || len(jobs) != 1 || jobs[0].Digest != digest {
		t.Errorf("sent %v, %v; want %s", jobs, err, digest)
	}

	secrets := map[string]string{
		"the owner's passphrase": d.world.Passphrase(), "bo's passphrase": bosPass, "the invitation": code,
		"a camera's password": "p@ss:w/rd", "a camera's password, escaped": "p%40ss%3Aw%2Frd",
		"a broken camera's password": "gar4ge-s3cret", "its ONVIF password": "0nvif-s3cret",
		"the HomeKit code": d.home().homekit.Code(), "the HomeKit code's digits": strings.ReplaceAll(d.home().homekit.Code(), "-", ""),
		"the set-up code": d.home().setupCode,
	}
	for name, who := range map[string]*person{"the owner's session": owner, "bo's session": bo} {
		u, err := url.Parse(who.base)
		step(err)
		secrets[name] = who.http.Jar.Cookies(u)[0].Value
	}
	addKeys(t, d.home().data, secrets)
	breakCamera(t, ctx, d)
	noSecrets(t, ctx, d, log, secrets, owner, bo)
	diagnosticsTellNoNames(t, d, owner, bo)

	// Each kind of file that a home has is one that somebody decided to back up, or not to.
	list, strange, err := backup.Collect(filepath.Join(d.cmd.Data, "hub"), true, nil)
	if err != nil || len(strange) > 0 || len(list) < 7 {
		t.Errorf("%d files are kept, and %q are not known, %v", len(list), strange, err)
	}
}

// breakCamera adds one that cannot be reached: what fails is told, with its address.
func breakCamera(t *testing.T, ctx context.Context, d *demoRun) {
	t.Helper()
	path := filepath.Join(d.home().data, config.File)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	garage := "cameras:\n  - name: garage\n    url: rtsp://spy:gar4ge-s3cret@127.0.0.1:1/main\n    onvif: http://spy:0nvif-s3cret@127.0.0.1:1\n"
	if err := os.WriteFile(path, bytes.Replace(text, []byte("cameras:\n"), []byte(garage), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	err = d.until(ctx, func() (bool, error) {
		for _, s := range d.home().fleet.Streams() {
			if s.Camera == "garage" && s.State().Reason != "" {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// addKeys adds every line of the hub's private key files that holds key material.
func addKeys(t *testing.T, data string, secrets map[string]string) {
	t.Helper()
	before := len(secrets)
	err := filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".key") && !strings.HasSuffix(path, ".age") {
			return err
		}
		text, err := os.ReadFile(path)
		for i, line := range strings.Split(string(text), "\n") {
			if line = strings.TrimSpace(line); len(line) >= 32 && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "-----") {
				secrets[fmt.Sprintf("%s, line %d", filepath.Base(path), i+1)] = line
			}
		}
		return err
	})
	if err != nil || len(secrets) < before+3 {
		t.Fatalf("%d secrets in key files, %v", len(secrets)-before, err)
	}
}

var linked = regexp.MustCompile(`(?:href|src)="(/[^"#]*)`)

// noSecrets reads every page that links lead to, as each person, the log, and
// what the status command prints.
func noSecrets(t *testing.T, ctx context.Context, d *demoRun, log *journal, secrets map[string]string, people ...*person) {
	t.Helper()
	search := func(where, text string) {
		t.Helper()
		for name, secret := range secrets {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%s tells %s", where, name)
			}
		}
	}
	for _, who := range people {
		seen, next := map[string]bool{}, []string{"/", "/you", "/people", "/settings", "/trust", "/join", "/login", "/healthz", "/live/tiles"}
		for len(next) > 0 && len(seen) < 400 {
			path := strings.ReplaceAll(next[0], "&amp;", "&")
			if next = next[1:]; seen[path] {
				continue
			}
			seen[path] = true
			_, body := who.get(path)
			search(path, body)
			if strings.HasPrefix(strings.TrimSpace(body), "<") {
				for _, m := range linked.FindAllStringSubmatch(body, -1) {
					next = append(next, m[1])
				}
			}
		}
		if len(seen) < 20 {
			t.Errorf("only %d pages were found", len(seen))
		}
		if who == people[0] && !seen[diagnosticsFile] {
			t.Error("the owner's pages do not lead to the diagnostics")
		}
	}
	for _, call := range []func(*control.Client) (any, error){
		func(c *control.Client) (any, error) { return c.Status(ctx) },
		func(c *control.Client) (any, error) { return c.Requests(ctx) },
		func(c *control.Client) (any, error) { return c.Users(ctx) },
		func(c *control.Client) (any, error) { return c.Agencies(ctx) },
	} {
		v, err := call(control.Dial(d.home().data))
		if err != nil {
			t.Error(err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		search("the control socket", string(text))
	}
	search("the log", log.String())
	if !strings.Contains(log.String(), "level=DEBUG") {
		t.Error("the log says nothing at its most talkative")
	}
}

const diagnosticsFile = "/settings/health/diagnostics.txt"

// diagnosticsTellNoNames: what the owner may hand to who helps says how each camera does,
// and neither its name nor its address, nor where the home is. Others do not get it.
func diagnosticsTellNoNames(t *testing.T, d *demoRun, owner, other *person) {
	t.Helper()
	status, text := owner.get(diagnosticsFile)
	cfg := d.home().config()
	for _, want := range []string{
		`^Gatehouse \S`, `(?m)^recording \d+ of \d+, \d+ days`, `(?m)^disk in use true, `, `(?m)^camera 1 stream\.main: stream\.recording, last \d{4}-`,
		fmt.Sprintf(`(?m)^state of camera %d of the list: \S`, len(cfg.Cameras)), `(?m)^problems: \d+$`,
	} {
		if status != http.StatusOK || !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("no %s in %d\n%s", want, status, text)
		}
	}
	names := []string{"rtsp://", "127.0.0.1", "spy", fmt.Sprint(cfg.Home.Position.Lat), fmt.Sprint(cfg.Home.Position.Lon), cfg.Home.Name}
	for _, c := range cfg.Cameras {
		names = append(names, c.Name)
	}
	for _, name := range names {
		if regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(name) + `($|\W)`).MatchString(text) {
			t.Errorf("the diagnostics tell %q\n%s", name, text)
		}
	}
	if status, _ := other.get(diagnosticsFile); status != http.StatusForbidden {
		t.Errorf("somebody who is no owner got the diagnostics: %d", status)
	}
}
