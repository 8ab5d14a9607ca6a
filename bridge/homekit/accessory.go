package homekit

import (
	"log/slog"
	"strings"
	"unicode"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
	"github.com/brutella/hap/service"
)

const (
	maker    = "Gatehouse"
	firmware = "1.0"
	// hapVersion is the protocol version of the service that every accessory
	// with id 1 carries (HAP R2, 8.17).
	hapVersion = "1.1.0"

	singlePress = 0
	nameMax     = 63 // bytes: HAP takes 64 characters, DNS 63 bytes
)

// doorbell is the "Video request" accessory: a doorbell whose camera shows the
// card.
type doorbell struct {
	acc   *accessory.A
	press *characteristic.ProgrammableSwitchEvent
}

// newDoorbell builds the services a video doorbell must have (HAP R2, 11.3):
// the doorbell as the primary one, two stream slots, microphone and speaker. The
// order fixes the instance ids; add only at the end.
func newDoorbell(name, serial string, view viewing, log *slog.Logger) *doorbell {
	d := &doorbell{acc: newAccessory(name, "Request doorbell", serial, categoryDoorbell)}
	bell := service.NewDoorbell()
	bell.Primary = true
	d.press = bell.ProgrammableSwitchEvent
	d.press.ValidVals = []int{singlePress}
	d.acc.AddS(bell.S)
	d.acc.AddS(newSlot(view, log).svc.S)
	d.acc.AddS(newSlot(view, log).svc.S)
	mic := service.NewMicrophone()
	mic.Volume.SetValue(100)
	d.acc.AddS(mic.S)
	d.acc.AddS(service.NewSpeaker().S)
	return d
}

// sensor is the motion sensor accessory. It stands alone, because a motion
// sensor on the doorbell would make iOS notify of motion with the card's picture.
type sensor struct {
	acc    *accessory.A
	motion *characteristic.MotionDetected
}

func newSensor(name, serial string) *sensor {
	s := &sensor{acc: newAccessory(name, "Motion sensor", serial, categorySensor)}
	svc := service.NewMotionSensor()
	svc.Primary = true
	s.motion = svc.MotionDetected
	s.acc.AddS(svc.S)
	return s
}

func newAccessory(name, model, serial string, category byte) *accessory.A {
	a := accessory.New(accessory.Info{
		Name: name, Model: model, SerialNumber: serial, Manufacturer: maker, Firmware: firmware,
	}, category)
	info := service.NewProtocolInformation()
	info.Version.SetValue(hapVersion)
	a.AddS(info.S)
	return a
}

// accessoryName is the first of some names of which something is left that
// HomeKit takes.
func accessoryName(names ...string) string {
	for _, name := range names {
		if name = takenName(name); name != "" {
			return name
		}
	}
	return "Video request"
}

// takenName keeps of a name what HomeKit takes: letters with their marks, digits,
// spaces and apostrophes, with a letter or digit at both ends.
func takenName(name string) string {
	letter := false
	name = strings.Map(func(r rune) rune {
		if unicode.IsMark(r) && letter { // many scripts cannot be spelled without
			return r
		}
		letter = unicode.IsLetter(r)
		switch {
		case letter, unicode.IsDigit(r), r == '\'':
			return r
		default:
			return ' '
		}
	}, strings.ToValidUTF8(name, ""))
	name = strings.Trim(strings.Join(strings.Fields(name), " "), "' ")
	for len(name) > nameMax {
		r := []rune(name)
		name = strings.Trim(string(r[:len(r)-1]), "' ")
	}
	return name
}
