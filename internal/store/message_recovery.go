package store

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// A recovery is told where one of its failures was. That is read at once for all recoveries of a step: a query for each would, with
// statistics of PostgreSQL from before many jobs failed, read the whole table each time.

// toldFailure is what became of a notice of a failure at a receiver.
type toldFailure struct {
	notice    int64
	created   time.Time
	channel   int64
	recipient string
	dropped   cron.MessageDrop // DropNone when it was told, or is to be told
}

// maxToldFailures bounds what is read of them.
const maxToldFailures = 50_000

// failingSince is from when on failures count for a recovery.
func failingSince(n *cron.Notice) time.Time {
	if n.Since.IsZero() {
		return n.Created.Add(-outboxKept)
	}
	return n.Since
}

// toldFailures reads, by job, the failures before the recoveries among notices, the latest first.
func (s *Store) toldFailures(ctx context.Context, q queryer, notices []*cron.Notice) (map[int64][]toldFailure, error) {
	var (
		jobs  []int64
		last  int64
		since time.Time
		told  = make(map[int64][]toldFailure)
	)
	for _, n := range notices {
		if n.Kind != cron.NoticeSuccess {
			continue
		}
		if from := failingSince(n); len(jobs) == 0 || from.Before(since) {
			since = from
		}
		jobs, last = append(jobs, n.JobID), max(last, n.ID)
	}
	if len(jobs) == 0 {
		return told, nil
	}
	return told, each(ctx, q, "look which failures were told", func(scan scanner) error {
		var (
			job   int64
			state cron.MessageState
			f     toldFailure
		)
		if err := scan(&job, &f.notice, moment(&f.created), &f.channel, text(&f.recipient), integer(&state), integer(&f.dropped)); err != nil {
			return err
		}
		if state != cron.MessageDropped {
			f.dropped = cron.DropNone
		}
		told[job] = append(told[job], f)
		return nil
	}, `SELECT outbox.job_id, outbox.id, outbox.created_at, message.channel_id, message.recipient, message.state, message.dropped
		FROM outbox JOIN message_notice ON message_notice.outbox_id = outbox.id JOIN message ON message.id = message_notice.message_id
		WHERE `+s.engine.in("outbox.job_id", 1)+` AND outbox.id < $2 AND outbox.created_at >= $3 AND outbox.event IN ($4, $5)
		ORDER BY outbox.id DESC LIMIT $6`,
		s.engine.list(jobs), last, millis(since), int(cron.NoticeFailure), int(cron.NoticeMissed), maxToldFailures)
}

// recovers says why a recovery is not told by a channel: its failures were not either. A recovery whose failures nobody was to be told
// of in the first place goes out.
func (r *routing) recovers(queue *cron.MessageQueue, n *cron.Notice) (why cron.MessageDrop) {
	if r.failed[toldJob{queue, n.JobID}] {
		return cron.DropNone // in this step, which is not written yet
	}
	since := failingSince(n)
	for _, f := range r.failures[n.JobID] {
		if f.notice >= n.ID || f.created.Before(since) || f.channel != queue.Channel.ID || f.recipient != queue.Recipient {
			continue
		}
		if why = f.dropped; why == cron.DropNone {
			break
		}
	}
	return why
}
