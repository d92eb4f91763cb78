package storetest

import (
	"time"

	"punctual/internal/cron"
)

// MoveChannelSettings puts the sealed settings of a channel into the row of another one.
func (x *Tables) MoveChannelSettings(to, from int64) {
	x.t.Helper()
	x.execOne(`UPDATE channel SET sealed = (SELECT sealed FROM channel WHERE id = $2) WHERE id = $1`, to, from)
}

// SetChannelResult stops a channel, or not, after failures in a row.
func (x *Tables) SetChannelResult(channelID int64, stopped cron.ChannelFault, failures int, detail string) {
	x.t.Helper()
	x.execOne(`UPDATE channel SET stopped = $2, failures = $3, last_failed_at = $4, last_fault = $5, last_detail = $6 WHERE id = $1`,
		channelID, int(stopped), failures, time.Now().UnixMilli(), int(cron.ChannelBroken), detail)
}

// AddMessage adds a message of a channel in a state, and returns its ID. One that was dropped was so since the channel was muted.
func (x *Tables) AddMessage(c cron.Channel, state cron.MessageState) (id int64) {
	x.t.Helper()
	dropped := cron.DropNone
	if state == cron.MessageDropped {
		dropped = cron.DropMuted
	}
	x.row(`INSERT INTO message (account_id, channel_id, state, kind, created_at, due_at, dropped) VALUES ($1, $2, $3, $4, $5, $5, $6)
		RETURNING id`, []any{c.AccountID, c.ID, int(state), int(cron.NoticeFailure), time.Now().UnixMilli(), int(dropped)}, &id)
	return id
}

// MessageStates are the states of the messages of a channel in the order of their IDs.
func (x *Tables) MessageStates(channelID int64) (states []cron.MessageState) {
	x.t.Helper()
	x.rows(`SELECT state FROM message WHERE channel_id = $1 ORDER BY id`, []any{channelID}, func(scan func(...any)) {
		var state int
		scan(&state)
		states = append(states, cron.MessageState(state))
	})
	return states
}
