package api

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/api/ledger"
	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// searchHistory lists records of all jobs of the account.
func (a *api) searchHistory(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	return a.search(w, r, actor, 0)
}

// searchExecutions lists records of one job.
func (a *api) searchExecutions(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	jobID := pathID(r, "jobId")
	if jobID == 0 {
		return cron.Missing(cron.SubjectJob)
	}
	return a.search(w, r, actor, jobID)
}

// search answers with a page, or with an export of all records.
func (a *api) search(w http.ResponseWriter, r *http.Request, actor cron.Actor, jobID int64) error {
	q, format, grouped, err := a.readSearch(r, jobID)
	if err != nil {
		return err
	}
	if grouped {
		return a.listCauses(w, r, actor, &q.Filter)
	}
	if format != wire.FormatJSON {
		return a.export(w, r, actor, q.Filter, format)
	}
	page, err := a.service.SearchHistory(r.Context(), actor, &q)
	if err != nil {
		return err
	}
	answer := struct {
		History        []ledger.Record `json:"history"`
		Next           *string         `json:"next"`           // the cursor of the next page; null at the end
		SearchedBackTo *int64          `json:"searchedBackTo"` // Unix seconds; null at the end
	}{History: make([]ledger.Record, len(page.Records))}
	language := languageOf(r)
	for i := range page.Records {
		answer.History[i] = ledger.New(language, &page.Records[i])
	}
	if page.Next.ID != 0 {
		answer.Next, answer.SearchedBackTo = new(encodeCursor(page.Next)), new(page.Next.At.Unix())
	}
	return reply(w, answer)
}

// readSearch reads the query string. A job in the path takes precedence over one in the query string. grouped tells that failures
// are to be counted by their causes.
func (a *api) readSearch(r *http.Request, jobID int64) (q cron.HistoryQuery, format wire.Format, grouped bool, err error) {
	q = cron.HistoryQuery{Filter: cron.HistoryFilter{JobID: jobID}, Limit: wire.DefaultHistoryPage}
	var (
		p      wire.Problems
		values = r.URL.Query()
		query  = wire.Query(r, &p)
		f      = &q.Filter
	)
	if jobID == 0 {
		wire.Integer(query, "job", &f.JobID, 1, 1<<53)
	}
	if query.Has("folder") {
		f.FolderID = new(int64)
		wire.Integer(query, "folder", f.FolderID, 0, 1<<53)
	}
	f.Outcomes, f.Faults, f.Kinds, f.Statuses = readRecordChoices(query, values, "")
	wire.Span(query, &f.From, &f.To)
	query.Text("text", &f.Text)
	readCause(query, &f.Causes)
	readExclusion(query, values, &f.Not)
	f.Check(&p.Checker)
	by := -1
	wire.Choice(query, "groupBy", &by, wire.GroupNames)
	if grouped = by >= 0; grouped {
		return q, wire.FormatJSON, true, p.Err()
	}
	format = readFormat(query, r)
	if format == wire.FormatJSON { // an export has no pages
		wire.Integer(query, "limit", &q.Limit, 1, service.MaxHistoryPage)
		readCursor(query, &q.After)
	}
	return q, format, false, p.Err()
}

func readCause(query wire.Object, to *[]cron.Fingerprint) {
	var text string
	if query.Text("cause", &text); text == "" {
		return
	}
	cause, wrong := parseCause(text)
	if wrong.Rule != cron.RuleNone {
		query.Add("cause", wrong)
		return
	}
	*to = []cron.Fingerprint{cause}
}

func parseCause(text string) (cron.Fingerprint, cron.Problem) {
	if cause, ok := cron.ParseFingerprint(text); ok {
		return cause, cron.Problem{}
	}
	return 0, cron.Problem{Rule: cron.RuleCause, Given: text}
}

// readRecordChoices reads the lists of what a record may have, or may not have, of the parameters whose names have a prefix.
func readRecordChoices(query wire.Object, values url.Values, prefix string) ([]cron.Outcome, []cron.Fault, []cron.RecordKind, []cron.StatusRange) {
	return readChoices(query, values, prefix+"outcome", wire.Outcomes, cron.Outcome.String),
		readChoices(query, values, prefix+"reason", wire.Faults, func(f cron.Fault) string { return wire.FaultNames[f] }),
		readChoices(query, values, prefix+"kind", cron.RecordKinds(), cron.RecordKind.String),
		readStatuses(query, values, prefix+"httpStatus")
}

// readExclusion reads what records may not have.
func readExclusion(query wire.Object, values url.Values, not *cron.HistoryExclusion) {
	not.Outcomes, not.Faults, not.Kinds, not.Statuses = readRecordChoices(query, values, notPrefix)
	not.JobIDs = readItemsOf(query, values, notPrefix+"job", func(text string) (int64, cron.Problem) { return parseNumber(text, 1) })
	not.FolderIDs = readItemsOf(query, values, notPrefix+"folder", func(text string) (int64, cron.Problem) { return parseNumber(text, 0) })
	not.Causes = readItemsOf(query, values, notPrefix+"cause", parseCause)
	query.Text(notPrefix+"text", &not.Text)
}

// parseNumber reads the number of a job or folder.
func parseNumber(text string, least int64) (int64, cron.Problem) {
	raw, _ := json.Marshal(text) // which a text always can be
	return wire.ParseInteger(raw, least, 1<<53)
}

// pointerTo is the pointer to a parameter; what belongs to not.… is below /not.
func pointerTo(query wire.Object, parameter string) string {
	return query.At(strings.Split(parameter, ".")...)
}

// pointerToItem is the pointer to an item of a parameter.
func pointerToItem(query wire.Object, parameter string, index int) string {
	return pointerTo(query, parameter) + "/" + strconv.Itoa(index)
}

// readItemsOf reads the items of a list. More than a filter may have are refused, however many.
func readItemsOf[T any](query wire.Object, values url.Values, parameter string, parse func(string) (T, cron.Problem)) (parsed []T) {
	for i, item := range wire.List(values, parameter) {
		value, wrong := parse(item)
		if wrong.Rule != cron.RuleNone {
			query.Problems.Add(pointerToItem(query, parameter, i), wrong)
		} else if len(parsed) <= cron.MaxFilterValues {
			parsed = append(parsed, value)
		}
	}
	return parsed
}

// readChoices reads a list of names of the given values, each once.
func readChoices[T any](query wire.Object, values url.Values, parameter string, all []T, name func(T) string) (chosen []T) {
	names := make([]string, len(all))
	for i, value := range all {
		names[i] = name(value)
	}
	taken := make([]bool, len(all))
	for i, item := range wire.List(values, parameter) {
		if at := slices.Index(names, item); at >= 0 {
			if !taken[at] {
				taken[at], chosen = true, append(chosen, all[at])
			}
			continue
		}
		query.Problems.Add(pointerToItem(query, parameter, i),
			cron.Problem{Rule: cron.RuleUnknownValue, Given: item, Want: strings.Join(names, ", ")})
	}
	return chosen
}

func readStatuses(query wire.Object, values url.Values, parameter string) []cron.StatusRange {
	if n := len(wire.List(values, parameter)); n > cron.MaxStatusRanges {
		query.Problems.Add(pointerTo(query, parameter), cron.Problem{Rule: cron.RuleOutOfRange, Given: strconv.Itoa(n), Min: 1,
			Max: cron.MaxStatusRanges})
		return nil
	}
	return readItemsOf(query, values, parameter, func(text string) (cron.StatusRange, cron.Problem) {
		if parsed, ok := cron.ParseStatusRange(text); ok {
			return parsed, cron.Problem{}
		}
		return cron.StatusRange{}, cron.Problem{Rule: cron.RuleStatusRange, Given: text}
	})
}

// cursorVersion is the first byte of a cursor. Its other bytes are the position: the id, and the time in Unix
// milliseconds.
const (
	cursorVersion = 1
	cursorLength  = 17
)

func encodeCursor(p cron.HistoryPosition) string {
	b := append(make([]byte, 0, cursorLength), cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(p.ID))
	b = binary.BigEndian.AppendUint64(b, uint64(p.At.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(query wire.Object, to *cron.HistoryPosition) {
	var text string
	if query.Text("cursor", &text); text == "" {
		return
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err == nil && len(b) == cursorLength && b[0] == cursorVersion {
		id, at := int64(binary.BigEndian.Uint64(b[1:])), int64(binary.BigEndian.Uint64(b[9:]))
		if 0 < id && id < 1<<53 && 0 < at && at < wire.LastInstant*1000 {
			*to = cron.HistoryPosition{ID: id, At: time.UnixMilli(at).UTC()}
			return
		}
	}
	query.Add("cursor", cron.Problem{Rule: cron.RuleCursor})
}
