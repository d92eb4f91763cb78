package api

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/http"
	"strings"
	"unicode/utf8"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// foundJob is a job in the answer to a search.
type foundJob struct {
	job
	Tags          []string `json:"tags"`
	State         []string `json:"state"`
	PausedUntil   *int64   `json:"pausedUntil"` // Unix seconds
	SilencedUntil *int64   `json:"silencedUntil"`
	Updated       int64    `json:"updated"`
	UpdatedBy     string   `json:"updatedBy"`
}

// searchJobs lists the jobs that a filter selects.
func (a *api) searchJobs(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p     wire.Problems
		q     = cron.JobQuery{Limit: wire.DefaultJobPage}
		query = wire.Query(r, &p)
	)
	queryFilter(r, &p, &q.Filter)
	readSort(query, "sort", &q.Sort, &q.Descending)
	wire.Integer(query, "limit", &q.Limit, 1, service.MaxJobPage)
	readPosition(query, "after", &q)
	if err := p.Err(); err != nil {
		return err
	}
	now := a.now()
	page, err := a.service.SearchJobs(r.Context(), now, actor, &q)
	if err != nil {
		return err
	}
	answer := struct {
		Jobs []foundJob `json:"jobs"`
		Next *string    `json:"next"` // what is after of the next page; null at the end
	}{Jobs: make([]foundJob, len(page.Jobs))}
	for i := range page.Jobs {
		rec := &page.Jobs[i]
		answer.Jobs[i] = foundJob{newJob(rec), append([]string{}, rec.Tags...), append([]string{}, conditionNames(rec.Conditions(now))...),
			wire.UnixOrNull(rec.Timing.PausedUntil), wire.UntilOrNull(rec.Notification.SilencedUntil), rec.Updated.Unix(), rec.UpdatedBy.Label}
	}
	if !page.Next.IsZero() {
		answer.Next = new(encodePosition(page.Next, &q))
	}
	return reply(w, answer)
}

func (a *api) listTags(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	tags, err := a.service.Tags(r.Context(), actor)
	if err != nil {
		return err
	}
	type tagCount struct {
		Tag  string `json:"tag"`
		Jobs int    `json:"jobs"`
	}
	answer := struct {
		Tags []tagCount `json:"tags"`
	}{make([]tagCount, len(tags))}
	for i, tag := range tags {
		answer.Tags[i] = tagCount(tag)
	}
	return reply(w, answer)
}

// A position is written as a version, the order, whether it descends, the ID, and the number or the text.
const (
	positionVersion = 1
	positionHead    = 11
)

func encodePosition(p cron.JobPosition, q *cron.JobQuery) string {
	b := append(make([]byte, 0, positionHead+8), positionVersion, byte(q.Sort), flagByte(q.Descending))
	b = binary.BigEndian.AppendUint64(b, uint64(p.ID))
	if q.Sort == cron.SortTitle {
		b = append(b, p.Text...)
	} else {
		b = binary.BigEndian.AppendUint64(b, uint64(p.Number))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func flagByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// readPosition reads a position in the order of the query. One of another order is none.
func readPosition(query wire.Object, name string, q *cron.JobQuery) {
	var text string
	if query.Text(name, &text); text == "" {
		return
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err == nil && len(b) >= positionHead && [3]byte(b) == [3]byte{positionVersion, byte(q.Sort), flagByte(q.Descending)} {
		id, rest := binary.BigEndian.Uint64(b[3:]), b[positionHead:]
		p := cron.JobPosition{ID: int64(id)}
		ok := 0 < id && id < 1<<53
		if q.Sort == cron.SortTitle {
			p.Text = string(rest)
			ok = ok && utf8.Valid(rest) && !strings.ContainsRune(p.Text, 0) && len(rest) <= cron.TitleKeyLength*utf8.UTFMax
		} else if ok = ok && len(rest) == 8; ok {
			number := binary.BigEndian.Uint64(rest)
			p.Number, ok = int64(number), number <= math.MaxInt64
		}
		if ok {
			q.After = p
			return
		}
	}
	query.Add(name, cron.Problem{Rule: cron.RuleCursor})
}
