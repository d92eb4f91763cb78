package api

import (
	"encoding/json"
	"net/http"

	"punctual/internal/cron"
	"punctual/internal/service"
)

func (a *api) listFolders(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	folders, err := a.service.Folders(r.Context(), account)
	if err != nil {
		return err
	}
	answer := struct {
		Folders []folder `json:"folders"`
	}{make([]folder, len(folders))}
	for i := range folders {
		answer.Folders[i] = newFolder(&folders[i])
	}
	return reply(w, answer)
}

func (a *api) getFolder(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	f, err := a.service.Folder(r.Context(), account, pathID(r, "folderId"))
	if err != nil {
		return err
	}
	return reply(w, struct {
		Details folder `json:"folderDetails"`
	}{newFolder(&f)})
}

func (a *api) createFolder(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	body, err := readMember(w, r, "folder")
	if err != nil {
		return err
	}
	id, err := a.service.CreateFolder(r.Context(), account, folderChange(body))
	if err != nil {
		return under("/folder", err)
	}
	return reply(w, struct {
		FolderID int64 `json:"folderId"`
	}{id})
}

func (a *api) changeFolder(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	body, err := readMember(w, r, "folder")
	if err != nil {
		return err
	}
	if err := a.service.ChangeFolder(r.Context(), account, pathID(r, "folderId"), folderChange(body)); err != nil {
		return under("/folder", err)
	}
	return reply(w, struct{}{})
}

func (a *api) deleteFolder(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	if err := a.service.DeleteFolder(r.Context(), account, pathID(r, "folderId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// folder is Folder of the contract. Field order counts.
type folder struct {
	FolderID int64  `json:"folderId"`
	Title    string `json:"title"`
}

func newFolder(f *cron.Folder) folder { return folder{f.ID, f.Title} }

// folderChange is what body, the JSON object of a folder, changes.
func folderChange(body json.RawMessage) service.FolderChange {
	return func(f *cron.Folder) error {
		var p problems
		newObject(body, "", &p).text("title", &f.Title)
		return p.Err()
	}
}
