package command

import (
	"errors"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// isCrontabStart reports whether a line begins as a line of a crontab with a schedule. A line that is nothing but an address
// begins with a digit, too, but has no spaces.
func isCrontabStart(line string) bool {
	for _, variable := range [...]string{"CRON_TZ=", "TZ="} {
		if rest, ok := strings.CutPrefix(line, variable); ok {
			_, rest, _ = strings.Cut(rest, " ")
			line = strings.TrimSpace(rest)
		}
	}
	return line != "" && strings.ContainsAny(line[:1], "0123456789*@") && (strings.ContainsAny(line, " \t") || line[0] == '@')
}

// crontabLine reads a schedule with a command.
func (r *reader) crontabLine(line int, text, above string) {
	schedule, command, err := cutSchedule(text)
	if err != nil {
		r.unread(Unread{Line: line, Reason: ReasonCrontab, Text: clip(text), Crontab: err})
		return
	}
	about := draft{schedule: &schedule, zone: schedule.Timezone, title: r.titleOf(above)}
	if about.zone == "" {
		about.zone = r.zone
		if r.badZone != "" {
			about.note(ReasonZone, r.badZone)
		}
	}
	if schedule.Timezone == "" && r.zone != "" {
		r.source = "CRON_TZ=" + r.zone + " " + r.source
	}
	command, stdin := cutPercent(command)
	if command == "" {
		about.line, about.source = line, r.source
		r.result.Entries = append(r.result.Entries, about.entry())
		return
	}
	r.crontabCommand(line, withoutUser(command), stdin, about)
}

// withoutUser takes the user off the command of a line of /etc/crontab. A word is one if it is a common name of a user, or if
// only the word behind it is a program that is known.
func withoutUser(command string) string {
	user, rest := cutField(command)
	if rest == "" || strings.Trim(user, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return command
	}
	program, _ := cutField(rest)
	if slices.Contains(systemUsers, user) || !isKnownProgram(user) && isKnownProgram(program) {
		return rest
	}
	return command
}

// isKnownProgram reports whether a word is a program that is understood.
func isKnownProgram(word string) bool {
	name := baseName(word)
	_, isPrefix := shellPrefixes[name]
	return toolOf(word) != ToolNone || isPrefix || isShell(name) || isIdle(name) || isURL(word)
}

// systemUsers are names that are those of users and not of programs.
var systemUsers = []string{"root", "www-data", "nobody", "daemon", "apache", "nginx", "ubuntu"}

// crontabCommand reads the command of a line.
func (r *reader) crontabCommand(line int, command string, stdin *string, about draft) {
	if isPlainURL(command) {
		r.call(&call{line: line, words: []string{command}, about: about})
		return
	}
	s := shell{reader: r, line: line, about: about, stdin: stdin}
	s.all(command)
}

// cutSchedule cuts the schedule off a line.
func cutSchedule(text string) (cron.Schedule, string, *cron.CrontabError) {
	schedule, err := cron.ParseCrontab(text)
	if err == nil {
		return schedule, "", nil
	}
	e, _ := errors.AsType[*cron.CrontabError](err)
	if e == nil || e.Reason != cron.CrontabCommand {
		return schedule, "", e
	}
	rest, zone := text, ""
	if word, behind := cutField(text); strings.HasPrefix(word, "CRON_TZ=") || strings.HasPrefix(word, "TZ=") {
		_, zone, _ = strings.Cut(word, "=")
		rest = behind
	}
	for range strings.Fields(e.Instead) {
		_, rest = cutField(rest)
	}
	schedule, err = cron.ParseCrontab(e.Instead)
	if err != nil {
		e, _ = errors.AsType[*cron.CrontabError](err)
		return schedule, "", e
	}
	schedule.Timezone = zone
	return schedule, rest, nil
}

// cutField cuts the first field of a line off.
func cutField(text string) (field, rest string) {
	text = strings.TrimSpace(text)
	end := strings.IndexAny(text, " \t")
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimSpace(text[end:])
}

// cutPercent cuts the standard input off a command, as cron does: it begins behind the first % without a backslash, and every
// further one ends a line (crontab(5)).
func cutPercent(command string) (string, *string) {
	var b strings.Builder
	var program *string
	for i := 0; i < len(command); i++ {
		switch {
		case command[i] == '\\' && i+1 < len(command) && command[i+1] == '%':
			i++
			b.WriteByte('%')
		case command[i] == '%' && program == nil && !isPlaceholder(command[i:]):
			text := b.String()
			program = &text
			b.Reset()
		case command[i] == '%' && !isPlaceholder(command[i:]):
			b.WriteByte('\n')
		case command[i] == '%':
			end := strings.IndexByte(command[i+1:], '%') + i + 2
			b.WriteString(command[i:end])
			i = end - 1
		default:
			b.WriteByte(command[i])
		}
	}
	text := b.String()
	if program == nil {
		return strings.TrimSpace(text), nil
	}
	return strings.TrimSpace(*program), &text
}

// isPlaceholder reports whether a text begins with a placeholder of a job, as an export of jobs has it.
func isPlaceholder(text string) bool {
	for _, start := range [...]string{"%cjo:", "%secret:"} {
		if rest, ok := strings.CutPrefix(text, start); ok && strings.Contains(rest, "%") {
			return true
		}
	}
	return false
}

// setting reads a line that sets a variable for the lines below.
func (r *reader) setting(line int, text string) bool {
	name, value, ok := strings.Cut(text, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || !isName(name) || len(value) > 1 && value[0] != '"' && value[0] != '\'' && strings.ContainsAny(value, " \t;&|`(") {
		return false
	}
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') {
		if value[n-1] != value[0] || strings.IndexByte(value[1:n-1], value[0]) >= 0 {
			return false
		}
		value = value[1 : n-1]
	}
	switch name {
	case "CRON_TZ", "TZ":
		r.zone, r.badZone = value, ""
		if _, err := cron.LoadZone(value); err != nil {
			r.zone, r.badZone = "", clip(value)
			r.unread(Unread{Line: line, Reason: ReasonZone, Text: clip(value)})
		}
	case "MAILTO":
		if n := (Note{ReasonMail, clip(value)}); value != "" && len(r.result.Notes) == 0 {
			r.result.Notes = append(r.result.Notes, n)
		}
	default:
		if strings.Contains(value, "$") {
			return false
		}
	}
	r.setVariable(name, value)
	return true
}
