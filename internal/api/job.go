package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func (a *api) getJob(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	rec, err := a.service.Job(r.Context(), a.now(), actor, pathID(r, "jobId"))
	if err != nil {
		return err
	}
	if notModified(w, r, a.setETag(w, &rec.Job)) {
		return nil
	}
	return reply(w, struct {
		JobDetails detailedJob `json:"jobDetails"`
	}{newDetailedJob(&rec)})
}

func (a *api) createJob(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	// The contract checks quotas before the body.
	if err := a.service.RoomForJob(r.Context(), actor); err != nil {
		return err
	}
	body, outer, err := wire.ReadMember(w, r, jobBody, "job")
	if err != nil {
		return err
	}
	patch, unread := readPatch(body)
	a.tellIgnored(w, r, outer, "/job", unread)
	job, err := a.service.NewJob(actor, patch)
	if err != nil {
		return cron.Under("/job", err)
	}
	return a.addJob(w, r, actor, job)
}

// addJob saves a job and answers with its ID.
func (a *api) addJob(w http.ResponseWriter, r *http.Request, actor cron.Actor, job cron.Job) error {
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		made := job // this function may run more than once
		if err := a.service.AddJob(ctx, actor, &made); err != nil {
			return cron.Under("/job", err)
		}
		a.setETag(w, &made)
		return reply(w, struct {
			JobID int64 `json:"jobId"`
		}{made.ID})
	})
}

func (a *api) changeJob(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, outer, err := wire.ReadMember(w, r, jobBody, "job")
	if err != nil {
		return err
	}
	patch, unread := readPatch(body)
	a.tellIgnored(w, r, outer, "/job", unread)
	job, err := a.service.ChangeJob(r.Context(), actor, pathID(r, "jobId"), ifMatch(r), patch)
	if err != nil {
		return cron.Under("/job", err)
	}
	a.setETag(w, &job)
	return reply(w, struct{}{})
}

func (a *api) deleteJob(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteJob(r.Context(), actor, pathID(r, "jobId"), ifMatch(r)); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// cloneJob makes a copy of a job, edited by the body.
func (a *api) cloneJob(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.RoomForJob(r.Context(), actor); err != nil {
		return err
	}
	var (
		body  = json.RawMessage("{}")
		outer wire.Object
	)
	if wire.IsJSON(r) && r.ContentLength != 0 {
		var err error
		if outer, err = wire.ReadObject(w, r, jobBody); err != nil {
			return err
		}
		if member, ok := outer.Value("job"); ok {
			body = member
		}
	}
	patch, unread := readPatch(body)
	a.tellIgnored(w, r, outer, "/job", unread)
	job, err := a.service.NewClone(r.Context(), actor, pathID(r, "jobId"), patch)
	if err != nil {
		return cron.Under("/job", err)
	}
	return a.addJob(w, r, actor, job)
}

// job is Job of the contract. The order of the fields is that of the contract.
type job struct {
	jobHead
	jobTail
	Schedule      schedule `json:"schedule"`
	RequestMethod int      `json:"requestMethod"`
}

// detailedJob is DetailedJob of the contract, followed by our additions.
type detailedJob struct {
	jobHead
	Auth         basicAuth    `json:"auth"`
	Notification notification `json:"notification"`
	ExtendedData extendedData `json:"extendedData"`
	jobTail
	Schedule      detailedSchedule `json:"schedule"`
	RequestMethod int              `json:"requestMethod"`
	timing
	policy
	exchange
	marks
	about
}

type jobHead struct {
	JobID         int64  `json:"jobId"`
	Enabled       bool   `json:"enabled"`
	Title         string `json:"title"`
	SaveResponses bool   `json:"saveResponses"`
	URL           string `json:"url"`
	LastStatus    int    `json:"lastStatus"`
	LastDuration  int64  `json:"lastDuration"`  // ms
	LastExecution int64  `json:"lastExecution"` // Unix seconds, like all times below
	CertExpiry    *int64 `json:"sslCertExpiry"`
	NextExecution *int64 `json:"nextExecution"`
}

type jobTail struct {
	Type            int   `json:"type"`
	RequestTimeout  int   `json:"requestTimeout"`
	RedirectSuccess bool  `json:"redirectSuccess"`
	FolderID        int64 `json:"folderId"`
}

type basicAuth struct {
	Enable   bool   `json:"enable"`
	User     string `json:"user"`
	Password string `json:"password"`
}

type notification struct {
	OnFailure         bool  `json:"onFailure"`
	OnFailureCount    int   `json:"onFailureCount"`
	OnSuccess         bool  `json:"onSuccess"`
	OnDisable         bool  `json:"onDisable"`
	OnCertExpiry      bool  `json:"onSslCertExpiry"`
	CertExpirySeconds int64 `json:"onSslCertExpirySeconds"`
}

type extendedData struct {
	Headers headers `json:"headers"`
	Body    string  `json:"body"`
}

// headers is written as an object in the order in which the headers are sent, or, if a name repeats ignoring case, as
// an array.
type headers []cron.Header

// listedHeader is an element of the array.
type listedHeader struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// MarshalJSON writes a JSON object, or an array of objects.
func (h headers) MarshalJSON() ([]byte, error) {
	if h.repeat() {
		list := make([]listedHeader, len(h))
		for i, header := range h {
			list[i] = listedHeader{header.Name, header.Value}
		}
		return json.Marshal(list)
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, header := range h {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(header.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(header.Value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// repeat tells whether a name is used more than once, ignoring case.
func (h headers) repeat() bool {
	seen := make(map[string]bool, len(h))
	for _, header := range h {
		name := strings.ToLower(header.Name)
		if seen[name] {
			return true
		}
		seen[name] = true
	}
	return false
}

func newJob(rec *cron.JobRecord) job {
	return job{newJobHead(rec), newJobTail(rec), newSchedule(&rec.Schedule), int(rec.Request.Method)}
}

func newDetailedJob(rec *cron.JobRecord) detailedJob {
	r, n, s := &rec.Request, &rec.Notification, &rec.Schedule
	return detailedJob{
		jobHead: newJobHead(rec),
		Auth:    basicAuth{r.Auth.Enable, r.Auth.User, r.Auth.Password},
		Notification: notification{
			n.OnFailure, n.OnFailureCount, n.OnSuccess, n.OnDisable, n.OnCertExpiry,
			int64(n.CertExpiryAhead / time.Second),
		},
		ExtendedData:  extendedData{r.Headers, r.Body},
		jobTail:       newJobTail(rec),
		Schedule:      newDetailedSchedule(s, rec.Timing.Spread),
		RequestMethod: int(r.Method),
		timing:        newTiming(&rec.Job),
		policy:        newPolicy(&rec.Policy),
		exchange:      newExchange(&rec.Exchange),
		marks:         marks{rec.Traceparent, rec.SigningSecret},
		about:         newAbout(&rec.Job),
	}
}

func newJobHead(rec *cron.JobRecord) jobHead {
	return jobHead{
		JobID:         rec.ID,
		Enabled:       rec.Enabled,
		Title:         rec.Title,
		SaveResponses: rec.SaveResponses,
		URL:           rec.Request.URL,
		LastStatus:    int(rec.State.LastStatus),
		LastDuration:  rec.State.LastDuration.Milliseconds(),
		LastExecution: unixOrZero(rec.State.LastExecution),
		CertExpiry:    wire.UnixOrNull(rec.State.CertExpiry),
		NextExecution: wire.UnixOrNull(rec.State.NextRun),
	}
}

// unixOrZero is t in Unix seconds, and 0 for the zero time.
func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func newJobTail(rec *cron.JobRecord) jobTail {
	return jobTail{int(rec.Type), rec.Timeout, rec.RedirectSuccess, rec.FolderID}
}

// timing is the members of a job that, with its schedule, decide when it is due, and when notices are written. Times are Unix
// seconds.
type timing struct {
	RunAt         *int64 `json:"runAt"`
	PausedUntil   *int64 `json:"pausedUntil"`
	PauseNote     string `json:"pauseNote"`
	SilencedUntil *int64 `json:"silencedUntil"` // wire.Forever for good
}

func newTiming(j *cron.Job) timing {
	t := &j.Timing
	return timing{wire.UnixOrNull(t.RunAt), wire.UnixOrNull(t.PausedUntil), t.PauseNote, wire.UntilOrNull(j.Notification.SilencedUntil)}
}

// policy is the members of a job about misfires, overlaps, retries and delivery.
type policy struct {
	Misfire          string `json:"misfire"`
	GraceSeconds     int64  `json:"graceSeconds"`     // defaultGrace for the default
	LateAfterSeconds int64  `json:"lateAfterSeconds"` // 0 is off
	Overlap          string `json:"overlap"`
	Delivery         string `json:"delivery"`
	Retry            retry  `json:"retry"`
}

type retry struct {
	Count          int     `json:"count"`
	DelaySeconds   int64   `json:"delaySeconds"`
	Factor         float64 `json:"factor"`
	CeilingSeconds int64   `json:"ceilingSeconds"`
}

func newPolicy(p *cron.Policy) policy {
	r := &p.Retry
	return policy{
		Misfire: wire.MisfireNames[p.Misfire], GraceSeconds: max(wire.WholeSeconds(p.Grace), wire.DefaultGrace),
		LateAfterSeconds: wire.WholeSeconds(p.LateAfter),
		Overlap:          wire.OverlapNames[p.Overlap], Delivery: wire.DeliveryNames[p.Delivery],
		Retry: retry{r.Count, wire.WholeSeconds(r.Delay), r.Factor, wire.WholeSeconds(r.Ceiling)},
	}
}

// exchange is the members of a job about its HTTP exchange that are not in the contract.
type exchange struct {
	FollowRedirects int      `json:"followRedirects"`
	Success         *success `json:"success"`
	VerifyTLS       bool     `json:"verifyTls"`
	Oversize        string   `json:"oversize"`
	Connection      string   `json:"connection"`
}

// success is the criteria of success.
type success struct {
	Status      []string `json:"status"`
	Contains    string   `json:"contains"`
	NotContains string   `json:"notContains"`
	Matches     string   `json:"matches"`
}

func newExchange(x *cron.Exchange) exchange {
	e := exchange{FollowRedirects: x.FollowRedirects, VerifyTLS: !x.Unverified, Oversize: wire.OversizeNames[x.Oversize],
		Connection: wire.ConnectionNames[x.Connection]}
	if s := x.Success; s != nil {
		e.Success = &success{make([]string, len(s.Status)), s.Contains, s.NotContains, s.Matches}
		for i, r := range s.Status {
			e.Success.Status[i] = r.String()
		}
	}
	return e
}

// marks is the members of a job about what its requests carry besides its headers.
type marks struct {
	Traceparent   bool   `json:"traceparent"`
	SigningSecret string `json:"signingSecret"`
}

// about is the members of a job that people note about it, and its authors.
type about struct {
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	ChannelIDs  []int64  `json:"channelIds"` // null when the job leaves them to the account
	Created     int64    `json:"created"`    // Unix seconds
	CreatedBy   string   `json:"createdBy"`
	Updated     int64    `json:"updated"`
	UpdatedBy   string   `json:"updatedBy"`
}

func newAbout(j *cron.Job) about {
	return about{j.Description, append([]string{}, j.Tags...), j.ChannelIDs, j.Created.Unix(), j.CreatedBy.Label, j.Updated.Unix(), j.UpdatedBy.Label}
}
