package cron

import (
	"slices"
	"testing"
	"time"
)

// TestConcludeSilenced has a row for what a silence takes back, and for what follows when it is over.
func TestConcludeSilenced(t *testing.T) {
	expiry := concludeNow.Add(time.Hour)
	failed, ok := httpError, okResult
	certificate := ok
	certificate.CertExpiry = expiry
	type step struct {
		silenced bool
		result   Result
		told     []NoticeKind
	}
	told := func(kinds ...NoticeKind) []NoticeKind { return kinds }
	for _, test := range []struct {
		name  string
		job   func(*Job)
		steps []step
	}{
		{"failures that go on are told once", wantsAll, []step{{true, failed, nil}, {true, failed, nil}, {false, failed, told(NoticeFailure)},
			{false, failed, nil}, {false, ok, told(NoticeSuccess)}}},
		{"failures that are over are not", wantsAll, []step{{true, failed, nil}, {false, ok, nil}, {false, failed, told(NoticeFailure)}}},
		{"failures that end in a silence are not", wantsAll, []step{{true, failed, nil}, {true, ok, nil}, {false, ok, nil}}},
		{"a silence between the first failure and the one that is told", wantsAllAfter(2),
			[]step{{true, failed, nil}, {false, failed, told(NoticeFailure)}}},
		{"told before", wantsAll, []step{{false, failed, told(NoticeFailure)}, {true, failed, nil}, {false, failed, nil}, {false, ok, told(NoticeSuccess)}}},
		{"disabled meanwhile", wantsAll, []step{{true, failed, nil}, {true, failed, nil}, {true, failed, nil}, {true, failed, nil},
			{true, failed, nil}, {false, failed, told(NoticeFailure)}}},
		{"a certificate is told later", func(j *Job) { j.Notification = Notification{OnCertExpiry: true, CertExpiryAhead: 24 * time.Hour} },
			[]step{{true, certificate, nil}, {false, certificate, told(NoticeCertExpiry)}, {false, certificate, nil}}},
		{"nobody wants to be told", func(*Job) {}, []step{{true, failed, nil}, {false, failed, nil}, {false, ok, nil}}},
	} {
		j := NewJob()
		j.Enabled = true
		test.job(&j)
		var state JobState
		for i, step := range test.steps {
			c := Completion{Launch: Launch{Job: &j, Attempt: 1}, Result: step.result}
			end := Conclude(&j, state, &c, Plan{MaxFailures: 4}, concludeNow)
			if step.silenced {
				counted := end.State.Failures
				if end.Silence(&state); end.State.Failures != counted {
					t.Errorf("%s, step %d: the silence counts %d failures instead of %d", test.name, i, end.State.Failures, counted)
				}
			}
			if state = end.State; !slices.Equal(end.Notices, step.told) {
				t.Errorf("%s, step %d: told %v, want %v", test.name, i, end.Notices, step.told)
			}
		}
	}
}
