package web

import (
	"net/http"
	"strconv"

	"punctual/internal/cron"
)

const pathFolders = root + "/folders"

func (w *web) folderRoutes() []route {
	return []route{
		{"GET", pathFolders, signedIn, showFolders},
		{"POST", pathFolders, signedIn, createFolder},
		{"GET", pathFolders + "/{id}", signedIn, showFolder},
		{"POST", pathFolders + "/{id}", signedIn, renameFolder},
		{"POST", pathFolders + "/{id}/delete", signedIn, deleteFolder},
		{"POST", pathFolders + "/{id}/undelete", signedIn, undeleteFolder},
	}
}

// foldersPage lists the folders of the account.
type foldersPage struct {
	view
	Form    form // of a new folder
	Folders []cron.Folder
	List    listing
	Undo    int64 // the folder that was just deleted; 0 for none
}

// Path is the address of the list of the jobs of a folder.
func (foldersPage) Path(f cron.Folder) string { return jobsAddress(folderToken(f)) }

func showFolders(v *visit) error { return v.foldersPage(http.StatusOK, newForm()) }

func (v *visit) foldersPage(status int, f form) error {
	p := foldersPage{Form: f, Undo: parseID(v.r.URL.Query().Get("undo"))}
	var err error
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	folders, err := v.web.service.Folders(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	p.Folders, p.List = paged(v, folders, func(f cron.Folder) int64 { return f.ID }, func(f cron.Folder) []string { return []string{f.Title} })
	return v.render(status, "folders", p)
}

func createFolder(v *visit) error {
	folder, err := v.web.service.NewFolder(v.actor, v.form("title"))
	if err == nil {
		err = v.web.service.AddFolder(v.ctx(), v.actor, &folder)
	}
	if err != nil {
		f, status, err := v.rejected(err, "title")
		if err != nil {
			return err
		}
		return v.foldersPage(status, f)
	}
	return v.after(pathFolders, "folder-created")
}

// folderPage changes one folder.
type folderPage struct {
	view
	Form   form
	Folder cron.Folder
}

func showFolder(v *visit) error {
	found, err := v.web.service.Folder(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	return v.folderPage(http.StatusOK, found, newForm("title", found.Title))
}

func (v *visit) folderPage(status int, found cron.Folder, f form) error {
	p := folderPage{Form: f, Folder: found}
	var err error
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	return v.render(status, "folder", p)
}

func renameFolder(v *visit) error {
	found, err := v.web.service.Folder(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	title := v.form("title")
	if err := v.web.service.ChangeFolder(v.ctx(), v.actor, found.ID, &title); err != nil {
		f, status, err := v.rejected(err, "title")
		if err != nil {
			return err
		}
		return v.folderPage(status, found, f)
	}
	return v.after(pathFolders, "saved")
}

func deleteFolder(v *visit) error {
	id := v.pathID("id")
	if err := v.web.service.DeleteFolder(v.ctx(), v.actor, id); err != nil {
		return err
	}
	return v.redirect(pathFolders + "?done=folder-deleted&undo=" + strconv.FormatInt(id, 10))
}

// undeleteFolder takes back that a folder was deleted. Another one may have its title by now.
func undeleteFolder(v *visit) error {
	if _, _, err := v.web.service.RestoreFolder(v.ctx(), v.actor, v.pathID("id")); err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.foldersPage(status, f)
	}
	return v.after(pathFolders, "folder-restored")
}
