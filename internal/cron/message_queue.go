package cron

import "time"

// MessageQueue is the messages of a channel, or of one recipient of it, that decide what becomes of the next notice: those that wait,
// and those of the last minutes. It is how one message comes to tell of many notices. Add is pure.
//
//   - The first failure of a problem goes out at once. Those that follow within MessageJoin are collected to one message.
//   - Not more than MessageBurst messages fall due within MessageJoin. Further notices, of whatever problem, are collected to one
//     message, the digest, which is due when there is room again. While it waits, everything joins it.
//   - A recovery goes out at once, apart from failures, together with the other recoveries of its problem that wait. There may be
//     MessageBurst of them within MessageJoin as well; further ones go to the digest.
//   - NoticeMissed waits for MessageJoin: when the service was out, one message tells of all jobs.
//   - In quiet hours, when the account may send no more mails today, and while the last message could not be sent and waits for another
//     attempt, everything goes to one message.
//   - Nothing joins a message that was attempted, which has perhaps arrived, nor one that is older than another message about the same
//     problem: the last thing that a receiver hears of a job is how it is.
//   - A pager (see TakesAcknowledgement) opens and closes an incident for each problem, so its messages are of one problem each.
type MessageQueue struct {
	Channel   *Channel
	Recipient string
	Language  string
	Messages  []*Message // in the order of their IDs; new ones have none
}

// Limits on messages.
const (
	MessageBurst = 5
	maxHold      = 15 * time.Minute // for which new notices wait because the last message could not be sent
	maxDigest    = 3 * MessageJoin  // for which a digest waits that further notices join

	// QueuedSpan is the age of the latest messages that a queue has to know of.
	QueuedSpan = maxDigest + 2*MessageJoin
)

// Add puts a notice into a message that waits or into a new one. A notice that is not to be sent comes with the reason, and is put
// into a dropped message.
func (q *MessageQueue) Add(n *Notice, drop MessageDrop, now time.Time) *Message {
	var m *Message
	until, collects := q.held(n, now), q.collecting(n, now)
	switch {
	case drop != DropNone:
		m = q.dropped(drop, now)
	case !until.IsZero():
		m = q.digest(n, until, now)
	case collects != nil:
		m = collects
	case n.Kind == NoticeSuccess || n.Kind == NoticeAcknowledged:
		m = q.recovery(n, now)
	default:
		m = q.trouble(n, now)
	}
	m.add(n)
	return m
}

// add counts a notice in the message.
func (m *Message) add(n *Notice) {
	switch {
	case m.Count == 0:
		m.Kind, m.ProblemID = n.Kind, n.ProblemID
	case m.ProblemID != n.ProblemID:
		m.ProblemID = 0
		fallthrough
	default:
		m.Kind = m.Kind.Gravest(n.Kind)
	}
	m.Count++
}

// open adds a new message.
func (q *MessageQueue) open(due, now time.Time) *Message {
	m := &Message{AccountID: q.Channel.AccountID, ChannelID: q.Channel.ID, Recipient: q.Recipient, Language: q.Language, Created: now,
		Due: due}
	q.Messages = append(q.Messages, m)
	return m
}

// dropped is the dropped message of the last minute with the same reason, or a new one.
func (q *MessageQueue) dropped(why MessageDrop, now time.Time) *Message {
	for _, m := range q.Messages {
		if m.State == MessageDropped && m.Drop == why && now.Sub(m.Created) < MessageJoin {
			return m
		}
	}
	m := q.open(now, now)
	m.State, m.Drop, m.Ended = MessageDropped, why, now
	return m
}

// held is until when nothing new is sent to the channel; zero when it is.
func (q *MessageQueue) held(n *Notice, now time.Time) time.Time {
	until := q.Channel.Held(n.Kind, now)
	for _, m := range q.Messages {
		if m.takes() && m.Fault == ChannelLimit && m.Due.After(now) && m.Due.After(until) {
			until = m.Due // no more mails today
		}
	}
	if until.IsZero() && q.Channel.LastFailed.After(q.Channel.LastSent) {
		for _, m := range q.Messages {
			if m.State == MessageWaiting && m.Attempts > 0 && m.Due.After(now) && (until.IsZero() || m.Due.Before(until)) {
				until = m.Due
			}
		}
		if last := now.Add(maxHold); until.After(last) {
			until = last
		}
	}
	return until
}

// collecting is the digest that waits; nil when there is none.
func (q *MessageQueue) collecting(n *Notice, now time.Time) *Message {
	for i := len(q.Messages) - 1; i >= 0 && !q.pages(); i-- {
		m := q.Messages[i]
		if m.takes() && m.several() && m.Kind != NoticeMissed && m.Due.After(now) && !m.Due.After(now.Add(maxDigest)) && q.inOrder(i, n) {
			return m
		}
	}
	return nil
}

// digest is the last message that waits for a later instant up to until, or for maxDigest, or a new one.
func (q *MessageQueue) digest(n *Notice, until, now time.Time) *Message {
	last := now.Add(maxDigest)
	if until.After(last) {
		last = until
	}
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if m := q.Messages[i]; m.takes() && m.Due.After(now) && !m.Due.After(last) && q.inOrder(i, n) &&
			(!q.pages() || m.ProblemID == n.ProblemID) {
			return m
		}
	}
	return q.open(q.after(until, func(*Message) bool { return true }), now)
}

// after is the instant, or a later one at which a message that is to be sent before is due.
func (q *MessageQueue) after(at time.Time, before func(m *Message) bool) time.Time {
	for _, m := range q.Messages {
		if m.State < MessageSent && m.Kind != NoticeReminder && m.Due.After(at) && before(m) {
			at = m.Due
		}
	}
	return at
}

// takes reports whether a notice can join the message.
func (m *Message) takes() bool {
	return m.State == MessageWaiting && m.Attempts == 0 && m.Kind != NoticeReminder && m.Kind != NoticeTest
}

// inOrder reports whether message i can tell of a notice without telling it before something older about the same problem.
func (q *MessageQueue) inOrder(i int, n *Notice) bool {
	for _, m := range q.Messages[i+1:] {
		if m.State < MessageSent && (m.several() || m.ProblemID == n.ProblemID) {
			return false
		}
	}
	return true
}

// several reports whether the message tells of several problems.
func (m *Message) several() bool { return m.ProblemID == 0 && m.Count > 1 }

// recovery is the message for a recovery. It is due with the failure that it has to follow.
func (q *MessageQueue) recovery(n *Notice, now time.Time) *Message {
	due := q.after(now, func(m *Message) bool { return m.several() || m.ProblemID == n.ProblemID })
	for i, m := range q.Messages {
		if m.takes() && m.Kind == n.Kind && m.ProblemID == n.ProblemID && !m.Due.After(due) && q.inOrder(i, n) {
			return m
		}
	}
	waits := due.After(now)
	if free := q.room(func(k NoticeKind) bool { return waits || k == NoticeSuccess }, due); free.After(due) {
		return q.digest(n, free, now)
	}
	return q.open(due, now)
}

// trouble is the message for anything but a recovery.
func (q *MessageQueue) trouble(n *Notice, now time.Time) *Message {
	due := now
	if n.Kind == NoticeMissed && !q.pages() {
		due = now.Add(MessageJoin)
	}
	for i, m := range q.Messages {
		if m.State == MessageDropped || !q.sameTrouble(m, n) {
			continue
		}
		if m.takes() && !m.Due.After(now.Add(MessageJoin)) && q.inOrder(i, n) {
			return m
		}
		if next := m.Due.Add(MessageJoin); next.After(due) && !m.Due.After(now.Add(MessageJoin)) {
			due = next
		}
	}
	free := q.after(q.room(func(k NoticeKind) bool { return k != NoticeSuccess }, due), func(m *Message) bool {
		return m.several() && m.Kind != NoticeMissed || m.ProblemID == n.ProblemID && n.ProblemID != 0
	})
	if free.After(due) {
		return q.digest(n, free, now)
	}
	return q.open(due, now)
}

// pages reports whether the messages of the channel are of one problem each.
func (q *MessageQueue) pages() bool { return TakesAcknowledgement(q.Channel.Kind) }

// sameTrouble reports whether a message is about what a notice is about.
func (q *MessageQueue) sameTrouble(m *Message, n *Notice) bool {
	switch m.Kind {
	case NoticeReminder, NoticeTest, NoticeSuccess, NoticeAcknowledged:
		return false
	}
	if n.Kind == NoticeMissed && !q.pages() || n.ProblemID == 0 {
		return m.Kind == n.Kind
	}
	return m.ProblemID == n.ProblemID
}

// room is the first instant from due on at which another message of the kinds may fall due.
func (q *MessageQueue) room(of func(NoticeKind) bool, due time.Time) time.Time {
	if q.pages() {
		return due
	}
	var near []time.Time
	for _, m := range q.Messages {
		if m.State != MessageDropped && m.Kind != NoticeReminder && m.Kind != NoticeTest && of(m.Kind) &&
			m.Due.Add(MessageJoin).After(due) && m.Due.Before(due.Add(MessageJoin)) {
			near = append(near, m.Due)
		}
	}
	if len(near) < MessageBurst {
		return due
	}
	first := near[0]
	for _, t := range near[1:] {
		if t.Before(first) {
			first = t
		}
	}
	if next := first.Add(MessageJoin); next.After(due) {
		return next
	}
	return due.Add(MessageJoin)
}
