package service

import "punctual/internal/cron"

// What tests look at.
var (
	BadgeToken     = (*Service).badgeToken
	CallLimits     = callLimits
	Exceeded       = exceeded
	ForEach        = forEach
	PasswordLimits = (*Service).passwordLimits

	Rights = rights
)

// JobFieldNames are the names of what the log says of a change of a job.
func JobFieldNames() (names []string) {
	for i := range jobFields {
		names = append(names, jobFields[i].pointer)
	}
	return names
}

// Quote quotes an argument of a command for a shell.
func Quote(shell Shell, text string) string { return quoters[shell].quote(text) }

// CurlLines writes a job as a command on several lines.
func CurlLines(j *cron.Job, shell Shell) string { return curlOf(j, shell, true) }

// CurlOf writes a job as a command on one line.
func CurlOf(j *cron.Job, shell Shell) string { return curlOf(j, shell, false) }
