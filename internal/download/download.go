// Package download sends files that are made while they are sent, for the API and for the console.
package download

import (
	"io"
	"log/slog"
	"net/http"
	"time"
)

// stall is how long a client may take for one part of a file.
const stall = 30 * time.Second

// JSON sends the JSON file that write makes, under a name. The headers go with its first byte: an error before that is
// returned, and can still be answered. What fails later breaks the connection, so that no part of a file passes for all of it.
func JSON(w http.ResponseWriter, r *http.Request, name string, logger *slog.Logger, write func(io.Writer) error) error {
	return send(&file{w: w, connection: http.NewResponseController(w), name: name, mediaType: "application/json"}, r, logger, write)
}

// Text is JSON for a file of plain text.
func Text(w http.ResponseWriter, r *http.Request, name string, logger *slog.Logger, write func(io.Writer) error) error {
	return send(&file{w: w, connection: http.NewResponseController(w), name: name, mediaType: "text/plain; charset=utf-8"}, r, logger, write)
}

// CSV is JSON for a table of comma-separated values (RFC 4180).
func CSV(w http.ResponseWriter, r *http.Request, name string, logger *slog.Logger, write func(io.Writer) error) error {
	return send(&file{w: w, connection: http.NewResponseController(w), name: name, mediaType: "text/csv; charset=utf-8"}, r, logger, write)
}

func send(f *file, r *http.Request, logger *slog.Logger, write func(io.Writer) error) error {
	err := write(f)
	if err == nil || !f.begun {
		return err
	}
	BreakOff(r, logger, err)
	return nil
}

// BreakOff ends a response that has begun, and logs why unless the client is gone. It does not return.
func BreakOff(r *http.Request, logger *slog.Logger, err error) {
	if r.Context().Err() == nil {
		logger.WarnContext(r.Context(), "an export was broken off", slog.Any("error", err))
	}
	panic(http.ErrAbortHandler)
}

// Begin takes the server's limit off the time of a request whose response is a file: it would end it.
func Begin(connection *http.ResponseController) {
	_ = connection.SetReadDeadline(time.Time{})
}

// Extend gives the client time for the next part.
func Extend(connection *http.ResponseController) {
	_ = connection.SetWriteDeadline(time.Now().Add(stall)) // not supported where nothing can stall
}

// file is a file that is sent.
type file struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	name       string
	mediaType  string
	begun      bool
}

// Write sends a part.
func (f *file) Write(b []byte) (int, error) {
	if !f.begun {
		f.begun = true
		Begin(f.connection)
		f.w.Header().Set("Content-Type", f.mediaType)
		f.w.Header().Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
	}
	Extend(f.connection)
	return f.w.Write(b)
}
