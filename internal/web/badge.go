package web

import (
	"html"
	"net/http"
	"strconv"
	"strings"

	"punctual/internal/badge"
	"punctual/internal/cron"
)

// badgeCode is a badge, and what people copy to show it elsewhere.
type badgeCode struct {
	ID             string // of its elements
	Title          string // what it shows
	Image          string // its path; empty while there is nothing to see
	Alt            string
	Address        string // for other sites
	Markdown, HTML string
}

// newBadgeCode is the badge at a path of the service. The alternative text may hold what people wrote.
func (v *visit) newBadgeCode(id, title, image, alt string) badgeCode {
	address := v.baseURL() + image
	return badgeCode{ID: id, Title: title, Image: image, Alt: alt, Address: address, Markdown: "![" + plainMarkdown.Replace(alt) + "](" + address + ")",
		HTML: `<img src="` + html.EscapeString(address) + `" alt="` + html.EscapeString(alt) + `">`}
}

// plainMarkdown escapes what Markdown, tables of it included, would not show as it is.
var plainMarkdown = strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "\\<", ">", "\\>", "&", "\\&",
	"!", "\\!", "|", "\\|", "~", "\\~", "$", "\\$")

// badgeLabels say what badges show.
var badgeLabels = [badge.MetricCount]string{"badge.state", "badge.day", "badge.week", "badge.month", "badge.quarter", "badge.times", "badge.last", "badge.next",
	"badge.certificate"}

// jobBadgePage makes the address of a public image of how a job is.
type jobBadgePage struct {
	jobPage
	WithTitle, Execution, Latency bool
	Badge                         badgeCode // with the chosen parts
	More                          []badgeCode
}

// renewBadge gives the badges of the job other addresses.
func renewBadge(v *visit) error {
	if err := v.web.service.RenewJobBadge(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return err
	}
	return v.after(jobAddress(v.pathID("id"), "/badge"), "badges-renewed")
}

func showBadge(v *visit) (err error) {
	var p jobBadgePage
	if p.jobPage, err = v.jobPage(v.pathID("id"), ""); err != nil {
		return err
	}
	q := v.r.URL.Query()
	p.WithTitle, p.Execution, p.Latency = q.Has("title") || !q.Has("parts"), q.Has("execution"), q.Has("latency")
	var parts cron.BadgeParts
	for part, set := range map[cron.BadgeParts]bool{cron.BadgeTitle: p.WithTitle, cron.BadgeExecution: p.Execution, cron.BadgeLatency: p.Latency} {
		if set {
			parts |= part
		}
	}
	tokens, err := v.web.service.BadgeTokens(v.ctx(), v.actor, p.Job.ID, []cron.BadgeParts{parts})
	if err != nil {
		return err
	}
	image := "/jobs/" + strconv.FormatInt(p.Job.ID, 10) + "/" + tokens[0] + "/status-" + strconv.Itoa(int(parts)) + ".svg"
	p.Badge = v.newBadgeCode("badge", "", image, v.catalogue.Label("badge.alt"))
	path, err := v.web.service.JobBadgePath(v.ctx(), v.actor, p.Job.ID)
	if err != nil {
		return err
	}
	for m := range badge.Metric(badge.MetricCount) {
		title := v.catalogue.Label(badgeLabels[m])
		p.More = append(p.More, v.newBadgeCode("badge-"+m.String(), title, path+badge.Name(m, badge.SVG), title))
	}
	return v.render(http.StatusOK, "job-badge", p)
}
