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
	j.Exchange.FollowRedirects = 3
	m := Material{TLS: NewAccountTLS(TLSMaterial{Roots: "x"}), Access: AccessGlobal}
	plan := Plan{DefaultTimeout: 30 * time.Second, MaxTimeout: time.Minute, MaxResponse: 1000}
	v := reflect.ValueOf(j.Call(&plan, m, time.Unix(1, 0)))
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("a call has no %s", v.Type().Field(i).Name)
		}
	}
	for given, want := range map[int]time.Duration{
		DefaultTimeout: 30 * time.Second, 0: 30 * time.Second, -5: 30 * time.Second, 1: time.Second, 60: time.Minute,
		61: time.Minute, 1 << 31: time.Minute,
	} {
		j.Timeout = given
		if got := j.Call(&plan, m, time.Now()).Timeout; got != want {
			t.Errorf("the timeout of %d is %v, want %v", given, got, want)
		}
	}
}
