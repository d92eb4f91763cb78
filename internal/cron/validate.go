package cron

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Accept takes a job that was edited, before being what it was (NewJob for a new one), for one that can be stored. It is
// the only place where a definition is normalised and validated, so that no caller can store what another one could not.
//
// It brings every value into the form in which it is stored: texts without spaces around them, durations and instants in
// whole seconds, numbers of notices at their least, and a URL with its scheme. A URL that was not edited stays as it is,
// since it may be from a time with other rules.
//
// The error is an *Error of kind Invalid with everything that is wrong; its problems point into the job as the API shows
// it ("/url", "/schedule/timezone"). Not looked at is what needs more than the job: its folder, the plan (see
// Schedule.CheckSpacing) and the addresses that the account may call.
func (j *Job) Accept(before *Job) error {
	var c Checker
	if j.Request.URL != before.Request.URL {
		normal, problem := NormalURL(j.Request.URL)
		if j.Request.URL = normal; problem.Rule != RuleNone {
			c.Add("/url", problem)
		}
	}
	j.normalize()
	j.check(&c)
	if err := c.Err(); err != nil {
		return err
	}
	if j.Timing.PausedUntil.IsZero() {
		j.Timing.PauseNote = ""
	}
	return nil
}

// normalize brings all values but the URL into the form in which they are stored.
func (j *Job) normalize() {
	j.Title = strings.TrimSpace(j.Title)
	j.Description = strings.TrimSpace(j.Description)
	j.Tags = distinctTags(j.Tags, MaxTags)
	j.normalizeChannels()
	j.Request.normalize()
	if j.SigningSecret = strings.TrimSpace(j.SigningSecret); j.SigningSecret == GenerateSigningSecret {
		j.SigningSecret = NewSigningSecret()
	}
	j.Schedule.Normalize()
	j.Timing.normalize()
	j.Policy.normalize()
	j.Exchange.normalize()
	j.Notification.normalize()
}

// check adds everything that is wrong with the definition.
func (j *Job) check(c *Checker) {
	j.Request.check(c)
	j.checkPlaceholders(c)
	if _, ok := signingKey(j.SigningSecret); !ok && j.SigningSecret != "" {
		c.Add("/signingSecret", Problem{Rule: RuleSigningSecret})
	}
	if j.Type != TypeDefault && j.Type != TypeMonitoring {
		c.unknown("/type", int(j.Type))
	}
	if j.Timeout < math.MinInt32 || j.Timeout > math.MaxInt32 {
		c.Add("/requestTimeout", OutOfRange(int64(j.Timeout), math.MinInt32, math.MaxInt32))
	}
	c.Line("/title", j.Title, MaxTitleLength)
	j.checkNotes(c)
	j.checkChannels(c)
	j.Schedule.Check(c, "/schedule")
	j.Timing.check(c)
	j.Policy.check(c)
	j.Exchange.check(c)
	j.Notification.check(c)
}

// normalize makes the least of what is less than the least, as the cron-job.org API does.
func (n *Notification) normalize() {
	n.SilencedUntil = WholeSeconds(n.SilencedUntil)
	n.OnFailureCount = max(n.OnFailureCount, 1)
	n.CertExpiryAhead = max(n.CertExpiryAhead.Truncate(time.Second), 0)
}

// check adds what is wrong with the notification.
func (n *Notification) check(c *Checker) {
	c.Instant("/silencedUntil", n.SilencedUntil)
	if n.OnFailureCount > math.MaxInt32 {
		c.Add("/notification/onFailureCount", OutOfRange(int64(n.OnFailureCount), 1, math.MaxInt32))
	}
	if seconds := int64(n.CertExpiryAhead / time.Second); seconds > math.MaxInt32 {
		c.Add("/notification/onSslCertExpirySeconds", OutOfRange(seconds, 0, math.MaxInt32))
	}
}

// Line adds what is wrong with a short text for people.
func (c *Checker) Line(pointer, text string, longest int) {
	if utf8.RuneCountInString(text) > longest {
		c.Add(pointer, Problem{Rule: RuleTooLong, Limit: int64(longest), Unit: UnitCharacters})
	}
	if strings.ContainsRune(text, 0) {
		c.Add(pointer, Problem{Rule: RuleControlCharacter})
	}
	if !utf8.ValidString(text) {
		c.Add(pointer, Problem{Rule: RuleNotText})
	}
}

// Text adds what is wrong with a text of which nothing is expected but a length.
func (c *Checker) Text(pointer, text string, longest int) {
	switch {
	case len(text) > longest:
		c.Add(pointer, Problem{Rule: RuleTooLong, Limit: int64(longest), Unit: UnitBytes})
	case !utf8.ValidString(text):
		c.Add(pointer, Problem{Rule: RuleNotText})
	}
}

// Lines adds what is wrong with a text of several lines for people.
func (c *Checker) Lines(pointer, text string, longest int) {
	c.Text(pointer, text, longest)
	if strings.ContainsRune(text, 0) {
		c.Add(pointer, Problem{Rule: RuleControlCharacter})
	}
}

// Instant adds that an instant, which may be zero, is not one that the API can write in Unix seconds.
func (c *Checker) Instant(pointer string, t time.Time) {
	if n := t.Unix(); !t.IsZero() && (n < 1 || n > lastInstant) {
		c.Add(pointer, OutOfRange(n, 0, lastInstant))
	}
}

// Choice adds that n is not one of the first few numbers, which are those of choices.
func (c *Checker) Choice(pointer string, n, choices int) {
	if n < 0 || n >= choices {
		c.unknown(pointer, n)
	}
}

// WholeSeconds is an instant in the form in which those of a job are stored: UTC, and zero for none.
func WholeSeconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}
