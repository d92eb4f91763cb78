package store

import (
	"encoding/json"
	"fmt"

	"punctual/internal/cron"
)

// successRow is the criteria of success as JSON.
type successRow struct {
	Status      []string `json:"s,omitempty"`
	Contains    string   `json:"c,omitempty"`
	NotContains string   `json:"n,omitempty"`
	Matches     string   `json:"m,omitempty"`
}

// encodeSuccess returns criteria as they are stored; empty for nil.
func encodeSuccess(s *cron.Success) string {
	if s == nil {
		return ""
	}
	row := successRow{Contains: s.Contains, NotContains: s.NotContains, Matches: s.Matches}
	for _, r := range s.Status {
		row.Status = append(row.Status, r.String())
	}
	return encode(row)
}

func decodeSuccess(text string) (*cron.Success, error) {
	if text == "" {
		return nil, nil
	}
	var row successRow
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		return nil, fmt.Errorf("decode the criteria of success: %w", err)
	}
	s := &cron.Success{Contains: row.Contains, NotContains: row.NotContains, Matches: row.Matches}
	for _, text := range row.Status {
		r, ok := cron.ParseStatusRange(text)
		if !ok {
			return nil, fmt.Errorf("decode the criteria of success: %q is no range of status codes", text)
		}
		s.Status = append(s.Status, r)
	}
	return s, nil
}

// redirectRow is a redirect as JSON.
type redirectRow struct {
	Status int    `json:"s"`
	URL    string `json:"u"`
}

// encodeRedirects returns redirects as they are stored; empty for none.
func encodeRedirects(redirects []cron.Redirect) string {
	if len(redirects) == 0 {
		return ""
	}
	rows := make([]redirectRow, len(redirects))
	for i, r := range redirects {
		rows[i] = redirectRow{r.Status, storable(r.URL)}
	}
	return encode(rows)
}

func decodeRedirects(text string) ([]cron.Redirect, error) {
	if text == "" {
		return nil, nil
	}
	var rows []redirectRow
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("decode the redirects: %w", err)
	}
	redirects := make([]cron.Redirect, len(rows))
	for i, r := range rows {
		redirects[i] = cron.Redirect{Status: r.Status, URL: r.URL}
	}
	return redirects, nil
}

// encode returns v as JSON. v consists of strings and numbers, so that cannot fail.
func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: encode %T: %v", v, err))
	}
	return string(text)
}

// hasResponse tells whether a row of response is written for a result.
func hasResponse(r *cron.Result) bool {
	return r.Headers != nil || r.Body != nil || len(r.Redirects) > 0 || r.Truncated
}
