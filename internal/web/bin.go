package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

const pathBin = root + "/settings/bin"

func (w *web) binRoutes() []route {
	return []route{
		{"GET", pathBin, signedIn, showBin},
		{"GET", pathBin + "/jobs/{id}", signedIn, showBinJob},
		{"POST", pathBin + "/jobs/{id}/restore", signedIn, restoreJob},
		{"POST", pathBin + "/jobs/{id}/purge", signedIn, purgeJob},
		{"GET", pathBin + "/folders/{id}", signedIn, showBinFolder},
		{"POST", pathBin + "/folders/{id}/restore", signedIn, restoreFolder},
		{"POST", pathBin + "/folders/{id}/purge", signedIn, purgeFolder},
	}
}

// binPage lists what can be brought back.
type binPage struct {
	view
	Jobs    []binItem
	Folders []binItem
	pages
}

// binItem is a deleted job or folder.
type binItem struct {
	Path      string // of its page
	Title     string // as it is typed to delete it for good
	URL       string // of a job; empty when that is the title
	Jobs      int    // of a folder
	DeletedBy string
	Deleted   time.Time
	Purges    time.Time
}

// maxBinTitle is how many characters of a title the list shows.
const maxBinTitle = 120

// Short is the title as the list shows it.
func (b binItem) Short() string { return clipText(b.Title, maxBinTitle) }

// ShortURL is the URL as the list shows it.
func (b binItem) ShortURL() string { return clipText(b.URL, maxBinTitle) }

// maxChoice is how many characters of a name a list of choices shows.
const maxChoice = 60

// Clip is a name as a list of choices shows it.
func (view) Clip(name string) string { return clipText(name, maxChoice) }

// clipText is the beginning of a text.
func clipText(text string, characters int) string {
	if runes := []rune(text); len(runes) > characters {
		return string(runes[:characters]) + "…"
	}
	return text
}

func binJobItem(b *cron.BinJob) binItem {
	item := binItem{Path: pathBin + "/jobs/" + formatID(b.JobID), URL: b.URL, DeletedBy: b.DeletedBy, Deleted: b.Deleted, Purges: b.Purges}
	item.Title = jobTitle(&cron.Job{Title: b.Title, Request: cron.Request{URL: b.URL}})
	if b.Title == "" {
		item.URL = ""
	}
	return item
}

func binFolderItem(f *cron.BinFolder) binItem {
	return binItem{Path: pathBin + "/folders/" + formatID(f.FolderID), Title: f.Title, Jobs: len(f.JobIDs), DeletedBy: f.DeletedBy,
		Deleted: f.Deleted, Purges: f.Purges}
}

func showBin(v *visit) error {
	var p binPage
	var err error
	if p.view, err = v.view("bin"); err != nil {
		return err
	}
	after := binPosition(v.r.URL.Query().Get("after"))
	jobs, next, err := v.web.service.BinJobs(v.ctx(), v.actor, after, pageRows)
	if err != nil {
		return err
	}
	for i := range jobs {
		p.Jobs = append(p.Jobs, binJobItem(&jobs[i]))
	}
	if next.JobID != 0 {
		p.NextPage = pathBin + "?after=" + strconv.FormatInt(next.Deleted.UnixMilli(), 10) + "-" + formatID(next.JobID)
	}
	if after.JobID != 0 {
		p.FirstPage = pathBin
		return v.render(http.StatusOK, "bin", p)
	}
	folders, err := v.web.service.BinFolders(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	for i := range folders[:min(len(folders), pageRows)] {
		p.Folders = append(p.Folders, binFolderItem(&folders[i]))
	}
	return v.render(http.StatusOK, "bin", p)
}

// binPosition reads a place in the list of deleted jobs; zero, which is the start, for a text that is none.
func binPosition(text string) cron.BinPosition {
	at, id, _ := strings.Cut(text, "-")
	if p := (cron.BinPosition{Deleted: time.UnixMilli(parseID(at)), JobID: parseID(id)}); p.JobID != 0 {
		return p
	}
	return cron.BinPosition{}
}

// binItemPage is about one deleted job or folder.
type binItemPage struct {
	view
	Form form
	Item binItem
}

func showBinJob(v *visit) error { return v.binJob(http.StatusOK, newForm()) }

func (v *visit) binJob(status int, f form) error {
	b, err := v.web.service.BinJob(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	return v.binItem(status, f, binJobItem(&b))
}

func (v *visit) binItem(status int, f form, item binItem) (err error) {
	p := binItemPage{Form: f, Item: item}
	if p.view, err = v.view("bin"); err != nil {
		return err
	}
	return v.render(status, "bin-item", p)
}

func showBinFolder(v *visit) error { return v.binFolder(http.StatusOK, newForm()) }

func (v *visit) binFolder(status int, f form) error {
	folders, err := v.web.service.BinFolders(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	for i := range folders {
		if folders[i].FolderID == v.pathID("id") {
			return v.binItem(status, f, binFolderItem(&folders[i]))
		}
	}
	return cron.Missing(cron.SubjectFolder)
}

func restoreJob(v *visit) error {
	r, err := v.web.service.RestoreJob(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.binJob(status, f)
	}
	if r.FolderGone {
		return v.after(pathBin, "job-restored-to-root")
	}
	return v.after(pathBin, "job-restored")
}

func restoreFolder(v *visit) error {
	_, _, err := v.web.service.RestoreFolder(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.binFolder(status, f)
	}
	return v.after(pathBin, "folder-restored")
}

func purgeJob(v *visit) error {
	if err := v.web.service.PurgeJob(v.ctx(), v.actor, v.pathID("id"), v.form("title")); err != nil {
		f, status, err := v.rejected(err, "title")
		if err != nil {
			return err
		}
		return v.binJob(status, f)
	}
	return v.after(pathBin, "purged")
}

func purgeFolder(v *visit) error {
	if err := v.web.service.PurgeFolder(v.ctx(), v.actor, v.pathID("id"), v.form("title")); err != nil {
		f, status, err := v.rejected(err, "title")
		if err != nil {
			return err
		}
		return v.binFolder(status, f)
	}
	return v.after(pathBin, "purged")
}
