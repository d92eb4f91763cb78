package web

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"punctual/internal/badge"
	"punctual/internal/cron"
	"punctual/internal/download"
	"punctual/internal/service"
)

// shells are the shells that commands are written for, by their names in addresses.
var shells = []struct {
	name, label string
	shell       service.Shell
}{{"bash", "curl.bash", service.Bash}, {"cmd", "curl.cmd", service.Cmd}, {"powershell", "curl.powershell", service.PowerShell}}

// curlShown is the longest command that the page shows, in bytes; a longer one is a file.
const curlShown = 16 << 10

// curlPage shows a job as a command of curl.
type curlPage struct {
	jobPage
	Command service.CurlCommand
	Shells  []chip
	File    string // the address of the command as a file
	Long    bool   // the command is a file only
}

func showCurl(v *visit) (err error) {
	var p curlPage
	if p.jobPage, err = v.jobPage(v.pathID("id"), ""); err != nil {
		return err
	}
	chosen := shells[0]
	for _, s := range shells {
		if s.name == v.r.URL.Query().Get("shell") {
			chosen = s
		}
	}
	for _, s := range shells {
		p.Shells = append(p.Shells, chip{Path: p.Path("/curl?shell=" + s.name), Label: v.catalogue.Label(s.label), Set: s.name == chosen.name})
	}
	if p.Command, err = v.web.service.CurlCommand(v.ctx(), p.now, v.actor, p.Job.ID, chosen.shell); err != nil {
		return err
	}
	if v.r.URL.Query().Get("as") == "file" {
		return v.textFile("job-"+strconv.FormatInt(p.Job.ID, 10)+"-curl.txt", p.Command.Text+"\n")
	}
	p.File, p.Long = p.Path("/curl?as=file&shell="+chosen.name), len(p.Command.Text) > curlShown
	if len(p.Command.Crontab) > curlShown {
		p.Command.Crontab = ""
	}
	return v.render(http.StatusOK, "job-curl", p)
}

// textFile answers with a file of plain text.
func (v *visit) textFile(name, text string) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = io.WriteString(v.w, text) // whoever is gone does not need it
	return nil
}

// exportJobs sends all jobs of the account as a crontab of curl commands.
func exportJobs(v *visit) error {
	person := v.actor.Person.ID
	if !v.web.exports.Enter(person, personExports) {
		return busy()
	}
	defer v.web.exports.Leave(person)
	now := v.web.now()
	head := v.catalogue.Label("curl.export-head", "account", view{}.AccountName(v.actor.Account), "at", now.UTC().Format(time.DateTime+" UTC"))
	return download.Text(v.w, v.r, "crontab-"+now.UTC().Format(time.DateOnly)+".txt", v.web.logger, func(w io.Writer) error {
		return v.web.service.ExportCrontab(v.ctx(), now, v.actor, head, w)
	})
}

// badgePage makes the address of a public image of how a job is.
type badgePage struct {
	jobPage
	WithTitle, Execution, Latency bool
	Image                         string // the path of the image
	Address                       string // of the image, for other sites
	Markdown, HTML                string
	More                          []moreBadge
}

// moreBadge is one of the other badges of the job.
type moreBadge struct {
	Name, Image, Markdown string
}

// renewBadge gives the badges of the job other addresses.
func renewBadge(v *visit) error {
	if err := v.web.service.RenewJobBadge(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return err
	}
	return v.after(jobAddress(v.pathID("id"), "/badge"), "badges-renewed")
}

func showBadge(v *visit) (err error) {
	var p badgePage
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
	p.Image = "/jobs/" + strconv.FormatInt(p.Job.ID, 10) + "/" + tokens[0] + "/status-" + strconv.Itoa(int(parts)) + ".svg"
	p.Address = v.baseURL() + p.Image
	alt := v.catalogue.Label("badge.alt")
	p.Markdown = "![" + alt + "](" + p.Address + ")"
	p.HTML = `<img src="` + p.Address + `" alt="` + alt + `">`
	path, err := v.web.service.JobBadgePath(v.ctx(), v.actor, p.Job.ID)
	if err != nil {
		return err
	}
	for m := range badge.Metric(badge.MetricCount) {
		image := path + badge.Name(m, badge.SVG)
		p.More = append(p.More, moreBadge{m.String(), image, "![" + m.String() + "](" + v.baseURL() + image + ")"})
	}
	return v.render(http.StatusOK, "job-badge", p)
}
