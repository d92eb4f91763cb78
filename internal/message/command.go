package message

import (
	"punctual/internal/command"
	"punctual/internal/cron"
)

// Took is a sentence about the parts of a command that became settings of a job.
func (c *Catalogue) Took(parts []command.Taken) string { return c.grammar.took(parts) }

// Note says what of a command could not be used, and what to do.
func (c *Catalogue) Note(n command.Note) string {
	return c.noteText(n.Reason, n.Text)
}

// Unread says why no job was made of a part of a text.
func (c *Catalogue) Unread(u *command.Unread) string {
	if u.Crontab != nil {
		return c.Problem(cron.Problem{Rule: cron.RuleCrontab, Crontab: u.Crontab})
	}
	return c.noteText(u.Reason, u.Text)
}

func (c *Catalogue) noteText(r command.Reason, text string) string {
	sentence, ok := c.commands[r]
	if !ok {
		sentence = c.commands[command.ReasonNone]
	}
	if r == command.ReasonGlob {
		text = cron.MaskURL(text)
	}
	return fill(sentence, func(name string) string {
		if name == "text" {
			return text
		}
		return ""
	})
}
