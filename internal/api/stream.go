package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// stream is a response of Server-Sent Events, as the HTML standard has them.
type stream struct {
	control *http.ResponseController
	w       http.ResponseWriter
	buffer  bytes.Buffer
}

// newStream begins a response.
func newStream(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a reverse proxy is not to collect them
	w.WriteHeader(http.StatusOK)
	s := &stream{control: http.NewResponseController(w), w: w}
	_ = s.control.SetReadDeadline(time.Time{}) // that of the request; where there are none it need not go
	fmt.Fprintf(&s.buffer, "retry: %d\n\n", eventRetry.Milliseconds())
	return s
}

// event puts an event into the buffer. An empty id is left out.
func (s *stream) event(name, id string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	fmt.Fprintf(&s.buffer, "event: %s\n", name)
	if id != "" {
		fmt.Fprintf(&s.buffer, "id: %s\n", id)
	}
	fmt.Fprintf(&s.buffer, "data: %s\n\n", text)
	return nil
}

// flush sends the buffer.
func (s *stream) flush() error {
	if s.buffer.Len() == 0 {
		return nil
	}
	defer s.buffer.Reset()
	if err := s.limitWrite(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(s.buffer.Bytes()); err != nil {
		return err
	}
	return s.control.Flush()
}

// limitWrite gives the client time to take what is sent from now on.
func (s *stream) limitWrite() error { return s.control.SetWriteDeadline(time.Now().Add(eventWrite)) }
