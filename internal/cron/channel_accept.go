package cron

import (
	"slices"
	"strings"
	"time"
)

// Accept takes a channel that was edited for one that can be stored: it brings its values into the form in which they are stored, and
// reports what is wrong as an *Error of kind Invalid, with pointers such as "/title". Not looked at are the settings, the headers and
// the template, which depend on the kind, and the folders.
func (c *Channel) Accept() error {
	var check Checker
	c.Title, c.Tags = strings.TrimSpace(c.Title), distinctTags(c.Tags, MaxChannelRules)
	slices.Sort(c.FolderIDs)
	c.FolderIDs = slices.Compact(c.FolderIDs)
	c.Reminder = c.Reminder.Truncate(time.Second)
	check.Line("/title", c.Title, MaxChannelTitle)
	if len(c.FolderIDs) > MaxChannelRules {
		check.Add("/folderIds", Problem{Rule: RuleTooMany, Limit: MaxChannelRules})
	}
	checkTags(&check, c.Tags, MaxChannelRules)
	if !IsLanguage(c.Language) {
		check.Add("/language", Problem{Rule: RuleUnknownValue, Given: c.Language})
	}
	if c.Reminder != 0 && (c.Reminder < MinReminder || c.Reminder > MaxReminder) {
		check.Add("/reminderSeconds", OutOfRange(int64(c.Reminder/time.Second), int64(MinReminder/time.Second), int64(MaxReminder/time.Second)))
	}
	c.acceptQuiet(&check)
	return check.Err()
}

// acceptQuiet adds what is wrong with the quiet hours. Without any, nothing of them is stored.
func (c *Channel) acceptQuiet(check *Checker) {
	if c.QuietFrom == c.QuietTo {
		c.QuietFrom, c.QuietTo, c.QuietGrave, c.Timezone = 0, 0, false, ""
		return
	}
	for pointer, minute := range map[string]int{"/quietHours/from": c.QuietFrom, "/quietHours/to": c.QuietTo} {
		if minute < 0 || minute >= 24*60 {
			check.Add(pointer, OutOfRange(int64(minute), 0, 24*60-1))
		}
	}
	if c.Timezone == "" {
		c.Timezone = "UTC"
	}
	if zoneNamed(c.Timezone) == nil {
		check.Add("/quietHours/timezone", Problem{Rule: RuleUnknownTimeZone, Given: c.Timezone})
	}
}
