package service

import (
	"context"
	"slices"

	"punctual/internal/cron"
)

// checkChannels returns an error of kind Invalid when the account lacks one of the channels.
func (s *Service) checkChannels(ctx context.Context, accountID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	there, err := s.store.ChannelIDs(ctx, accountID)
	if err != nil {
		return err
	}
	var c cron.Checker
	for _, id := range ids {
		if !slices.Contains(there, id) {
			c.Add("", cron.UnknownChannel(id))
		}
	}
	return c.Err()
}
