package api

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

func (a *api) listJobs(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	jobs, someFailed, err := a.service.Jobs(r.Context(), a.now(), account)
	if err != nil {
		return err
	}
	answer := struct {
		Jobs       []job `json:"jobs"`
		SomeFailed bool  `json:"someFailed"`
	}{make([]job, len(jobs)), someFailed}
	for i := range jobs {
		answer.Jobs[i] = newJob(&jobs[i])
	}
	return reply(w, answer)
}

func (a *api) getJob(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	rec, err := a.service.Job(r.Context(), a.now(), account, pathID(r, "jobId"))
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

func (a *api) createJob(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	// The contract checks quotas before the body.
	if err := a.service.RoomForJob(r.Context(), account); err != nil {
		return err
	}
	body, outer, err := wire.ReadMember(w, r, jobBody, "job")
	if err != nil {
		return err
	}
	change, unread := jobChange(body)
	a.tellIgnored(w, r, outer, "/job", unread)
	job, err := a.service.NewJob(account, change)
	if err != nil {
		return under("/job", err)
	}
	return a.addJob(w, r, job)
}

// addJob saves a job and answers that it was made.
func (a *api) addJob(w http.ResponseWriter, r *http.Request, job cron.Job) error {
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		made := job // may run more than once
		if err := a.service.AddJob(ctx, &made); err != nil {
			return under("/job", err)
		}
		a.setETag(w, &made)
		return reply(w, struct {
			JobID int64 `json:"jobId"`
		}{made.ID})
	})
}

func (a *api) changeJob(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	body, outer, err := wire.ReadMember(w, r, jobBody, "job")
	if err != nil {
		return err
	}
	change, unread := jobChange(body)
	a.tellIgnored(w, r, outer, "/job", unread)
	job, err := a.service.ChangeJob(r.Context(), account, pathID(r, "jobId"), ifMatch(r), change)
	if err != nil {
		return under("/job", err)
	}
	a.setETag(w, &job)
	return reply(w, struct{}{})
}

func (a *api) deleteJob(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	if err := a.service.DeleteJob(r.Context(), account, pathID(r, "jobId"), ifMatch(r)); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// job is Job of the contract. Field order counts.
type job struct {
	jobHead
	jobTail
	Schedule      schedule `json:"schedule"`
	RequestMethod int      `json:"requestMethod"`
}

// detailedJob is DetailedJob of the contract, with our additions behind it.
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
}

type jobHead struct {
	JobID         int64  `json:"jobId"`
	Enabled       bool   `json:"enabled"`
	Title         string `json:"title"`
	SaveResponses bool   `json:"saveResponses"`
	URL           string `json:"url"`
	LastStatus    int    `json:"lastStatus"`
	LastDuration  int64  `json:"lastDuration"`  // ms
	LastExecution int64  `json:"lastExecution"` // Unix seconds, as all below
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

// schedule has the seven fields of the contract.
type schedule struct {
	Timezone  string `json:"timezone"`
	ExpiresAt int64  `json:"expiresAt"`
	Hours     []int  `json:"hours"`
	MonthDays []int  `json:"mdays"`
	Minutes   []int  `json:"minutes"`
	Months    []int  `json:"months"`
	Weekdays  []int  `json:"wdays"`
}

// detailedSchedule has our additions too.
type detailedSchedule struct {
	schedule
	Seconds       []int  `json:"seconds"`
	Days          string `json:"days"`
	LastDay       bool   `json:"lastDay"`
	DST           string `json:"dst"`
	SpreadSeconds int64  `json:"spreadSeconds"`
}

// headers are a dictionary in the order in which the headers are sent, or, when a name repeats ignoring case, a list.
type headers []cron.Header

// listedHeader is a header in a list.
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

// repeat tells whether a name comes more than once, ignoring case.
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
		timing:        newTiming(&rec.Timing),
		policy:        newPolicy(&rec.Policy),
		exchange:      newExchange(&rec.Exchange),
	}
}

func newJobHead(rec *cron.JobRecord) jobHead {
	head := jobHead{
		JobID:         rec.ID,
		Enabled:       rec.Enabled,
		Title:         rec.Title,
		SaveResponses: rec.SaveResponses,
		URL:           rec.Request.URL,
		LastStatus:    int(rec.State.LastStatus),
		LastDuration:  rec.State.LastDuration.Milliseconds(),
		CertExpiry:    wire.UnixOrNull(rec.State.CertExpiry),
		NextExecution: wire.UnixOrNull(rec.State.NextRun),
	}
	if last := wire.UnixOrNull(rec.State.LastExecution); last != nil {
		head.LastExecution = *last
	}
	return head
}

func newJobTail(rec *cron.JobRecord) jobTail {
	return jobTail{int(rec.Type), rec.Timeout, rec.RedirectSuccess, rec.FolderID}
}

func newSchedule(s *cron.Schedule) schedule {
	return schedule{
		Timezone: s.Timezone, ExpiresAt: s.ExpiresAt,
		Hours: numbers(s.Hours), MonthDays: numbers(s.MonthDays), Minutes: numbers(s.Minutes),
		Months: numbers(s.Months), Weekdays: numbers(s.Weekdays),
	}
}

func newDetailedSchedule(s *cron.Schedule, spread time.Duration) detailedSchedule {
	return detailedSchedule{newSchedule(s), numbers(s.Seconds), wire.DayNames[s.Days], s.LastDay, wire.DSTNames[s.DST], wire.WholeSeconds(spread)}
}

// numbers is a set as the contract shows it.
func numbers(s cron.Set) []int {
	if s == cron.Every {
		return []int{wire.Every}
	}
	return s.Members()
}

// jobChange is what body, the JSON object of a job, changes, and what of it nothing reads.
func jobChange(body json.RawMessage) (change service.Change, unread []string) {
	read := func(job *cron.Job) *wire.Problems {
		var p wire.Problems
		readJob(wire.NewObject(body, "", &p), job)
		return &p
	}
	return func(job *cron.Job) error { return read(job).Err() }, read(&cron.Job{}).Unread()
}

// readOnlyMembers are those of a job that the contract ignores.
var readOnlyMembers = []string{
	"jobId", "lastStatus", "lastDuration", "lastExecution", "sslCertExpiry", "nextExecution", "type",
}

// readJob merges o into job field by field; read-only fields are ignored. Seconds are limited to what a duration holds.
func readJob(o wire.Object, job *cron.Job) {
	o.Skip(readOnlyMembers...)
	o.Boolean("enabled", &job.Enabled)
	o.Text("title", &job.Title)
	o.Boolean("saveResponses", &job.SaveResponses)
	o.Text("url", &job.Request.URL)
	wire.Integer(o, "requestTimeout", &job.Timeout, math.MinInt32, math.MaxInt32)
	o.Boolean("redirectSuccess", &job.RedirectSuccess)
	wire.Integer(o, "folderId", &job.FolderID, math.MinInt64, math.MaxInt64)
	readMethod(o, "requestMethod", &job.Request.Method)

	auth := o.Object("auth")
	auth.Boolean("enable", &job.Request.Auth.Enable)
	auth.Text("user", &job.Request.Auth.User)
	auth.Text("password", &job.Request.Auth.Password)

	extended := o.Object("extendedData")
	readHeaders(extended, "headers", &job.Request.Headers)
	extended.Text("body", &job.Request.Body)

	readNotification(o.Object("notification"), &job.Notification)
	schedule := o.Object("schedule")
	readSchedule(schedule, &job.Schedule)
	readTiming(o, schedule, &job.Timing)
	readPolicy(o, &job.Policy)
	readExchange(o, &job.Exchange)
}

func readNotification(o wire.Object, n *cron.Notification) {
	o.Boolean("onFailure", &n.OnFailure)
	wire.Integer(o, "onFailureCount", &n.OnFailureCount, math.MinInt64, math.MaxInt32)
	n.OnFailureCount = max(n.OnFailureCount, 1)
	o.Boolean("onSuccess", &n.OnSuccess)
	o.Boolean("onDisable", &n.OnDisable)
	o.Boolean("onSslCertExpiry", &n.OnCertExpiry)
	ahead := int64(n.CertExpiryAhead / time.Second)
	wire.Integer(o, "onSslCertExpirySeconds", &ahead, math.MinInt64, math.MaxInt32)
	n.CertExpiryAhead = time.Duration(max(ahead, 0)) * time.Second
}

func readSchedule(o wire.Object, s *cron.Schedule) {
	o.Text("timezone", &s.Timezone)
	wire.Integer(o, "expiresAt", &s.ExpiresAt, math.MinInt64, math.MaxInt64)
	if 1e11 <= s.ExpiresAt && s.ExpiresAt < 1e12 {
		s.ExpiresAt *= 100 // twelve digits lack the seconds
	}
	o.Set("hours", &s.Hours, 0, 23)
	o.Set("mdays", &s.MonthDays, 1, 31)
	o.Set("minutes", &s.Minutes, 0, 59)
	o.Set("months", &s.Months, 1, 12)
	o.Set("wdays", &s.Weekdays, 0, 7)
	if s.Weekdays != cron.Every && s.Weekdays.Has(7) {
		s.Weekdays = s.Weekdays&^cron.SetOf(7) | cron.SetOf(0) // Sunday has two numbers
	}
	o.Set("seconds", &s.Seconds, 0, 59)
	o.Boolean("lastDay", &s.LastDay)
	wire.Choice(o, "days", &s.Days, wire.DayNames)
	wire.Choice(o, "dst", &s.DST, wire.DSTNames)
}

// readMethod reads an HTTP method: its number, or its name in any letter case.
func readMethod(o wire.Object, name string, to *cron.Method) {
	raw, ok := o.Value(name)
	if !ok {
		return
	}
	text, ok := wire.Scalar(raw)
	if !ok {
		o.WrongType(name, wire.TypeInteger)
		return
	}
	if m, ok := cron.ParseMethod(text); ok {
		*to = m
		return
	}
	n, wrong := wire.ParseInteger(raw, 0, math.MaxInt32)
	if wrong.Rule != cron.RuleNone || !cron.Method(n).Valid() {
		o.Add(name, cron.Problem{Rule: cron.RuleUnknownValue, Given: text, Want: methodChoices()})
		return
	}
	*to = cron.Method(n)
}

// methodChoices lists the methods with their numbers.
func methodChoices() string {
	var choices []string
	for m := cron.MethodGet; m.Valid(); m++ {
		choices = append(choices, strconv.Itoa(int(m))+" "+m.String())
	}
	return strings.Join(choices, ", ")
}

// readHeaders reads a dictionary, or a list of objects with "key" or "name" and "value". In a list a name may repeat. Of
// members of a dictionary that share a name the last one counts, as everywhere.
func readHeaders(o wire.Object, name string, to *[]cron.Header) {
	raw, ok := o.Value(name)
	if !ok {
		return
	}
	list := headerList{problems: o.Problems}
	switch raw[0] {
	case '{':
		dictionary := o.Object(name)
		dictionary.All(func(name string, value json.RawMessage) {
			list.add(name, dictionary.At(name), value, dictionary.At(name))
		})
	case '[':
		o.Each(name, func(index string, item json.RawMessage) {
			entry := wire.NewObject(item, o.At(name, index), o.Problems)
			nameMember := "key"
			if _, ok := entry.Value(nameMember); !ok {
				nameMember = "name"
			}
			var name string
			entry.Text(nameMember, &name)
			value, _ := entry.Value("value")
			list.add(name, entry.At(nameMember), value, entry.At("value"))
		})
	default:
		o.WrongType(name, wire.TypeObject)
	}
	*to = list.headers
}

// headerList gathers headers in the order in which they are given.
type headerList struct {
	headers  []cron.Header
	problems *wire.Problems
}

// add takes a header, whose name and value stand at the given pointers. One without a name or value is dropped.
func (l *headerList) add(name, namePointer string, raw json.RawMessage, valuePointer string) {
	var value string
	if raw != nil && string(raw) != "null" {
		text, ok := wire.Scalar(raw)
		if !ok || raw[0] == 't' || raw[0] == 'f' {
			l.problems.Add(valuePointer, cron.Problem{Rule: cron.RuleWrongType, Want: wire.TypeString})
			return
		}
		value = oneLine(text)
	}
	name = oneLine(name)
	if name == "" || value == "" {
		return
	}
	if !cron.IsToken(name) {
		l.problems.Add(namePointer, cron.Problem{Rule: cron.RuleHeaderName, Given: name})
		return
	}
	l.headers = append(l.headers, cron.Header{Name: name, Value: value})
}

// oneLine is s without line breaks and trimmed.
func oneLine(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(s))
}
