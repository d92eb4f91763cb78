package web

import (
	"net/http"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

const pathMessages = root + "/settings/messages"

func messagePath(id int64) string { return pathMessages + "/" + strconv.FormatInt(id, 10) }

// messageRow is a message to a channel as lists show it.
type messageRow struct {
	cron.Message
	Path  string
	What  string // what it tells, in a few words
	State state
	Why   string // it failed, was dropped or has to wait, as a sentence; empty for nothing
}

// messageKinds are the labels of what messages tell.
var messageKinds = map[cron.NoticeKind]string{
	cron.NoticeFailure: "message-kind.failure", cron.NoticeSuccess: "message-kind.success", cron.NoticeDisabled: "message-kind.disabled",
	cron.NoticeCertExpiry: "message-kind.certificate", cron.NoticeMissed: "message-kind.missed", cron.NoticeReminder: "message-kind.reminder",
	cron.NoticeTest: "message-kind.test", cron.NoticeBehind: "message-kind.service", cron.NoticeDisk: "message-kind.service",
	cron.NoticeNodeGone: "message-kind.service", cron.NoticeChannels: "message-kind.service", cron.NoticeOwnExpiry: "message-kind.service",
	cron.NoticeChannelOff: "message-kind.channel", cron.NoticeAcknowledged: "message-kind.acknowledged", cron.NoticeBackup: "message-kind.service",
}

func (v *visit) messageRow(p *view, m *cron.Message) messageRow {
	row := messageRow{Message: *m, Path: messagePath(m.ID), State: p.messageState(m.State), What: p.labels.Label(messageKinds[m.Kind])}
	if m.Count > 1 {
		row.What = p.labels.Label("message.several", "what", row.What, "count", p.labels.Number(int64(m.Count)))
	}
	switch {
	case m.State == cron.MessageDropped:
		row.Why = p.labels.MessageDrop(m.Drop)
	case m.State != cron.MessageSent && m.Fault != cron.ChannelOK:
		row.Why = p.labels.ChannelFault(m.Fault, m.Detail)
	}
	return row
}

// messageState is what became of a message.
func (p *view) messageState(s cron.MessageState) state {
	t := p.labels.Label
	switch s {
	case cron.MessageSent:
		return state{"good", "circle-check", t("message-state.sent")}
	case cron.MessageFailed:
		return state{"bad", "circle-x", t("message-state.failed")}
	case cron.MessageDropped:
		return state{"muted", "circle-slash", t("message-state.dropped")}
	case cron.MessageSending:
		return state{"busy", "loader-circle", t("message-state.sending")}
	}
	return state{"muted", "clock", t("message-state.waiting")}
}

// messagePage is one message: what it says, and what became of it.
type messagePage struct {
	view
	Form    form
	Message messageRow
	Text    message.Notification
	Channel string // what its channel is called; empty for one that is gone
	Jobs    []messageJob
}

// messageJob is a job of which a message tells.
type messageJob struct {
	ID    int64
	Title string
	Run   string // the identifier of the execution; empty for none
}

func showMessage(v *visit) error { return v.messagePage(http.StatusOK, newForm()) }

func (v *visit) messagePage(status int, f form) error {
	p := messagePage{Form: f}
	var err error
	if p.view, err = v.view("channels"); err != nil {
		return err
	}
	m, text, err := v.web.service.Message(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	p.Message, p.Text = v.messageRow(&p.view, &m), text
	for i := range m.Notices {
		n := &m.Notices[i]
		if n.JobID == 0 {
			continue
		}
		j := messageJob{ID: n.JobID, Title: n.Title}
		if j.Title == "" {
			j.Title = message.Target(n.URL)
		}
		if n.ExecutionID != 0 {
			j.Run = (&cron.Execution{ID: n.ExecutionID, JobID: n.JobID, Planned: n.Planned}).Identifier()
		}
		p.Jobs = append(p.Jobs, j)
	}
	c, err := v.web.service.Channel(v.ctx(), v.actor, m.ChannelID)
	switch {
	case cron.KindOf(err) == cron.NotFound:
	case err != nil:
		return err
	default:
		if p.Channel = c.Title; p.Channel == "" {
			p.Channel = c.Kind
			if kind, ok := service.FindChannelKind(c.Kind); ok {
				p.Channel = kind.Title
			}
		}
	}
	return v.render(status, "message", p)
}

// Ended tells whether the message is not to be tried again, so that it can be sent again.
func (p messagePage) Ended() bool { return p.Message.Message.State >= cron.MessageSent }

func resendMessage(v *visit) error {
	id, err := v.web.service.Resend(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.messagePage(status, f)
	}
	return v.after(messagePath(id), "resent")
}
