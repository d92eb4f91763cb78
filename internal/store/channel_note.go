package store

import (
	"context"
	"fmt"

	"punctual/internal/cron"
)

// NoteChannelTest notes on a channel what became of a message that nobody stored: a test. One that arrived ends the failures in a row and
// makes due what was collected meanwhile; one that failed counts for none, so it stops no channel.
func (s *Store) NoteChannelTest(ctx context.Context, accountID, channelID int64, r *cron.MessageResult) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var channel cron.Channel
		err := scanChannel(q.QueryRowContext(ctx, `SELECT `+channelNames+` FROM channel WHERE id = $1 AND account_id = $2`+
			s.engine.lock(forUpdate), channelID, accountID).Scan, &channel)
		if err != nil {
			return oneRow(err, cron.SubjectChannel)
		}
		now := s.Now()
		if r.Fault != cron.ChannelOK {
			_, err := q.ExecContext(ctx, `UPDATE channel SET last_failed_at = $2, last_fault = $3, last_detail = $4 WHERE id = $1`,
				channelID, millis(now), int(r.Fault), channelDetail(r))
			return err
		}
		if _, err := q.ExecContext(ctx, `UPDATE channel SET failures = 0, last_sent_at = $2 WHERE id = $1`, channelID, millis(now)); err != nil {
			return err
		}
		if !channel.LastFailed.After(channel.LastSent) || !channel.QuietUntil(now).IsZero() {
			return nil
		}
		wakeHere(ctx, wakeNotices)
		return releaseMessages(ctx, q, channelID, nil, now)
	})
	if err != nil {
		return fmt.Errorf("note the test of a channel: %w", err)
	}
	return nil
}

// Told reports whether a channel of an account could tell somebody now. mails is whether mails can be sent.
func (s *Store) Told(ctx context.Context, accountID int64, mails bool) (told bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM channel WHERE account_id = $1 AND enabled AND confirmed AND stopped = 0
		AND muted_until >= 0 AND ($2 OR kind NOT IN ('email', 'owners')))`, accountID, mails).Scan(flag(&told))
	if err != nil {
		return false, fmt.Errorf("look for channels that work: %w", err)
	}
	return told, nil
}

// readRoots reads the certificate authorities that the accounts of deliveries trust, as PEM.
func (s *Store) readRoots(ctx context.Context, q queryer, deliveries []cron.MessageDelivery) (map[int64]string, error) {
	accounts := make(map[int64]bool)
	for i := range deliveries {
		if !deliveries[i].Channel.Mails() {
			accounts[deliveries[i].Account.ID] = true
		}
	}
	if len(accounts) == 0 {
		return nil, nil
	}
	roots := make(map[int64]string)
	err := each(ctx, q, "read whom accounts trust", func(scan scanner) error {
		var id int64
		var pem string
		err := scan(&id, &pem)
		roots[id] = pem
		return err
	}, `SELECT account_id, roots FROM account_tls WHERE roots <> '' AND `+s.engine.in("account_id", 1), s.engine.list(keysOf(accounts)))
	return roots, err
}

// openRoots sets the certificate authorities of deliveries.
func openRoots(deliveries []cron.MessageDelivery, roots map[int64]string) {
	trust := make(map[int64]*cron.AccountTLS, len(roots))
	for id, pem := range roots {
		trust[id] = cron.NewChannelTLS(pem)
	}
	for i := range deliveries {
		if !deliveries[i].Channel.Mails() {
			deliveries[i].TLS = trust[deliveries[i].Account.ID]
		}
	}
}
