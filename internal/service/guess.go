package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
)

// Failed sign-ins are counted in the database, by the network that they come from, by the e-mail address, and by both:
//
//	reserve ── every limit has room ──▶ the work (Argon2id) ──┬─ right ──▶ give back
//	   └────── one has none: 429                              └─ wrong: stays counted
//
// Counting before the work bounds guesses that are made at the same time. An e-mail address that nobody has is counted
// alike, so that nothing is learnt from being refused. Whoever has used up a limit costs a read and no write.
const (
	kindGuessNetwork     = 1101
	kindGuessNetworkHour = 1102
	kindGuessPair        = 1103
	kindGuessEmail       = 1104
	kindGuessCode        = 1105
	kindGuessCodeHour    = 1106
	kindGuessSite        = 1107
	kindMailNetwork      = 1111
	kindMailTo           = 1112
	kindMailAccount      = 1113
	kindMailPair         = 1114
	kindMailSite         = 1115
	kindInvited          = 1116
	kindFailureNoted     = 1121
	kindPersonal         = 1122
)

// subjectOf is what a limit counts, as 63 bits that tell nothing of it.
func (s *Service) subjectOf(parts ...string) int64 {
	code := hmac.New(sha256.New, s.guessKey)
	for _, p := range parts {
		_, _ = code.Write([]byte(p)) // never fails
		_, _ = code.Write([]byte{0})
	}
	return int64(binary.BigEndian.Uint64(code.Sum(nil)) >> 1)
}

// attempt is a try to sign in that is counted until it is given back.
type attempt struct {
	turn   int64
	limits []cron.RateLimit
	at     time.Time
}

// reserve counts an attempt. The error is of kind TooMany when there were too many failed ones.
func (s *Service) reserve(ctx context.Context, address netip.Addr, limits []cron.RateLimit) (*attempt, error) {
	a := &attempt{turn: -1 - s.subjectOf("turn", siteOf(address)), limits: limits, at: s.store.Now()}
	for i := range limits {
		l := &limits[i]
		used, err := s.store.Used(ctx, *l)
		if err != nil {
			return nil, err
		}
		if used >= l.Max {
			return nil, tooManyGuesses(l.Start(a.at).Add(l.Window).Sub(a.at))
		}
	}
	over, err := s.store.Count(ctx, a.turn, limits)
	if err != nil {
		return nil, err
	}
	if over.Wait > 0 {
		return nil, tooManyGuesses(over.Wait)
	}
	return a, nil
}

func tooManyGuesses(wait time.Duration) error {
	return &cron.Error{Kind: cron.TooMany, RetryAfter: wait, Problems: []cron.Problem{{Rule: cron.RuleGuesses}}}
}

// networkOf and siteOf are the networks of an address whose callers count as one.
func networkOf(address netip.Addr) string { return auth.NetworkOf(address).String() }
func siteOf(address netip.Addr) string    { return auth.SiteOf(address).String() }

// giveBack uncounts an attempt that was none at guessing. That it fails costs a person no more than one try.
func (s *Service) giveBack(ctx context.Context, a *attempt) {
	_ = s.store.Uncount(ctx, a.turn, a.limits, a.at)
}

// passwordLimits bound the guesses at a password.
func (s *Service) passwordLimits(address netip.Addr, email string) []cron.RateLimit {
	network := networkOf(address)
	return []cron.RateLimit{
		{Kind: kindGuessSite, Subject: s.subjectOf("site", siteOf(address)), Window: time.Hour, Max: 200},
		{Kind: kindGuessNetworkHour, Subject: s.subjectOf("network", network), Window: time.Hour, Max: 100},
		{Kind: kindGuessEmail, Subject: s.subjectOf("email", email), Window: time.Hour, Max: 50},
		{Kind: kindGuessPair, Subject: s.subjectOf("pair", network, email), Window: 15 * time.Minute, Max: 10},
		{Kind: kindGuessNetwork, Subject: s.subjectOf("network", network), Window: 10 * time.Minute, Max: 20},
	}
}

// personal is how many sign-ins and changes of people the audit log has of one person in an hour. Without a limit somebody who
// may change nothing else could push all other entries out of it.
const personal = 300

// countPersonal counts what a person does about people and sessions. The error is of kind TooMany after too much.
func (s *Service) countPersonal(ctx context.Context, personID int64) error {
	limit := []cron.RateLimit{{Kind: kindPersonal, Subject: personID, Window: time.Hour, Max: personal}}
	over, err := s.store.Count(ctx, -personID, limit)
	if err == nil && over.Wait > 0 {
		err = &cron.Error{Kind: cron.TooMany, RetryAfter: over.Wait}
	}
	return err
}

// codeLimits bound the guesses at the second factor of a person whose first one is known.
func (s *Service) codeLimits(personID int64) []cron.RateLimit {
	return []cron.RateLimit{
		{Kind: kindGuessCodeHour, Subject: personID, Window: time.Hour, Max: 30},
		{Kind: kindGuessCode, Subject: personID, Window: 5 * time.Minute, Max: 10},
	}
}

// mailLimits bound the mails that strangers cause. One network cannot use up what an address gets, so that whoever has it can
// still ask for a link.
func (s *Service) mailLimits(address netip.Addr, email string) []cron.RateLimit {
	return []cron.RateLimit{
		{Kind: kindMailSite, Subject: s.subjectOf("site", siteOf(address)), Window: time.Hour, Max: 60},
		{Kind: kindMailNetwork, Subject: s.subjectOf("network", networkOf(address)), Window: time.Hour, Max: 20},
		{Kind: kindMailTo, Subject: s.subjectOf("email", mailboxOf(email)), Window: time.Hour, Max: 20},
		{Kind: kindMailPair, Subject: s.subjectOf("pair", networkOf(address), mailboxOf(email)), Window: time.Hour, Max: 5},
	}
}

// mailboxOf is an address without a plus sign in its local part and what follows that: at many providers it leads to the same
// mailbox.
func mailboxOf(email string) string {
	at := strings.LastIndexByte(email, '@')
	name, _, _ := strings.Cut(email[:at], "+")
	return name + email[at:]
}
