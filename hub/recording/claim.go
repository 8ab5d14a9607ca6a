package recording

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gatehouse/hub/internal/durable"
)

// ErrForeign means that a folder has files which are not of a store.
var ErrForeign = errors.New("folder has other files in it")

// Claim is the owner's word that footage may be kept in a folder: it makes it,
// and puts an empty marker file there, of which the next start makes a store even
// if the footage so far is elsewhere. A store is left as it is. The error is
// ErrForeign, or why the folder cannot be made or written.
func Claim(path string) error {
	if err := durable.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("making storage folder: %w", err)
	}
	names, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("reading storage folder: %w", err)
	}
	for _, n := range names {
		switch n.Name() {
		case markerName:
			return nil
		case "lost+found", markerTemp:
		default:
			return ErrForeign
		}
	}
	f, err := os.OpenFile(filepath.Join(path, markerName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close(), durable.SyncDir(path))
	}
	if err != nil {
		return fmt.Errorf("claiming storage folder: %w", err)
	}
	return nil
}
