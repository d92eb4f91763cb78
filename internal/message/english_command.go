package message

import (
	"strings"

	"punctual/internal/command"
)

// englishCommands are the sentences about commands that were pasted. ReasonNone is the fallback.
var englishCommands = map[command.Reason]string{
	command.ReasonNone:         "A part of the command could not be used.",
	command.ReasonFile:         "“{text}”: files of your computer cannot be read. Put the content into the job.",
	command.ReasonStdin:        "“{text}”: what the command reads from standard input is not in the text. Put the body into the job.",
	command.ReasonVariable:     "The value of the variable {text} is not known, so its name was left in. Replace it, or make a secret of it.",
	command.ReasonSubstitution: "The output of “{text}” is not known, so the command was left in. Replace it.",
	command.ReasonExpansion:    "“{text}” was left in as it is written, since only a shell can work it out. Replace it.",
	command.ReasonOption:       "The option {text} has no counterpart here, and was left out.",

	command.ReasonUnknownOption: "The option {text} is unknown, and was left out.",
	command.ReasonProxy:         "{text}: requests do not go through a proxy of the job.",
	command.ReasonCertificate:   "{text}: client certificates and certificate authorities are kept in the settings of the account, under TLS.",
	command.ReasonResolve:       "{text}: the service looks up host names and chooses addresses by itself.",
	command.ReasonAuthScheme:    "{text}: only Basic authentication and Authorization headers are possible.",
	command.ReasonPassword:      "{text}: the password is missing. Add it to the job.",
	command.ReasonMethod:        "The method {text} is not possible. GET was chosen instead.",
	command.ReasonGlob:          "“{text}” is a pattern of several URLs. Make a job of each.",
	command.ReasonAmpersand:     "The URL ends at the first &, as a shell has it. Put the URL into quotation marks if the rest belongs to it.",
	command.ReasonBodyNotSent:   "The body was left out, since it is not sent with {text}. Choose another method if it is needed.",
	command.ReasonEmptyHeader:   "The header {text} has no value, and was left out.",
	command.ReasonNested:        "“{text}” is a nested field, but became a plain one. Write the body as JSON.",
	command.ReasonCondition:     "The condition “{text}” was left out: the job runs without it.",
	command.ReasonValue:         "The value of {text} is missing or cannot be read, and was left out.",
	command.ReasonZone:          "The time zone {text} is unknown. Choose another one.",

	command.ReasonOutput:         "“{text}”: responses are not written to files. The history of the job keeps them if you want that.",
	command.ReasonPipe:           "The response is not handed to {text}. Success criteria can look at it.",
	command.ReasonAfter:          "The job runs by its own schedule, not after the command before it.",
	command.ReasonConnectTimeout: "{text}: one timeout is for the whole request.",
	command.ReasonProtocol:       "{text}: the service chooses the version of the protocol.",
	command.ReasonCompression:    "{text} was left out, so that responses come uncompressed and can be read in the history.",
	command.ReasonOwnHeader:      "The header {text} was left out, since the service sets it.",
	command.ReasonConditional:    "The header {text} was left out, since targets answer it with 304 when nothing has changed.",
	command.ReasonLimit:          "The value of {text} was lowered to what is possible.",
	command.ReasonMail:           "MAILTO was left out. Channels tell you of failures.",

	command.ReasonSyntax:         "This is not a command that can be read: a quotation mark or a parenthesis may be missing.",
	command.ReasonOtherCommand:   "“{text}” sends no HTTP request. Only curl, wget, HTTPie, PowerShell and URLs can become jobs.",
	command.ReasonNoURL:          "{text} has no URL.",
	command.ReasonTooLong:        "The text is too long: 64 KB are possible.",
	command.ReasonTooMany:        "There is too much in the text: the rest was not read.",
	command.ReasonControlCommand: "“{text}” of a shell cannot become a job. Paste the commands inside it.",
}

// englishTaken says what was taken.
func englishTaken(t *command.Taken) string {
	switch t.Part {
	case command.PartMethod:
		return "the method " + t.Text
	case command.PartURL:
		return "the URL"
	case command.PartHeaders:
		return englishHeaders(t.Names)
	case command.PartBody:
		return "a body of " + englishBytes(int64(t.Number))
	case command.PartForm:
		return "a form with " + counted(t.Number, "field", "fields")
	case command.PartAuth:
		return "Basic authentication as " + t.Text
	case command.PartTimeout:
		return "a timeout of " + englishNumber(int64(t.Number), nounNone) + " s"
	case command.PartRetry:
		return counted(t.Number, "retry", "retries")
	case command.PartRedirects:
		return "up to " + counted(t.Number, "redirect", "redirects")
	case command.PartUnverified:
		return "no verification of certificates"
	case command.PartSchedule:
		return "the schedule"
	case command.PartZone:
		return "the time zone " + t.Text
	case command.PartTitle:
		return "the title"
	case command.PartOverlap:
		return "no two executions at once"
	}
	return ""
}

// counted is a number of things.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return englishNumber(int64(n), nounNone) + " " + many
}

// englishTook lists what was taken.
func englishTook(parts []command.Taken) string {
	words := make([]string, 0, len(parts))
	for i := range parts {
		words = append(words, englishTaken(&parts[i]))
	}
	return "Took " + enumerate(words, "and") + "."
}

// englishHeaders names a few headers.
func englishHeaders(names []string) string {
	const most = 4
	switch n := len(names); {
	case n == 1:
		return "the header " + names[0]
	case n <= most:
		return "the headers " + enumerate(names, "and")
	}
	return counted(len(names), "header", "headers") + " (" + strings.Join(names[:most], ", ") + " …)"
}
