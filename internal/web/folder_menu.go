package web

import (
	"net/url"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// What a menu offers of folders, of which an account may have thousands.
const (
	maxMenuFolders  = 200
	menuFolderTitle = 100 // bytes of HTML
)

// typedFolder is the name of the field for the title of a folder that a menu does not offer.
const typedFolder = "folderTitle"

// folderMenu is the folders that a form offers: the first ones of the account, and those that are chosen. Titles have a bounded length.
type folderMenu struct {
	Folders []cron.Folder
	All     int  // folders of the account
	First   int  // how many of the first ones are offered
	More    bool // there are others, whose titles can be typed
}

// folderMenu reads the folders of the account; chosen are the IDs of those that the form has.
func (v *visit) folderMenu(chosen []string) (folderMenu, error) {
	folders, err := v.web.service.Folders(v.ctx(), v.actor)
	if err != nil {
		return folderMenu{}, err
	}
	return menuOf(folders, maxMenuFolders, chosen), nil
}

// menuOf offers the first folders, and those that are chosen.
func menuOf(folders []cron.Folder, first int, chosen []string) folderMenu {
	m := folderMenu{All: len(folders), First: min(first, len(folders)), More: len(folders) > first}
	for i, f := range folders {
		if i < first || len(m.Folders) < 2*maxMenuFolders && slices.Contains(chosen, formatID(f.ID)) {
			f.Title = view{}.fit(f.Title, menuFolderTitle)
			m.Folders = append(m.Folders, f)
		}
	}
	return m
}

// takeTypedFolder puts the folder whose title was typed into a form, in place of the one of its menu, or beside those that are ticked.
func (v *visit) takeTypedFolder(values url.Values, beside bool, c *cron.Checker) error {
	title := strings.TrimSpace(values.Get(typedFolder))
	if title == "" {
		return nil
	}
	folders, err := v.web.service.Folders(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(folders, func(f cron.Folder) bool { return strings.EqualFold(strings.TrimSpace(f.Title), title) })
	if i < 0 {
		c.Add("/"+typedFolder, cron.Problem{Rule: cron.RuleUnknownFolder, Given: title})
		return nil
	}
	values.Del(typedFolder)
	if id := formatID(folders[i].ID); !beside {
		values.Set("folder", id)
	} else if !slices.Contains(values["folder"], id) {
		values.Add("folder", id)
	}
	return nil
}
