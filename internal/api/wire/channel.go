package wire

import (
	"fmt"
	"time"

	"punctual/internal/cron"
)

// ChannelStates are the states of channels, see ChannelState.
var ChannelStates = []string{"active", "disabled", "stopped", "unconfirmed", "muted"}

// ChannelState says whether a channel is told at an instant and, if not, why.
func ChannelState(c *cron.Channel, now time.Time) string {
	state := 0
	switch {
	case !c.Enabled:
		state = 1
	case c.Stopped != cron.ChannelOK:
		state = 2
	case !c.Confirmed:
		state = 3
	case c.Muted(now):
		state = 4
	}
	return ChannelStates[state]
}

// ClockText is a minute of the day as "hh:mm".
func ClockText(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// Clock reads a minute of the day, written as "hh:mm".
func Clock(o Object, name string, to *int) {
	raw, given := o.Value(name)
	if !given {
		return
	}
	text, ok := ParseText(raw)
	if !ok {
		o.WrongType(name, TypeString)
		return
	}
	at, err := time.Parse("15:04", text)
	if err != nil {
		o.Add(name, cron.Problem{Rule: cron.RuleClock, Given: text})
		return
	}
	*to = at.Hour()*60 + at.Minute()
}
