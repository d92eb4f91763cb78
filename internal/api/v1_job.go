package api

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	body, outer, err := readMember(w, r, jobBody, "job")
	if err != nil {
		return err
	}
	change, unread := jobChange(body)
	a.tellIgnored(w, r, outer, "/job", unread)
	job, err := a.service.CreateJob(r.Context(), account, change)
	if err != nil {
		return under("/job", err)
	}
	return a.replyCreated(w, &job)
}

// replyCreated answers that a job was made.
func (a *api) replyCreated(w http.ResponseWriter, job *cron.Job) error {
	a.setETag(w, job)
	return reply(w, struct {
		JobID int64 `json:"jobId"`
	}{job.ID})
}

func (a *api) changeJob(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	body, outer, err := readMember(w, r, jobBody, "job")
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
		CertExpiry:    unixOrNull(rec.State.CertExpiry),
		NextExecution: unixOrNull(rec.State.NextRun),
	}
	if last := unixOrNull(rec.State.LastExecution); last != nil {
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
	return detailedSchedule{newSchedule(s), numbers(s.Seconds), dayNames[s.Days], s.LastDay, dstNames[s.DST], wholeSeconds(spread)}
}

// numbers is a set as the contract shows it.
func numbers(s cron.Set) []int {
	if s == cron.Every {
		return []int{every}
	}
	return s.Members()
}

// unixOrNull is t in Unix seconds, and nil for the zero time.
func unixOrNull(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.Unix())
}

// dayNames are the names of the rules for two day fields, by their numbers.
var dayNames = []string{cron.DaysEither: "either", cron.DaysBoth: "both"}

// dstNames are the names of the daylight-saving rules, by their numbers.
var dstNames = []string{cron.DSTOnce: "once", cron.DSTWallClock: "wallclock"}

// jobChange is what body, the JSON object of a job, changes, and what of it nothing reads.
func jobChange(body json.RawMessage) (change service.Change, unread []string) {
	read := func(job *cron.Job) *problems {
		var p problems
		readJob(newObject(body, "", &p), job)
		return &p
	}
	return func(job *cron.Job) error { return read(job).Err() }, read(&cron.Job{}).unread()
}

// readOnlyMembers are those of a job that the contract ignores.
var readOnlyMembers = []string{
	"jobId", "lastStatus", "lastDuration", "lastExecution", "sslCertExpiry", "nextExecution", "type",
}

// readJob merges o into job field by field; read-only fields are ignored. Seconds are limited to what a duration holds.
func readJob(o object, job *cron.Job) {
	o.skip(readOnlyMembers...)
	o.boolean("enabled", &job.Enabled)
	o.text("title", &job.Title)
	o.boolean("saveResponses", &job.SaveResponses)
	o.text("url", &job.Request.URL)
	integer(o, "requestTimeout", &job.Timeout, math.MinInt32, math.MaxInt32)
	o.boolean("redirectSuccess", &job.RedirectSuccess)
	integer(o, "folderId", &job.FolderID, math.MinInt64, math.MaxInt64)
	readMethod(o, "requestMethod", &job.Request.Method)

	auth := o.object("auth")
	auth.boolean("enable", &job.Request.Auth.Enable)
	auth.text("user", &job.Request.Auth.User)
	auth.text("password", &job.Request.Auth.Password)

	extended := o.object("extendedData")
	readHeaders(extended, "headers", &job.Request.Headers)
	extended.text("body", &job.Request.Body)

	readNotification(o.object("notification"), &job.Notification)
	schedule := o.object("schedule")
	readSchedule(schedule, &job.Schedule)
	readTiming(o, schedule, &job.Timing)
	readPolicy(o, &job.Policy)
	readExchange(o, &job.Exchange)
}

func readNotification(o object, n *cron.Notification) {
	o.boolean("onFailure", &n.OnFailure)
	integer(o, "onFailureCount", &n.OnFailureCount, math.MinInt64, math.MaxInt32)
	n.OnFailureCount = max(n.OnFailureCount, 1)
	o.boolean("onSuccess", &n.OnSuccess)
	o.boolean("onDisable", &n.OnDisable)
	o.boolean("onSslCertExpiry", &n.OnCertExpiry)
	ahead := int64(n.CertExpiryAhead / time.Second)
	integer(o, "onSslCertExpirySeconds", &ahead, math.MinInt64, math.MaxInt32)
	n.CertExpiryAhead = time.Duration(max(ahead, 0)) * time.Second
}

func readSchedule(o object, s *cron.Schedule) {
	o.text("timezone", &s.Timezone)
	integer(o, "expiresAt", &s.ExpiresAt, math.MinInt64, math.MaxInt64)
	if 1e11 <= s.ExpiresAt && s.ExpiresAt < 1e12 {
		s.ExpiresAt *= 100 // twelve digits lack the seconds
	}
	o.set("hours", &s.Hours, 0, 23)
	o.set("mdays", &s.MonthDays, 1, 31)
	o.set("minutes", &s.Minutes, 0, 59)
	o.set("months", &s.Months, 1, 12)
	o.set("wdays", &s.Weekdays, 0, 7)
	if s.Weekdays != cron.Every && s.Weekdays.Has(7) {
		s.Weekdays = s.Weekdays&^cron.SetOf(7) | cron.SetOf(0) // Sunday has two numbers
	}
	o.set("seconds", &s.Seconds, 0, 59)
	o.boolean("lastDay", &s.LastDay)
	choice(o, "days", &s.Days, dayNames)
	choice(o, "dst", &s.DST, dstNames)
}

// readMethod reads an HTTP method: its number, or its name in any letter case.
func readMethod(o object, name string, to *cron.Method) {
	raw, ok := o.value(name)
	if !ok {
		return
	}
	text, ok := scalar(raw)
	if !ok {
		o.wrongType(name, typeInteger)
		return
	}
	if m, ok := cron.ParseMethod(text); ok {
		*to = m
		return
	}
	n, wrong := parseInteger(raw, 0, math.MaxInt32)
	if wrong.Rule != cron.RuleNone || !cron.Method(n).Valid() {
		o.add(name, cron.Problem{Rule: cron.RuleUnknownValue, Given: text, Want: methodChoices()})
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
func readHeaders(o object, name string, to *[]cron.Header) {
	raw, ok := o.value(name)
	if !ok {
		return
	}
	list := headerList{problems: o.problems}
	pointer := o.pointer + "/" + name + "/"
	switch raw[0] {
	case '{':
		dictionary := o.object(name)
		for _, name := range dictionary.names {
			at := pointer + escape(name)
			value, _ := dictionary.value(name)
			list.add(name, at, value, at)
		}
	case '[':
		walk(raw, func(index string, item json.RawMessage) {
			entry := newObject(item, pointer+index, o.problems)
			nameMember := "key"
			if _, ok := entry.value(nameMember); !ok {
				nameMember = "name"
			}
			var name string
			entry.text(nameMember, &name)
			value, _ := entry.value("value")
			list.add(name, entry.pointer+"/"+nameMember, value, entry.pointer+"/value")
		})
	default:
		o.wrongType(name, typeObject)
	}
	*to = list.headers
}

// headerList gathers headers in the order in which they are given.
type headerList struct {
	headers  []cron.Header
	problems *problems
}

// add takes a header, whose name and value stand at the given pointers. One without a name or value is dropped.
func (l *headerList) add(name, namePointer string, raw json.RawMessage, valuePointer string) {
	var value string
	if raw != nil && string(raw) != "null" {
		text, ok := scalar(raw)
		if !ok || raw[0] == 't' || raw[0] == 'f' {
			l.problems.add(valuePointer, cron.Problem{Rule: cron.RuleWrongType, Want: typeString})
			return
		}
		value = oneLine(text)
	}
	name = oneLine(name)
	if name == "" || value == "" {
		return
	}
	if !cron.IsToken(name) {
		l.problems.add(namePointer, cron.Problem{Rule: cron.RuleHeaderName, Given: name})
		return
	}
	l.headers = append(l.headers, cron.Header{Name: name, Value: value})
}

// oneLine is s without line breaks and trimmed.
func oneLine(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(s))
}
