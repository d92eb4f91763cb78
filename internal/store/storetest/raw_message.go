package storetest

import (
	"strconv"
	"time"

	"punctual/internal/cron"
)

// MessageRow is a row of message, with how many notices are linked to it and listed by it.
type MessageRow struct {
	cron.Message
	Node           int64
	Linked, Listed int
}

// Messages reads all messages in the order of their IDs.
func (x *Tables) Messages() (list []MessageRow) {
	x.t.Helper()
	x.rows(`SELECT id, account_id, channel_id, recipient, language, state, kind, problem_id, notices, created_at, due_at, attempts, ended_at,
		dropped, fault, detail, node, (SELECT count(*) FROM message_notice WHERE message_id = message.id),
		(SELECT count(*) FROM message_notice WHERE message_id = message.id AND listed) FROM message ORDER BY id`, nil,
		func(scan func(...any)) {
			var (
				m                                     MessageRow
				created, due, ended                   int64
				state, kind, dropped, fault, attempts int
			)
			scan(&m.ID, &m.AccountID, &m.ChannelID, &m.Recipient, &m.Language, &state, &kind, &m.ProblemID, &m.Count, &created, &due, &attempts,
				&ended, &dropped, &fault, &m.Detail, &m.Node, &m.Linked, &m.Listed)
			m.State, m.Kind, m.Drop, m.Fault = cron.MessageState(state), cron.NoticeKind(kind), cron.MessageDrop(dropped), cron.ChannelFault(fault)
			m.Created, m.Due, m.Ended, m.Attempts = timeOf(created), timeOf(due), timeOf(ended), attempts
			list = append(list, m)
		})
	return list
}

// AddMessages adds messages of a channel that are due, each about another problem, which does not exist.
func (x *Tables) AddMessages(c cron.Channel, count int, due time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO message (account_id, channel_id, state, kind, problem_id, notices, created_at, due_at)
		SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), 0, 1, 1000000 + i, 1, CAST($3 AS BIGINT), CAST($3 AS BIGINT) FROM n`,
		c.AccountID, c.ID, due.UnixMilli())
}

// AddUnrouted adds notices of failures of a job that are not routed, about a problem that does not exist.
func (x *Tables) AddUnrouted(jobID int64, count int, problem int64, created time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO outbox (`+noticeColumns+`, unrouted, problem_id)
		SELECT account_id, 1, $2, id, title, url, timezone, i, 0, 1, 0, 0, 0, 4, 500, 0, '', 1, 0, (1 = 1), $3
		FROM job CROSS JOIN n WHERE id = $1`, jobID, created.UnixMilli(), problem)
}

// HurryMessages makes all messages that wait due since an instant, and lets the latest ones have been made long before.
func (x *Tables) HurryMessages(due time.Time) {
	x.t.Helper()
	x.Exec(`UPDATE message SET due_at = $1 WHERE state = 0`, due.UnixMilli())
}

// AgeMessages lets all messages have been made and tried earlier.
func (x *Tables) AgeMessages(by time.Duration) {
	x.t.Helper()
	x.Exec(`UPDATE message SET created_at = created_at - $1, due_at = due_at - $1, tried_at = CASE WHEN tried_at = 0 THEN 0 ELSE tried_at - $1 END,
		ended_at = CASE WHEN ended_at = 0 THEN 0 ELSE ended_at - $1 END`, by.Milliseconds())
}

// Untold lists the reasons for which no message tells of notices, in the order of the notices: 0 for those that have a message.
func (x *Tables) Untold() (list []int) {
	x.t.Helper()
	x.rows(`SELECT untold FROM outbox WHERE NOT unrouted ORDER BY id`, nil, func(scan func(...any)) {
		var why int
		scan(&why)
		list = append(list, why)
	})
	return list
}

// SetSnapshot sets what a job's notices say besides their columns.
func (x *Tables) SetSnapshot(jobID int64, snapshot string) {
	x.t.Helper()
	x.Exec(`UPDATE outbox SET snapshot = $2 WHERE job_id = $1`, jobID, snapshot)
}

// HurryMails makes all mails to persons due.
func (x *Tables) HurryMails(at time.Time) { x.Exec(`UPDATE mail SET due_at = $1`, at.UnixMilli()) }

// CopyMails adds n copies of the only mail, which do not open.
func (x *Tables) CopyMails(n int) {
	x.Exec(`INSERT INTO mail (id, stranger, sealed, created_at, expires_at, due_at)
		WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ` + strconv.Itoa(n) + `)
		SELECT mail.id || numbers.n, stranger, sealed, created_at, expires_at, due_at FROM mail, numbers`)
}
