// Package message holds every sentence and label that people read, as one Catalogue per language: tables by the keys of
// package cron, whose sentences have placeholders for arguments, and functions for schedules and numbers. Sentences are
// neutral: they suit a page as well as a program. What only callers of the API are told is a Layer over them, in package
// api. Choose picks a language for a request. What the program says on its terminal (commands.go, database.go) is in
// English whatever the catalogue, like its log.
//
// A sentence about something that went wrong says what is wrong, what was given, and what would be valid or what to do.
package message
