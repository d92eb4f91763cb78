package cron

import (
	"reflect"
	"testing"
	"time"
)

// TestCallHasAllOfAJob fills in every field of a call, and compares timeouts with what plans allow.
func TestCallHasAllOfAJob(t *testing.T) {
	j := NewJob()
	j.AccountID, j.Request.URL, j.RedirectSuccess, j.SaveResponses = 7, "http://a.test/", true, true
	j.ID, j.Title, j.Traceparent, j.SigningSecret = 8, "title", true, NewSigningSecret()
	j.Exchange.FollowRedirects, j.Policy.Delivery = 3, AtLeastOnce
	m := Material{TLS: NewAccountTLS(TLSMaterial{Roots: "x"}), Access: AccessGlobal, Installation: [16]byte{1},
		Secrets: map[string]string{"A": "b"}}
	plan := Plan{DefaultTimeout: 30 * time.Second, MaxTimeout: time.Minute, MaxResponse: 1000}
	v := reflect.ValueOf(j.Call(&plan, m, Attempt{Execution: 1}, time.Unix(1, 0)))
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "Literal" { // which a job never is
			t.Errorf("a call has no %s", name)
		}
	}
	for given, want := range map[int]time.Duration{
		DefaultTimeout: 30 * time.Second, 0: 30 * time.Second, -5: 30 * time.Second, 1: time.Second, 60: time.Minute,
		61: time.Minute, 1 << 31: time.Minute,
	} {
		j.Timeout = given
		if got := j.Call(&plan, m, Attempt{}, time.Now()).Timeout; got != want {
			t.Errorf("the timeout of %d is %v, want %v", given, got, want)
		}
	}
}
