// Package command reads commands that people paste: of curl, wget, HTTPie and PowerShell, lines of a crontab, and URLs. It
// makes edits of jobs of them. It is pure, runs nothing and reads no file.
//
// A text is read in one of three dialects. PowerShell and the command prompt of Windows are recognised by what only they
// write; everything else is a mixture of shell commands and crontab lines, as crontab -l and shell scripts have it.
//
//	text ─┬─ shell and crontab ──┐
//	      ├─ cmd ────────────────┼─ calls: words and standard input ── curl, wget, HTTPie ──┐
//	      └─ PowerShell ── calls: named parameters ── Invoke-WebRequest ────────────────────┴─ draft ── Entry
package command

import (
	"punctual/internal/cron"
)

// Limits on a text.
const (
	MaxText    = 64 << 10 // bytes
	MaxEntries = 100      // jobs that are made of one text
	maxUnread  = 100      // lines that cannot be read, after which reading ends
	maxNotes   = 40       // of one entry
	maxNested  = 5        // commands within commands, such as those of sh -c
)

// Tool is the program whose command was read.
type Tool int

// The tools.
const (
	ToolNone Tool = iota // the line has a schedule only
	ToolURL
	ToolCurl
	ToolWget
	ToolHTTPie
	ToolPowerShell
)

// Result is what was read of a text.
type Result struct {
	Entries []Entry
	Unread  []Unread // in the order of their lines
	Notes   []Note   // about settings of a crontab, such as MAILTO
}

// Entry is a job that was read.
type Entry struct {
	Line        int    // of its command in the text, from 1
	Source      string // the part of the text, which Read understands by itself unless it uses variables
	Tool        Tool
	Patch       cron.JobPatch // the fields that were read, with their values
	HasSchedule bool
	Taken       []Taken
	Notes       []Note // what could not be used
}

// Altered reports whether the job sends something else than the command, as a note says.
func (e *Entry) Altered() bool {
	for _, n := range e.Notes {
		if n.Reason.Alters() {
			return true
		}
	}
	return false
}

// Unread is a part of a text of which no job was made.
type Unread struct {
	Line   int
	Reason Reason
	Text   string // as for Note
	// Crontab is set for ReasonCrontab.
	Crontab *cron.CrontabError
}

// Part is something that was taken from a command.
type Part int

// The parts. The comment names the fields of Taken that are set.
const (
	PartMethod     Part = iota // Text
	PartURL                    // Text
	PartHeaders                // Names
	PartBody                   // Number: bytes
	PartForm                   // Number: fields of a multipart form, which is the body
	PartAuth                   // Text: the user
	PartTimeout                // Number: seconds
	PartRetry                  // Number: retries
	PartRedirects              // Number: redirects that are followed
	PartUnverified             // nothing: certificates are not verified
	PartSchedule               // nothing: Patch has it
	PartZone                   // Text
	PartTitle                  // Text
	PartOverlap                // nothing: no two executions at once
)

// Taken is a part of a command that the job has now.
type Taken struct {
	Part   Part
	Text   string
	Number int
	Names  []string
}

// Note is a part of a command that could not be used.
type Note struct {
	Reason Reason
	Text   string // the part, such as an option or the name of a variable; at most maxNoteText bytes, and never a value that may be secret
}

// Reason says why something could not be used.
type Reason int

// The reasons. The comment says what Text is.
const (
	ReasonNone Reason = iota
	// The job sends something else than the command does, unless somebody mends it.
	ReasonFile          // the option with a file of the machine of the person, such as "--data @body.txt"
	ReasonStdin         // the option; what it reads from standard input is not in the text
	ReasonVariable      // the name of a variable of the environment
	ReasonSubstitution  // the command whose output is used
	ReasonExpansion     // a shell expansion other than those
	ReasonOption        // an option that has no counterpart
	ReasonUnknownOption // an option that the program does not have
	ReasonProxy         // the option
	ReasonCertificate   // the option; certificates are settings of the account
	ReasonResolve       // the option; names are looked up by the service
	ReasonAuthScheme    // the option; a way to sign in other than Basic and Bearer
	ReasonPassword      // the option; a user without a password
	ReasonMethod        // the method, which is unknown
	ReasonGlob          // the URL pattern
	ReasonAmpersand     // nothing: an & outside quotes ends the command
	ReasonBodyNotSent   // the method, which sends no body
	ReasonEmptyHeader   // the name of a header without a value
	ReasonNested        // a key of HTTPie with the syntax for nested JSON
	ReasonCondition     // the condition on which the command is run
	ReasonValue         // the option, whose value cannot be read
	ReasonZone          // a time zone that is unknown

	// The request is the same.
	ReasonOutput         // the option or redirection that writes the response to a file
	ReasonPipe           // the command that reads the response
	ReasonAfter          // nothing: the command is run after another one, but the job has a schedule of its own
	ReasonConnectTimeout // the option
	ReasonProtocol       // the option; the service chooses the version of HTTP
	ReasonCompression    // the option or header; responses are kept as they come
	ReasonOwnHeader      // the name of a header that the service sets
	ReasonConditional    // the name of a header such as If-None-Match, after which a target may answer 304
	ReasonLimit          // the option, whose value was reduced to what is possible
	ReasonMail           // nothing: MAILTO of a crontab

	// Of Unread.
	ReasonSyntax         // nothing
	ReasonOtherCommand   // the program, which sends no HTTP request
	ReasonNoURL          // the program
	ReasonCrontab        // the line
	ReasonTooLong        // nothing: the text
	ReasonTooMany        // nothing: the rest of the text was not read
	ReasonControlCommand // a loop, function or other command of the shell
)

// Alters reports whether the job sends something else than the command because of it.
func (r Reason) Alters() bool { return ReasonNone < r && r <= ReasonZone }

// maxNoteText is the length of Note.Text in bytes.
const maxNoteText = 120
