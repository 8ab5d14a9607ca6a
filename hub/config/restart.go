package config

import "reflect"

// NeedRestart lists the keys that differ between the configuration a hub
// started with and a newer one, and that are used only at a start.
func NeedRestart(boot, now *Config) (keys []string) {
	for _, k := range []struct {
		name string
		a, b any
	}{
		{"listen", boot.Listen, now.Listen},
		{"https", boot.HTTPS, now.HTTPS},
		{"storage", boot.Storage, now.Storage},
		{"bulletins", boot.Bulletins, now.Bulletins},
		{"sharing.cool_down", boot.Sharing.CoolDown, now.Sharing.CoolDown},
		{"homekit", withoutLock(boot.HomeKit), withoutLock(now.HomeKit)},
		{"cameras.homekit", shownIn(boot), shownIn(now)},
		{"intake", boot.Intake, now.Intake},
		{"live", boot.Live, now.Live},
	} {
		if !reflect.DeepEqual(k.a, k.b) {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// withoutLock is what the bridge uses at a start; the lock comes and goes.
func withoutLock(h HomeKit) HomeKit {
	h.ConsentLock = false
	return h
}

// shownIn is what HomeKit shows of each camera that it shows, and as what.
func shownIn(c *Config) map[string]string {
	shown := map[string]string{}
	for _, cam := range c.Cameras {
		if cam.HomeKit != HomeKitOff && c.HomeKit.Enabled {
			shown[cam.Name] = cam.HomeKit + " " + cam.Called()
		}
	}
	return shown
}
