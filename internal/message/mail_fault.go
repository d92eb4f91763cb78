package message

import "punctual/internal/cron"

// Mail says why a mail could not be sent, and what to do. What the server said is quoted.
func (c *Catalogue) Mail(e *cron.MailError) string {
	sentence, ok := c.mails[e.Fault]
	if !ok {
		sentence = c.mails[cron.MailUnknown]
	}
	return fill(sentence, func(name string) string {
		switch name {
		case "server":
			return e.Server
		case "given":
			return clip(e.To)
		case "quoted":
			if e.Reply == "" {
				return ""
			}
			return quote(e.Reply)
		}
		return ""
	})
}
