package cron

import (
	"slices"
	"strings"
)

// Author is who made or changed a job: a person, an API key, whoever has the machine, or the service itself. The zero value
// is nobody, for jobs from before authors were kept.
type Author struct {
	PersonID int64  // 0 for none
	KeyID    int64  // 0 for none
	Label    string // e-mail address of the person, title of the key, "command line" or "the service"
	Way      string // WayAPI, WayConsole, WayCommand or WayService
}

// Limits on what people note about a job.
const (
	MaxDescription = 16 << 10 // bytes
	MaxTags        = 20       // of a job
	MaxTagLength   = 64       // characters
)

// TagKey is what two tags have in common that are the same, as case does not count.
func TagKey(tag string) string { return strings.ToLower(tag) }

// distinctTags trims tags and drops those that are empty, or the same as an earlier one. One too many is kept, and no more.
func distinctTags(tags []string, most int) []string {
	var kept, keys []string
	for _, tag := range tags {
		tag = strings.TrimSpace(tag)
		if key := TagKey(tag); tag != "" && !slices.Contains(keys, key) {
			kept, keys = append(kept, tag), append(keys, key)
		}
		if len(kept) > most {
			break // too many, however many follow
		}
	}
	return kept
}

// checkNotes adds what is wrong with what people note about a job.
func (j *Job) checkNotes(c *Checker) {
	c.Lines("/description", j.Description, MaxDescription)
	checkTags(c, j.Tags, MaxTags)
}

// checkTags adds what is wrong with tags.
func checkTags(c *Checker, tags []string, most int) {
	if len(tags) > most {
		c.Add("/tags", Problem{Rule: RuleTooMany, Limit: int64(most)})
		return
	}
	for _, tag := range tags {
		c.Printable("/tags", tag, MaxTagLength)
		if strings.Contains(tag, ",") {
			c.Add("/tags", Problem{Rule: RuleTagComma, Given: tag})
		}
	}
}
