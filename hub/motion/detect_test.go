package motion

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/images/demo/script"
)

// still is a scene with detail in which nothing moves: sensor noise and what
// the encoder makes of it.
const (
	scene = "mandelbrot=s=320x180:r=4:start_scale=0.4:end_scale=0.4,trim=end_frame=1,loop=-1:1,setpts=N/4/TB"
	noise = ",noise=alls=14:allf=t"
)

// film encodes a film of a scene as a camera does, a key frame every two
// seconds, and returns its key frames as the detector gets them.
func film(t testing.TB, seconds int, filter string, more ...string) [][]byte {
	t.Helper()
	file := t.TempDir() + "/film.mp4"
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", filter}, more...)
	run(t, append(args, "-t", fmt.Sprint(seconds), "-r", "4", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
		"-g", "8", "-keyint_min", "8", "-x264-params", "scenecut=0", "-b:v", "200k", "-threads", "1", file)...)
	return keyFrames(t, file)
}

func keyFrames(t testing.TB, file string) (list [][]byte) {
	t.Helper()
	raw := run(t, "-v", "error", "-skip_frame", "nokey", "-i", file, "-an",
		"-vf", fmt.Sprintf("scale=%d:%d:flags=area,format=gray", width, height), "-fps_mode", "passthrough", "-f", "rawvideo", "-")
	for ; len(raw) >= width*height; raw = raw[width*height:] {
		list = append(list, raw[:width*height])
	}
	return list
}

func run(t testing.TB, args ...string) []byte {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command("ffmpeg", args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v: %s", strings.Join(args, " "), err, said.String())
	}
	return out
}

// watch runs a detector over key frames two seconds apart and returns the
// seconds in which motion was seen.
func watch(d *detector, frames [][]byte) (spans [][2]int) {
	zero := time.Unix(1e9, 0)
	for i, f := range frames {
		v := d.picture(f, zero.Add(time.Duration(i)*2*time.Second))
		if !v.moving {
			continue
		}
		from, to := int(v.since.Sub(zero).Seconds()), int(v.last.Sub(zero).Seconds())
		if n := len(spans); n > 0 && spans[n-1][0] == from {
			spans[n-1][1] = to
		} else {
			spans = append(spans, [2]int{from, to})
		}
	}
	return spans
}

// overlays puts boxes over a scene.
func overlays(base string, boxes ...string) string {
	for i, b := range boxes {
		source, place, _ := strings.Cut(b, " ")
		base += fmt.Sprintf("[s%d];%s:r=4[b%d];[s%d][b%d]overlay=%s", i, source, i, i, i, place)
	}
	return base
}

// Three films that tell what a detector is worth: things that move, and what
// changes a picture though nothing moves.
var (
	moving = overlays(scene+noise,
		"color=0x707070:s=14x36 x='-14+25*(t-20)':y=90:enable='between(t,20,34)'",    // a person, near
		"color=0x707070:s=8x20 x='320-25*(t-50)':y=70:enable='between(t,50,64)'",     // and farther away
		"color=0x505050:s=60x36 x='min(-60+40*(t-80),100)':y=110:enable='gte(t,80)'") // a car that stays
	moves = [][2]int{{20, 34}, {50, 64}, {80, 84}}
	light = scene + // a lamp, dusk, the camera's own switch to night and back
		",eq=brightness='if(between(t,20,40),0.25,0)-if(between(t,50,85),(t-50)/175,0)-if(between(t,85,90),0.2,0)'" +
		":contrast='if(between(t,90,110),0.6,1)':gamma='if(between(t,90,110),2,1)':eval=frame" + noise
	weather = overlays(scene+noise, "color=0x404040:s=40x30 x='200+6*sin(9*t)':y='20+4*sin(7*t)'") + // a branch, and rain
		",geq=lum='if(gt(random(1),0.99),235,lum(X,Y))':cb=128:cr=128"
)

// TestDetection: what moves is seen, and what does not move is not, at the
// sensitivity that is the default; the log has the figures of others.
func TestDetection(t *testing.T) {
	for name, c := range map[string]struct {
		film  string
		truth [][2]int
	}{
		"moving": {moving, moves}, "light": {light, nil}, "weather": {weather, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frames := film(t, 120, c.film)
			for _, sensitivity := range []int{1, 3, 5, 7, 10} {
				seen := watch(newDetector(nil, sensitivity), frames)
				found, wrong := compare(seen, c.truth)
				t.Logf("sensitivity %2d: %d of %d found, %d false alarms %v", sensitivity, found, len(c.truth), wrong, seen)
				if sensitivity == 5 && (found != len(c.truth) || wrong > 0) {
					t.Errorf("sensitivity 5: %d of %d found, %d false alarms", found, len(c.truth), wrong)
				}
			}
		})
	}
}

// compare counts the true spans that were seen, and what was seen outside them.
func compare(seen, truth [][2]int) (found, wrong int) {
	const apart = 2 // seconds between pictures
	overlap := func(a, b [2]int) bool { return a[0] <= b[1]+apart && b[0] <= a[1]+apart }
	for _, v := range truth {
		if slices.ContainsFunc(seen, func(s [2]int) bool { return overlap(s, v) }) {
			found++
		}
	}
	for _, v := range seen {
		if !slices.ContainsFunc(truth, func(s [2]int) bool { return overlap(s, v) }) {
			wrong++
		}
	}
	return found, wrong
}

// TestDetectionInDrawnFilms: the demo's cameras, in which people, a cat, cars
// and leaves move.
func TestDetectionInDrawnFilms(t *testing.T) {
	seconds := func(from, to time.Duration) [2]int { return [2]int{int(from.Seconds()), int(to.Seconds())} }
	for name, truth := range map[string][][2]int{
		"porch":    {seconds(script.VisitIn, script.VisitOut), seconds(script.DoorOpens, script.DoorShut)},
		"driveway": {seconds(script.CarIn, script.VanStop), seconds(script.VanReverse, script.VanGone)},
	} {
		frames := keyFrames(t, "../../images/demo/"+name+".mp4")
		n := len(frames)
		seen := watch(newDetector(nil, 0), slices.Concat(frames, frames))
		var second [][2]int // the first round teaches
		for _, v := range seen {
			if v[1] >= 2*n {
				second = append(second, [2]int{v[0] - 2*n, v[1] - 2*n})
			}
		}
		found, _ := compare(second, truth)
		t.Logf("%s: %v", name, second)
		if found != len(truth) {
			t.Errorf("%s: %d of %d found", name, found, len(truth))
		}
	}
}

func TestZones(t *testing.T) {
	square := func(x, y, side float64) []Point {
		return []Point{{x, y}, {x + side, y}, {x + side, y + side}, {x, y + side}}
	}
	whole := square(0, 0, 1)
	for name, c := range map[string]struct {
		zones []Zone
		n     int
	}{
		"none":            {nil, cells},
		"all":             {[]Zone{{Area: whole}}, cells},
		"left half":       {[]Zone{{Area: []Point{{0, 0}, {0.5, 0}, {0.5, 1}, {0, 1}}}}, cells / 2},
		"all but left":    {[]Zone{{Area: []Point{{0, 0}, {0.5, 0}, {0.5, 1}, {0, 1}}, Ignore: true}}, cells / 2},
		"ignore wins":     {[]Zone{{Area: whole}, {Area: whole, Ignore: true}}, 0},
		"two":             {[]Zone{{Area: square(0, 0, 0.5)}, {Area: square(0.5, 0.5, 0.5)}}, cells / 2},
		"a triangle":      {[]Zone{{Area: []Point{{0, 0}, {1, 1}, {0, 1}}}}, -1},
		"crosses itself":  {[]Zone{{Area: []Point{{0, 0}, {1, 1}, {1, 0}, {0, 1}}}}, -1},
		"out of the film": {[]Zone{{Area: square(-3, -3, 9)}}, cells},
	} {
		_, n := watched(c.zones)
		if c.n >= 0 && n != c.n || c.n < 0 && (n < cells*4/10 || n > cells*6/10) {
			t.Errorf("%s: %d of %d cells are watched", name, n, cells)
		}
	}
	frames := film(t, 40, moving)
	below := []Point{{0, 0.6}, {1, 0.6}, {1, 1}, {0, 1}}
	for _, ignore := range []bool{false, true} {
		above := []Zone{{Area: []Point{{0, 0}, {1, 0}, {1, 0.45}, {0, 0.45}}, Ignore: false}}
		if ignore {
			above = []Zone{{Area: below, Ignore: true}, {Area: []Point{{0, 0.45}, {1, 0.45}, {1, 0.6}, {0, 0.6}}, Ignore: true}}
		}
		if seen := watch(newDetector(above, 0), frames); len(seen) != 0 {
			t.Errorf("ignore %v: motion outside the zones was seen: %v", ignore, seen)
		}
	}
	if seen := watch(newDetector([]Zone{{Area: below}}, 0), frames); len(seen) != 1 {
		t.Errorf("motion inside a zone: %v", seen)
	}
}

func BenchmarkDetector(b *testing.B) {
	frames := film(b, 20, moving)
	d := newDetector(nil, 0)
	at := time.Unix(1e9, 0)
	for i := 0; b.Loop(); i++ {
		at = at.Add(2 * time.Second)
		d.picture(frames[i%len(frames)], at)
	}
}
