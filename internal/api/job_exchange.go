package api

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// exchange is the members of a job that say what its exchange does beyond the contract.
type exchange struct {
	FollowRedirects int      `json:"followRedirects"`
	Success         *success `json:"success"`
	VerifyTLS       bool     `json:"verifyTls"`
	Oversize        string   `json:"oversize"`
}

// success is the criteria by which a response is judged.
type success struct {
	Status      []string `json:"status"`
	Contains    string   `json:"contains"`
	NotContains string   `json:"notContains"`
	Matches     string   `json:"matches"`
}

func newExchange(x *cron.Exchange) exchange {
	e := exchange{FollowRedirects: x.FollowRedirects, VerifyTLS: !x.Unverified, Oversize: wire.OversizeNames[x.Oversize]}
	if s := x.Success; s != nil {
		e.Success = &success{make([]string, len(s.Status)), s.Contains, s.NotContains, s.Matches}
		for i, r := range s.Status {
			e.Success.Status[i] = r.String()
		}
	}
	return e
}

// readExchange merges the members of a job that belong to its exchange. Criteria replace those there are, and none of
// them, {}, is back to the contract's rule.
func readExchange(o wire.Object, x *cron.Exchange) {
	wire.Integer(o, "followRedirects", &x.FollowRedirects, 0, cron.MaxRedirects)
	verify := !x.Unverified
	o.Boolean("verifyTls", &verify)
	x.Unverified = !verify
	wire.Choice(o, "oversize", &x.Oversize, wire.OversizeNames)

	if _, ok := o.Value("success"); !ok {
		return
	}
	var s cron.Success
	given := o.Object("success")
	readStatusRanges(given, "status", &s.Status)
	given.Text("contains", &s.Contains)
	given.Text("notContains", &s.NotContains)
	given.Text("matches", &s.Matches)
	if x.Success = nil; len(s.Status) > 0 || s.Looks() {
		x.Success = &s
	}
}

// readStatusRanges reads an array of status codes and ranges of them.
func readStatusRanges(o wire.Object, name string, to *[]cron.StatusRange) {
	o.Each(name, func(index string, item json.RawMessage) {
		pointer := o.At(name, index)
		text, ok := wire.Scalar(item)
		if !ok {
			o.Problems.Add(pointer, cron.Problem{Rule: cron.RuleWrongType, Want: wire.TypeString})
			return
		}
		if n, wrong := wire.ParseInteger(item, 0, 1000); wrong.Rule == cron.RuleNone {
			text = strconv.FormatInt(n, 10)
		}
		r, ok := cron.ParseStatusRange(text)
		if !ok {
			o.Problems.Add(pointer, cron.Problem{Rule: cron.RuleStatusRange, Given: text})
			return
		}
		if len(*to) <= cron.MaxStatusRanges { // one more is a problem, and more are not worth keeping
			*to = append(*to, r)
		}
	})
}

// historyDetails is HistoryItem of the contract, with our additions behind it where they have something to say.
type historyDetails struct {
	historyItem
	Redirects     []redirect `json:"redirects,omitempty"`
	Truncated     bool       `json:"truncated,omitempty"`
	HeadersBase64 []byte     `json:"headersBase64,omitempty"`
	BodyBase64    []byte     `json:"bodyBase64,omitempty"`
}

// unlessText is b when it is not UTF-8, so that a JSON string cannot hold it.
func unlessText(b []byte) []byte {
	if utf8.Valid(b) {
		return nil
	}
	return b
}

// redirect is a redirect that was followed.
type redirect struct {
	URL    string `json:"url"` // that it led to
	Status int    `json:"status"`
}

func (a *api) newHistoryDetails(e *cron.Execution) historyDetails {
	r := &e.Result
	d := historyDetails{
		a.newHistoryItem(e), make([]redirect, len(r.Redirects)), r.Truncated, unlessText(r.Headers), unlessText(r.Body),
	}
	for i, r := range r.Redirects {
		d.Redirects[i] = redirect{r.URL, r.Status}
	}
	return d
}
