package store

import (
	"context"
	"fmt"
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
