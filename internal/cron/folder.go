package cron

import (
	"strings"
	"unicode/utf8"
)

// MaxFolderTitle is the longest title of a folder, in characters.
const MaxFolderTitle = 128

// Folder groups jobs of an account. Its title is unique there, whatever the letter case.
type Folder struct {
	ID        int64
	AccountID int64
	Title     string
}

// Validate reports what is wrong with the folder as an *Error of kind Invalid.
func (f *Folder) Validate() error {
	var c Checker
	switch {
	case f.Title == "":
		c.Add("/title", Problem{Rule: RuleMandatory})
	case utf8.RuneCountInString(f.Title) > MaxFolderTitle:
		c.Add("/title", Problem{Rule: RuleTooLong, Limit: MaxFolderTitle, Unit: UnitCharacters})
	case strings.ContainsRune(f.Title, 0):
		c.Add("/title", Problem{Rule: RuleControlCharacter})
	}
	return c.Err()
}
