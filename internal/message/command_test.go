package message_test

import (
	"strings"
	"testing"
	"time"

	"punctual/internal/command"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// TestCommandSentences words every reason, and everything that can be taken of a command.
func TestCommandSentences(t *testing.T) {
	c := message.Default()
	unknown := c.Note(command.Note{Text: "x"})
	for r := command.ReasonNone + 1; r <= command.ReasonControlCommand; r++ {
		switch sentence := c.Note(command.Note{Reason: r, Text: "THIS"}); {
		case r == command.ReasonCrontab:
		case sentence == unknown, !strings.HasSuffix(sentence, "."), strings.Contains(sentence, "{"):
			t.Errorf("reason %d: %q", r, sentence)
		}
	}
	e := &cron.CrontabError{Field: cron.FieldHour, Text: "25", Reason: cron.CrontabRange, Max: 23}
	if got := c.Unread(&command.Unread{Reason: command.ReasonCrontab, Crontab: e}); !strings.Contains(got, "25") {
		t.Errorf("a wrong crontab line: %q", got)
	}
	if got := c.Note(command.Note{Reason: command.ReasonGlob, Text: "https://bob:s3cret@a.example/[1-2]"}); strings.Contains(got, "s3cret") {
		t.Errorf("a secret: %q", got)
	}
	took := c.Took([]command.Taken{{Part: command.PartURL}, {Part: command.PartMethod, Text: "POST"}, {Part: command.PartHeaders, Names: []string{"A", "B"}},
		{Part: command.PartBody, Number: 1204}, {Part: command.PartAuth, Text: "bob"}, {Part: command.PartRetry, Number: 1}})
	if want := "Took the URL, the method POST, the headers A and B, a body of 1204 bytes, Basic authentication as bob and 1 retry."; took != want {
		t.Errorf("%q, want %q", took, want)
	}
	for p := command.PartMethod; p <= command.PartOverlap; p++ {
		if got := c.Took([]command.Taken{{Part: p, Text: "x", Number: 7, Names: []string{"A", "B", "C", "D", "E"}}}); got == "Took ." {
			t.Errorf("part %d has no words", p)
		}
	}
}

func TestUnsentMails(t *testing.T) {
	c, until := message.Default(), time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for got, want := range map[string]string{
		c.MailUnsent("a@example.org", "The server is away.", until):  "The mail to a@example.org is not sent yet; a running punctual serve tries until 2030-01-02 02:04 (UTC). The server is away.",
		c.MailUnsent("a@example.org", "", until):                     "The mail to a@example.org is not sent yet; a running punctual serve tries until 2030-01-02 02:04 (UTC).",
		c.MailUnsent("a@example.org", "It is refused.", time.Time{}): "The mail to a@example.org was not sent, and is not tried again. It is refused.",
		c.MailUnsent("a@example.org", "", time.Time{}):               "Tell a@example.org yourself: no mail was sent, because this command has no mail server. Give it --smtp and --mail-from, as punctual serve has them.",
	} {
		if got != want {
			t.Errorf("it says %q", got)
		}
	}
}
