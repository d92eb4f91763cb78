package cron

import "time"

// Call is one HTTP exchange to be made.
type Call struct {
	AccountID       int64
	JobID           int64  // 0 for a job that is not stored
	Title           string // of the job
	Attempt         Attempt
	Installation    [16]byte
	Request         Request           // with placeholders (see Call.Expand)
	Secrets         map[string]string // values by name, that Request refers to; nil for none
	Now             time.Time
	Timeout         time.Duration
	MaxResponse     int64 // bytes of headers and body together; more is StatusTooMuchData
	RedirectSuccess bool  // 301, 302, 303, 307 and 308 count as success
	SaveResponse    bool
	Exchange        Exchange
	Repeatable      bool        // an occurrence of the job may have several attempts
	Traceparent     bool        // see Job
	SigningSecret   string      // see Job
	TLS             *AccountTLS // nil for an account that has none
	Access          Access      // the account's
	Literal         bool        // Request has no placeholders, and does not say which execution it belongs to: a message to a channel
}

// Attempt is what a call is made for.
type Attempt struct {
	Execution int64 // the ID of the execution or, with Test, of the test run
	Test      bool
	Planned   time.Time // the occurrence; the start of a test run
	Kind      Kind
	Number    int // 1 is the first attempt at the occurrence
}

// Material is what the calls of a job need besides the job and the plan.
type Material struct {
	TLS          *AccountTLS       // nil when the account has none
	Access       Access            // the account's
	Installation [16]byte          // random, the same for all nodes
	Secrets      map[string]string // values of the account's secrets by name; only those of Request.SecretNames, nil for none
}

// Call is what a job sends at the given time, under the plan and with the material of its account. It is the only place
// where a job becomes an HTTP exchange.
func (j *Job) Call(p *Plan, m Material, a Attempt, now time.Time) Call {
	return Call{
		AccountID:       j.AccountID,
		JobID:           j.ID,
		Title:           j.Title,
		Attempt:         a,
		Installation:    m.Installation,
		Request:         j.Request,
		Secrets:         m.Secrets,
		Now:             now,
		Timeout:         j.EffectiveTimeout(p),
		MaxResponse:     p.MaxResponse,
		RedirectSuccess: j.RedirectSuccess,
		SaveResponse:    j.SaveResponses,
		Exchange:        j.Exchange,
		Repeatable:      j.Policy.Retry.Count > 0 || j.Policy.Delivery == AtLeastOnce,
		Traceparent:     j.Traceparent,
		SigningSecret:   j.SigningSecret,
		TLS:             m.TLS,
		Access:          m.Access,
	}
}

// EffectiveTimeout is the time that an execution may take.
func (j *Job) EffectiveTimeout(p *Plan) time.Duration {
	if j.Timeout < 1 {
		return p.DefaultTimeout
	}
	return min(time.Duration(j.Timeout)*time.Second, p.MaxTimeout)
}
