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
	nameMax     = 64 // bytes
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

// accessoryName keeps of a name what HomeKit takes: letters, digits, spaces and
// apostrophes, with a letter or digit at both ends.
func accessoryName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '\'':
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
	if name == "" {
		return "Video request"
	}
	return name
}
