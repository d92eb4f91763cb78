package web

import (
	"io"
	"net/http"
	"strconv"
	"time"

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
