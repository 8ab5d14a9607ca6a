package onvif

import (
	"strings"
	"time"
)

// Motion is the start or the end of motion that a device tells.
type Motion struct {
	On     bool
	At     time.Time // by this machine's clock, never after the moment it was heard of
	Topic  string    // without prefixes, such as RuleEngine/CellMotionDetector/Motion
	Source string    // token of the video source or its configuration, as the device writes it; may be empty
}

// notice is a notification about motion.
type notice struct {
	Motion        // without At
	key    string // tells the device's alarms apart
	pulse  bool   // something happened that has no end of its own
	report bool   // tells a state again (PropertyOperation Initialized) and no change
	utc    string // by the device's clock
}

// motionTopics are the topics that tell of motion in the picture, by their first
// two or three elements without prefixes. VideoSource and RuleEngine are ONVIF's
// (Imaging 6, Analytics annex A and B), the others are makers'.
var motionTopics = []struct {
	topic string
	pulse bool // without a state the event itself is the motion
}{
	{"VideoSource/MotionAlarm", false},
	{"VideoSoure/MotionAlarm", false}, // older D-Link
	{"RuleEngine/CellMotionDetector", false},
	{"RuleEngine/MotionRegionDetector", false},
	{"RuleEngine/FieldDetector", false},
	{"RuleEngine/LineDetector", true},
	{"RuleEngine/LoiteringDetector", false},
	{"RuleEngine/MyRuleDetector", false},       // Reolink: PeopleDetect, VehicleDetect, DogCatDetect, FaceDetect
	{"RuleEngine/PeopleDetector", false},       // Tapo
	{"RuleEngine/TPSmartEventDetector", false}, // Tapo
	{"RuleEngine/VMD3", false},                 // Axis
	{"VideoAnalytics/MotionDetection", false},  // Axis
	{"CameraApplicationPlatform/VMD", false},   // Axis
	{"CameraApplicationPlatform/ObjectAnalytics", false},
	{"UserAlarm/IVA/HumanShapeDetect", false},
}

// stateNames are the data items that tell whether there is motion, in capitals.
var stateNames = map[string]bool{
	"ISMOTION": true, "STATE": true, "VALUE": true, "ISINSIDE": true, "ACTIVE": true, "MOTION": true, "MOTIONACTIVE": true,
	"ISPEOPLE": true, "ISPERSON": true, "ISVEHICLE": true, "ISPET": true, "ISINTRUSION": true, "ISLINECROSS": true,
}

// plainTopic is a topic expression without prefixes, and without what some
// devices put behind it: "tns1:RuleEngine/CellMotionDetector/Motion//.".
func plainTopic(s string) string {
	parts := strings.Split(strings.TrimRight(strings.TrimSpace(s), "/."), "/")
	for i := range parts {
		parts[i] = local(parts[i])
	}
	return plain(strings.Join(parts, "/"), maxText)
}

// isMotionTopic reports whether a topic tells of motion, and whether it does so
// without a state. Tampering and a visitor at the bell are not motion.
func isMotionTopic(topic string) (motion, pulse bool) {
	last := topic[strings.LastIndexByte(topic, '/')+1:]
	if strings.Contains(last, "Tamper") || last == "Visitor" {
		return false, false
	}
	for _, m := range motionTopics {
		if topic == m.topic || strings.HasPrefix(topic, m.topic+"/") {
			return true, m.pulse
		}
	}
	return false, false
}

// maxNotices bounds how many notifications of one answer are looked at; we ask
// for 100 at most.
const maxNotices = 200

// parseNotices reads the notifications about motion in a PullMessagesResponse
// (Core 9.1.2); what it does not understand it leaves out.
func parseNotices(n *node) (list []notice) {
	all := n.all("NotificationMessage")
	for _, m := range all[:min(len(all), maxNotices)] {
		if x, ok := parseNotice(m); ok {
			list = append(list, x)
		}
	}
	return list
}

func parseNotice(m *node) (notice, bool) {
	topic := plainTopic(m.value("Topic"))
	motion, pulse := isMotionTopic(topic)
	msg := m.at("Message", "Message")
	if !motion || msg == nil {
		return notice{}, false
	}
	x := notice{Motion: Motion{Topic: topic}, utc: msg.attr("UtcTime")}
	operation := msg.attr("PropertyOperation")
	x.report = operation == "Initialized"
	on, known := motionState(msg.child("Data").all("SimpleItem"))
	switch {
	case operation == "Deleted": // the property is gone, and with it its state (Core 9.4.3)
	case known:
		x.On = on
	case pulse:
		x.On, x.pulse = true, true
	default:
		return notice{}, false
	}
	key := []string{topic}
	best := len(sourceNames)
	for _, i := range msg.child("Source").all("SimpleItem") {
		name, value := i.attr("Name"), plain(i.attr("Value"), maxText)
		key = append(key, name, value)
		for rank, known := range sourceNames {
			if name == known && rank < best {
				x.Source, best = value, rank
			}
		}
	}
	x.key = strings.Join(key, "\x00")
	return x, len(x.key) <= 2048
}

// sourceNames are the source items that name a video source, the best first.
var sourceNames = []string{"VideoSourceConfigurationToken", "VideoSourceToken", "VideoSource", "Source", "channel"}

// motionState reads a message's data. Several items, such as IsPeople and
// IsVehicle, are one motion; a single boolean of an unknown name is the state.
func motionState(items []*node) (on, known bool) {
	for _, i := range items {
		v, ok := boolean(i.attr("Value"))
		if !ok || !stateNames[strings.ToUpper(i.attr("Name"))] && len(items) > 1 {
			continue
		}
		on, known = on || v, true
	}
	return on, known
}

// boolean reads an xs:boolean, in any case.
func boolean(s string) (v, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

// maxAge is how old a notification may be and still be dated by what it says: as
// long as a device may have kept it for us.
const maxAge = subscribeFor

// happened is when a notification's event was, by our clock. Both times of an
// answer are the device's, so that their difference holds whatever its clock
// says; a device that gets one of them wrong (in local time, or 0000-00-00) is
// believed if its known offset makes sense of the other, and else the event was
// when it arrived.
func happened(utc, current string, offset time.Duration, arrived time.Time) time.Time {
	t, ok := parseTime(utc)
	if !ok {
		return arrived
	}
	if now, ok := parseTime(current); ok {
		if age := now.Sub(t); age > -2*time.Second && age <= maxAge {
			return arrived.Add(-max(age, 0))
		}
	}
	if age := arrived.Sub(t.Add(-offset)); age > -2*time.Second && age <= maxAge {
		return arrived.Add(-max(age, 0))
	}
	return arrived
}
