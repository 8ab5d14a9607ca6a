package ui

import (
	"encoding/json"
	"net/http"
)

// icon is a picture of the app, drawn from ui/static/app/*.svg by ui/e2e/icons.mjs.
type icon struct {
	Src     string `json:"src"`
	Sizes   string `json:"sizes"`
	Type    string `json:"type"`
	Purpose string `json:"purpose,omitempty"`
}

// manifest lets a browser put the console on a home screen (W3C Web App
// Manifest). It is had without a session, so it names the product alone.
func (c *console) manifest(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/manifest+json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"name": "Gatehouse", "short_name": "Gatehouse", "id": "/", "start_url": "/", "scope": "/",
		"lang": c.text.tag, "dir": c.text.dir(), "display": "standalone",
		"background_color": "#fbfbfa", "theme_color": "#0b5fbf",
		"icons": []icon{
			{c.files.url("app/icon-192.png"), "192x192", "image/png", ""},
			{c.files.url("app/icon-512.png"), "512x512", "image/png", ""},
			{c.files.url("app/maskable-512.png"), "512x512", "image/png", "maskable"},
			{c.files.url("app/icon.svg"), "any", "image/svg+xml", ""},
		},
	})
}
