package message

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Number is a number as tables show it, such as "12,345".
func (c *Catalogue) Number(n int64) string { return c.grammar.number(n, nounNone) }

// units are the units of Short and Relative from a second on.
var units = [...]struct {
	length time.Duration
	symbol string
}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}

// Short is a duration as tables show it, with symbols of units: "380 ms", "1.24 s", "3 min 20 s", "2 d 5 h".
func (c *Catalogue) Short(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Second-time.Millisecond/2:
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + " ms"
	case d < 10*time.Second:
		return c.seconds(d, 2) + " s"
	case d < time.Minute-time.Second/20:
		return c.seconds(d, 1) + " s"
	}
	d = d.Round(time.Second)
	for i, unit := range units[:3] {
		if d < unit.length {
			continue
		}
		text := strconv.FormatInt(int64(d/unit.length), 10) + " " + unit.symbol
		if rest := d % unit.length / units[i+1].length; rest > 0 {
			text += " " + strconv.FormatInt(int64(rest), 10) + " " + units[i+1].symbol
		}
		return text
	}
	return ""
}

// seconds is a duration in seconds, without zeros at its end.
func (c *Catalogue) seconds(d time.Duration, places int) string {
	text := strconv.FormatFloat(d.Seconds(), 'f', places, 64)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	return strings.Replace(text, ".", c.grammar.decimal, 1)
}

// Relative is how far an instant is from now, which is positive in the future: "in 4 min", "3 min ago", "now". The scripts of the
// console count it on in the same form.
func (c *Catalogue) Relative(away time.Duration) string {
	distance := away.Abs()
	if distance < time.Second {
		return c.console["time.now"]
	}
	for _, unit := range units {
		if distance < unit.length {
			continue
		}
		text := strconv.FormatInt(int64(distance/unit.length), 10) + " " + unit.symbol
		if away > 0 {
			return c.Label("time.in", "span", text)
		}
		return c.Label("time.ago", "span", text)
	}
	return ""
}

// Size is a number of bytes as tables show it: "812 B", "3.4 KiB".
func (c *Catalogue) Size(n int64) string {
	if n < 1<<10 {
		return c.Number(n) + " B"
	}
	value, symbol := float64(n), ""
	for _, symbol = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value /= 1 << 10; value < 1<<10 {
			break
		}
	}
	text := strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0")
	return strings.Replace(text, ".", c.grammar.decimal, 1) + " " + symbol
}

// PlainDay is a date, in the zone of the time, such as "12 Sep 2026".
func (c *Catalogue) PlainDay(t time.Time) string { return c.grammar.day(t) }

// Percent is a share from 0 to 1 with up to two decimals, such as "99.98%". It is rounded down, so that only all is "100%".
func (c *Catalogue) Percent(share float64) string {
	const scale = 100
	value := math.Floor(share*100*scale+1e-6) / scale
	return strings.Replace(strconv.FormatFloat(value, 'f', -1, 64), ".", c.grammar.decimal, 1) + "%"
}
