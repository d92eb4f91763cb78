// Package cron is the domain of Punctual: jobs, schedules, executions and the rules between them.
//
// It imports the standard library only, knows neither JSON nor SQL, and does no I/O. Wire types live in package api,
// rows in package store; both convert explicitly.
//
// Terms: a job has a schedule; the schedule yields occurrences, the instants at which the job is due; an occurrence is
// covered by one or more executions (a further attempt is an execution of its own) or by a record that says why there
// was none.
package cron
