package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"punctual/internal/api/ledger"
	"punctual/internal/cron"
	"punctual/internal/eventstream"
	"punctual/internal/message"
	"punctual/internal/service"
)

// eventLook is the time between looks at what happened. The key is checked with each sign of life.
const eventLook = time.Second

// followEvents sends what happens in the account as it happens.
func (a *api) followEvents(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	position := r.Header.Get("Last-Event-ID") // a client that comes again still has the query that it began with
	if position == "" {
		position = r.URL.Query().Get("after")
	}
	follower, err := a.service.Follow(r.Context(), a.now(), actor, position)
	if err != nil {
		return err
	}
	defer follower.Close()
	s := eventStream{Stream: eventstream.New(w), api: a, language: languageOf(r), follower: follower}
	s.run(r)
	return nil
}

// eventStream is one client.
type eventStream struct {
	*eventstream.Stream
	api      *api
	language *message.Catalogue
	follower *service.Follower
}

// run sends until the client is gone or stalls, its key does not work any more, the service stops, or it is time to come
// again.
func (s *eventStream) run(r *http.Request) {
	ctx := r.Context()
	look, heartbeat, longest := time.NewTicker(eventLook), time.NewTicker(eventstream.Heartbeat), time.NewTimer(eventstream.Longest)
	defer look.Stop()
	defer heartbeat.Stop()
	defer longest.Stop()
	defer func() { _ = s.LimitWrite() }() // for the end of the response
	for first, last := true, false; ; {
		more := true
		for more {
			var err error
			if more, err = s.look(r); err == nil && first {
				s.tellPosition() // where nothing has happened yet
				first = false
			}
			if err == nil {
				err = s.Flush()
			}
			if err != nil {
				return
			}
		}
		if last {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-s.api.stop:
			last = true // what has ended by now is told
		case <-longest.C:
			return
		case <-look.C:
		case <-heartbeat.C:
			if _, err := s.api.authenticate(r, s.api.now()); err != nil {
				return
			}
			s.Buffer.WriteString(": heartbeat\n")
			s.tellPosition()
		}
	}
}

// tellPosition puts into the buffer where to go on, without an event.
func (s *eventStream) tellPosition() { fmt.Fprintf(&s.Buffer, "id: %s\n\n", s.follower.Position()) }

// look puts what happened since the last look into the buffer.
func (s *eventStream) look(r *http.Request) (more bool, err error) {
	events, more, err := s.follower.Poll(r.Context(), s.api.now())
	for i := range events {
		if err == nil {
			err = s.add(&events[i])
		}
	}
	if err != nil && r.Context().Err() == nil {
		s.api.logger.ErrorContext(r.Context(), "a stream of events failed", slog.Any("error", err))
	}
	return more, err
}

func (s *eventStream) add(e *service.Event) error {
	var (
		name string
		data any
	)
	switch {
	case e.Execution != nil:
		name, data = "execution", ledger.New(s.language, e.Execution)
	case e.Change != nil && e.Change.ActionID != 0:
		name, data = "action", actionEvent{e.Change.ActionID, e.Change.Kind.String(), e.Change.At.Unix()}
	case e.Change != nil && e.Change.MessageID != 0:
		name, data = "notification", notificationEvent{e.Change.MessageID, e.Change.Kind.String(), e.Change.At.Unix()}
	case e.Change != nil && e.Change.ProblemID != 0:
		name, data = "problem", problemEvent{e.Change.ProblemID, e.Change.Kind.String(), e.Change.At.Unix()}
	case e.Change != nil:
		name, data = "job", jobEvent{e.Change.JobID, e.Change.Kind.String(), e.Change.At.Unix()}
	default:
		name, data = "gap", gapEvent{e.Gap.Since.Unix()}
	}
	return s.Event(name, e.Position, data)
}

// jobEvent is something that was done to a job.
type jobEvent struct {
	JobID  int64  `json:"jobId"`
	Change string `json:"change"`
	Date   int64  `json:"date"` // Unix seconds
}

// actionEvent is a step of an action.
type actionEvent struct {
	ActionID int64  `json:"actionId"`
	Change   string `json:"change"`
	Date     int64  `json:"date"` // Unix seconds
}

// problemEvent is something that happened to a problem.
type problemEvent struct {
	ProblemID int64  `json:"problemId"`
	Change    string `json:"change"`
	Date      int64  `json:"date"` // Unix seconds
}

// notificationEvent is what became of a message to a channel.
type notificationEvent struct {
	NotificationID int64  `json:"notificationId"`
	Change         string `json:"change"`
	Date           int64  `json:"date"` // Unix seconds
}

// gapEvent tells that what happened since a time is not known, or not all of it.
type gapEvent struct {
	Since int64 `json:"since"` // Unix seconds
}
