package api_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/service"
)

func TestExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		lived(c)
		want := c.search("/history?limit=1000").History
		for path, accept := range map[string]string{
			"/history?format=ndjson&limit=1&cursor=x": "text/csv", "/history": "text/csv;q=0.5, application/x-ndjson",
		} {
			got := c.do("GET", path, "", "Accept: "+accept)
			if got.status != 200 || got.header.Get("Content-Type") != "application/x-ndjson" {
				t.Fatalf("%s: %d %v", path, got.status, got.header)
			}
			lines := strings.Split(strings.TrimSuffix(got.body, "\n"), "\n")
			if len(lines) != len(want) {
				t.Fatalf("%s: %d lines, want %d", path, len(lines), len(want))
			}
			for i, line := range lines {
				var r historyRecord
				decode(t, line, &r)
				if mustJSON(t, r) != mustJSON(t, want[i]) {
					t.Errorf("line %d is %s, want %s", i, line, mustJSON(t, want[i]))
				}
			}
		}
		got := c.do("GET", "/history", "", "Accept: text/csv")
		if media := got.header.Get("Content-Type"); got.status != 200 || !strings.HasPrefix(media, "text/csv;") ||
			!strings.Contains(got.header.Get("Content-Disposition"), "history.csv") {
			t.Fatalf("%d %v", got.status, got.header)
		}
		rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 1+len(want) {
			t.Fatalf("%d rows, want %d", len(rows), 1+len(want))
		}
		column := func(name string) int { return slices.Index(rows[0], name) }
		for i, r := range want {
			row := rows[i+1]
			title := strings.Replace(r.JobTitle, "=Steady", "'=Steady", 1)
			count := ""
			if r.Covers != nil {
				count = strconv.FormatInt(r.Covers.Count, 10)
			}
			for name, value := range map[string]string{"jobLogId": strconv.FormatInt(r.JobLogID, 10), "jobTitle": title,
				"url": r.URL, "statusText": r.StatusText, "outcome": r.Outcome, "kind": r.Kind, "reason": r.Reason,
				"total": strconv.FormatInt(r.Stats.Total, 10), "count": count} {
				if row[column(name)] != value {
					t.Errorf("row %d has %q as %s, want %q", i, row[column(name)], name, value)
				}
			}
		}
		for accept, want := range map[string]string{
			"": "application/json", "*/*": "application/json", "application/json, text/csv": "application/json",
			"text/csv;q=0, */*": "application/json", "text/html, nonsense/": "application/json", "text/csv;q=x": "application/json",
			"application/json;q=0.2, text/csv;q=0.3": "text/csv; charset=utf-8; header=present",
		} {
			if got := c.do("GET", "/history", "", "Accept: "+accept).header.Get("Content-Type"); got != want {
				t.Errorf("Accept: %s gives %s, want %s", accept, got, want)
			}
		}
		if got := c.do("GET", "/history?format=csv&outcome=x", ""); got.status != 400 {
			t.Errorf("a filter that is not valid: %d", got.status)
		}
		if got := c.do("GET", "/history?format=csv&outcome=skipped", ""); got.status != 200 ||
			strings.Count(got.body, "\r\n") != 1 {
			t.Errorf("an empty export: %d %s", got.status, got.body)
		}
	})
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// scripted answers searches with pages of records as a test says.
type scripted struct {
	page func(n int64) (cron.HistoryPage, error) // the page after record n, the newest being 1<<40
}

func (s scripted) Search(_ context.Context, _ int64, q *cron.HistoryQuery) (cron.HistoryPage, error) {
	if q.After.ID == 0 {
		return s.page(1 << 40)
	}
	return s.page(q.After.ID)
}

// thousand is a page of 1,000 records; more tells that others follow.
func thousand(after int64, more bool) (page cron.HistoryPage) {
	for i := range int64(1000) {
		r := cron.HistoryRecord{Title: strings.Repeat("title ", 20)}
		r.ID, r.JobID, r.Attempt, r.Outcome = after-1-i, 1, 1, cron.OutcomeSucceeded
		page.Records = append(page.Records, r)
	}
	if more {
		page.Next = cron.HistoryPosition{ID: after - 1000, At: time.Unix(1, 0)}
	}
	return page
}

// newScripted is a server over real connections.
func newScripted(t *testing.T, timeout time.Duration, page func(n int64) (cron.HistoryPage, error)) (
	url, key string, log *syncBuilder) {
	t.Helper()
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	log = &syncBuilder{}
	config := serviceConfig(s.store, cron.DefaultPlans())
	config.Searcher = scripted{page}
	server := httptest.NewUnstartedServer(api.New(api.Config{
		Service: service.New(config), Auth: auth.New(s.store),
		Logger: slog.New(slog.NewTextHandler(log, nil)), Now: s.store.Now,
	}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = timeout, timeout
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, c.key, log
}

type syncBuilder struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write adds to the text.
func (b *syncBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuilder) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// get asks for a URL with a key.
func get(t *testing.T, ctx context.Context, url, key string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	return http.DefaultClient.Do(r)
}

func TestAnExportThatFailsBreaksOff(t *testing.T) {
	for _, format := range []string{"csv", "ndjson"} {
		for _, rest := range []string{"", " after empty pages"} {
			url, key, log := newScripted(t, 0, func(n int64) (cron.HistoryPage, error) {
				switch {
				case n < 1<<40:
					return cron.HistoryPage{}, errors.New("the disk is gone")
				case rest != "":
					return cron.HistoryPage{Next: cron.HistoryPosition{ID: 1, At: time.Unix(1, 0)}}, nil
				}
				return thousand(n, true), nil
			})
			response, err := get(t, t.Context(), url+"/history?format="+format, key)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s%s: the body ends with %v", format, rest, err)
			}
			if !strings.Contains(log.String(), "the disk is gone") {
				t.Errorf("%s%s: the log has %q", format, rest, log.String())
			}
		}
	}
	url, key, _ := newScripted(t, 0, func(int64) (cron.HistoryPage, error) { return cron.HistoryPage{}, errors.New("broken") })
	response, err := get(t, t.Context(), url+"/history?format=csv", key)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != 500 || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("an export that fails before its first byte: %d %v", response.StatusCode, response.Header)
	}
}

// TestAnExportOutlivesTheTimeoutsOfTheServer has a page that takes longer than a whole request may.
func TestAnExportOutlivesTheTimeoutsOfTheServer(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	url, key, _ := newScripted(t, timeout, func(n int64) (cron.HistoryPage, error) {
		if n < 1<<40 {
			time.Sleep(timeout + timeout/4)
			return thousand(n, false), nil
		}
		return thousand(n, true), nil
	})
	response, err := get(t, t.Context(), url+"/history?format=ndjson", key)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if lines := strings.Count(string(body), "\n"); err != nil || lines != 2000 {
		t.Errorf("%d lines, and %v", lines, err)
	}
}

func TestAnExportEndsWithItsClient(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := make(chan struct{})
	var once sync.Once
	url, key, _ := newScripted(t, 0, func(n int64) (cron.HistoryPage, error) {
		if n < 1<<40-10_000_000 {
			once.Do(func() { close(gone) }) // so much fits into no buffer
		}
		return thousand(n, n > 2000), nil
	})
	exports := make([]*http.Response, 2)
	for i := range exports {
		var err error
		if exports[i], err = get(t, ctx, url+"/history?format=ndjson", key); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = exports[i].Body.Close() }()
	}
	third, err := get(t, t.Context(), url+"/history?format=ndjson", key)
	if err != nil {
		t.Fatal(err)
	}
	_ = third.Body.Close()
	if third.StatusCode != 429 {
		t.Errorf("a third export at once: %d", third.StatusCode)
	}
	cancel()
	for { // until the service has noticed
		again, err := get(t, t.Context(), url+"/history?format=csv", key)
		if err != nil {
			t.Fatal(err)
		}
		_ = again.Body.Close()
		if again.StatusCode != 429 {
			if again.StatusCode != 200 {
				t.Errorf("once there is room: %d", again.StatusCode)
			}
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	select {
	case <-gone:
		t.Error("the export went on without its client")
	default:
	}
}

func TestAnExportNeedsHTTP11(t *testing.T) {
	c := newClient(t)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/history?format=csv", nil)
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "HTTP/1.1") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
