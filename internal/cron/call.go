package cron

import "time"

// Call is one HTTP exchange to be made.
type Call struct {
	AccountID       int64
	Request         Request
	Now             time.Time // that the placeholders of the request are filled in with
	Timeout         time.Duration
	MaxResponse     int64 // bytes of headers and body together; more is StatusTooMuchData
	RedirectSuccess bool  // 301, 302, 303, 307 and 308 count as success
	SaveResponse    bool
	Exchange        Exchange
	TLS             *AccountTLS // nil for an account that has none
	Access          Access      // the account's
}

// Material is what an account adds to the calls of its jobs.
type Material struct {
	TLS     *AccountTLS // nil when it has none
	Access  Access
	Secrets map[string]string // values by name, of those that the job names and the account has; read-only, nil for most jobs
}

// Call is what a job sends at the given time, under the plan and with the material of its account. It is the only place
// where a job becomes an HTTP exchange.
func (j *Job) Call(p *Plan, m Material, now time.Time) Call {
	return Call{
		AccountID:       j.AccountID,
		Request:         j.Request,
		Now:             now,
		Timeout:         j.timeout(p),
		MaxResponse:     p.MaxResponse,
		RedirectSuccess: j.RedirectSuccess,
		SaveResponse:    j.SaveResponses,
		Exchange:        j.Exchange,
		TLS:             m.TLS,
		Access:          m.Access,
	}
}

// timeout is the time that an execution may take.
func (j *Job) timeout(p *Plan) time.Duration {
	if j.Timeout < 1 {
		return p.DefaultTimeout
	}
	return min(time.Duration(j.Timeout)*time.Second, p.MaxTimeout)
}
