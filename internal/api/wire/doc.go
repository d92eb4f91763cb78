// Package wire is what the JSON of the API is made of: the lenient reading of requests, member by member, with every bad
// value noted under its JSON pointer; the names that choices have; the bounds of what a call takes; and values of answers.
package wire
