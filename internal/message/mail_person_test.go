package message

import (
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// mailsWith are all mails to people, with an argument wherever other people choose the text.
func mailsWith(c *Catalogue, chosen, link string) map[mailKind]Mail {
	const to = "jane@example.com"
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	return map[mailKind]Mail{
		mailTest:            c.TestMail(to),
		mailInvitation:      c.InvitationMail(to, chosen, chosen, cron.RoleEditor, at, link),
		mailChannel:         c.ChannelMail(to, chosen, link),
		mailSignUp:          c.SignUpMail(to, link),
		mailKnown:           c.KnownMail(to, link),
		mailLostPassword:    c.LostPasswordMail(to, link),
		mailNewEmail:        c.NewEmailMail(to, link),
		mailEmailAsked:      c.EmailAskedMail(to, chosen, link),
		mailEmailChanged:    c.EmailChangedMail(to, chosen),
		mailPasswordChanged: c.PasswordChangedMail(to),
		mailSignInAdded:     c.SignInAddedMail(to, MethodPasskey, chosen),
		mailSignInRemoved:   c.SignInRemovedMail(to, MethodIdentity, chosen),
		mailPasskeyCopied:   c.PasskeyCopiedMail(to, chosen),
		mailKeyLives:        c.KeysLiveMail(to, chosen, chosen, []string{chosen, chosen}),
		mailDeletion:        c.DeletionMail(to, chosen, at),
		mailKept:            c.KeptMail(to, chosen),
		mailSubscribe:       c.SubscribeMail(to, chosen, link),
		mailSubscribed:      c.SubscribedMail(to, chosen, link),
		mailIncident:        c.StatusMail(to, statusDelivery(chosen, statuspage.NoticeUpdated, at), link, link),
		mailMaintenance:     c.StatusMail(to, statusDelivery(chosen, statuspage.NoticeSoon, at), link, link),
	}
}

// statusDelivery is a notice with a text wherever people choose one that is to be on one line.
func statusDelivery(chosen string, kind statuspage.NoticeKind, at time.Time) *statuspage.Delivery {
	return &statuspage.Delivery{Components: []string{chosen, chosen}, Page: statuspage.Page{Title: chosen, Timezone: "UTC"},
		Notice: statuspage.Notice{Kind: kind, Title: chosen, Text: "We look into it.", Start: at, End: at.Add(time.Hour), Created: at}}
}

// TestStatusMail words every kind of notice, with the text of the update as it is.
func TestStatusMail(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for kind := statuspage.NoticePublished; int(kind) < statuspage.NoticeKindCount; kind++ {
		for _, c := range Languages() {
			d := statusDelivery("Acme", kind, at)
			d.Notice.Text, d.Page.Timezone = "We *look* into it.\r\n\r\n- one\x00\n- two", "Europe/Berlin"
			m := c.StatusMail("jane@example.com", d, "https://cron.example.com/status/acme", "https://cron.example.com/x")
			if m.Sender != "Acme" || m.Unsubscribe != "https://cron.example.com/x" || !strings.HasPrefix(m.Subject, "Acme: ") ||
				!strings.Contains(m.Text, "\n\nWe *look* into it.\n\n- one\n- two\n\n") || !strings.Contains(m.Text, "04:0") {
				t.Errorf("%s, %s: %+v", c.Tag, kind, m)
			}
			d.Notice.Text, d.Components = "", nil
			if m := c.StatusMail("jane@example.com", d, "", "https://cron.example.com/x"); strings.Contains(m.Text, "\n\n\n") {
				t.Errorf("%s, %s without a text: %q", c.Tag, kind, m.Text)
			}
		}
	}
}

// TestMailsHaveTheirArguments looks for a mail of each kind in each language, with everything that it tells.
func TestMailsHaveTheirArguments(t *testing.T) {
	for _, c := range Languages() {
		mails := mailsWith(c, "somebody", "https://cron.example.com/console/x/y")
		if len(mails) != int(mailKinds) || len(c.mailTexts) != int(mailKinds) || len(c.methods) != int(MethodIdentity)+1 {
			t.Errorf("%s has %d mails, %d of them tried, want %d", c.Tag, len(c.mailTexts), len(mails), mailKinds)
		}
		for kind, m := range mails {
			text := c.mailTexts[kind]
			if m.To != "jane@example.com" || m.Subject == "" || !strings.HasSuffix(m.Text, "\n") {
				t.Errorf("%s: mail %d is %+v", c.Tag, kind, m)
			}
			if strings.ContainsAny(m.Subject+m.Text, "{}[]|") || strings.Contains(m.Text, "\n\n\n") || strings.Contains(m.Text, "  ") {
				t.Errorf("%s: mail %d has a gap: %q", c.Tag, kind, m.Text)
			}
			for _, name := range placeholders(text.text) {
				if want := map[string]string{"link": "https://cron.example.com/console/x/y\n", "time": "2030-01-02 03:04 UTC",
					"role": "editor"}[name]; !strings.Contains(m.Text, want) {
					t.Errorf("%s: mail %d does not tell %s: %q", c.Tag, kind, name, m.Text)
				}
			}
		}
	}
}

// TestNobodyAddsLinesToAMail gives texts that people choose the shape of headers and of links on lines of their own.
func TestNobodyAddsLinesToAMail(t *testing.T) {
	hostile := "x\r\nBcc: all@example.com\n\nhttps://evil.example/\u2028y\u0085z" + strings.Repeat("!", 500)
	for _, c := range Languages() {
		plain := mailsWith(c, "x", "https://cron.example.com/")
		for kind, m := range mailsWith(c, hostile, "https://cron.example.com/") {
			if strings.ContainsAny(m.Subject, "\r\n\u2028\u0085") || strings.ContainsAny(m.Text, "\r\u2028\u0085") ||
				strings.Count(m.Text, "\n") != strings.Count(plain[kind].Text, "\n") {
				t.Errorf("%s: mail %d is %q, %q", c.Tag, kind, m.Subject, m.Text)
			}
			if len(m.Text) > len(plain[kind].Text)+3*4*maxGiven {
				t.Errorf("%s: mail %d has %d bytes", c.Tag, kind, len(m.Text))
			}
		}
	}
}

func TestMailsWithoutAName(t *testing.T) {
	for _, c := range Languages() {
		for _, m := range []Mail{
			c.InvitationMail("jane@example.com", "", "a", cron.RoleViewer, time.Time{}, "https://cron.example.com/"),
			c.SignInAddedMail("jane@example.com", MethodPasskey, ""),
			c.SignInAddedMail("jane@example.com", MethodIdentity, ""),
		} {
			if strings.ContainsAny(m.Text, "{}[]|\"") || strings.HasPrefix(m.Text, " ") {
				t.Errorf("%s: %q", c.Tag, m.Text)
			}
		}
	}
}
