package service

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"punctual/internal/cron"
)

// versionLength is the length of a version in bytes before encoding.
const versionLength = 16

// Version identifies the current definition of a job. It changes with every edit and not with executions. It is an
// HMAC, so it reveals nothing about the secrets in the job.
func (s *Service) Version(job *cron.Job) string {
	definition := *job
	definition.Created, definition.Updated, definition.Timing.RunAtPassed = time.Time{}, time.Time{}, false
	definition.CreatedBy, definition.UpdatedBy = cron.Author{}, cron.Author{}
	code := hmac.New(sha256.New, s.versionKey)
	_ = json.NewEncoder(code).Encode(&definition) // plain data, which can always be encoded
	return hex.EncodeToString(code.Sum(nil)[:versionLength])
}

// A Precondition tells whether a job with the given version may be changed. Nil always allows it.
type Precondition func(version string) bool

// check returns an error of kind PreconditionFailed when the job does not meet the precondition.
func (s *Service) check(only Precondition, job *cron.Job) error {
	if only != nil && !only(s.Version(job)) {
		return &cron.Error{Kind: cron.PreconditionFailed, Subject: cron.SubjectJob}
	}
	return nil
}
