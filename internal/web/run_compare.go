package web

import (
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// comparedBytes is how many bytes of HTML the differences of headers and body take, each.
const comparedBytes = 12 << 10

// comparedPart is a run beside the latest success before it.
type comparedPart struct {
	Path          string // of that success
	Started       time.Time
	Before, Now   string // what each answered
	Peer          [2]string
	PeerDiffers   bool
	Expiry        [2]time.Time
	ExpiryDiffers bool
	Headers, Body *differencePart // nil unless both responses were saved
}

// differencePart is what two texts differ in.
type differencePart struct {
	Equal, Binary bool
	Lines         []differenceLine
	More          bool // lines that are not shown
}

// differenceLine is a line of one of the texts, or of both.
type differenceLine struct {
	Op, Class, Text string
}

// newCompared shows a comparison; nil when there is no success, and for a success that has none before it.
func (p view) newCompared(c *service.Comparison) *comparedPart {
	good := c.Good.Latest
	if good == nil {
		return nil
	}
	now := &c.Execution
	part := &comparedPart{
		Path: runPath(good), Started: good.Result.Started, Before: p.fit(p.what(good), rowText), Now: p.fit(p.what(now), rowText),
		Peer: [2]string{good.Result.Peer, now.Result.Peer}, Expiry: [2]time.Time{good.Result.CertExpiry, now.Result.CertExpiry},
		Headers: newDifference(c.Headers), Body: newDifference(c.Body),
	}
	part.PeerDiffers = part.Peer[0] != part.Peer[1]
	part.ExpiryDiffers = !part.Expiry[0].Equal(part.Expiry[1])
	return part
}

func newDifference(d *service.Difference) *differencePart {
	if d == nil {
		return nil
	}
	part := &differencePart{Equal: d.Equal, Binary: d.Binary, More: d.Truncated}
	left := comparedBytes
	for _, line := range d.Lines {
		text := visible(line.Text)
		size := 48
		for _, r := range text {
			size += htmlSize(r)
		}
		if left -= size; left < 0 {
			part.More = true
			break
		}
		part.Lines = append(part.Lines, differenceLine{line.Op, map[string]string{"-": "gone", "+": "new"}[line.Op], text})
	}
	return part
}

// runRequest is what a run requested: its URL as it was called, and the rest by the version of the job that ran.
type runRequest struct {
	Method    string // empty when the version is not kept
	URL       string
	Link      string // the URL, if it can be opened; empty if not
	Redirects []redirectRow
	Headers   []headerLine
	More      int // headers that are not shown
	Body      string
	BodyCut   bool
	Version   int64 // 0 for none
	Newest    int64 // the version that the job has now; 0 when the run had it
	Hidden    bool  // values are masked
}

type redirectRow struct {
	Status int
	URL    string
}

// How much of a request a page shows.
const (
	requestURL  = 2000 // bytes of HTML, as below
	redirectURL = 400
	requestBody = 6 << 10
)

// runRequest finds what a run requested.
func (v *visit) runRequest(p *runPage) (*runRequest, error) {
	r := &p.Execution.Result
	q := &runRequest{URL: p.fit(cron.MaskURL(r.URL), requestURL), Version: p.Version}
	for _, redirect := range r.Redirects {
		q.Redirects = append(q.Redirects, redirectRow{redirect.Status, p.fit(cron.MaskURL(redirect.URL), redirectURL)})
	}
	if p.Version == 0 {
		return q, nil
	}
	newest, _, err := v.web.service.Versions(v.ctx(), v.actor, p.JobID, 0, 1)
	if err != nil {
		return nil, err
	}
	job, hidden := p.Job.Job, !p.May("editor")
	if len(newest) == 0 || newest[0].Version != p.Version {
		if len(newest) > 0 {
			q.Newest = newest[0].Version
		}
		_, job, err = v.web.service.JobVersion(v.ctx(), v.actor, p.JobID, p.Version)
		if cron.KindOf(err) == cron.NotFound || cron.KindOf(err) == cron.Gone {
			return q, nil
		}
		if err != nil {
			return nil, err
		}
		hidden = true
	}
	q.Hidden = hidden
	q.fill(p.view, &job)
	return q, nil
}

// fill shows the request of a job.
func (q *runRequest) fill(p view, job *cron.Job) {
	q.Method = job.Request.Method.String()
	if q.URL == "" {
		q.URL = p.fit(cron.MaskURL(job.Request.URL), requestURL)
	}
	var raw strings.Builder
	for _, h := range job.Request.Headers {
		raw.WriteString(h.Name + ": " + h.Value + "\n")
	}
	headers := p.newHeaders([]byte(raw.String()))
	q.Headers, q.More = headers.Lines, headers.More
	q.Body = visible(bounded(job.Request.Body, requestBody))
	q.BodyCut = len(bounded(job.Request.Body, requestBody)) < len(job.Request.Body)
}

// VersionText is the number of the version, as a word for labels.
func (q *runRequest) VersionText() string { return strconv.FormatInt(q.Version, 10) }
