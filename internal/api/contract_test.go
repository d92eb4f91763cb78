package api_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// decode reads JSON as a strict client would: no field that it does not know.
func decode(t testing.TB, text string, to any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(to); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Fatalf("more than one value in %s", text)
	}
}

// The objects of the API as a foreign client would declare them, with our additions to the contract. Package api's own types
// are not used on purpose, and neither are those of package harness, which has the contract alone.

// job is a job in a list.
type job struct {
	JobID           int64       `json:"jobId"`
	Enabled         bool        `json:"enabled"`
	Title           string      `json:"title"`
	SaveResponses   bool        `json:"saveResponses"`
	URL             string      `json:"url"`
	LastStatus      int         `json:"lastStatus"`
	LastDuration    int64       `json:"lastDuration"`
	LastExecution   int64       `json:"lastExecution"`
	SSLCertExpiry   *int64      `json:"sslCertExpiry"`
	NextExecution   *int64      `json:"nextExecution"`
	Type            int         `json:"type"`
	RequestTimeout  int         `json:"requestTimeout"`
	RedirectSuccess bool        `json:"redirectSuccess"`
	FolderID        int64       `json:"folderId"`
	Schedule        jobSchedule `json:"schedule"`
	RequestMethod   int         `json:"requestMethod"`
}

type jobSchedule struct {
	Timezone  string `json:"timezone"`
	ExpiresAt int64  `json:"expiresAt"`
	Hours     []int  `json:"hours"`
	Mdays     []int  `json:"mdays"`
	Minutes   []int  `json:"minutes"`
	Months    []int  `json:"months"`
	Wdays     []int  `json:"wdays"`
}

// sentHeaders are headers by their names, of those that repeat the last ones.
type sentHeaders map[string]string

// UnmarshalJSON reads an object, or a list.
func (h *sentHeaders) UnmarshalJSON(text []byte) error {
	if text[0] == '{' {
		return json.Unmarshal(text, (*map[string]string)(h))
	}
	var list []struct{ Key, Value string }
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	*h = sentHeaders{}
	for _, header := range list {
		(*h)[header.Key] = header.Value
	}
	return nil
}

// detailedJob is a job with all its members.
type detailedJob struct {
	job
	Auth struct {
		Enable   bool   `json:"enable"`
		User     string `json:"user"`
		Password string `json:"password"`
	} `json:"auth"`
	Notification struct {
		OnFailure              bool  `json:"onFailure"`
		OnFailureCount         int64 `json:"onFailureCount"`
		OnSuccess              bool  `json:"onSuccess"`
		OnDisable              bool  `json:"onDisable"`
		OnSSLCertExpiry        bool  `json:"onSslCertExpiry"`
		OnSSLCertExpirySeconds int64 `json:"onSslCertExpirySeconds"`
	} `json:"notification"`
	ExtendedData struct {
		Headers sentHeaders `json:"headers"`
		Body    string      `json:"body"`
	} `json:"extendedData"`
	Schedule struct { // hides that of job
		jobSchedule
		Seconds       []int  `json:"seconds"`
		Days          string `json:"days"`
		LastDay       bool   `json:"lastDay"`
		DST           string `json:"dst"`
		SpreadSeconds int64  `json:"spreadSeconds"`
	} `json:"schedule"`
	RunAt            *int64 `json:"runAt"`
	PausedUntil      *int64 `json:"pausedUntil"`
	PauseNote        string `json:"pauseNote"`
	SilencedUntil    *int64 `json:"silencedUntil"`
	Misfire          string `json:"misfire"`
	GraceSeconds     int64  `json:"graceSeconds"`
	LateAfterSeconds int64  `json:"lateAfterSeconds"`
	Overlap          string `json:"overlap"`
	Delivery         string `json:"delivery"`
	Retry            struct {
		Count          int     `json:"count"`
		DelaySeconds   int64   `json:"delaySeconds"`
		Factor         float64 `json:"factor"`
		CeilingSeconds int64   `json:"ceilingSeconds"`
	} `json:"retry"`
	FollowRedirects int `json:"followRedirects"`
	Success         *struct {
		Status      []string `json:"status"`
		Contains    string   `json:"contains"`
		NotContains string   `json:"notContains"`
		Matches     string   `json:"matches"`
	} `json:"success"`
	VerifyTLS     bool     `json:"verifyTls"`
	Oversize      string   `json:"oversize"`
	Connection    string   `json:"connection"`
	Traceparent   bool     `json:"traceparent"`
	SigningSecret string   `json:"signingSecret"`
	Description   string   `json:"description"`
	Tags          []string `json:"tags"`
	ChannelIDs    []int64  `json:"channelIds"`
	Created       int64    `json:"created"`
	CreatedBy     string   `json:"createdBy"`
	Updated       int64    `json:"updated"`
	UpdatedBy     string   `json:"updatedBy"`
}

// historyDetails is one item of the history with our additions.
type historyDetails struct {
	historyItem
	Redirects []struct {
		URL    string `json:"url"`
		Status int    `json:"status"`
	} `json:"redirects"`
	Truncated     bool    `json:"truncated"`
	HeadersBase64 []byte  `json:"headersBase64"`
	BodyBase64    []byte  `json:"bodyBase64"`
	Sentence      *string `json:"sentence"`
	Mend          *struct {
		Kind  string `json:"kind"`
		Value any    `json:"value"`
	} `json:"mend"`
	historyCause
}

// historyCause is what both kinds of executions that we add to have.
type historyCause struct {
	Cause     *string `json:"cause"`
	IPAddress *string `json:"ipAddress"`
	Version   *int64  `json:"version"`
}

// historyItem is an execution in the history of a job.
type historyItem struct {
	execution
	Headers *string `json:"headers"`
	Body    *string `json:"body"`
}

// historyRecord is a record of a search.
type historyRecord struct {
	execution
	JobTitle string `json:"jobTitle"`
	Outcome  string `json:"outcome"`
	Kind     string `json:"kind"`
	Attempt  int    `json:"attempt"`
	Reason   string `json:"reason"`
	Covers   *struct {
		First   int64 `json:"first"`
		Last    int64 `json:"last"`
		Count   int64 `json:"count"`
		AtLeast bool  `json:"atLeast"`
	} `json:"covers"`
	RerunOf      *string `json:"rerunOf"`
	RequestedBy  *string `json:"requestedBy"`
	RequestedWay *string `json:"requestedWay"`
	historyCause
}

// execution is what every list of executions has.
type execution struct {
	JobLogID    int64  `json:"jobLogId"`
	JobID       int64  `json:"jobId"`
	Identifier  string `json:"identifier"`
	Date        int64  `json:"date"`
	DatePlanned int64  `json:"datePlanned"`
	Jitter      int64  `json:"jitter"`
	URL         string `json:"url"`
	Duration    int64  `json:"duration"`
	Status      int    `json:"status"`
	StatusText  string `json:"statusText"`
	HTTPStatus  int    `json:"httpStatus"`
	Stats       struct {
		NameLookup    int64 `json:"nameLookup"`
		Connect       int64 `json:"connect"`
		AppConnect    int64 `json:"appConnect"`
		PreTransfer   int64 `json:"preTransfer"`
		StartTransfer int64 `json:"startTransfer"`
		Total         int64 `json:"total"`
	} `json:"stats"`
	SSLCertExpiry *int64 `json:"sslCertExpiry"`
}

type folder struct {
	FolderID int64  `json:"folderId"`
	Title    string `json:"title"`
}

type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Detail  string `json:"detail"`
	} `json:"errors"`
}
