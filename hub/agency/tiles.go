package agency

import (
	"bytes"
	"os"
	"path/filepath"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"gatehouse/hub/bulletin"
	"gatehouse/hub/internal/durable"
)

// tiles writes the C2SP tlog-tiles that auditors read: hash tiles and, in the
// entry bundles, the 32 bytes that the log holds of each envelope. Full tiles
// never change; partial ones have their width in their name.
func (b *board) tiles() error {
	base := filepath.Join(b.public, "gatehouse", "v1")
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, 0, b.size) {
		data, err := tlog.ReadTileData(tile, b.reader())
		if err != nil {
			return err
		}
		if err := writeTile(base, tile, data); err != nil {
			return err
		}
		if tile.L != 0 {
			continue
		}
		if data, err = b.bundle(tile); err != nil {
			return err
		}
		if tile.L = -1; data == nil {
			continue
		}
		if err := writeTile(base, tile, data); err != nil {
			return err
		}
	}
	return nil
}

// bundle is nil if the text of an entry was deleted: its 32 bytes went with it.
func (b *board) bundle(tile tlog.Tile) ([]byte, error) {
	var data []byte
	for i := range tile.W {
		e := b.entries[tile.N*torchwood.TileWidth+int64(i)]
		if e.Envelope == nil {
			return nil, nil
		}
		leaf := bulletin.LogEntry(e.Envelope)
		var err error
		if data, err = torchwood.AppendTileEntry(data, leaf[:]); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func writeTile(base string, tile tlog.Tile, data []byte) error {
	name := filepath.Join(base, filepath.FromSlash(torchwood.TilePath(tile)))
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := durable.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(name, data, 0o644)
}
