package message_test

import (
	"strings"
	"testing"

	"punctual/internal/cron"
)

func TestEveryMailFaultHasASentence(t *testing.T) {
	for language, c := range catalogues() {
		for name, fault := range constants(t, "MailFault") {
			for _, reply := range []string{"", "550 no\r\nsuch person"} {
				s := c.Mail(&cron.MailError{Fault: cron.MailFault(fault), Server: "mail.example.com:587", To: "jane@example.org", Reply: reply})
				checkSentence(t, language+" "+name, s)
				if !strings.Contains(s, "mail.example.com:587") || strings.ContainsAny(s, "\r\n") {
					t.Errorf("%s %s reads %q", language, name, s)
				}
				if fault != int(cron.MailUnknown) && s == c.Mail(&cron.MailError{Server: "mail.example.com:587", To: "jane@example.org"}) {
					t.Errorf("%s has no sentence for %s", language, name)
				}
			}
		}
	}
}
