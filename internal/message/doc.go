// Package message holds every sentence that people read, with typed arguments: one type per language, each in a file of
// its own, all with the same methods. Callers declare the methods they need as an interface of their own.
//
// A sentence about something that went wrong says what is wrong, what was given, and what would be valid or what to do.
package message
