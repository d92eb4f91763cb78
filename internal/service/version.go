package service

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"punctual/internal/cron"
)

// versionLength is how many bytes of the code a version has.
const versionLength = 16

// Version names the definition of a job as it stands. It changes with everything that an edit can change, and with
// nothing that executions leave behind. It tells nothing of the secrets in the job to whoever may not read them.
func (s *Service) Version(job *cron.Job) string {
	definition := *job
	definition.Created, definition.Updated, definition.Timing.RunAtPassed = time.Time{}, time.Time{}, false
	code := hmac.New(sha256.New, s.versionKey)
	_ = json.NewEncoder(code).Encode(&definition) // plain data of finite numbers, which always goes
	return hex.EncodeToString(code.Sum(nil)[:versionLength])
}

// A Precondition tells whether a job may be changed that stands at the given version. Nil allows it always.
type Precondition func(version string) bool

// check is an error of kind PreconditionFailed when the job is no longer as the caller knows it.
func (s *Service) check(only Precondition, job *cron.Job) error {
	if only != nil && !only(s.Version(job)) {
		return &cron.Error{Kind: cron.PreconditionFailed, Subject: cron.SubjectJob}
	}
	return nil
}
