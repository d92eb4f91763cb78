package harness

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Fields are the members of a JSON object to be sent.
type Fields = map[string]any

// The objects of the contract as a foreign client would declare them, without our additions. They are not shared with the
// tests of package api, so that a mistake in one declaration does not hide another.

// Schedule is JobSchedule of the contract.
type Schedule struct {
	Timezone  string `json:"timezone"`
	ExpiresAt int64  `json:"expiresAt"`
	Hours     []int  `json:"hours"`
	MonthDays []int  `json:"mdays"`
	Minutes   []int  `json:"minutes"`
	Months    []int  `json:"months"`
	Weekdays  []int  `json:"wdays"`
}

// Job is Job of the contract.
type Job struct {
	JobID           int64    `json:"jobId"`
	Enabled         bool     `json:"enabled"`
	Title           string   `json:"title"`
	SaveResponses   bool     `json:"saveResponses"`
	URL             string   `json:"url"`
	LastStatus      int      `json:"lastStatus"`
	LastDuration    int64    `json:"lastDuration"`
	LastExecution   int64    `json:"lastExecution"`
	CertExpiry      *int64   `json:"sslCertExpiry"`
	NextExecution   *int64   `json:"nextExecution"`
	Type            int      `json:"type"`
	RequestTimeout  int      `json:"requestTimeout"`
	RedirectSuccess bool     `json:"redirectSuccess"`
	FolderID        int64    `json:"folderId"`
	Schedule        Schedule `json:"schedule"`
	RequestMethod   int      `json:"requestMethod"`
}

// DetailedJob is DetailedJob of the contract.
type DetailedJob struct {
	Job
	Auth struct {
		Enable   bool   `json:"enable"`
		User     string `json:"user"`
		Password string `json:"password"`
	} `json:"auth"`
	Notification struct {
		OnFailure         bool  `json:"onFailure"`
		OnFailureCount    int   `json:"onFailureCount"`
		OnSuccess         bool  `json:"onSuccess"`
		OnDisable         bool  `json:"onDisable"`
		OnCertExpiry      bool  `json:"onSslCertExpiry"`
		CertExpirySeconds int64 `json:"onSslCertExpirySeconds"`
	} `json:"notification"`
	ExtendedData struct {
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	} `json:"extendedData"`
}

// HistoryItem is HistoryItem of the contract.
type HistoryItem struct {
	JobLogID    int64   `json:"jobLogId"`
	JobID       int64   `json:"jobId"`
	Identifier  string  `json:"identifier"`
	Date        int64   `json:"date"`
	DatePlanned int64   `json:"datePlanned"`
	Jitter      int64   `json:"jitter"`
	URL         string  `json:"url"`
	Duration    int64   `json:"duration"`
	Status      int     `json:"status"`
	StatusText  string  `json:"statusText"`
	HTTPStatus  int     `json:"httpStatus"`
	Headers     *string `json:"headers"`
	Body        *string `json:"body"`
	Stats       struct {
		NameLookup    int64 `json:"nameLookup"`
		Connect       int64 `json:"connect"`
		AppConnect    int64 `json:"appConnect"`
		PreTransfer   int64 `json:"preTransfer"`
		StartTransfer int64 `json:"startTransfer"`
		Total         int64 `json:"total"`
	} `json:"stats"`
	CertExpiry *int64 `json:"sslCertExpiry"`
}

// History is the response to a request for the history of a job.
type History struct {
	History     []HistoryItem `json:"history"`
	Predictions []int64       `json:"predictions"`
}

// Problem is problem details (RFC 9457) of the API.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Detail  string `json:"detail"`
	} `json:"errors,omitempty"`
}

// Client calls the API and checks the responses against the contract.
type Client struct {
	t    testing.TB
	url  string
	key  string
	http *http.Client
}

// NewClient returns a client of the service at the URL.
func NewClient(t testing.TB, url, key string) *Client { return newClient(t, url, key, nil) }

func newClient(t testing.TB, url, key string, encryption *tls.Config) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 16, TLSClientConfig: encryption}
	t.Cleanup(transport.CloseIdleConnections)
	return &Client{t: t, url: url, key: key, http: &http.Client{
		Transport: transport, Timeout: Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Answer is an answer of the API.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	At     time.Time // when it was received
}

// Try sends a request. A body that is neither a string nor bytes is sent as JSON; header may be nil.
func (c *Client) Try(method, path string, body any, header http.Header) (Answer, error) {
	var sent io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		sent = strings.NewReader(b)
	case []byte:
		sent = bytes.NewReader(b)
	default:
		encoded, err := json.Marshal(body)
		if err != nil {
			return Answer{}, err
		}
		sent = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, sent)
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer := Answer{Status: resp.StatusCode, Header: resp.Header}
	answer.Body, err = io.ReadAll(resp.Body)
	answer.At = time.Now()
	return answer, err
}

// Do sends a request. The response must be a JSON object of the media type that the contract has for its status.
func (c *Client) Do(method, path string, body any, header http.Header) Answer {
	c.t.Helper()
	answer, err := c.Try(method, path, body, header)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	want := "application/problem+json"
	if answer.Status == http.StatusOK {
		want = "application/json"
	}
	var object map[string]any
	if err := json.Unmarshal(answer.Body, &object); err != nil || answer.Header.Get("Content-Type") != want {
		c.t.Fatalf("%s %s: status %d with Content-Type %q, want %q and a JSON object, not %s", method, path,
			answer.Status, answer.Header.Get("Content-Type"), want, answer.Body)
	}
	return answer
}

// Refused sends a request that must be refused with a problem of the given status.
func (c *Client) Refused(status int, method, path string, body any) Problem {
	c.t.Helper()
	answer := c.Do(method, path, body, nil)
	var problem Problem
	if err := decode(answer.Body, &problem, true); err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if answer.Status != status || problem.Status != status || problem.Title == "" || problem.Detail == "" {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, path, answer.Status, status, answer.Body)
	}
	return problem
}

// call sends a request that must succeed, and decodes the response. Unknown members are an error unless additions are
// allowed.
func (c *Client) call(method, path string, body, v any, additions bool) Answer {
	c.t.Helper()
	answer := c.Do(method, path, body, nil)
	if answer.Status != http.StatusOK {
		c.t.Fatalf("%s %s: status %d: %s", method, path, answer.Status, answer.Body)
	}
	if err := decode(answer.Body, v, additions); err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

// decode reads JSON that must have every member of v, and no others unless additions are allowed.
func decode(text []byte, v any, additions bool) error {
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w in %s", err, text)
	}
	again, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var sent, known any
	if err := json.Unmarshal(text, &sent); err != nil {
		return err
	}
	if err := json.Unmarshal(again, &known); err != nil {
		return err
	}
	if !holds(sent, known) {
		return fmt.Errorf("the answer lacks a member of\n%s\nand is\n%s", again, text)
	}
	if !additions && !holds(known, sent) {
		return fmt.Errorf("the answer has more members than\n%s\nand is\n%s", again, text)
	}
	return nil
}

// holds tells whether whole contains each member of the objects in part, with the same value.
func holds(whole, part any) bool {
	p, ok := part.(map[string]any)
	if !ok {
		return reflect.DeepEqual(whole, part)
	}
	w, ok := whole.(map[string]any)
	if !ok {
		return false
	}
	for name, value := range p {
		if found, ok := w[name]; !ok || !holds(found, value) {
			return false
		}
	}
	return true
}

// CreateJob creates a job and returns its ID.
func (c *Client) CreateJob(job Fields) int64 {
	c.t.Helper()
	id, err := c.TryCreateJob(job)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

// TryCreateJob creates a job and returns its ID. It can be called on any goroutine.
func (c *Client) TryCreateJob(job Fields) (int64, error) {
	answer, err := c.Try(http.MethodPut, "/jobs", Fields{"job": job}, nil)
	if err != nil {
		return 0, err
	}
	var created struct {
		JobID int64 `json:"jobId"`
	}
	if answer.Status != http.StatusOK {
		return 0, fmt.Errorf("PUT /jobs: status %d: %s", answer.Status, answer.Body)
	}
	return created.JobID, decode(answer.Body, &created, false)
}

// ChangeJob changes a job and returns when the response was received.
func (c *Client) ChangeJob(id int64, changes Fields) time.Time {
	c.t.Helper()
	return c.call(http.MethodPatch, jobPath(id), Fields{"job": changes}, &struct{}{}, false).At
}

// DeleteJob deletes a job and returns when the response was received.
func (c *Client) DeleteJob(id int64) time.Time {
	c.t.Helper()
	return c.call(http.MethodDelete, jobPath(id), nil, &struct{}{}, false).At
}

// Job reads a job.
func (c *Client) Job(id int64) DetailedJob {
	c.t.Helper()
	var answer struct {
		Details DetailedJob `json:"jobDetails"`
	}
	c.call(http.MethodGet, jobPath(id), nil, &answer, true)
	return answer.Details
}

// Jobs reads all jobs.
func (c *Client) Jobs() []Job {
	c.t.Helper()
	var answer struct {
		Jobs       []Job `json:"jobs"`
		SomeFailed bool  `json:"someFailed"`
	}
	c.call(http.MethodGet, "/jobs", nil, &answer, false)
	if answer.SomeFailed {
		c.t.Error("some jobs could not be read")
	}
	return answer.Jobs
}

// History reads the history of a job.
func (c *Client) History(id int64) History {
	c.t.Helper()
	var answer History
	c.call(http.MethodGet, jobPath(id)+"/history", nil, &answer, false)
	return answer
}

// Execution reads one execution of a job.
func (c *Client) Execution(id int64, identifier string) HistoryItem {
	c.t.Helper()
	var answer struct {
		Details HistoryItem `json:"jobHistoryDetails"`
	}
	c.call(http.MethodGet, jobPath(id)+"/history/"+identifier, nil, &answer, true)
	return answer.Details
}

func jobPath(id int64) string { return "/jobs/" + strconv.FormatInt(id, 10) }

// EverySecond is a schedule, as are the following functions.
func EverySecond() Fields { return AtSeconds(-1) }

// EveryMinute is due at second 0.
func EveryMinute() Fields { return AtSeconds(0) }

// AtSeconds is due at the given seconds of each minute.
func AtSeconds(seconds ...int) Fields {
	every := []int{-1}
	return Fields{"timezone": "UTC", "hours": every, "mdays": every, "minutes": every, "months": every, "wdays": every,
		"seconds": seconds}
}
