package api

import (
	"net/http"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// account is an account as its owner sees it. Limits of null are none.
type account struct {
	AccountID int64   `json:"accountId"`
	Email     string  `json:"email"`
	Title     string  `json:"title"`
	Plan      string  `json:"plan"`
	Created   int64   `json:"created"` // Unix seconds
	Limits    limits  `json:"limits"`
	Used      used    `json:"used"`
	Left      used    `json:"left"`
	Key       *apiKey `json:"apiKey"` // null for a session
}

// limits are the numbers of a plan by their names, in the order of cron.PlanLimits.
type limits cron.Plan

// MarshalJSON writes a JSON object, in which null is no limit.
func (l limits) MarshalJSON() ([]byte, error) {
	plan := cron.Plan(l)
	b := []byte{'{'}
	for i := range cron.PlanLimits {
		limit := &cron.PlanLimits[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, limit.Name), ':')
		if n := limit.Of(&plan); limit.None(n) {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendInt(b, n, 10)
		}
	}
	return append(b, '}'), nil
}

// used is how much of what a plan limits there is. Null is not counted, or not limited.
type used struct {
	Jobs          *int64 `json:"jobs"`
	APIKeys       *int64 `json:"apiKeys"`
	RequestsToday *int64 `json:"requestsToday"` // of the key, a UTC day
}

// left is how much of a limit is not used; nil when there is none.
func left(limit, n int) *int64 {
	if limit == 0 {
		return nil
	}
	return new(int64(max(0, limit-n)))
}

func newAccount(a *cron.Account, st *service.Standing, key *cron.APIKey) account {
	p := &st.Plan
	answer := account{
		AccountID: a.ID, Email: a.Email, Title: a.Title, Plan: a.Plan, Created: a.Created.Unix(), Limits: limits(*p),
		Used: used{Jobs: new(int64(st.Jobs)), APIKeys: new(int64(st.Keys))},
		Left: used{left(p.MaxJobs, st.Jobs), left(p.MaxKeys, st.Keys), left(p.DailyRequests, st.Requests)},
	}
	if key != nil {
		answer.Key = new(newAPIKey(key, key))
	}
	if p.DailyRequests != 0 && key != nil {
		answer.Used.RequestsToday = new(int64(st.Requests))
	}
	return answer
}

// getAccount tells who the caller is, what the account may have, and what of it is left.
func (a *api) getAccount(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	st, err := a.service.Standing(r.Context(), actor)
	if err != nil {
		return err
	}
	return reply(w, struct {
		Account account `json:"account"`
		Person  *person `json:"person"` // null for a key
		Role    string  `json:"role"`
	}{newAccount(&actor.Account, &st, actor.Key), newPerson(actor.Person), actor.Role.String()})
}
