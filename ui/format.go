package ui

import (
	"fmt"
	"strings"
	"time"
)

const (
	dayForm   = "Mon 2 Jan 2006"
	clockForm = "15:04"
	exactForm = "15:04:05"
	inputForm = "2006-01-02T15:04:05" // of <input type=datetime-local>
)

// moment is a point in time for a template.
type moment struct {
	ISO  string // for <time datetime>
	Text string // in the home's time zone and the language's manner
}

func (c *console) at(t time.Time, layout string) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{ISO: t.UTC().Format(time.RFC3339), Text: c.text.date(t.In(c.cfg.Home.TimeZone), layout)}
}

// span writes a range of time in the home's zone, naming the day once if it is one.
func (c *console) span(from, to time.Time) string {
	a, b := from.In(c.cfg.Home.TimeZone), to.In(c.cfg.Home.TimeZone)
	form := clockForm
	if a.Second() != 0 || b.Second() != 0 {
		form = exactForm
	}
	if a.Format(dayForm) == b.Format(dayForm) {
		return fmt.Sprintf("%s, %s\u2060–\u2060%s %s", c.text.date(a, dayForm), a.Format(form), b.Format(form), b.Format("MST"))
	}
	return fmt.Sprintf("%s, %s – %s, %s %s", c.text.date(a, dayForm), a.Format(form), c.text.date(b, dayForm), b.Format(form), b.Format("MST"))
}

// clockSpan is span without the day.
func (c *console) clockSpan(from, to time.Time) string {
	tz := c.cfg.Home.TimeZone
	return from.In(tz).Format(exactForm) + "–" + to.In(tz).Format(exactForm)
}

// length writes a duration with its two largest units, by their international
// symbols: "3 min 10 s".
func length(d time.Duration) string {
	d = d.Round(time.Second)
	units := []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	var parts []string
	for _, u := range units {
		if n := d / u.d; n > 0 && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			d -= n * u.d
		} else if len(parts) > 0 {
			break
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// size writes bytes in decimal units, as disks and networks are sold.
func (l *locale) size(n int64) string {
	f, units := float64(n), []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for f >= 1000 && i < len(units)-1 {
		f /= 1000
		i++
	}
	if i == 0 || f >= 100 {
		return l.number(f, 0) + " " + units[i]
	}
	return l.number(f, 1) + " " + units[i]
}

// field writes a time for a datetime-local input.
func (c *console) field(t time.Time) string {
	return t.In(c.cfg.Home.TimeZone).Format(inputForm)
}

// parseField reads a datetime-local input: browsers leave seconds out when
// they are zero.
func (c *console) parseField(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, inputForm, "2006-01-02T15:04", "2006-01-02T15:04:05.000"} {
		if t, err := time.ParseInLocation(layout, s, c.cfg.Home.TimeZone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("reading time field: %w", errTime)
}

// group writes hex in groups of eight digits, so that eyes can compare it.
func group(hex string) string {
	var b strings.Builder
	for i, r := range hex {
		if i > 0 && i%8 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// percent writes a share of a whole for an SVG attribute.
func percent(part, whole time.Duration) string {
	if whole <= 0 {
		return "0"
	}
	return fmt.Sprintf("%.2f", 100*float64(part)/float64(whole))
}
