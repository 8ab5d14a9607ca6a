package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed static
var staticFiles embed.FS

// assets serves the embedded tree under an address that names its content, so
// that a browser may keep it for ever.
type assets struct {
	tree   string // hex of SHA-256 over names and content
	root   fs.FS
	server http.Handler
	small  sync.Map // of a text's name to its gzip form, once it was asked for
}

// newAssets hashes the tree, once for the program.
var newAssets = sync.OnceValue(func() *assets {
	root, err := fs.Sub(staticFiles, "static")
	if err != nil {
		panic(err) // a constant, valid path
	}
	h := sha256.New()
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, name)
		sum := sha256.Sum256(b)
		h.Write([]byte(name + "\x00"))
		h.Write(sum[:])
		return err
	})
	if err != nil {
		panic(err) // embedded files can be read
	}
	return &assets{
		tree:   hex.EncodeToString(h.Sum(nil))[:16],
		root:   root,
		server: http.FileServerFS(root),
	}
})

// url is an asset's address.
func (a *assets) url(name string) string { return "/static/" + a.tree + "/" + name }

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("path")
	if r.PathValue("tree") != a.tree || name == "" || name[len(name)-1] == '/' {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	if kind := assetType(name); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	if name == "js/worker.js" {
		w.Header().Set("Service-Worker-Allowed", "/") // it stands below the pages that it serves
	}
	w.Header().Add("Vary", "Accept-Encoding")
	w.Header().Set("ETag", `"`+a.tree+`"`)
	if b := a.gzipped(name, r); b != nil {
		w.Header().Set("ETag", `"`+a.tree+`-gzip"`)
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(b))) // which ServeContent leaves out of an encoded answer
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
		return
	}
	r2 := r.Clone(r.Context())
	r2.URL.Path, r2.URL.RawPath = "/"+name, ""
	a.server.ServeHTTP(w, r2)
}

// gzipped is a text as it goes to who takes gzip and wants all of it; nil otherwise.
func (a *assets) gzipped(name string, r *http.Request) []byte {
	takes := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip;q=0")
	kind := assetType(name)
	if !takes || r.Header.Get("Range") != "" || !strings.HasPrefix(kind, "text/") && kind != "image/svg+xml" {
		return nil
	}
	if b, ok := a.small.Load(name); ok {
		return b.([]byte)
	}
	text, err := fs.ReadFile(a.root, name)
	if err != nil {
		return nil // the file server says what is wrong
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = z.Write(text)
	if err := errors.Join(err, z.Close()); err != nil {
		panic(err) // memory takes all
	}
	a.small.Store(name, b.Bytes())
	return b.Bytes()
}

// assetType does not leave module scripts to the host's MIME table, which a
// minimal container does not have.
func assetType(name string) string {
	switch path.Ext(name) {
	case ".mjs", ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".png":
		return "image/png"
	case ".svg":
		return "image/svg+xml"
	case ".LICENSE", ".txt":
		return "text/plain; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}
