package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"gatehouse/hub/config"
)

// followNetwork switches as the file says.
func (h *hub) followNetwork(c *config.Config) {
	if on := c.NetworkOn(); h.network.Set(on) {
		h.log.Info("network switched", "state", onOff(on))
		h.outbox.Kick() // what was approved meanwhile
	}
}

// switchNetwork writes the switch into gatehouse.yml, which the editor follows at once.
func (h *hub) switchNetwork(on bool) error {
	_, err := h.editor.Edit("", config.Set("network", onOff(on)))
	return editError(err)
}

func onOff(on bool) string {
	if on {
		return config.On
	}
	return config.Off
}

type networkCmd struct {
	client
	State string `arg:"" optional:"" enum:"on,off," default:"" help:"on or off. Without it, tell which it is."`
}

// Run writes the switch into gatehouse.yml, which a running hub follows, or reads it there.
func (c *networkCmd) Run(e *env) error {
	cfg, err := config.Load(c.Data)
	if err == nil && c.State != "" {
		cfg, err = config.NewEditor(c.Data, nil).Edit("", config.Set("network", c.State))
	}
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%wno %s in %s: this is not a hub's data folder", errInput, config.File, c.Data)
	}
	if err != nil {
		return err
	}
	on := cfg.NetworkOn()
	return c.print(e, map[string]string{"network": onOff(on)}, func(w io.Writer) { printNetwork(w, on) })
}

func printNetwork(w io.Writer, on bool) {
	if on {
		fmt.Fprintf(w, "network\ton\n")
		return
	}
	fmt.Fprintf(w, "network\toff\tno bulletin is fetched and nothing is sent; approved packages wait\n")
}
