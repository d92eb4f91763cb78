package store

import "strconv"

// channelRow is the associated data of the sealed settings of a channel.
func channelRow(id int64) string { return "channel " + strconv.FormatInt(id, 10) }
