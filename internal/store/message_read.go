package store

import (
	"context"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// messageColumns are the columns of message that are read, without its key.
func messageColumns(m *cron.Message) columns {
	return func(list *columnList) {
		list.add("account_id", integer(&m.AccountID))
		list.add("channel_id", integer(&m.ChannelID))
		list.add("recipient", text(&m.Recipient))
		list.add("language", text(&m.Language))
		list.add("state", integer(&m.State))
		list.add("kind", integer(&m.Kind))
		list.add("problem_id", integer(&m.ProblemID))
		list.add("notices", integer(&m.Count))
		list.add("created_at", moment(&m.Created))
		list.add("due_at", moment(&m.Due))
		list.add("attempts", integer(&m.Attempts))
		list.add("ended_at", moment(&m.Ended))
		list.add("dropped", integer(&m.Drop))
		list.add("fault", integer(&m.Fault))
		list.add("detail", text(&m.Detail))
		list.add("took_us", inMicroseconds(&m.Took))
	}
}

var messageNames = `message.id, ` + names("message", messageColumns(new(cron.Message)))

// scanMessage reads messageNames, and the columns that follow them.
func scanMessage(scan scanner, m *cron.Message, more ...any) error {
	return scan(append(append([]any{integer(&m.ID)}, targets(messageColumns(m))...), more...)...)
}

// noticeColumns are the columns of outbox that are read, without its key and the snapshot.
func noticeColumns(n *cron.Notice) columns {
	return func(list *columnList) {
		r := &n.Result
		list.add("account_id", integer(&n.AccountID))
		list.add("event", integer(&n.Kind))
		list.add("created_at", moment(&n.Created))
		list.add("job_id", integer(&n.JobID))
		list.add("job_title", text(&n.Title))
		list.add("url", text(&n.URL))
		list.add("timezone", text(&n.Timezone))
		list.add("execution_id", integer(&n.ExecutionID))
		list.add("kind", integer(&n.ExecKind))
		list.add("attempt", integer(&n.Attempt))
		list.add("planned_at", moment(&n.Planned))
		list.add("started_at", moment(&r.Started))
		list.add("duration_us", inMicroseconds(&r.Duration))
		list.add("status", integer(&r.Status))
		list.add("http_status", integer(&r.HTTPStatus))
		list.add("fault", integer(&r.Fault))
		list.add("reason", text(&r.Reason))
		list.add("failures", integer(&n.Failures))
		list.add("cert_expiry_at", moment(&r.CertExpiry))
		list.add("problem_id", integer(&n.ProblemID))
	}
}

var noticeNames = `outbox.id, ` + names("outbox", noticeColumns(new(cron.Notice))) + `, outbox.snapshot`

// scanNotice reads noticeNames, and the columns that follow them.
func scanNotice(scan scanner, n *cron.Notice, more ...any) error {
	var snapshot string
	to := append(append([]any{integer(&n.ID)}, targets(noticeColumns(n))...), &snapshot)
	if err := scan(append(to, more...)...); err != nil {
		return err
	}
	return decodeSnapshot(snapshot, n)
}

// listedNotice is a notice that a message lists, with its snapshot still encoded.
type listedNotice struct {
	cron.Notice
	message  *cron.Message
	snapshot string
}

// listedNotices reads the notices that messages list, oldest first. It is for transactions, in which nothing is decoded.
func (s *Store) listedNotices(ctx context.Context, q queryer, messages []*cron.Message) ([]*listedNotice, error) {
	byID := make(map[int64]*cron.Message, len(messages))
	ids := make([]int64, len(messages))
	for i, m := range messages {
		ids[i], byID[m.ID] = m.ID, m
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return collect(ctx, q, "read the notices of messages", func(scan scanner, to **listedNotice) error {
		var of int64
		n := new(listedNotice)
		*to = n
		err := scan(append(append([]any{integer(&n.ID)}, targets(noticeColumns(&n.Notice))...), &n.snapshot, &of)...)
		n.message = byID[of]
		return err
	}, `SELECT `+noticeNames+`, message_notice.message_id FROM message_notice JOIN outbox ON outbox.id = message_notice.outbox_id
		WHERE `+s.engine.in("message_notice.message_id", 1)+` AND message_notice.listed
		ORDER BY message_notice.message_id, message_notice.outbox_id`, s.engine.list(ids))
}

// addNotices sets the notices of messages.
func addNotices(listed []*listedNotice) error {
	for _, n := range listed {
		if err := decodeSnapshot(n.snapshot, &n.Notice); err != nil {
			return err
		}
		n.message.Notices = append(n.message.Notices, n.Notice)
	}
	return nil
}

// readNotices sets the notices that messages list, oldest first.
func (s *Store) readNotices(ctx context.Context, q queryer, messages []*cron.Message) error {
	listed, err := s.listedNotices(ctx, q, messages)
	if err == nil {
		err = addNotices(listed)
	}
	if err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	return nil
}

// UsualDuration is the band in which the durations of a job usually lie; zero with too few executions.
func (s *Store) UsualDuration(ctx context.Context, accountID, jobID int64) (cron.Band, error) {
	to := s.Now().Truncate(time.Hour)
	hourly, err := s.Stats(ctx, accountID, &cron.StatsQuery{JobID: jobID, From: to.Add(-cron.UsualSpan), To: to})
	if err != nil {
		return cron.Band{}, err
	}
	var total cron.Tally
	for i := range hourly.Hours {
		total.Merge(&hourly.Hours[i].Tally)
	}
	band, ok := total.UsualDuration()
	if !ok {
		return cron.Band{}, nil
	}
	return band, nil
}
