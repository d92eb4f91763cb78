package web

import (
	"log/slog"
	"time"

	"punctual/internal/eventstream"
	"punctual/internal/service"
)

const pathEvents = root + "/events"

func (w *web) liveRoutes() []route {
	return []route{{"GET", pathEvents, signedIn, followLive}}
}

// liveEvent is an event as scripts of pages read it. One without IDs stands for any number of its kind.
type liveEvent struct {
	ID        string `json:"id,omitempty"` // of a run
	JobID     int64  `json:"jobId,omitempty"`
	ProblemID int64  `json:"problemId,omitempty"`
	ActionID  int64  `json:"actionId,omitempty"`
	MessageID int64  `json:"messageId,omitempty"`
	What      string `json:"what,omitempty"` // an outcome, or what happened
}

// followLive tells a page what happens in its account.
func followLive(v *visit) error {
	stream, err := v.web.service.Live(v.ctx(), v.web.now(), v.actor)
	if err != nil {
		return err
	}
	defer stream.Close()
	s := &liveStream{Stream: eventstream.New(v.w), visit: v, live: stream}
	s.Buffer.WriteString(": open\n\n")
	defer func() { _ = s.LimitWrite() }() // for the end of the response
	s.run()
	return nil
}

// liveStream is one browser that is told what happens.
type liveStream struct {
	*eventstream.Stream
	visit *visit
	live  *service.LiveStream
}

// run sends until the browser is gone or stalls, the session has ended or looks at another account, a newer stream of the person takes
// the place of this one, the service stops, or it is time to come again.
func (s *liveStream) run() {
	look, heartbeat, longest := time.NewTicker(service.LiveLook), time.NewTicker(eventstream.Heartbeat), time.NewTimer(eventstream.Longest)
	defer look.Stop()
	defer heartbeat.Stop()
	defer longest.Stop()
	ctx := s.visit.ctx()
	for s.Flush() == nil {
		select {
		case <-ctx.Done():
			return
		case <-s.live.Ended():
			return
		case <-s.visit.web.stop:
			return
		case <-longest.C:
			return
		case <-look.C:
			if err := s.look(); err != nil {
				if ctx.Err() == nil {
					s.visit.web.logger.ErrorContext(ctx, "a stream of events of the console failed", slog.Any("error", err))
				}
				return
			}
		case <-heartbeat.C:
			if !s.goesOn() {
				return
			}
			s.Buffer.WriteString(": heartbeat\n\n")
		}
	}
}

// look puts what has happened since the last look into the buffer.
func (s *liveStream) look() error {
	events, err := s.live.Next(s.visit.ctx(), s.visit.web.now())
	if err != nil {
		return err
	}
	for i := range events {
		e := &events[i]
		data := liveEvent{ID: e.ID, JobID: e.JobID, What: e.What}
		name := "run"
		switch e.Kind {
		case service.LiveJob:
			name = "job"
		case service.LiveProblem:
			name, data.ProblemID = "problem", e.Other
		case service.LiveAction:
			name, data.ActionID = "action", e.Other
		case service.LiveMessage:
			name, data.MessageID = "message", e.Other
		}
		if err := s.Event(name, "", data); err != nil {
			return err
		}
	}
	return nil
}

// goesOn tells whether the session still shows the account. Being told is no use of the session, which so can go unused for too long.
func (s *liveStream) goesOn() bool {
	v := s.visit
	cookie, err := v.r.Cookie(v.sessionCookie())
	if err != nil {
		return false
	}
	actor, err := v.web.auth.AuthenticateSession(v.ctx(), v.web.now(), cookie.Value, v.actor.Address)
	return err == nil && s.live.Check(actor)
}
