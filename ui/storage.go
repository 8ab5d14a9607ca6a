package ui

import (
	"errors"

	"gatehouse/hub/config"
	"gatehouse/hub/recording"
)

// Sentences of a storage folder that cannot be used; ui/mistakes.go has their words.
const (
	storeForeign = "has other files in it; name a folder of its own, such as gatehouse on that disk"
	storeUnmade  = "cannot be made or written by the hub"
)

// claim tells the hub that a folder which is newly named is meant, once what is
// typed beside it is right too: an empty folder could else be a disk that is not
// mounted, and nothing would be recorded on it. key is the file's key of the path.
func (c *console) claim(path, was, key string, changes []config.Change) error {
	if c.cfg.Claim == nil || path == "" || path == was {
		return nil
	}
	if err := c.cfg.Settings.Try(changes...); err != nil {
		return err
	}
	err := c.cfg.Claim(path)
	if err == nil {
		return nil
	}
	form := storeUnmade
	if errors.Is(err, recording.ErrForeign) {
		form = storeForeign
	} else {
		c.cfg.Log.Warn("storage folder cannot be used", "path", path, "err", err)
	}
	return config.Problems{{Line: 1, Column: 1, Key: key, Text: form, Form: form}}
}
