package checker

import (
	"time"

	"punctual/internal/cron"
)

// Notice is a row of outbox.
type Notice struct {
	ID       int64
	Created  time.Time
	Unrouted bool
	Untold   int // why no message tells of it; 0 when one does
	Messages int // that tell of it
}

// Message is a row of message.
type Message struct {
	ID       int64
	State    cron.MessageState
	Kind     cron.NoticeKind
	Drop     cron.MessageDrop
	Count    int
	Attempts int
	Due      time.Time
	Ended    time.Time
	Node     int64
	Linked   int // notices
	Listed   int // of them
}

func scanNotice(scan func(...any) error) (n Notice, err error) {
	var created int64
	err = scan(&n.ID, &created, &n.Unrouted, &n.Untold, &n.Messages)
	n.Created = instant(created)
	return n, err
}

func scanMessage(scan func(...any) error) (m Message, err error) {
	var due, ended int64
	err = scan(&m.ID, &m.State, &m.Kind, &m.Drop, &m.Count, &m.Attempts, &due, &ended, &m.Node, &m.Linked, &m.Listed)
	m.Due, m.Ended = instant(due), instant(ended)
	return m, err
}

const (
	allNotices = `SELECT id, created_at, unrouted, untold, (SELECT count(*) FROM message_notice WHERE outbox_id = outbox.id) FROM outbox ORDER BY id`

	allMessages = `SELECT id, state, kind, dropped, notices, attempts, due_at, ended_at, node,
		(SELECT count(*) FROM message_notice WHERE message_id = message.id),
		(SELECT count(*) FROM message_notice WHERE message_id = message.id AND listed) FROM message ORDER BY id`
)

// routingTime is how old a notice may be that waits to be routed: the next start of a node routes those of the last moments.
const routingTime = 10 * time.Second

// searchNotice checks that every notice has become messages, or says why not.
func searchNotice(e *evidence) {
	for _, n := range e.Notices {
		switch {
		case n.Unrouted && (n.Messages > 0 || n.Untold != 0):
			e.add("notice %d waits to be routed, and has %d messages and the reason %d for none", n.ID, n.Messages, n.Untold)
		case n.Unrouted && n.Created.Before(e.To.Add(-routingTime)):
			e.add("notice %d of %s was never routed", n.ID, clock(n.Created))
		case !n.Unrouted && n.Messages == 0 && n.Untold == 0:
			e.add("notice %d was routed, no message tells of it, and nothing says why", n.ID)
		case n.Messages > 0 && n.Untold != 0:
			e.add("notice %d has %d messages, and the reason %d for none", n.ID, n.Messages, n.Untold)
		}
	}
}

// searchMessage checks that the fields of messages agree.
func searchMessage(e *evidence) {
	for _, m := range e.Messages {
		ended := m.State >= cron.MessageSent
		switch {
		case ended == m.Ended.IsZero():
			e.add("message %d is %s, and its end is %s", m.ID, cron.MessageStateNames[m.State], clock(m.Ended))
		case (m.State == cron.MessageDropped) != (m.Drop != cron.DropNone):
			e.add("message %d is %s, and was dropped for %d", m.ID, cron.MessageStateNames[m.State], m.Drop)
		case (m.State == cron.MessageSent || m.State == cron.MessageFailed || m.State == cron.MessageSending) && (m.Attempts == 0 || m.Node == 0):
			e.add("message %d is %s after %d attempts by node %d", m.ID, cron.MessageStateNames[m.State], m.Attempts, m.Node)
		case m.Count < m.Linked || m.Linked == 0:
			e.add("message %d tells of %d notices, and has %d", m.ID, m.Count, m.Linked)
		case m.Listed > cron.MaxListedNotices || m.Listed < min(m.Linked, cron.MaxListedNotices):
			e.add("message %d lists %d notices of %d", m.ID, m.Listed, m.Linked)
		case m.State == cron.MessageSending && e.Stopped:
			e.add("message %d is being sent by node %d, which was stopped", m.ID, m.Node)
		case m.State == cron.MessageSending && e.nodes[m.Node].Dead:
			e.add("message %d is being sent by node %d, which is dead", m.ID, m.Node)
		}
	}
}

// searchTelling compares messages with what their receiver got.
func searchTelling(e *evidence) {
	if e.Told == nil {
		return
	}
	known := make(map[int64]bool, len(e.Messages))
	for _, m := range e.Messages {
		known[m.ID] = true
		switch got := e.Told[m.ID]; {
		case m.State == cron.MessageSent && got == 0:
			e.add("message %d was sent, and did not arrive", m.ID)
		case got > m.Attempts && !e.Forgets:
			e.add("message %d arrived %d times, and was attempted %d times", m.ID, got, m.Attempts)
		}
	}
	for id := range e.Told {
		if !known[id] && !e.Forgets {
			e.add("message %d arrived, and is not on record", id)
		}
	}
}
