package cron

import "strings"

// MaxFolderTitle is the longest title of a folder, in characters.
const MaxFolderTitle = 128

// Folder groups jobs of an account. Its title is unique in the account, ignoring case.
type Folder struct {
	ID        int64
	AccountID int64
	Title     string
}

// Accept takes the folder for one that can be stored: it takes spaces off the title and reports what is wrong as an
// *Error of kind Invalid.
func (f *Folder) Accept() error {
	var c Checker
	if f.Title = strings.TrimSpace(f.Title); f.Title == "" {
		c.Add("/title", Problem{Rule: RuleMandatory})
	}
	c.Line("/title", f.Title, MaxFolderTitle)
	return c.Err()
}
