package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"punctual/internal/cron"
)

// The outbox is a table of notices: events that an account is told about. A notice is written in the transaction of what causes it, so
// that neither is ever stored without the other, and becomes messages from there:
//
//	result ──▶ Conclude ──▶ Finish: execution, job_state, outbox ──▶ COMMIT ──▶ RouteNotices ──▶ messages ──▶ upkeep prunes it
//
// A row is a snapshot of everything that the notice says: the title, URL and time zone of the job, what is noted about it, and the
// result of the execution. It stays correct when the job is edited or deleted, and when the retention has removed the execution. Only
// the usual duration is looked up when a message is sent.
//
// The table is bounded: upkeep removes notices that are older than outboxKept, and the oldest ones of an account that has more than
// maxNotices, which it logs. Those that no message tells yet stay, and those that a message that is not sent yet lists.
const (
	outboxKept = 30 * 24 * time.Hour
	maxNotices = 10_000
	// outboxAccounts is for how many accounts one step of the upkeep counts notices.
	outboxAccounts = 20
)

// The reasons for which no message tells of a notice. The numbers are stored in outbox.untold.
const (
	untoldNobody  = 1 // the job names no channels
	untoldChannel = 2 // no channel takes it
)

// noticeSnapshot is what a notice says besides the columns of its row, as JSON.
type noticeSnapshot struct {
	Runbook   string        `json:"r,omitempty"`
	FolderID  int64         `json:"f,omitempty"`
	Tags      []string      `json:"t,omitempty"`
	Channels  []int64       `json:"c"` // null when the job leaves them to the account
	Next      int64         `json:"n,omitempty"`
	LateAfter time.Duration `json:"l,omitempty"`
	Since     int64         `json:"s,omitempty"`
	Cause     int64         `json:"k,omitempty"`
	Missed    int64         `json:"m,omitempty"`
	Detail    string        `json:"d,omitempty"`
	Amount    int64         `json:"a,omitempty"`
	ChannelID int64         `json:"h,omitempty"`
	Result    resultRest    `json:"x,omitzero"`
}

// resultRest is what diagnosing a result needs besides the columns of a notice.
type resultRest struct {
	Detail    string     `json:"d,omitempty"`
	URL       string     `json:"u,omitempty"`
	Last      string     `json:"l,omitempty"` // the URL that was called last, after redirects
	Peer      string     `json:"p,omitempty"`
	Stats     cron.Stats `json:"w,omitzero"`
	Body      string     `json:"b,omitempty"` // the beginning
	Truncated bool       `json:"t,omitempty"`
}

func encodeSnapshot(n *cron.Notice) string {
	r := &n.Result
	row := noticeSnapshot{Runbook: storable(n.Runbook), FolderID: n.FolderID, Tags: n.Tags, Channels: n.ChannelIDs, Next: millis(n.Next),
		LateAfter: n.LateAfter, Since: millis(n.Since), Cause: int64(n.Cause), Missed: n.Missed, Detail: storable(n.Detail), Amount: n.Amount,
		ChannelID: n.ChannelID, Result: resultRest{Detail: storable(r.Detail), URL: storable(r.URL), Peer: storable(r.Peer), Stats: r.Stats,
			Body: storable(string(r.Body)), Truncated: r.Truncated}}
	if last := len(r.Redirects) - 1; last >= 0 {
		row.Result.Last = storable(r.Redirects[last].URL)
	}
	return encode(row)
}

// decodeSnapshot adds a snapshot to a notice. Notices from before there were snapshots have an empty one.
func decodeSnapshot(text string, n *cron.Notice) error {
	if text == "" {
		return nil
	}
	var row noticeSnapshot
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		return fmt.Errorf("decode a notice: %w", err)
	}
	n.Runbook, n.FolderID, n.Tags, n.ChannelIDs, n.LateAfter = row.Runbook, row.FolderID, row.Tags, row.Channels, row.LateAfter
	n.Next, n.Since, n.Cause, n.Missed = instant(row.Next), instant(row.Since), cron.Fingerprint(row.Cause), row.Missed
	n.Detail, n.Amount, n.ChannelID = row.Detail, row.Amount, row.ChannelID
	r, x := &n.Result, &row.Result
	r.Detail, r.URL, r.Peer, r.Stats, r.Truncated = x.Detail, x.URL, x.Peer, x.Stats, x.Truncated
	if x.Body != "" {
		r.Body = []byte(x.Body)
	}
	if x.Last != "" {
		r.Redirects = []cron.Redirect{{URL: x.Last}}
	}
	return nil
}

// noticeBatch is a row of outbox.
var noticeBatch = []batchColumn[*cron.Notice]{
	batch("account_id", "bigint", func(n *cron.Notice) int64 { return n.AccountID }),
	batch("event", "smallint", func(n *cron.Notice) int16 { return int16(n.Kind) }),
	batch("created_at", "bigint", func(n *cron.Notice) int64 { return millis(n.Created) }),
	batch("job_id", "bigint", func(n *cron.Notice) int64 { return n.JobID }),
	batch("job_title", "text", func(n *cron.Notice) string { return n.Title }),
	batch("url", "text", func(n *cron.Notice) string { return n.URL }),
	batch("timezone", "text", func(n *cron.Notice) string { return n.Timezone }),
	batch("execution_id", "bigint", func(n *cron.Notice) int64 { return n.ExecutionID }),
	batch("kind", "smallint", func(n *cron.Notice) int16 { return int16(n.ExecKind) }),
	batch("attempt", "integer", func(n *cron.Notice) int32 { return int32(n.Attempt) }),
	batch("planned_at", "bigint", func(n *cron.Notice) int64 { return millis(n.Planned) }),
	batch("started_at", "bigint", func(n *cron.Notice) int64 { return millis(n.Result.Started) }),
	batch("duration_us", "bigint", func(n *cron.Notice) int64 { return n.Result.Duration.Microseconds() }),
	batch("status", "smallint", func(n *cron.Notice) int16 { return int16(n.Result.Status) }),
	batch("http_status", "integer", func(n *cron.Notice) int32 { return int32(n.Result.HTTPStatus) }),
	batch("fault", "smallint", func(n *cron.Notice) int16 { return int16(n.Result.Fault) }),
	batch("reason", "text", func(n *cron.Notice) string { return storable(n.Result.Reason) }),
	batch("failures", "integer", func(n *cron.Notice) int32 { return int32(n.Failures) }),
	batch("cert_expiry_at", "bigint", func(n *cron.Notice) int64 { return millis(n.Result.CertExpiry) }),
	batch("unrouted", "boolean", func(*cron.Notice) bool { return true }),
	batch("problem_id", "bigint", func(n *cron.Notice) int64 { return n.ProblemID }),
	batch("snapshot", "text", encodeSnapshot),
}

// writeNotices adds notices to the outbox, and wakes the nodes for them. Those about jobs get what is known of their job now; those of
// jobs that are gone are left out.
func (s *Store) writeNotices(ctx context.Context, q queryer, notices []*cron.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	ids := make([]int64, 0, len(notices))
	for _, n := range notices {
		if n.JobID != 0 {
			ids = append(ids, n.JobID)
		}
	}
	known, err := s.noticedJobs(ctx, q, ids)
	if err != nil {
		return err
	}
	rows := make([]*cron.Notice, 0, len(notices))
	for _, n := range notices {
		if n.JobID != 0 {
			j := known[n.JobID]
			if j == nil {
				continue
			}
			n.AccountID, n.Title, n.URL, n.Timezone = j.AccountID, j.Title, j.Request.URL, j.Schedule.Timezone
			n.Runbook, n.FolderID, n.Tags, n.ChannelIDs = firstBytes(j.Description, cron.MaxNoticeRunbook), j.FolderID, j.Tags, j.ChannelIDs
		}
		rows = append(rows, n)
	}
	if err := s.engine.insertNotices(ctx, q, rows); err != nil {
		return fmt.Errorf("write the notices: %w", err)
	}
	return s.wake(ctx, q, wakeNotices)
}

// noticedJobs reads what notices say of jobs.
func (s *Store) noticedJobs(ctx context.Context, q queryer, ids []int64) (map[int64]*cron.Job, error) {
	known := make(map[int64]*cron.Job, len(ids))
	if len(ids) == 0 {
		return known, nil
	}
	return known, each(ctx, q, "read the jobs of notices", func(scan scanner) error {
		j := new(cron.Job)
		err := scan(integer(&j.ID), integer(&j.AccountID), text(&j.Title), text(&j.Request.URL), text(&j.Schedule.Timezone),
			integer(&j.FolderID), optionalField{text(&j.Description)}, optionalField{tagsField{&j.Tags}}, numbersField{&j.ChannelIDs})
		known[j.ID] = j
		return err
	}, `SELECT job.id, job.account_id, job.title, job.url, job.timezone, job.folder_id,
		       substr(job_about.description, 1, `+strconv.Itoa(cron.MaxNoticeRunbook)+`), job_about.tags, job_about.channel_ids
		  FROM job LEFT JOIN job_about ON job_about.job_id = job.id WHERE `+s.engine.in("job.id", 1), s.engine.list(ids))
}

// firstBytes is the beginning of a text, whole characters of at most so many bytes.
func firstBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// newNotice is a notice about a completion. failures is the number of failures of the job in a row before it.
func newNotice(kind cron.NoticeKind, c *cron.Completion, failures int, now time.Time) *cron.Notice {
	if kind == cron.NoticeFailure || kind == cron.NoticeDisabled {
		failures++
	}
	l, r := &c.Launch, c.Result
	r.Headers, r.Body = nil, nil
	if l.Job.SaveResponses && utf8.Valid(c.Result.Body) {
		r.Body = []byte(firstBytes(string(c.Result.Body[:min(len(c.Result.Body), cron.MaxNoticeExcerpt+utf8.UTFMax)]), cron.MaxNoticeExcerpt))
	}
	return &cron.Notice{Kind: kind, Created: now, JobID: l.Job.ID, LateAfter: l.Job.Policy.LateAfter, ExecutionID: l.ExecutionID,
		ExecKind: l.Kind, Attempt: l.Attempt, Planned: l.Planned, Result: r, Failures: failures, Cause: c.Cause}
}

// TellOperators writes a notice about the service, of which Kind, Detail, Amount and Result.CertExpiry say all, for the account of the
// operator: unless there is none, or one of its kind was written less than every ago, by any node.
func (s *Store) TellOperators(ctx context.Context, n *cron.Notice, every time.Duration) error {
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error { return s.tellOperators(ctx, q, n, every) })
	if err != nil {
		return fmt.Errorf("tell the operators: %w", err)
	}
	return nil
}

// tellOperators is TellOperators in a transaction. The lock of the account keeps two nodes from telling the same.
func (s *Store) tellOperators(ctx context.Context, q queryer, n *cron.Notice, every time.Duration) error {
	row, now := *n, s.Now()
	err := q.QueryRowContext(ctx, `SELECT id FROM account ORDER BY id LIMIT 1`+s.engine.lock(forUpdate)).Scan(&row.AccountID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the account of the operator: %w", err)
	}
	var told bool
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM outbox WHERE job_id = 0 AND account_id = $1 AND event = $2 AND created_at > $3)`,
		row.AccountID, int(n.Kind), millis(now.Add(-every))).Scan(&told)
	if err != nil {
		return fmt.Errorf("look what the operators were told: %w", err)
	}
	if told {
		return nil
	}
	row.JobID, row.Created = 0, now
	return s.writeNotices(ctx, q, []*cron.Notice{&row})
}

// countedNotices is where Notices stops counting.
const countedNotices = 10_000

// Notices counts the notices in the outbox, up to countedNotices.
func (s *Store) Notices(ctx context.Context) (int, error) {
	var n int
	err := s.read.QueryRowContext(upkeep.with(ctx), `SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT $1) AS first_ones`,
		countedNotices).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the notices: %w", err)
	}
	return n, nil
}

// spareNotice is the condition for a notice that is not needed any more: it has been routed, and no message that is still to be sent
// lists it.
const spareNotice = `NOT unrouted AND NOT EXISTS (SELECT 1 FROM message_notice JOIN message ON message.id = message_notice.message_id
	WHERE message_notice.outbox_id = outbox.id AND message_notice.listed AND message.state < 2)`

// pruneOutbox removes a chunk of old notices, or of the notices of an account that has too many.
func (s *Store) pruneOutbox(ctx context.Context) (more bool, err error) {
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		var first int64
		err := q.QueryRowContext(ctx, `SELECT coalesce((SELECT id FROM outbox WHERE id > 0 AND `+spareNotice+` ORDER BY id LIMIT 1), 0)`).Scan(&first)
		if err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `DELETE FROM outbox WHERE id < $1 AND created_at < $2 AND `+spareNotice, first+pruneChunk,
			millis(s.Now().Add(-outboxKept)))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		more = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("remove old notices: %w", err)
	}
	if !more {
		more, err = s.boundOutbox(ctx)
	}
	return more, err
}

// boundOutbox looks at the next accounts with notices, and removes a chunk of the oldest notices of one that has too
// many.
func (s *Store) boundOutbox(ctx context.Context) (more bool, err error) {
	for range outboxAccounts {
		account := s.outboxAccount.Load() // the last one that was looked at
		err := s.read.QueryRowContext(ctx, `SELECT account_id FROM outbox WHERE account_id > $1 ORDER BY account_id LIMIT 1`,
			account).Scan(&account)
		if errors.Is(err, sql.ErrNoRows) {
			s.outboxAccount.Store(0) // the next step starts with the first account
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("list the accounts with notices: %w", err)
		}
		removed, err := s.boundNotices(ctx, account)
		if err != nil {
			return false, fmt.Errorf("remove notices of which there are too many: %w", err)
		}
		if removed > 0 {
			s.logger.Warn("an account has too many notices in the outbox, and its oldest were removed",
				slog.Int64("account", account), slog.Int64("removed", removed), slog.Int("kept", maxNotices))
		}
		if removed == pruneChunk {
			return true, nil
		}
		s.outboxAccount.Store(account)
	}
	return false, nil
}

// boundNotices removes a chunk of an account's oldest notices beyond the newest maxNotices.
func (s *Store) boundNotices(ctx context.Context, accountID int64) (removed int64, err error) {
	var last int64
	err = s.read.QueryRowContext(ctx, `SELECT id FROM outbox WHERE account_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2`,
		accountID, maxNotices).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM outbox WHERE id IN
			(SELECT id FROM outbox WHERE account_id = $1 AND id <= $2 AND `+spareNotice+` ORDER BY id LIMIT $3)`, accountID, last, pruneChunk)
		if err != nil {
			return err
		}
		removed, err = res.RowsAffected()
		return err
	})
	return removed, err
}
