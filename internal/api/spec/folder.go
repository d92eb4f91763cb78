package spec

import (
	"net/http"

	"punctual/internal/cron"
)

func folderOperations() Group {
	title := Input("", folderMembers(), "title")
	return Group{
		Name:        "Folders",
		Description: "Folders group jobs. Each job is in one folder; 0 is the root folder.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/folders", ID: "listFolders", Summary: "List the folders",
				Responses: answers(jsonAnswer("The folders, sorted by title.", "",
					Of("folders", Array("", Ref("Folder"))))),
			},
			{
				Method: http.MethodPut, Path: "/folders", ID: "createFolder", Summary: "Create a folder",
				Parameters: creating(), Body: jsonBody("The folder.", "folder", title, `{"folder":{"title":"Backups"}}`),
				Responses: creatingAnswers(made("The folder was created.", "folderId", "folder"),
					"A folder with this title exists.", http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/folders/{folderId}", ID: "getFolder", Summary: "Show a folder",
				Parameters: []Parameter{folderIDParameter()},
				Responses: answers(jsonAnswer("The folder.", "", Of("folderDetails", Ref("Folder"))),
					http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: "/folders/{folderId}", ID: "changeFolder", Summary: "Rename a folder",
				Parameters: []Parameter{folderIDParameter()},
				Body: jsonBody("The members to change.", "folder", Input("", folderMembers()),
					`{"folder":{"title":"Nightly backups"}}`),
				Responses: answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound,
					problemOf(http.StatusConflict, "Another folder has this title.")),
			},
			{
				Method: http.MethodDelete, Path: "/folders/{folderId}", ID: "deleteFolder", Summary: "Delete a folder",
				Description: "Its jobs move to the root folder.",
				Parameters:  []Parameter{folderIDParameter()},
				Responses:   answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

func folderMembers() []Member {
	return []Member{
		Of("folderId", Integer("The number of the folder.").Output()),
		Of("title", String("The title, unique in the account ignoring case; surrounding spaces are removed.").
			NotEmpty().UpTo(cron.MaxFolderTitle)),
	}
}

// folderSchemas are the schemas of folders.
func folderSchemas() []Member {
	return []Member{
		Of("Folder", Object("A folder.", folderMembers()...)),
	}
}
