package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"punctual/internal/cron"
)

// badgeTokenLength is the length of a token in bytes before encoding.
const badgeTokenLength = 8

// BadgeTokens returns the tokens for the URLs of a job's badges, one for each of the given parts. Anyone who has a
// token can see the badge.
func (s *Service) BadgeTokens(ctx context.Context, actor cron.Actor, jobID int64, parts []cron.BadgeParts) ([]string, error) {
	if err := s.allow(&actor, UseGetBadge); err != nil {
		return nil, err
	}
	if _, err := s.store.Job(ctx, actor.Account.ID, jobID); err != nil {
		return nil, err
	}
	tokens := make([]string, len(parts))
	for i := range parts {
		tokens[i] = s.badgeToken(actor.Account.ID, jobID, parts[i])
	}
	return tokens, nil
}

// badgeToken returns the token for a badge: an HMAC, so only the service can make it.
func (s *Service) badgeToken(accountID, jobID int64, parts cron.BadgeParts) string {
	code := hmac.New(sha256.New, s.badgeKey)
	_, _ = fmt.Fprintf(code, "account %d, job %d, parts %d", accountID, jobID, parts) // never fails
	return hex.EncodeToString(code.Sum(nil)[:badgeTokenLength])
}

// Badge reads a job for its public badge. The token is the authorization: with a wrong one the job is not found.
func (s *Service) Badge(ctx context.Context, jobID int64, token string, parts cron.BadgeParts) (cron.JobRecord, error) {
	job, err := s.store.ListedJob(ctx, jobID)
	if err != nil {
		return cron.JobRecord{}, err
	}
	if !parts.Valid() || !hmac.Equal([]byte(token), []byte(s.badgeToken(job.AccountID, job.ID, parts))) {
		return cron.JobRecord{}, cron.Missing(cron.SubjectJob)
	}
	return job, nil
}
