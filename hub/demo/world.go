// Package demo is the world around a demo hub: two cameras that play the
// shipped footage, an agency that publishes requests and receives packages, and
// an owner who answers in the console. All of it is the real thing: RTSP, signed
// bulletins over HTTP, uploads over TLS.
package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/hub/agency"
	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
	footage "gatehouse/images/demo"
	"gatehouse/rtsp/rtsptest"
)

// Agency is the demo agency's name. ".example" can never be a real one.
const Agency = "lakeside-police.example"

// home is where the demo home stands: a lakeshore that nobody lives on.
var home = bulletin.Point{Lat: 44.96820, Lon: -85.21640}

// Config configures a World.
type Config struct {
	Dir        string // what must last: the agency's keys and the ports
	UploadRate int64  // bytes a second that the line to the agency carries; 0 is unlimited
	Log        *slog.Logger
}

// World is cameras and agency. Its ports are the same in every run on one folder,
// because published requests name them.
type World struct {
	cfg      Config
	state    state
	feed     agency.Feed
	cameras  *rtsptest.Server
	bulletin net.Listener
	line     *line
	receiver *agency.Receiver
}

// state lasts from run to run.
type state struct {
	Passphrase string `json:"passphrase"`
	RTSP       int    `json:"rtsp_port"`
	Bulletin   int    `json:"bulletin_port"`
	Upload     int    `json:"upload_port"`
	HomeKit    int    `json:"homekit_port"`
}

// Open makes the world, or reopens one that was made before, and begins to
// listen. Run serves.
func Open(cfg Config) (*World, error) {
	w := &World{cfg: cfg}
	if err := durable.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the demo: %w", err)
	}
	for _, step := range []func() error{w.openState, w.openCameras, w.openAgency} {
		if err := step(); err != nil {
			w.Close()
			return nil, fmt.Errorf("opening the demo: %w", err)
		}
	}
	return w, nil
}

func (w *World) openState() error {
	path := filepath.Join(w.cfg.Dir, "demo.json")
	data, err := os.ReadFile(path)
	if err == nil {
		return json.Unmarshal(data, &w.state)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, port := range []*int{&w.state.RTSP, &w.state.Bulletin, &w.state.Upload, &w.state.HomeKit} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer ln.Close() // all four are taken before one is free again
		*port = ln.Addr().(*net.TCPAddr).Port
	}
	if w.state.Passphrase, err = passphrase(); err != nil {
		return err
	}
	if data, err = json.MarshalIndent(w.state, "", "  "); err != nil {
		return err
	}
	return durable.WriteFile(path, append(data, '\n'), 0o600)
}

// passphrase is easy to type and made anew for every demo folder.
func passphrase() (string, error) {
	list := strings.Fields("amber birch brook cedar cliff cloud coral creek delta dune ember fern field flint grove harbor heron " +
		"hill island lake lantern larch linden maple meadow moss oak otter pebble pine pond quartz reed ridge river robin sage " +
		"shore slate sparrow spruce stone thicket tide timber valley willow wren")
	var parts []string
	for range 4 {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(list))))
		if err != nil {
			return "", err
		}
		parts = append(parts, list[n.Int64()])
	}
	return strings.Join(parts, "-"), nil
}

func at(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func (w *World) openCameras() (err error) {
	w.cameras, err = rtsptest.NewServer(rtsptest.Config{
		Addr: at(w.state.RTSP), Log: w.cfg.Log,
		Cameras: map[string]rtsptest.Camera{
			"porch":    {FS: footage.FS, File: "porch.mp4", Loop: true, User: "owner", Pass: "p@ss:w/rd"},
			"driveway": {FS: footage.FS, File: "driveway.mp4", Loop: true},
		},
	})
	return err
}

func (w *World) agencyDir() string { return filepath.Join(w.cfg.Dir, "agency") }

func (w *World) openAgency() (err error) {
	dir := w.agencyDir()
	if w.feed, err = agency.LoadFeed(dir); errors.Is(err, fs.ErrNotExist) {
		w.feed, err = agency.Init(dir, agency.InitConfig{
			Agency: Agency, Name: "Lakeside Police", Level: "municipal", Jurisdiction: agency.Circle(home, 15000),
			UploadHost: fmt.Sprintf("localhost:%d", w.state.Upload), CallBack: "+1 231 555 0148",
			Policy: "Requests are voluntary. Footage without use is destroyed after 60 days.", Oversight: "Lakeside Oversight Board",
		})
	}
	if err != nil {
		return err
	}
	if w.receiver, err = agency.NewReceiver(agency.ReceiverConfig{Dir: dir, Addr: "127.0.0.1:0", Log: w.cfg.Log}); err != nil {
		return err
	}
	if w.bulletin, err = net.Listen("tcp", at(w.state.Bulletin)); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", at(w.state.Upload))
	if err != nil {
		return err
	}
	w.line = &line{ln: ln, to: func() string { return w.receiver.Addr().String() }, rate: w.cfg.UploadRate}
	_, err = agency.Publish(agency.PublishConfig{Dir: dir})
	return err
}

// Close frees the ports of a World that does not run.
func (w *World) Close() {
	if w.cameras != nil {
		w.cameras.Close()
	}
	if w.bulletin != nil {
		w.bulletin.Close()
	}
	if w.line != nil {
		w.line.ln.Close()
	}
}

// Run serves cameras, bulletin and uploads, and renews the bulletin's
// cosignature, until ctx ends.
func (w *World) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.cameras.Run(ctx) })
	g.Go(func() error { return w.receiver.Run(ctx) })
	g.Go(func() error { return w.line.run(ctx) })
	g.Go(func() error { return w.serveBulletin(ctx) })
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(10 * time.Minute):
			}
			if _, err := agency.Publish(agency.PublishConfig{Dir: w.agencyDir()}); err != nil {
				return err
			}
		}
	})
	return g.Wait()
}

func (w *World) serveBulletin(ctx context.Context) error {
	srv := &http.Server{Handler: http.FileServer(http.Dir(filepath.Join(w.agencyDir(), "public"))), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(w.bulletin); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the bulletin: %w", err)
	}
	return nil
}

// Passphrase is the demo owner's.
func (w *World) Passphrase() string { return w.state.Passphrase }

// HubConfig is the gatehouse.yml of the demo hub.
func (w *World) HubConfig(listen string) string {
	var witnesses strings.Builder
	for _, k := range w.feed.Witnesses {
		fmt.Fprintf(&witnesses, "      - %q\n", k)
	}
	return fmt.Sprintf(`# The demo's configuration; it is written anew at every start.
home:
  name: Lakeside demo
  position: {lat: %.5f, lon: %.5f}
listen: %s
storage:
  - path: footage
    keep: {bytes: 2GB}
cameras:
  - name: driveway
    url: rtsp://%s/driveway
  - name: porch
    url: rtsp://owner:p%%40ss%%3Aw%%2Frd@%s/porch
bulletins:
  - url: http://%s/
    log: %q
    every: 2s          # a real hub fetches every hour
    witnesses:
%srules:
  - {action: notify}    # a real hub tells once a day unless a rule says so
sharing:
  cool_down: {min: 3s, max: 5s}    # a real hub waits 5 to 60 minutes
homekit:
  enabled: true
  listen: %s
`, home.Lat, home.Lon, listen, at(w.state.RTSP), at(w.state.RTSP), at(w.state.Bulletin), w.feed.Log, witnesses.String(), at(w.state.HomeKit))
}
