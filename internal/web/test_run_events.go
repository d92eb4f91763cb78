package web

import (
	"log/slog"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/eventstream"
	"punctual/internal/service"
)

// testLook is the time between looks at a test run that is followed.
const testLook = 250 * time.Millisecond

// testEvent tells a page that a test run has changed.
type testEvent struct {
	State string `json:"state"`
	Phase string `json:"phase,omitempty"`
}

// followTest tells a page each time that a test run has changed, until it is finished.
func followTest(v *visit) error {
	follower, err := v.web.service.FollowTestRun(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	defer follower.Close()
	s := eventstream.New(v.w)
	defer func() { _ = s.LimitWrite() }() // for the end of the response
	v.streamTest(s, follower)
	return nil
}

// streamTest sends until the test run is finished or deleted, the browser is gone or stalls, its session has ended or looks at another
// account, or the service stops.
func (v *visit) streamTest(s *eventstream.Stream, follower *service.TestRunFollower) {
	look, heartbeat := time.NewTicker(testLook), time.NewTicker(eventstream.Heartbeat)
	defer look.Stop()
	defer heartbeat.Stop()
	for {
		t, changed, err := follower.Poll(v.ctx())
		if err == nil && changed {
			err = s.Event("test", strconv.FormatInt(t.Version, 10), testEvent{t.State.String(), t.Phase.String()})
		}
		if err != nil && cron.KindOf(err) != cron.NotFound && v.ctx().Err() == nil {
			v.web.logger.ErrorContext(v.ctx(), "a stream of a test run failed", slog.Any("error", err))
		}
		if err != nil || s.Flush() != nil || t.State == cron.TestFinished {
			return
		}
		select {
		case <-v.ctx().Done():
			return
		case <-v.web.stop:
			return
		case <-look.C:
		case <-heartbeat.C:
			if !v.stillFollows() {
				return
			}
			s.Buffer.WriteString(": heartbeat\n\n")
		}
	}
}

// stillFollows tells whether the session still may see the test run. Being told is no use of the session, which so can go unused for
// too long.
func (v *visit) stillFollows() bool {
	cookie, err := v.r.Cookie(v.sessionCookie())
	if err != nil {
		return false
	}
	actor, err := v.web.auth.AuthenticateSession(v.ctx(), v.web.now(), cookie.Value, v.actor.Address)
	if err == nil {
		_, err = v.web.service.TestRun(v.ctx(), actor, v.pathID("id"))
	}
	return err == nil
}
