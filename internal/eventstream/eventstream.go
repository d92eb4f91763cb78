// Package eventstream writes responses of Server-Sent Events, as the HTML standard has them.
package eventstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// The rhythm of a stream.
const (
	Heartbeat = 15 * time.Second // between signs of life
	Longest   = time.Hour        // then the client comes again, from where it was
	retry     = 3 * time.Second  // after which it does
	write     = 10 * time.Second // for a client to take what is sent
)

// Stream is a response. What is put into its buffer is sent by Flush.
type Stream struct {
	Buffer  bytes.Buffer
	control *http.ResponseController
	w       http.ResponseWriter
}

// New begins a response.
func New(w http.ResponseWriter) *Stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a reverse proxy is not to collect them
	w.WriteHeader(http.StatusOK)
	s := &Stream{control: http.NewResponseController(w), w: w}
	_ = s.control.SetReadDeadline(time.Time{}) // that of the request; where there are none it need not go
	fmt.Fprintf(&s.Buffer, "retry: %d\n\n", retry.Milliseconds())
	return s
}

// Event puts an event into the buffer. An empty id is left out.
func (s *Stream) Event(name, id string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	fmt.Fprintf(&s.Buffer, "event: %s\n", name)
	if id != "" {
		fmt.Fprintf(&s.Buffer, "id: %s\n", id)
	}
	fmt.Fprintf(&s.Buffer, "data: %s\n\n", text)
	return nil
}

// Flush sends the buffer.
func (s *Stream) Flush() error {
	if s.Buffer.Len() == 0 {
		return nil
	}
	defer s.Buffer.Reset()
	if err := s.LimitWrite(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(s.Buffer.Bytes()); err != nil {
		return err
	}
	return s.control.Flush()
}

// LimitWrite gives the client time to take what is sent from now on.
func (s *Stream) LimitWrite() error { return s.control.SetWriteDeadline(time.Now().Add(write)) }
