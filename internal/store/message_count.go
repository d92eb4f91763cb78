package store

import (
	"context"
	"fmt"

	"punctual/internal/cron"
)

// WaitingMessages counts the messages to channels that wait, up to countedNotices.
func (s *Store) WaitingMessages(ctx context.Context) (int, error) {
	var n int
	err := s.read.QueryRowContext(upkeep.with(ctx), `SELECT count(*) FROM (SELECT 1 FROM message WHERE state = 0 LIMIT $1) AS first_ones`,
		countedNotices).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the messages that wait: %w", err)
	}
	return n, nil
}

// failingAttempts is after how many attempts a channel keeps failing: they take more than a quarter of an hour.
const failingAttempts = 5

// FailingChannels counts the channels that have a message which could not be sent again and again, for reasons that the service or
// its network may have: no connection, a mail server that takes nothing, a fault of the service.
func (s *Store) FailingChannels(ctx context.Context) (n int, err error) {
	err = s.read.QueryRowContext(upkeep.with(ctx), `SELECT count(DISTINCT channel_id) FROM message
		WHERE state = 0 AND attempts >= $1 AND fault IN ($2, $3, $4)`,
		failingAttempts, int(cron.ChannelExchange), int(cron.ChannelMail), int(cron.ChannelInside)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the channels that fail: %w", err)
	}
	return n, nil
}
