package api

import (
	"context"
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func (a *api) listFolders(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	folders, err := a.service.Folders(r.Context(), actor)
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

func (a *api) getFolder(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	f, err := a.service.Folder(r.Context(), actor, pathID(r, "folderId"))
	if err != nil {
		return err
	}
	return reply(w, struct {
		Details folder `json:"folderDetails"`
	}{newFolder(&f)})
}

func (a *api) createFolder(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	title, err := a.readFolder(w, r)
	if err != nil {
		return err
	}
	if title == nil {
		title = new(string)
	}
	folder, err := a.service.NewFolder(actor, *title)
	if err != nil {
		return cron.Under("/folder", err)
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		if err := a.service.AddFolder(ctx, actor, &folder); err != nil {
			return cron.Under("/folder", err)
		}
		return reply(w, struct {
			FolderID int64 `json:"folderId"`
		}{folder.ID})
	})
}

func (a *api) changeFolder(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	title, err := a.readFolder(w, r)
	if err != nil {
		return err
	}
	if err := a.service.ChangeFolder(r.Context(), actor, pathID(r, "folderId"), title); err != nil {
		return cron.Under("/folder", err)
	}
	return reply(w, struct{}{})
}

func (a *api) deleteFolder(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteFolder(r.Context(), actor, pathID(r, "folderId")); err != nil {
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

// readFolder reads the title that a request gives a folder; nil when it gives none.
func (a *api) readFolder(w http.ResponseWriter, r *http.Request) (title *string, err error) {
	body, outer, err := wire.ReadMember(w, r, folderBody, "folder")
	if err != nil {
		return nil, err
	}
	var p wire.Problems
	o := wire.NewObject(body, "", &p)
	o.Skip("folderId")
	if o.Has("title") {
		title = new(string)
		o.Text("title", title)
	}
	a.tellIgnored(w, r, outer, "/folder", p.Unread())
	return title, cron.Under("/folder", p.Err())
}
