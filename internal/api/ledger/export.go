package ledger

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/download"
	"punctual/internal/message"
)

// exporter writes records in a format.
type exporter interface {
	begin() error
	write(r *Record) error
	flush() error
}

// Send sends records as a file in a format that has no pages. What fails after the first bytes breaks the connection, so that no part
// of a file passes for all of it. An error is returned only while nothing was sent.
func Send(w http.ResponseWriter, r *http.Request, logger *slog.Logger, c *message.Catalogue, as wire.Format,
	pages iter.Seq2[cron.HistoryPage, error]) error {
	next, stop := iter.Pull2(pages)
	defer stop()
	page, err, more := next()
	if err != nil {
		return err
	}
	connection := http.NewResponseController(w)
	download.Begin(connection)
	h := w.Header()
	h.Set("Content-Type", wire.FormatTypes[as])
	h.Set("Content-Disposition", `attachment; filename="history.`+wire.FormatNames[as]+`"`)
	var out exporter = ndjsonExporter{json.NewEncoder(w)}
	if as == wire.FormatCSV {
		h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
		out = newCSVExporter(w)
	}
	err = out.begin()
	for ; err == nil && more; page, err, more = next() {
		download.Extend(connection)
		if err = exportPage(c, out, &page); err != nil {
			break
		}
		_ = connection.Flush() // the next write tells of a client that is gone
	}
	if err != nil {
		download.BreakOff(r, logger, err)
	}
	return nil
}

func exportPage(c *message.Catalogue, out exporter, page *cron.HistoryPage) error {
	for i := range page.Records {
		row := New(c, &page.Records[i])
		if err := out.write(&row); err != nil {
			return fmt.Errorf("write a record: %w", err)
		}
	}
	if err := out.flush(); err != nil {
		return fmt.Errorf("write a page: %w", err)
	}
	return nil
}

// ndjsonExporter writes a JSON object to a line.
type ndjsonExporter struct{ encoder *json.Encoder }

var _ exporter = ndjsonExporter{}

func (e ndjsonExporter) begin() error {
	e.encoder.SetEscapeHTML(false)
	return nil
}

func (e ndjsonExporter) write(r *Record) error { return e.encoder.Encode(r) }
func (e ndjsonExporter) flush() error          { return nil }

// csvExporter writes a table as of RFC 4180, with a header.
type csvExporter struct{ writer *csv.Writer }

var _ exporter = csvExporter{}

func newCSVExporter(w io.Writer) csvExporter {
	writer := csv.NewWriter(w)
	writer.UseCRLF = true
	return csvExporter{writer}
}

func (e csvExporter) begin() error {
	return e.writer.Write([]string{
		"jobLogId", "jobId", "jobTitle", "identifier", "date", "datePlanned", "jitter", "url", "duration", "status",
		"statusText", "httpStatus", "nameLookup", "connect", "appConnect", "preTransfer", "startTransfer", "total",
		"sslCertExpiry", "outcome", "kind", "attempt", "reason", "first", "last", "count", "atLeast",
		"cause", "ipAddress", "version", "rerunOf", "requestedBy", "requestedWay",
	})
}

func (e csvExporter) write(r *Record) error {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	row := []string{
		number(r.JobLogID), number(r.JobID), harmless(r.JobTitle), r.Identifier, number(r.Date), number(r.DatePlanned),
		number(r.Jitter), harmless(r.URL), number(r.Duration), strconv.Itoa(r.Status), harmless(r.StatusText),
		strconv.Itoa(r.HTTPStatus), number(r.Stats.NameLookup), number(r.Stats.Connect), number(r.Stats.AppConnect),
		number(r.Stats.PreTransfer), number(r.Stats.StartTransfer), number(r.Stats.Total), "", r.Outcome, r.Kind,
		strconv.Itoa(r.Attempt), r.Reason, "", "", "", "", "", "", "", "", "", "",
	}
	if r.CertExpiry != nil {
		row[18] = number(*r.CertExpiry)
	}
	if c := r.Covers; c != nil {
		copy(row[23:], []string{number(c.First), number(c.Last), number(c.Count), strconv.FormatBool(c.AtLeast)})
	}
	for i, text := range [...]*string{r.Cause, r.IPAddress} {
		if text != nil {
			row[27+i] = *text
		}
	}
	if r.Version != nil {
		row[29] = number(*r.Version)
	}
	if r.RerunOf != nil {
		row[30] = *r.RerunOf
	}
	if r.RequestedBy != nil {
		row[31], row[32] = harmless(*r.RequestedBy), *r.RequestedWay
	}
	return e.writer.Write(row)
}

func (e csvExporter) flush() error {
	e.writer.Flush()
	return e.writer.Error()
}

// harmless keeps a spreadsheet from taking a text for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
