package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

func chunked(parts ...string) string {
	var b strings.Builder
	b.WriteString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, part := range parts {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
	}
	return b.String() + "0\r\n\r\n"
}

func lengthy(head, body string) string {
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

// TestSuccess has a row for each criterion, met and not met.
func TestSuccess(t *testing.T) {
	const limit = 200 << 10
	ok, created := "HTTP/1.1 200 OK\r\n", "HTTP/1.1 201 Created\r\n"
	missing, found := "HTTP/1.1 404 Not Found\r\n", "HTTP/1.1 302 Found\r\n"
	huge := strings.Repeat("x", 150<<10) + "needle" + strings.Repeat("y", 10<<10)
	codes := func(texts ...string) *cron.Success {
		s := new(cron.Success)
		for _, text := range texts {
			r, ok := cron.ParseStatusRange(text)
			if !ok {
				t.Fatalf("%q is no range", text)
			}
			s.Status = append(s.Status, r)
		}
		return s
	}
	rows := []struct {
		name    string
		success *cron.Success
		answer  string
		also    bool // redirectSuccess
		cut     bool
		head    bool
		status  cron.Status
		fault   cron.Fault
		detail  string
	}{
		{name: "no criteria", success: &cron.Success{}, answer: lengthy(ok, ""), status: cron.StatusOK},
		{name: "no criteria, 404", success: &cron.Success{}, answer: lengthy(missing, ""), status: cron.StatusHTTPError},
		{name: "code", success: codes("404"), answer: lengthy(missing, ""), status: cron.StatusOK},
		{name: "code, not 2xx", success: codes("404"), answer: lengthy(ok, ""), status: cron.StatusHTTPError,
			fault: cron.FaultStatus, detail: "200"},
		{name: "range", success: codes("200", "400-410"), answer: lengthy(missing, ""), status: cron.StatusOK},
		{name: "outside of the ranges", success: codes("200", "202-299"), answer: lengthy(created, ""),
			status: cron.StatusHTTPError, fault: cron.FaultStatus, detail: "201"},
		{name: "redirectSuccess without codes", success: &cron.Success{Contains: "a"}, also: true,
			answer: lengthy(found, "a"), status: cron.StatusOK},
		{name: "redirectSuccess with codes", success: codes("200"), also: true, answer: lengthy(found, ""),
			status: cron.StatusHTTPError, fault: cron.FaultStatus, detail: "302"},
		{name: "contains", success: &cron.Success{Contains: "b c"}, answer: lengthy(ok, "a b c"), status: cron.StatusOK},
		{name: "contains not", success: &cron.Success{Contains: "b c"}, answer: lengthy(ok, "a b  c"),
			status: cron.StatusHTTPError, fault: cron.FaultBodyLacks, detail: "b c"},
		{name: "contains, with a bad status", success: &cron.Success{Contains: "a"}, answer: lengthy(missing, "a"),
			status: cron.StatusHTTPError},
		{name: "contains, without a body", success: &cron.Success{Contains: "a"}, answer: lengthy(ok, ""),
			status: cron.StatusHTTPError, fault: cron.FaultBodyLacks, detail: "a"},
		{name: "contains, HEAD", success: &cron.Success{Contains: "a"}, answer: lengthy(ok, "aaa")[:len(ok)+21], head: true,
			status: cron.StatusHTTPError, fault: cron.FaultBodyLacks, detail: "a"},
		{name: "contains, across chunks", success: &cron.Success{Contains: "needle"}, answer: chunked("xxnee", "d", "lexx"),
			status: cron.StatusOK},
		{name: "contains, late in a large body", success: &cron.Success{Contains: "needle"}, answer: lengthy(ok, huge),
			status: cron.StatusOK},
		{name: "contains, beyond the limit", success: &cron.Success{Contains: "needle"},
			answer: lengthy(ok, huge+huge), status: cron.StatusTooMuchData, fault: cron.FaultTooMuchData},
		{name: "contains, cut at the limit", success: &cron.Success{Contains: "needle"}, cut: true,
			answer: lengthy(ok, huge+huge), status: cron.StatusOK},
		{name: "contains, cut off by the limit", success: &cron.Success{Contains: "zebra"}, cut: true,
			answer: lengthy(ok, huge+huge+"zebra"), status: cron.StatusHTTPError, fault: cron.FaultBodyLacks, detail: "zebra"},
		{name: "does not contain", success: &cron.Success{NotContains: "error"}, answer: lengthy(ok, "fine"),
			status: cron.StatusOK},
		{name: "does contain", success: &cron.Success{NotContains: "error"}, answer: chunked("an er", "ror"),
			status: cron.StatusHTTPError, fault: cron.FaultBodyHolds, detail: "error"},
		{name: "matches", success: &cron.Success{Matches: `^\{"ok": *true[,}]`}, answer: lengthy(ok, `{"ok":  true}`),
			status: cron.StatusOK},
		{name: "matches not", success: &cron.Success{Matches: `^\{"ok": *true[,}]`}, answer: lengthy(ok, ` {"ok":true}`),
			status: cron.StatusHTTPError, fault: cron.FaultBodyMismatch, detail: `^\{"ok"`},
		{name: "matches bytes that are no text", success: &cron.Success{Matches: `(?s)^.{3}$`},
			answer: lengthy(ok, "\xff\x00\n"), status: cron.StatusOK},
		{name: "matches, late in a large body", success: &cron.Success{Matches: `n.{3}le`}, answer: lengthy(ok, huge),
			status: cron.StatusOK},
		{name: "takes too long to match", success: &cron.Success{Matches: "(x|y|.{0,490}){2}z"}, answer: lengthy(ok, huge),
			status: cron.StatusHTTPError, fault: cron.FaultMatchTime, detail: "{0,490}"},
		{name: "matches an empty body", success: &cron.Success{Matches: "^$"}, answer: lengthy(ok, ""),
			status: cron.StatusOK},
		{name: "all of them", success: &cron.Success{Status: codes("404").Status, Contains: "a", NotContains: "b",
			Matches: "c"}, answer: lengthy(missing, "ac"), status: cron.StatusOK},
		{name: "the last of them", success: &cron.Success{Status: codes("404").Status, Contains: "a", NotContains: "b",
			Matches: "c"}, answer: lengthy(missing, "a"), status: cron.StatusHTTPError, fault: cron.FaultBodyMismatch,
			detail: "c"},
	}
	client := New(Config{})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			url := serveHTTP(t, answering(row.answer))
			for _, save := range []bool{true, false} {
				call := callTo(url)
				call.SaveResponse, call.MaxResponse, call.RedirectSuccess = save, limit, row.also
				call.Exchange.Success = row.success
				if row.cut {
					call.Exchange.Oversize = cron.OversizeTruncate
				}
				if row.head {
					call.Request.Method = cron.MethodHead
				}
				r := client.Do(t.Context(), call)
				checkSound(t, &r)
				if r.Status != row.status || r.Fault != row.fault || !strings.Contains(r.Detail, row.detail) {
					t.Errorf("saved %v: status %d, fault %d, detail %q", save, r.Status, r.Fault, r.Detail)
				}
				if (r.Headers != nil) != save {
					t.Errorf("saved %v: %q", save, r.Headers)
				}
				again(t, client, call, &r)
			}
		})
	}
}

// TestOversize has a row for each way in which a response can be too large, and what either rule makes of it.
func TestOversize(t *testing.T) {
	const limit = 1000
	body := strings.Repeat("0123456789", 200)
	head := "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
	rows := []struct {
		name      string
		answer    string
		status    cron.Status // when it is cut
		truncated bool
		kept      int // bytes of the body
	}{
		{"declared", lengthy("HTTP/1.1 200 OK\r\n", body), cron.StatusOK, true, limit - 41},
		{"declared, failed", lengthy("HTTP/1.1 500 No\r\n", body), cron.StatusHTTPError, true, limit - 41},
		{"chunked", chunked(body[:700], body[:700]), cron.StatusOK, true, limit - 47},
		{"to the end of the connection", head + body, cron.StatusOK, true, limit - len(head)},
		{"one byte", head + body[:limit-len(head)+1], cron.StatusOK, true, limit - len(head)},
		{"headers", "HTTP/1.1 200 OK\r\nX: " + body + "\r\n\r\nbody", cron.StatusTooMuchData, false, 0},
	}
	client := New(Config{})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			url := serveHTTP(t, func(conn net.Conn) {
				answering(row.answer)(conn)
				untilClosed(conn) // it never ends by itself
			})
			if row.name == "to the end of the connection" || row.name == "one byte" {
				url = serveHTTP(t, answering(row.answer))
			}
			call := callTo(url)
			call.MaxResponse = limit
			r := client.Do(t.Context(), call)
			checkSound(t, &r)
			if r.Status != cron.StatusTooMuchData || r.Truncated {
				t.Errorf("fail: %+v", r)
			}
			call.Exchange.Oversize = cron.OversizeTruncate
			r = client.Do(t.Context(), call)
			checkSound(t, &r)
			if r.Status != row.status || r.Truncated != row.truncated || len(r.Body) != row.kept ||
				!strings.HasPrefix(body+body, string(r.Body)) && row.name != "chunked" {
				t.Errorf("truncate: %+v with %d bytes", r, len(r.Body))
			}
			again(t, client, call, &r)
		})
	}
	t.Run("exactly the limit", func(t *testing.T) {
		call := callTo(serveHTTP(t, answering(head+body[:limit-len(head)])))
		call.MaxResponse, call.Exchange.Oversize = limit, cron.OversizeTruncate
		if r := client.Do(t.Context(), call); r.Status != cron.StatusOK || r.Truncated || len(r.Body) != limit-len(head) {
			t.Errorf("%+v", r)
		}
	})
	t.Run("endless", func(t *testing.T) {
		call := callTo(serveHTTP(t, func(conn net.Conn) {
			readRequest(conn)
			io.WriteString(conn, head)
			for {
				if _, err := io.WriteString(conn, body); err != nil {
					return
				}
			}
		}))
		call.Exchange.Oversize = cron.OversizeTruncate
		r := client.Do(t.Context(), call)
		if r.Status != cron.StatusOK || !r.Truncated {
			t.Errorf("%+v", r)
		}
		again(t, client, call, &r)
	})
}

// TestCache checks that what is in use is made once, that the rest goes, and that bytes are what counts.
func TestCache(t *testing.T) {
	c := cache[int, int]{capacity: 1000}
	made := map[int]int{}
	size := 100
	get := func(key int) {
		v, err := c.get(key, func() (int, int, error) { made[key]++; return 2 * key, size, nil })
		if v != 2*key || err != nil {
			t.Errorf("%d is %d, %v", key, v, err)
		}
	}
	for key := range 100 {
		get(key)
		get(0)
		if n := len(c.entries) + len(c.previous); n > 20 || c.used > c.capacity {
			t.Fatalf("%d entries, %d bytes", n, c.used)
		}
	}
	if made[0] != 1 {
		t.Errorf("what is in use was made %d times", made[0])
	}
	if get(1); made[1] != 2 {
		t.Errorf("what is not in use was made %d times", made[1])
	}
	if _, err := c.get(-1, func() (int, int, error) { return 0, 0, io.EOF }); err != io.EOF {
		t.Errorf("error %v", err)
	}
	if get(-1); made[-1] != 1 {
		t.Error("a failure is remembered")
	}
	size = 300
	if get(-2); made[-2] != 1 {
		t.Error("what is too large is not made")
	}
	if get(-2); made[-2] != 2 || made[0] != 1 {
		t.Error("what is too large is kept")
	}
}

// TestCacheMakesOnce has many ask for the same at the same time.
func TestCacheMakesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache[int, int]{capacity: 1000}
		var all sync.WaitGroup
		made := 0
		for range 50 {
			all.Go(func() {
				c.get(1, func() (int, int, error) { made++; time.Sleep(time.Second); return 1, 1, nil })
			})
		}
		all.Wait()
		if made != 1 {
			t.Errorf("made %d times", made)
		}
	})
}

// TestTurns has one account ask for a hundred turns before others ask for one.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		turns.slots = 2
		var (
			all       sync.WaitGroup
			mu        sync.Mutex
			at, most  int
			order     []int64
			impatient = 0
		)
		ask := func(account int64) {
			all.Go(func() {
				if err := turns.acquire(t.Context(), account); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				at++
				most = max(most, at)
				order = append(order, account)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				at--
				mu.Unlock()
				turns.release()
			})
			synctest.Wait()
		}
		for range 100 {
			ask(1)
		}
		for range 10 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				if turns.acquire(ctx, 4) != nil {
					mu.Lock()
					impatient++
					mu.Unlock()
				}
			})
			synctest.Wait()
		}
		ask(2)
		ask(3)
		all.Wait()
		if most != 2 || impatient != 10 || len(order) != 102 {
			t.Errorf("%d at once, %d gave up, %d turns", most, impatient, len(order))
		}
		if !slices.Contains(order[:7], 2) || !slices.Contains(order[:7], 3) {
			t.Errorf("accounts do not take turns: %v", order[:10])
		}
		if turns.slots != 2 || len(turns.waiting) != 0 || len(turns.order) != 0 {
			t.Errorf("left behind: %+v", turns)
		}
	})
}

// TestMatchWaitsForItsTurn has all turns taken until the time is over, and one that is called off.
func TestMatchWaitsForItsTurn(t *testing.T) {
	client := New(Config{})
	for range client.turns.slots {
		if err := client.turns.acquire(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
	}
	call := callTo(serveHTTP(t, answering(lengthy("HTTP/1.1 200 OK\r\n", "aaa"))))
	call.Timeout = 200 * time.Millisecond
	call.Exchange.Success = &cron.Success{Matches: "a+"}
	r := client.Do(t.Context(), call)
	checkSound(t, &r)
	if r.Status != cron.StatusInternalError || r.Fault != cron.FaultMatchBusy || r.HTTPStatus != 200 {
		t.Errorf("%+v", r)
	}
	client.turns.release()
	call.Timeout = 20 * time.Second
	if r := client.Do(t.Context(), call); r.Status != cron.StatusOK {
		t.Errorf("%+v", r)
	}
}

// TestSlowMatchesShareTheirTime has a slow match give its turn away, and charges only its own time to it.
func TestSlowMatchesShareTheirTime(t *testing.T) {
	turns := 0
	in := timedRunes{rest: make([]byte, 1000), turn: func() error { turns++; return nil }}
	for range 2 * int(matchTime/slice) {
		in.checkTime(slice)
	}
	if want := int(matchTime / slice); !in.late || turns != want {
		t.Errorf("late %v after %d turns, want %d", in.late, turns, want)
	}
	in = timedRunes{rest: make([]byte, 1000), turn: func() error { return context.DeadlineExceeded }}
	if in.checkTime(slice); in.err == nil || in.late {
		t.Errorf("%+v", in)
	}
	if _, _, err := in.ReadRune(); err != io.EOF {
		t.Errorf("reading goes on without a turn: %v", err)
	}
}

// BenchmarkMatch is the worst that a pattern of the largest size costs, for a body of 64 KiB.
func BenchmarkMatch(b *testing.B) {
	body := bytes.Repeat([]byte("a"), 64<<10)
	for _, pattern := range []string{"a{100}", "(a?){160}b", "(a*){160}b", "(x|a.{0,200}){2}z"} {
		job := cron.NewJob()
		job.Request.URL, job.Exchange.Success = "http://a.test", &cron.Success{Matches: pattern}
		if err := job.Accept(&cron.Job{}); err != nil {
			b.Fatalf("%s: %v", pattern, err)
		}
		b.Run(pattern, func(b *testing.B) {
			x := &exchange{client: New(Config{}), call: &cron.Call{Exchange: job.Exchange}, body: body}
			x.result.HTTPStatus = 200
			for b.Loop() {
				x.checkSuccess(b.Context())
			}
		})
	}
}
