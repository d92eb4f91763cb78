package web

import (
	"net/http"
	"slices"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// jobNoticesPage says who is told of what about a job, and what was sent.
type jobNoticesPage struct {
	jobPage
	Events   []noticeEvent
	Nothing  bool // nobody is told of failures, because the job says so
	Channels []channelRow
	Why      string // why these channels, as a sentence
	Messages []messageRow
	pages
}

// noticeEvent is something that may be told.
type noticeEvent struct {
	Label string
	On    bool
}

func showNotices(v *visit) (err error) {
	var p jobNoticesPage
	if p.jobPage, err = v.jobPage(v.pathID("id"), "notices"); err != nil {
		return err
	}
	n, t := &p.Job.Notification, v.catalogue.Label
	failure := t("notices.first-failure")
	if n.OnFailureCount > 1 {
		failure = t("notices.failures", "count", n.OnFailureCount)
	}
	p.Events = []noticeEvent{{failure, n.OnFailure}, {t("notices.recovery"), n.OnSuccess}, {t("notices.disabled"), n.OnDisable},
		{t("notices.certificate", "span", p.labels.Span(n.CertExpiryAhead)), n.OnCertExpiry}}
	p.Nothing = !slices.ContainsFunc(p.Events, func(e noticeEvent) bool { return e.On })
	if err := v.toldBy(&p); err != nil {
		return err
	}
	before := v.r.URL.Query().Get("before")
	messages, next, err := v.web.service.Messages(v.ctx(), v.actor, cron.MessageQuery{JobID: p.Job.ID, Before: parseID(before), Limit: pageRows})
	if err != nil {
		return err
	}
	for i := range messages {
		p.Messages = append(p.Messages, v.messageRow(&p.view, &messages[i]))
	}
	if next != 0 {
		p.NextPage = p.Path("/notices?before=" + strconv.FormatInt(next, 10))
	}
	if before != "" {
		p.FirstPage = p.Path("/notices")
	}
	return v.render(http.StatusOK, "job-notices", p)
}

// toldBy finds the channels that notices of the job go to.
func (v *visit) toldBy(p *jobNoticesPage) error {
	var all []cron.Channel
	for after := int64(0); ; {
		list, next, err := v.web.service.Channels(v.ctx(), v.actor, after, service.MaxChannelsPage)
		if err != nil {
			return err
		}
		if all, after = append(all, list...), next; next == 0 {
			break
		}
	}
	j := &p.Job
	notice := cron.Notice{Kind: cron.NoticeFailure, JobID: j.ID, FolderID: j.FolderID, Tags: j.Tags, ChannelIDs: j.ChannelIDs}
	channels := cron.Route(&notice, all)
	for _, c := range channels {
		p.Channels = append(p.Channels, v.channelRow(&p.view, c))
	}
	p.Why = v.catalogue.Label("notices.by-default")
	switch {
	case len(channels) == 0:
		p.Why = v.catalogue.Label("notices.nobody")
	case j.ChannelIDs != nil && slices.ContainsFunc(channels, func(c *cron.Channel) bool { return slices.Contains(j.ChannelIDs, c.ID) }):
		p.Why = v.catalogue.Label("notices.by-job")
	case !channels[0].Default || slices.Contains(channels[0].FolderIDs, j.FolderID):
		p.Why = v.catalogue.Label("notices.by-rule")
	}
	return nil
}
