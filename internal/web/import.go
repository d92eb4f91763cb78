package web

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/command"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// pathImport is the page that makes jobs of a text with many commands.
const pathImport = pathJobs + "/import"

func (w *web) importRoutes() []route {
	return []route{
		{"GET", pathImport, signedIn, showImport},
		{"POST", pathImport, signedIn, importJobs},
	}
}

// defaultSchedule is that of commands without one, until the person chooses another.
const defaultSchedule = "0 * * * *"

// importPage is the page with the text, and what was made of it.
type importPage struct {
	view
	Form    form
	Zones   []string
	Menu    folderMenu
	Rows    []importRow
	Unread  []unreadRow
	Notes   []string
	Digest  string // of what the rows were made of
	Table   string // names the table: a row of it is saved once, however often the form is sent
	Ready   int    // rows that can be saved
	Created int
	Failed  int
}

// importRow is a job that can be made.
type importRow struct {
	Index, Line int
	Job         *cron.Job
	Words       string
	Next        time.Time
	Ticked      bool
	Notes       []string // what could not be used
	More        int      // further notes
	Altered     bool     // the job sends something else than the command
	Problems    []string // why it cannot be saved
	Created     int64    // the ID of the job that was made of it
}

// unreadRow is a line of which no job is made.
type unreadRow struct {
	Line int
	Text string
}

// maxRowNotes is how many notes a row shows.
const maxRowNotes = 2

// Target is the URL of a row for people.
func (r importRow) Target() string { return clipText(cron.MaskURL(r.Job.Request.URL), 80) }

// Named is what a row is called.
func (r importRow) Named() string { return cmp.Or(clipText(r.Job.Title, 80), r.Target()) }

func showImport(v *visit) error {
	f := newForm("schedule", defaultSchedule, "zone", v.personZone().String(), "folder", v.r.URL.Query().Get("folder"))
	return v.importPage(http.StatusOK, &importPage{Form: f})
}

func (v *visit) importPage(status int, p *importPage) (err error) {
	if p.view, err = v.editorView("jobs"); err != nil {
		return err
	}
	if p.Menu, err = v.folderMenu(p.Form.values["folder"]); err != nil {
		return err
	}
	p.Zones, p.Wide = cron.ZoneNames(), len(p.Rows) > 0
	return v.render(status, "job-import", p)
}

// ChosenFolder tells whether the jobs go into a folder.
func (p importPage) ChosenFolder(id int64) bool { return p.Form.Value("folder") == formatID(id) }

// importForm reads what the text does not say of its jobs. The error is of kind Invalid.
func (v *visit) importForm() (d service.ImportDefaults, err error) {
	var c cron.Checker
	if err := v.takeTypedFolder(v.r.PostForm, false, &c); err != nil {
		return d, err
	}
	d.FolderID = parseID(v.form("folder"))
	d.Zone = strings.TrimSpace(v.form("zone"))
	if _, err := cron.LoadZone(d.Zone); err != nil {
		c.Add("/zone", cron.Problem{Rule: cron.RuleUnknownTimeZone, Given: d.Zone})
	}
	if d.Schedule, err = cron.ParseCrontab(v.form("schedule")); err != nil {
		e, _ := errors.AsType[*cron.CrontabError](err)
		c.Add("/schedule", cron.Problem{Rule: cron.RuleCrontab, Crontab: e})
	}
	if strings.TrimSpace(v.form("text")) == "" {
		c.Add("/text", cron.Problem{Rule: cron.RuleMandatory})
	}
	return d, c.Err()
}

// digest identifies what rows are made of, so that ticks are those of the table that the person saw.
func (v *visit) digest() string {
	h := sha256.New()
	for _, name := range [...]string{"text", "zone", "schedule", "folder"} {
		h.Write([]byte(strings.ReplaceAll(v.form(name), "\r\n", "\n") + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func importJobs(v *visit) error {
	d, err := v.importForm()
	if err != nil {
		return v.rejectedImport(err)
	}
	im, err := v.web.service.NewImport(v.web.now(), v.actor, v.form("text"), d)
	if err != nil {
		return err
	}
	p := &importPage{Form: form{values: v.r.PostForm}, Digest: v.digest(), Table: rand.Text()}
	v.fillImport(p, &im)
	if n, err := strconv.Atoi(v.form("edit")); err == nil && n >= 0 && n < len(im.Jobs) {
		return v.redirect(pathNewJob + "?paste=" + url.QueryEscape(im.Jobs[n].Source))
	}
	if v.form("do") != "create" {
		return v.importPage(http.StatusOK, p)
	}
	if v.form("digest") != p.Digest {
		p.Form.Problem = v.catalogue.Label("import.changed")
		return v.importPage(http.StatusUnprocessableEntity, p)
	}
	p.Table = v.form("table")
	return v.createImport(p, &im)
}

// rejectedImport shows the form with what is wrong with it.
func (v *visit) rejectedImport(err error) error {
	f, status, err := v.rejected(err, "text", "zone", "schedule", "folder", typedFolder)
	if err != nil {
		return err
	}
	return v.importPage(status, &importPage{Form: f})
}

// fillImport makes the rows of what was read. Those that need no look are ticked.
func (v *visit) fillImport(p *importPage, im *service.Import) {
	for i := range im.Jobs {
		j := &im.Jobs[i]
		row := importRow{Index: i, Line: j.Line, Job: &j.Job, Words: j.Words, Next: j.NextRun, Altered: j.Altered(), Notes: v.unused(&j.Entry, nil)}
		if n := len(row.Notes); n > maxRowNotes {
			row.Notes, row.More = row.Notes[:maxRowNotes], n-maxRowNotes
		}
		if j.Err != nil {
			row.Problems = v.problemSentences(j.Err)
		} else {
			p.Ready++
			row.Ticked = !row.Altered
		}
		p.Rows = append(p.Rows, row)
	}
	for i := range im.Unread {
		p.Unread = append(p.Unread, unreadRow{im.Unread[i].Line, v.catalogue.Unread(&im.Unread[i])})
	}
	for _, n := range im.Notes {
		p.Notes = append(p.Notes, v.catalogue.Note(n))
	}
	if len(im.Jobs) == 0 && len(im.Unread) == 0 {
		p.Unread = []unreadRow{{1, v.catalogue.Unread(&command.Unread{Reason: command.ReasonSyntax})}}
	}
}

// problemSentences says why something cannot be saved. What is not about what was typed is logged.
func (v *visit) problemSentences(err error) (sentences []string) {
	_, e := v.classify(err)
	for _, p := range e.Problems {
		sentences = append(sentences, v.catalogue.Problem(p))
	}
	if len(sentences) == 0 {
		_, detail := v.catalogue.Error(e.Kind, e.Subject)
		sentences = []string{detail}
	}
	return sentences
}

// tableName is what rand.Text makes.
var tableName = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// createImport saves the ticked jobs. When some of them cannot be saved, the page says so for each, and the text stays.
func (v *visit) createImport(p *importPage, im *service.Import) error {
	var ticked []int
	var jobs []service.ImportedJob
	for i := range p.Rows {
		row := &p.Rows[i]
		row.Ticked = slices.Contains(v.r.PostForm["row"], strconv.Itoa(i)) && len(row.Problems) == 0
		if row.Ticked {
			key := fmt.Sprintf("import %s %s %d", p.Table, p.Digest, i)
			ticked, jobs = append(ticked, i), append(jobs, service.ImportedJob{Job: &im.Jobs[i].Job, Key: key})
		}
	}
	room, limited, err := v.web.service.RoomForJobs(v.ctx(), v.actor)
	switch {
	case err != nil:
		return err
	case !tableName.MatchString(p.Table):
		p.Table, p.Form.Problem = rand.Text(), v.catalogue.Label("import.changed")
	case len(jobs) == 0:
		p.Form.Problem = v.catalogue.Label("import.none")
	case limited && room < len(jobs):
		p.Form.Problem = v.catalogue.Label("import.room", "room", v.catalogue.JobCount(room), "count", v.catalogue.JobCount(len(jobs)))
	}
	if p.Form.Problem != "" {
		return v.importPage(http.StatusUnprocessableEntity, p)
	}
	if err := v.web.service.Admit(v.ctx(), v.actor, service.UseBulk); err != nil {
		return err
	}
	results, err := v.web.service.AddJobs(v.ctx(), v.actor, jobs)
	if err != nil {
		return err
	}
	for n, err := range results {
		row := &p.Rows[ticked[n]]
		if err != nil {
			p.Failed++
			row.Problems = v.problemSentences(err)
			continue
		}
		p.Created++
		row.Created, row.Ticked = jobs[n].Job.ID, false
	}
	if p.Failed > 0 {
		v.web.logger.InfoContext(v.ctx(), "an import was not complete", slog.Int("created", p.Created), slog.Int("failed", p.Failed))
		return v.importPage(http.StatusUnprocessableEntity, p)
	}
	if len(jobs) == 1 {
		return v.after(jobAddress(jobs[0].Job.ID, ""), "created")
	}
	return v.after(pathJobs, "imported")
}
