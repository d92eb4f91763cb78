package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/eventstream"
	"punctual/internal/service"
)

// testRunAnswer is the answer to a call about one test run.
type testRunAnswer struct {
	TestRun testRun `json:"testRun"`
}

// startTestRun starts a test run of a stored job, a changed one or a new one. It answers before a node performs it.
func (a *api) startTestRun(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	// The contract checks quotas before the body.
	if err := a.service.RoomForTestRun(r.Context(), actor); err != nil {
		return err
	}
	outer, err := wire.ReadObject(w, r, jobBody)
	if err != nil {
		return err
	}
	body := json.RawMessage("{}")
	if member, ok := outer.Value("job"); ok {
		body = member
	}
	var jobID int64
	wire.Integer(outer, "jobId", &jobID, 1, math.MaxInt64)
	patch, unread := readPatch(body)
	a.tellIgnored(w, r, outer, "/job", unread)
	if err := outer.Err(); err != nil {
		return cron.JoinProblems(err, cron.Under("/job", a.service.CheckPatch(actor, patch)))
	}
	made, err := a.service.NewTestRun(r.Context(), actor, jobID, patch)
	if err != nil {
		return cron.Under("/job", err)
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		started := made // this function may run more than once
		if err := a.service.StartTestRun(ctx, actor, &started); err != nil {
			return err
		}
		answer := newTestRun(languageOf(r), &started)
		w.Header().Set("Location", answer.Path)
		return write(w, http.StatusAccepted, "application/json", testRunAnswer{answer})
	})
}

func (a *api) getTestRun(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	t, err := a.service.TestRun(r.Context(), actor, pathID(r, "testRunId"))
	if err != nil {
		return err
	}
	return reply(w, testRunAnswer{newTestRun(languageOf(r), &t)})
}

func (a *api) endTestRun(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.EndTestRun(r.Context(), actor, pathID(r, "testRunId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// testRunLook is the time between looks at a test run that is followed.
const testRunLook = 250 * time.Millisecond

// followTestRun sends a test run, and sends it again each time it has changed, until it is finished.
func (a *api) followTestRun(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	follower, err := a.service.FollowTestRun(r.Context(), actor, pathID(r, "testRunId"))
	if err != nil {
		return err
	}
	defer follower.Close()
	a.streamTestRun(r, eventstream.New(w), follower)
	return nil
}

// streamTestRun sends until the test run is finished or deleted, the client is gone or stalls, its key does not work any
// more, or the service stops.
func (a *api) streamTestRun(r *http.Request, s *eventstream.Stream, follower *service.TestRunFollower) {
	look, heartbeat := time.NewTicker(testRunLook), time.NewTicker(eventstream.Heartbeat)
	defer look.Stop()
	defer heartbeat.Stop()
	defer func() { _ = s.LimitWrite() }() // for the end of the response
	for {
		t, changed, err := follower.Poll(r.Context())
		if err == nil && changed {
			err = s.Event("testRun", strconv.FormatInt(t.Version, 10), newTestRun(languageOf(r), &t))
		}
		if err != nil && cron.KindOf(err) != cron.NotFound && r.Context().Err() == nil {
			a.logger.ErrorContext(r.Context(), "a stream of events failed", slog.Any("error", err))
		}
		if err != nil || s.Flush() != nil || t.State == cron.TestFinished {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-a.stop:
			return
		case <-look.C:
		case <-heartbeat.C:
			if _, err := a.authenticate(r, a.now()); err != nil {
				return
			}
			s.Buffer.WriteString(": heartbeat\n\n")
		}
	}
}
