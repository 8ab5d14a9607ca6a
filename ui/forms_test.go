package ui

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/hub/config"
	"gatehouse/hub/survey"
	"gatehouse/rtsp/onvif"
)

const settingsFile = `# ours
home:
  name: Porch Street # since May
sharing: {rings: 3}
storage:
  - path: footage
    keep: {days: 30}
cameras:
  - name: porch
    url: rtsp://owner:p%40ss@192.168.1.10/main # by the door
    onvif: http://owner:p%40ss@192.168.1.10
  - name: hall
    url: rtsp://192.168.1.11/user=admin&password=hunter2
`

// desk is a console over a real file.
type desk struct {
	t    *testing.T
	h    http.Handler
	cfg  Config // h's
	file string
}

func newDesk(t *testing.T, cameras ...string) *desk {
	t.Helper()
	dir := t.TempDir()
	d := &desk{t: t, file: filepath.Join(dir, config.File)}
	d.write(settingsFile)
	cfg := newHouse().config()
	cfg.Cameras = nil
	for _, name := range cameras {
		cfg.Cameras = append(cfg.Cameras, Camera{Name: name, State: newHouse().config().Cameras[0].State})
	}
	nobody := func(context.Context) ([]onvif.Found, error) { return nil, nil }
	cfg.Settings, cfg.Survey, cfg.FirstRun = config.NewEditor(dir, nil), &survey.Survey{Discover: nobody, Log: cfg.Log}, config.FirstRun{DataDir: dir}
	cfg.Disks = fixtureDisks
	d.cfg, d.h = cfg, New(cfg)
	return d
}

func (d *desk) write(text string) {
	d.t.Helper()
	if err := os.WriteFile(d.file, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) read() string {
	d.t.Helper()
	b, err := os.ReadFile(d.file)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

// form answers with what a page's form would send if nothing were typed.
func (d *desk) form(path string) url.Values {
	d.t.Helper()
	v := url.Values{}
	body := visit(d.h, http.MethodGet, path, nil).Body.String()
	for _, m := range inputs.FindAllStringSubmatch(body, -1) {
		switch {
		case strings.Contains(m[0], `type="checkbox"`) || strings.Contains(m[0], `type="radio"`):
			if strings.Contains(m[0], " checked") {
				v.Set(m[1], m[2])
			}
		case m[1] != "paused" && m[1] != "remove":
			v.Set(m[1], unescape.Replace(m[2]))
		}
	}
	for _, m := range areas.FindAllStringSubmatch(body, -1) {
		v.Set(m[1], unescape.Replace(m[2]))
	}
	for _, m := range selects.FindAllStringSubmatch(body, -1) {
		if o := selected.FindStringSubmatch(m[2]); o != nil {
			v.Set(m[1], o[1])
		}
	}
	return v
}

func (d *desk) post(path string, v url.Values) *httptest.ResponseRecorder {
	return visit(d.h, http.MethodPost, path, v)
}

func TestFormsChangeNothingByThemselves(t *testing.T) {
	d := newDesk(t, "porch", "hall")
	for _, path := range []string{"/settings/home", "/settings/telling", "/settings/sending", "/settings/limits", "/settings/https", "/settings/live", "/settings/doorbell", "/settings/access", "/settings/storage/0", "/settings/camera/porch", "/settings/camera/hall"} {
		v := d.form(path)
		if len(v) < 2 {
			t.Errorf("%s: only %v was found", path, v)
		}
		if strings.Contains(v.Encode(), "hunter2") || strings.Contains(v.Encode(), "p%2540ss") {
			t.Errorf("%s shows a password", path)
		}
		w := d.post(path, v)
		if w.Code != http.StatusSeeOther {
			t.Errorf("%s: %d\n%s", path, w.Code, w.Body)
		}
		if d.read() != settingsFile {
			t.Fatalf("%s changed the file:\n%s", path, d.read())
		}
	}
}

func TestFormsWriteWhatWasTyped(t *testing.T) {
	for _, tt := range []struct {
		path      string
		typed     map[string]string
		old, new  string
		wantNote  string
		addedText string
	}{
		{path: "/settings/home", typed: map[string]string{"name": "Alder: 4"}, old: "name: Porch Street #", new: `name: "Alder: 4" #`},
		{path: "/settings/home", typed: map[string]string{"position.lat": "52,5", "position.lon": "-3"}, old: "# since May\n", new: "# since May\n  position: {lat: 52.5, lon: -3}\n"},
		{path: "/settings/telling", typed: map[string]string{"quiet_hours": "22:00-07:00, 12:00–13:00", "rings": ""}, old: "{rings: 3}", new: "{quiet_hours: [{from: 22:00, to: 07:00}, {from: 12:00, to: 13:00}]}"},
		{path: "/settings/storage/0", typed: map[string]string{"keep.bytes": "1.5TB"}, old: "{days: 30}", new: "{days: 30, bytes: 1.5TB}"},
		{path: "/settings/storage/new", typed: map[string]string{"path": "/mnt/b", "keep.days": "5"}, old: "{days: 30}\n", new: "{days: 30}\n  - path: /mnt/b\n    keep: {days: 5}\n"},
		{path: "/settings/storage/0", typed: map[string]string{"remove": "on"}, old: "  - path: footage\n    keep: {days: 30}\n", new: ""},
		{path: "/settings/camera/porch", typed: map[string]string{"exterior": "", "record": "off"}, old: "p%40ss@192.168.1.10\n", new: "p%40ss@192.168.1.10\n    exterior: false\n    record: off\n"},
		{path: "/settings/camera/porch", typed: map[string]string{"url": "rtsp://192.168.1.10/other"}, old: "p%40ss@192.168.1.10/main", new: "p%40ss@192.168.1.10/other"},
		{path: "/settings/camera/porch", typed: map[string]string{"url": "rtsp://192.168.1.99/main"}, old: "owner:p%40ss@192.168.1.10/main", new: "192.168.1.99/main"},
		{path: "/settings/limits", typed: map[string]string{"approvals": "2", "passphrase": fixturePass}, old: "{rings: 3}", new: "{rings: 3, approvals: 2}"},
		{path: "/settings/limits", typed: map[string]string{"per_case.time": "6h", "per_case.km2": "0,5", "passphrase": fixturePass}, old: "{rings: 3}", new: "{rings: 3, per_case: {time: 6h, km2: 0.5}}"},
		{path: "/settings/https", typed: map[string]string{"mode": "off"}, old: "hunter2\n", new: "hunter2\nhttps:\n  mode: off\n"},
		{path: "/settings/live", typed: map[string]string{"port": "8189", "addresses": "192.168.1.20, 10.0.0.2"}, old: "hunter2\n", new: "hunter2\nlive:\n  port: 8189\n  addresses: [192.168.1.20, 10.0.0.2]\n"},
		{path: "/settings/camera/porch", typed: map[string]string{"sound": "", "keep.bytes": "200GB", "keep_sub.bytes": "20GB"}, old: "p%40ss@192.168.1.10\n", new: "p%40ss@192.168.1.10\n    sound: false\n    keep: {bytes: 200GB}\n    keep_sub: {bytes: 20GB}\n"},
		{path: "/settings/camera/porch", typed: map[string]string{
			"record": "motion", "motion.from": "pictures", "motion.sensitivity": "7", "motion.pre_roll": "5s", "motion.post_roll": "1m",
			"motion.zones": "0 0.4, 1 0.4,1 1\r\n\r\n- 0.8 0, 1 0, 1 0.5",
		}, old: "p%40ss@192.168.1.10\n", new: "p%40ss@192.168.1.10\n    record: motion\n    motion: {from: pictures, sensitivity: 7, zones: [{area: [[0, 0.4], [1, 0.4], [1, 1]]}, {area: [[0.8, 0], [1, 0], [1, 0.5]], ignore: true}], pre_roll: 5s, post_roll: 1m}\n"},
		{path: "/settings/camera/porch/pause", typed: map[string]string{"paused": "on"}, old: "p%40ss@192.168.1.10\n", new: "p%40ss@192.168.1.10\n    paused: true\n"},
		{path: "/settings/camera/porch/rename", typed: map[string]string{"name": "gate"}, old: "name: porch", new: "name: gate"},
		{path: "/settings/camera/porch/remove", old: "  - name: porch\n    url: rtsp://owner:p%40ss@192.168.1.10/main # by the door\n    onvif: http://owner:p%40ss@192.168.1.10\n", new: ""},
	} {
		d := newDesk(t, "porch", "hall")
		v := url.Values{}
		if !strings.Contains(tt.path, "/camera/") || strings.Count(tt.path, "/") == 3 {
			v = d.form(tt.path)
		}
		for name, value := range tt.typed {
			v.Set(name, value)
			if value == "" {
				v.Del(name)
			}
		}
		w := d.post(tt.path, v)
		want := strings.Replace(settingsFile, tt.old, tt.new, 1)
		if w.Code != http.StatusSeeOther || d.read() != want {
			t.Errorf("%s %v: %d, file:\n%s\nwant\n%s", tt.path, tt.typed, w.Code, d.read(), want)
		}
	}
}

func TestAnotherLoginGoesToEveryAddress(t *testing.T) {
	d := newDesk(t, "porch")
	v := d.form("/settings/camera/porch")
	v.Set("login.user", "new")
	v.Set("login.password", "a@b")
	d.post("/settings/camera/porch", v)
	want := strings.ReplaceAll(settingsFile, "owner:p%40ss@", "new:a%40b@")
	if d.read() != want {
		t.Errorf("file:\n%s", d.read())
	}
}

func TestMistakesStandBesideTheirFields(t *testing.T) {
	d := newDesk(t, "porch")
	for _, tt := range []struct {
		path  string
		typed [2]string
		want  string
	}{
		{"/settings/telling", [2]string{"quiet_hours", "22:00-7"}, "not a time of day"},
		{"/settings/telling", [2]string{"quiet_hours", "always"}, "not a time of day"},
		{"/settings/telling", [2]string{"rings", "many"}, "should be a whole number"},
		{"/settings/home", [2]string{"timezone", "Europe/Madrit"}, "unknown time zone"},
		{"/settings/home", [2]string{"position.lat", "91"}, "should be between"},
		{"/settings/sending", [2]string{"cool_down.min", "5 minutes"}, "not a duration"},
		{"/settings/storage/0", [2]string{"keep.bytes", "lots"}, "not a size"},
		{"/settings/storage/new", [2]string{"path", ""}, "is missing"},
		{"/settings/feeds/new", [2]string{"url", "ftp://x"}, "should be https"},
		{"/settings/access", [2]string{"listen", "8080"}, "should be host:port"},
		{"/settings/camera/porch", [2]string{"url", "http://x"}, "should be rtsp://"},
		{"/settings/camera/porch", [2]string{"keep.days", "-1"}, "should not be negative"},
		{"/settings/camera/porch", [2]string{"keep_sub.bytes", "lots"}, "not a size"},
		{"/settings/camera/porch", [2]string{"motion.sensitivity", "11"}, "should be 1 to 10"},
		{"/settings/camera/porch", [2]string{"motion.pre_roll", "1h"}, "should be 0s to 30s"},
		{"/settings/camera/porch", [2]string{"motion.post_roll", "soon"}, "not a duration"},
		{"/settings/camera/porch", [2]string{"motion.zones", "0 0, 1 1"}, "should have 3 to"},
		{"/settings/camera/porch", [2]string{"motion.zones", "0 0, 1 1, 0 2"}, "should have corners"},
		{"/settings/camera/porch", [2]string{"motion.zones", "left"}, "should be"},
		{"/settings/https", [2]string{"certificate", "hub.pem"}, "absolute path"},
		{"/settings/live", [2]string{"port", "70000"}, "1 to 65535"},
		{"/settings/live", [2]string{"addresses", "hub.local"}, "should be an IP address"},
	} {
		v := d.form(tt.path)
		v.Set(tt.typed[0], tt.typed[1])
		w := d.post(tt.path, v)
		body := w.Body.String()
		at := strings.Index(body, `aria-invalid="true"`)
		if w.Code != http.StatusUnprocessableEntity || at < 0 || !strings.Contains(strings.ToLower(body[at:]), strings.ToLower(tt.want)) {
			t.Errorf("%s %v: %d, no %q beside a field", tt.path, tt.typed, w.Code, tt.want)
		}
		if tt.typed[1] != "" && !strings.Contains(unescape.Replace(body), `value="`+tt.typed[1]+`"`) && !strings.Contains(body, ">"+tt.typed[1]+"</textarea>") {
			t.Errorf("%s %v: what was typed is lost", tt.path, tt.typed)
		}
		spanish := strings.ToLower(visit(d.h, http.MethodPost, tt.path, v, func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: languageCookie, Value: "es"})
		}).Body.String())
		if tt.want != "1 to 65535" && strings.Contains(spanish, strings.ToLower(tt.want)) || !strings.Contains(spanish, `aria-invalid="true"`) {
			t.Errorf("%s %v: English in Spanish", tt.path, tt.typed)
		}
		if d.read() != settingsFile {
			t.Fatalf("%s %v: the file was changed:\n%s", tt.path, tt.typed, d.read())
		}
	}
	// Written anew, in lines of its own, the list is wrong as a whole too.
	d.write(strings.Replace(settingsFile, "sharing: {rings: 3}\n", "", 1))
	v := d.form("/settings/telling")
	v.Set("quiet_hours", "22:00-7")
	if w := d.post("/settings/telling", v); !strings.Contains(w.Body.String(), "Not a time of day") {
		t.Errorf("the time is not named:\n%s", w.Body)
	}
}

func TestEditsOfOthersAreNotOverwritten(t *testing.T) {
	d := newDesk(t, "porch")
	v := d.form("/settings/home")
	theirs := strings.Replace(settingsFile, "# ours", "# ours and mine", 1)
	d.write(theirs)
	v.Set("name", "B")
	if w := d.post("/settings/home", v); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), `value="B"`) {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
	if d.read() != theirs {
		t.Error("overwritten")
	}
	d.write("home: [\n")
	if w := visit(d.h, http.MethodGet, "/settings/home", nil); w.Code != http.StatusConflict {
		t.Errorf("a broken file: %d", w.Code)
	}
	d.write("nonsense: 1\n")
	if w := d.post("/settings/home", url.Values{"name": {"B"}}); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "nonsense") {
		t.Errorf("a file with mistakes: %d\n%s", w.Code, w.Body)
	}
}

func TestFirstRunGoesOnWhereItWas(t *testing.T) {
	d := newDesk(t)
	first := config.FirstRun{DataDir: filepath.Dir(d.file)}
	if w := visit(d.h, http.MethodGet, "/setup/home", nil); w.Header().Get("Location") != "/settings" {
		t.Errorf("set-up is open though it is over: %d", w.Code)
	}
	if err := first.Reach(2); err != nil {
		t.Fatal(err)
	}
	for i, key := range []string{"home", "storage"} {
		if w := visit(d.h, http.MethodGet, "/", nil); w.Header().Get("Location") != "/setup/"+key {
			t.Errorf("step %d goes on at %q", i, w.Header().Get("Location"))
		}
		v := d.form("/setup/" + key)
		if key == "storage" {
			v.Set("path", "/etc") // not one that was offered
			d.post("/setup/storage", v)
			if strings.Contains(d.read(), "/etc") {
				t.Error("a folder that was not offered was taken")
			}
			v.Set("path", "/mnt/big disk/gatehouse")
		}
		if w := d.post("/setup/"+key, v); w.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%s", key, w.Code, w.Body)
		}
	}
	if !strings.Contains(d.read(), "- path: /mnt/big disk/gatehouse\n    keep: {days: 30}") {
		t.Errorf("file:\n%s", d.read())
	}
	d.post("/setup/cameras", url.Values{})
	if first.Step() != 5 {
		t.Errorf("step %d", first.Step())
	}
	d.post("/setup/sharing", url.Values{})
	if w := visit(d.h, http.MethodGet, "/", nil); first.Step() != 0 || w.Code != http.StatusOK {
		t.Errorf("set-up is not over: step %d, %d", first.Step(), w.Code)
	}
}

// TestLimitsNeedThePassphrase: how many must approve is neither raised nor
// lowered by a session alone, and what was typed stays.
func TestLimitsNeedThePassphrase(t *testing.T) {
	for _, typed := range [][2]string{{"approvals", "2"}, {"approvals", ""}, {"per_case.km2", "50"}} {
		d := newDesk(t)
		text := strings.Replace(settingsFile, "{rings: 3}", "{rings: 3, approvals: 3}", 1)
		d.write(text)
		v := d.form("/settings/limits")
		v.Set(typed[0], typed[1])
		if w := d.post("/settings/limits", v); w.Code != http.StatusForbidden || d.read() != text || typed[1] != "" && !strings.Contains(w.Body.String(), `value="`+typed[1]+`"`) {
			t.Errorf("%v without the passphrase: %d\n%s", typed, w.Code, d.read())
		}
		v.Set("passphrase", "wrong wrong")
		if w := d.post("/settings/limits", v); w.Code != http.StatusForbidden || d.read() != text {
			t.Errorf("%v with a wrong one: %d\n%s", typed, w.Code, d.read())
		}
		v.Set("passphrase", fixturePass)
		for range 2 { // pressed twice
			if w := d.post("/settings/limits", v); w.Code != http.StatusSeeOther || d.read() == text {
				t.Errorf("%v with the passphrase: %d\n%s", typed, w.Code, d.read())
			}
		}
	}
}

// TestFormsPressedTwice: the second press finds the first one's work done.
func TestFormsPressedTwice(t *testing.T) {
	d := newDesk(t, "porch")
	for path, typed := range map[string][2]string{"/settings/live": {"port", "8189"}, "/settings/https": {"mode", "off"}, "/settings/camera/porch": {"motion.zones", "0 0, 1 0, 1 1"}} {
		v := d.form(path)
		v.Set(typed[0], typed[1])
		first := ""
		for range 2 {
			if w := d.post(path, v); w.Code != http.StatusSeeOther {
				t.Errorf("%s: %d\n%s", path, w.Code, w.Body)
			}
			if first == "" {
				first = d.read()
			}
		}
		if d.read() != first || !strings.Contains(first, "# by the door") {
			t.Errorf("%s: file:\n%s", path, d.read())
		}
		// Another tab shows the version before.
		v.Set(typed[0], map[string]string{"port": "9000", "mode": "auto", "motion.zones": ""}[typed[0]])
		if w := d.post(path, v); w.Code != http.StatusConflict || d.read() != first {
			t.Errorf("%s: an older page overwrites: %d\n%s", path, w.Code, d.read())
		}
	}
}

// TestCertificateIsTried: one that does not work would leave the console to this
// machine alone at the next start.
func TestCertificateIsTried(t *testing.T) {
	d := newDesk(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "hub.pem"), filepath.Join(dir, "hub.key")
	v := d.form("/settings/https")
	v.Set("certificate", cert)
	v.Set("key", key)
	if w := d.post("/settings/https", v); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `id="f-certificate-error"`) || d.read() != settingsFile {
		t.Errorf("files that are not there: %d\n%s", w.Code, d.read())
	}
	pair := httptest.NewTLSServer(nil)
	defer pair.Close()
	private, err := x509.MarshalPKCS8PrivateKey(pair.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if w := d.post("/settings/https", v); w.Code != http.StatusSeeOther || !strings.Contains(d.read(), "certificate: "+cert) {
		t.Errorf("a pair that works: %d\n%s", w.Code, d.read())
	}
}
