package hls

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const typeList = "application/vnd.apple.mpegurl"

var (
	errQuery = errors.New("no such place in a playlist")
	errFile  = errors.New("no such file")
)

// Index answers a stream's Multivariant Playlist, with which viewing begins. Its
// one variant, and all that lists, are below the address of the request without
// ".m3u8"; see Media. 406 if browsers do not play what the camera sends, 409 if
// it sends nothing, 503 if there are too many viewers or no picture comes.
func (s *Server) Index(w http.ResponseWriter, r *http.Request, camera, stream string) {
	body, err := s.index(r, key{camera, stream})
	if over(err) { // just now, or as soon as it began: the next one is another
		body, err = s.index(r, key{camera, stream})
	}
	if err != nil {
		refuse(w, err)
		return
	}
	send(w, typeList, body)
}

func (s *Server) index(r *http.Request, k key) (body []byte, err error) {
	st, err := s.join(k)
	if err != nil {
		return nil, err
	}
	_, err = st.wait(r.Context(), startWait, func() (bool, error) {
		if !st.list.playable() {
			return false, nil
		}
		base := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		body = st.list.master(strings.TrimSuffix(base, ".m3u8") + "/" + st.id + "/" + mediaList)
		return true, nil
	})
	return body, err
}

// over reports whether a playlist ended that another may follow at once.
func over(err error) bool { return errors.Is(err, errOutgrown) || errors.Is(err, errUnwatched) }

const mediaList = "list.m3u8"

// Media answers what a stream's playlist names: "list.m3u8", the Media Playlist,
// with _HLS_msn and _HLS_part once it has what they ask for; "N.init.mp4";
// "N.mp4", a media segment; "N.M.mp4", a part of one, the next one once it is
// there. id is that of the playlist: 404 once it is over, and for what it does
// not list. 400 is a question that cannot be meant, 503 one that waited for three
// target durations. What came of waiting is sent if the viewer may still look.
func (s *Server) Media(w http.ResponseWriter, r *http.Request, camera, stream, id, file string, may func(context.Context) bool) {
	st := s.find(key{camera, stream}, id)
	if st == nil {
		refuse(w, errFile)
		return
	}
	var waited bool
	var body [][]byte
	var err error
	kind := "video/mp4"
	if file == mediaList {
		kind = typeList
		waited, body, err = st.playlist(r)
	} else {
		waited, body, err = st.file(r.Context(), file)
	}
	switch {
	case err != nil:
		refuse(w, err)
	case waited && !may(r.Context()):
		http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
	default:
		send(w, kind, body...)
	}
}

// playlist waits for what a request of the Media Playlist asks for (6.2.5.2).
func (st *stream) playlist(r *http.Request) (waited bool, body [][]byte, err error) {
	number, part, blocks, err := directives(r.URL.RawQuery)
	if err != nil {
		return false, nil, err
	}
	waited, err = st.wait(r.Context(), st.patience(), func() (bool, error) {
		switch {
		case blocks && st.list.ahead(number, part):
			return false, errQuery
		case blocks && !st.list.has(number, part):
			return false, nil
		case !st.list.playable():
			return false, nil
		}
		body = [][]byte{st.list.media()}
		return true, nil
	})
	return waited, body, err
}

// patience is how long a request may wait.
func (st *stream) patience() time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	return 3 * time.Duration(max(st.list.target, leastTarget)) * time.Second
}

// directives reads the Delivery Directives of a query (6.2.5). part is -1 without
// one.
func directives(query string) (number, part int64, blocks bool, err error) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return 0, 0, false, fmt.Errorf("%w: %w", errQuery, err)
	}
	part = -1
	msn, numbered := q["_HLS_msn"]
	index, parted := q["_HLS_part"]
	if !numbered && !parted {
		return 0, part, false, nil
	}
	if len(msn) != 1 || len(index) > 1 {
		return 0, 0, false, errQuery
	}
	number, ok := whole(msn[0])
	if ok && parted {
		part, ok = whole(index[0])
	}
	if !ok {
		return 0, 0, false, errQuery
	}
	return number, part, true, nil
}

// whole reads a decimal integer.
func whole(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 53)
	return int64(n), err == nil
}

// file returns what a playlist names.
func (st *stream) file(ctx context.Context, name string) (waited bool, body [][]byte, err error) {
	words := strings.Split(name, ".")
	number, ok := whole(words[0])
	if !ok || len(words) < 2 || len(words) > 3 || words[len(words)-1] != "mp4" {
		return false, nil, errFile
	}
	if len(words) == 2 {
		return st.now(func() ([][]byte, error) { return st.list.wholeSegment(number) })
	}
	if words[1] == "init" {
		return st.now(func() ([][]byte, error) {
			if number >= int64(len(st.list.inits)) {
				return nil, errFile
			}
			return [][]byte{st.list.inits[number]}, nil
		})
	}
	index, ok := whole(words[1])
	if !ok {
		return false, nil, errFile
	}
	waited, err = st.wait(ctx, st.patience(), func() (bool, error) {
		s := st.list.find(number)
		switch {
		case s != nil && index < int64(len(s.parts)):
			body = [][]byte{s.parts[index].data}
			return true, nil
		case s != nil && s == st.list.growing() && index == int64(len(s.parts)):
			return false, nil // what EXT-X-PRELOAD-HINT names
		}
		return false, errFile
	})
	return waited, body, err
}

// now returns what needs no waiting.
func (st *stream) now(get func() ([][]byte, error)) (waited bool, body [][]byte, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.used = time.Now()
	if st.ended != nil {
		return false, nil, st.ended
	}
	body, err = get()
	return false, body, err
}

func (l *list) wholeSegment(number int64) ([][]byte, error) {
	s := l.find(number)
	if s == nil || s == l.growing() {
		return nil, errFile
	}
	var body [][]byte
	for _, p := range s.parts {
		body = append(body, p.data)
	}
	return body, nil
}

// send writes an answer to a browser that takes it in time.
func send(w http.ResponseWriter, kind string, body ...[]byte) {
	size := 0
	for _, b := range body {
		size += len(b)
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(size))
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(sendWait))
	defer rc.SetWriteDeadline(time.Time{})
	for _, b := range body {
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

// refuse says why there is nothing.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, errQuery):
		status = http.StatusBadRequest
	case errors.Is(err, errFile), over(err):
		status = http.StatusNotFound
	case errors.Is(err, errNoCodec):
		status = http.StatusNotAcceptable
	case errors.Is(err, errAway):
		status = http.StatusConflict
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	http.Error(w, http.StatusText(status), status)
}
