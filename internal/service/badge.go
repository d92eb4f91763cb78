package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"punctual/internal/badge"
	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Badges are public: whoever knows an address sees what it shows, and nothing else. The original ones of cron-job.org have a token for a job and
// the parts shown; the others are those of package badge. Renewing the addresses of a job ends both.

// badgeTokenLength is the length of a token in bytes before encoding.
const badgeTokenLength = 8

// BadgeTokens returns the tokens for the URLs of a job's original badges, one for each of the given parts.
func (s *Service) BadgeTokens(ctx context.Context, actor cron.Actor, jobID int64, parts []cron.BadgeParts) ([]string, error) {
	if err := s.allow(&actor, UseGetBadge); err != nil {
		return nil, err
	}
	renewals, err := s.store.BadgeRenewals(ctx, actor.Account.ID, jobID)
	if err != nil {
		return nil, err
	}
	tokens := make([]string, len(parts))
	for i := range parts {
		tokens[i] = s.badgeToken(actor.Account.ID, jobID, renewals, parts[i])
	}
	return tokens, nil
}

// badgeToken returns the token for an original badge: an HMAC, so only the service can make it.
func (s *Service) badgeToken(accountID, jobID, renewals int64, parts cron.BadgeParts) string {
	code := hmac.New(sha256.New, s.badgeKey)
	_, _ = fmt.Fprintf(code, "account %d, job %d, parts %d", accountID, jobID, parts) // never fails
	if renewals > 0 {
		_, _ = fmt.Fprintf(code, ", renewals %d", renewals)
	}
	return hex.EncodeToString(code.Sum(nil)[:badgeTokenLength])
}

// Badge reads a job for an original badge. The token is the authorization: with a wrong one the job is not found, and neither is a job of an
// account that is disabled.
func (s *Service) Badge(ctx context.Context, jobID int64, token string, parts cron.BadgeParts) (cron.JobRecord, error) {
	job, renewals, err := s.store.PublicJob(ctx, jobID)
	if err != nil {
		return cron.JobRecord{}, err
	}
	if !parts.Valid() || !hmac.Equal([]byte(token), []byte(s.badgeToken(job.AccountID, job.ID, renewals, parts))) {
		return cron.JobRecord{}, cron.Missing(cron.SubjectJob)
	}
	return job, nil
}

// JobBadgePath is the path below which the badges of a job are, each with the name that badge.Name makes.
func (s *Service) JobBadgePath(ctx context.Context, actor cron.Actor, jobID int64) (string, error) {
	if err := s.allow(&actor, UseGetBadge); err != nil {
		return "", err
	}
	renewals, err := s.store.BadgeRenewals(ctx, actor.Account.ID, jobID)
	if err != nil {
		return "", err
	}
	return s.badges.JobPath(jobID, renewals), nil
}

// RenewJobBadge gives the badges of a job other addresses, the original ones too. Those that people know end within seconds.
func (s *Service) RenewJobBadge(ctx context.Context, actor cron.Actor, jobID int64) error {
	if err := s.allow(&actor, UseRenewBadge); err != nil {
		return err
	}
	return s.store.RenewJobBadge(ctx, actor.Account.ID, jobID, func(ctx context.Context, title string) error {
		return s.note(ctx, &actor, cron.AuditEntry{Action: actJobBadge, Object: objectJob, ObjectID: jobID, Title: title})
	})
}

// PageBadgePath is the path below which the badges of a component of a status page are, or those of the page when componentID is 0. It has a
// token unless everybody may read the page.
func (s *Service) PageBadgePath(p *statuspage.Page, componentID int64) string {
	return s.badges.PagePath(p.Slug, p.ID, componentID, p.BadgeRenewals, p.Open())
}

// RenewPageBadges gives the badges of a page other tokens. Addresses without a token stay.
func (s *Service) RenewPageBadges(ctx context.Context, actor cron.Actor, pageID int64) error {
	if err := s.allow(&actor, UseRenewPageBadges); err != nil {
		return err
	}
	return s.store.RenewPageBadges(ctx, actor.Account.ID, pageID, func(ctx context.Context, title string) error {
		return s.note(ctx, &actor, cron.AuditEntry{Action: actPageBadges, Object: objectStatusPage, ObjectID: pageID, Title: title})
	})
}

// BadgeJob is a job of any account as badges show it, for whoever has proved to know their address. The error is of kind NotFound when there is
// none, or its account is disabled.
func (s *Service) BadgeJob(ctx context.Context, jobID int64) (badge.Job, error) {
	rec, renewals, err := s.store.PublicJob(ctx, jobID)
	if err != nil {
		return badge.Job{}, err
	}
	return badge.Job{ID: jobID, AccountID: rec.AccountID, Renewals: renewals, Enabled: rec.Enabled, State: rec.State}, nil
}

// BadgeRuns is how the runs of a job went in a time until now, by whole hours. It counts as a call of the account.
func (s *Service) BadgeRuns(ctx context.Context, accountID, jobID int64, m badge.Metric) (badge.Runs, error) {
	now := s.store.Now().UTC()
	stats, err := s.store.Stats(ctx, accountID, &cron.StatsQuery{JobID: jobID, From: now.Add(-m.Span()).Truncate(time.Hour),
		To: now.Truncate(time.Hour).Add(time.Hour), Counts: m.IsUptime()})
	if err != nil {
		return badge.Runs{}, err
	}
	var all cron.Tally
	for i := range stats.Hours {
		all.Merge(&stats.Hours[i].Tally)
	}
	return badge.Runs{Succeeded: all.Occurrences[cron.OutcomeSucceeded], Failed: all.Occurrences[cron.OutcomeFailed],
		Timed: all.Duration.Count(), Median: all.Duration.Quantile(0.5)}, nil
}

// StatusBadge is what the runs of a component tell for a badge, or those of all components of the page when componentID is 0.
func (s *Service) StatusBadge(ctx context.Context, accountID, pageID, componentID int64, m badge.Metric) (r badge.Runs, err error) {
	if m == badge.ResponseTime {
		taken, err := s.store.StatusDurations(ctx, accountID, pageID, componentID, s.store.Now().Add(-m.Span()))
		return badge.Runs{Timed: taken.Count(), Median: taken.Quantile(0.5)}, err
	}
	r.Runs, err = s.store.StatusRuns(ctx, accountID, pageID, componentID)
	return r, err
}
