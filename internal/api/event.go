package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

// The rhythm of a stream of events.
const (
	eventLook      = time.Second      // between looks at what happened
	eventHeartbeat = 15 * time.Second // between signs of life; the key is checked with each
	eventWrite     = 10 * time.Second // for a client to take what is sent
	eventLongest   = time.Hour        // then the client comes again, from where it was
	eventRetry     = 3 * time.Second  // after which it does
)

// followEvents sends what happens in the account as it happens (Server-Sent Events, as the HTML standard has them).
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
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a reverse proxy is not to collect them
	w.WriteHeader(http.StatusOK)
	s := eventStream{api: a, language: languageOf(r), follower: follower, control: http.NewResponseController(w), w: w}
	_ = s.control.SetReadDeadline(time.Time{}) // that of the request; where there are none it need not go
	fmt.Fprintf(&s.buffer, "retry: %d\n\n", eventRetry.Milliseconds())
	s.run(r)
	return nil
}

// eventStream is one client.
type eventStream struct {
	api      *api
	language *message.Catalogue
	follower *service.Follower
	control  *http.ResponseController
	w        http.ResponseWriter
	buffer   bytes.Buffer
}

// run sends until the client is gone or stalls, its key does not work any more, the service stops, or it is time to come
// again.
func (s *eventStream) run(r *http.Request) {
	ctx := r.Context()
	look, heartbeat, longest := time.NewTicker(eventLook), time.NewTicker(eventHeartbeat), time.NewTimer(eventLongest)
	defer look.Stop()
	defer heartbeat.Stop()
	defer longest.Stop()
	defer func() { _ = s.control.SetWriteDeadline(time.Now().Add(eventWrite)) }() // for the end of the response
	for first, last := true, false; ; {
		more := true
		for more {
			var err error
			if more, err = s.look(r); err == nil && first {
				s.tellPosition() // where nothing has happened yet
				first = false
			}
			if err == nil {
				err = s.flush()
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
			s.buffer.WriteString(": heartbeat\n")
			s.tellPosition()
		}
	}
}

// tellPosition puts into the buffer where to go on, without an event.
func (s *eventStream) tellPosition() { fmt.Fprintf(&s.buffer, "id: %s\n\n", s.follower.Position()) }

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
		name, data = "execution", newHistoryRecord(s.language, e.Execution)
	case e.Change != nil:
		name, data = "job", jobEvent{e.Change.JobID, e.Change.Kind.String(), e.Change.At.Unix()}
	default:
		name, data = "gap", gapEvent{e.Gap.Since.Unix()}
	}
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	fmt.Fprintf(&s.buffer, "event: %s\n", name)
	if e.Position != "" {
		fmt.Fprintf(&s.buffer, "id: %s\n", e.Position)
	}
	fmt.Fprintf(&s.buffer, "data: %s\n\n", text)
	return nil
}

// flush sends the buffer.
func (s *eventStream) flush() error {
	if s.buffer.Len() == 0 {
		return nil
	}
	defer s.buffer.Reset()
	if err := s.control.SetWriteDeadline(time.Now().Add(eventWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(s.buffer.Bytes()); err != nil {
		return err
	}
	return s.control.Flush()
}

// jobEvent is something that was done to a job.
type jobEvent struct {
	JobID  int64  `json:"jobId"`
	Change string `json:"change"`
	Date   int64  `json:"date"` // Unix seconds
}

// gapEvent tells that what happened since a time is not known, or not all of it.
type gapEvent struct {
	Since int64 `json:"since"` // Unix seconds
}
