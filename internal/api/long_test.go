package api_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestListIsCompressed asks for lists in the codings that clients name.
func TestListIsCompressed(t *testing.T) {
	c := newClient(t)
	short := c.do("GET", "/jobs", "", "Accept-Encoding: gzip")
	if short.header.Get("Content-Encoding") != "" || short.body != `{"jobs":[],"someFailed":false}`+"\n" || short.header.Get("Vary") != "Accept-Encoding" ||
		short.header.Get("Content-Length") != strconv.Itoa(len(short.body)) {
		t.Errorf("a short list: %v %s", short.header, short.body)
	}
	for i := range 300 { // several parts
		c.create(fmt.Sprintf(`{"url":"https://host-%d.example/","title":"Ä <title> %d"}`, i, i))
	}
	want := c.do("GET", "/jobs", "", "Accept-Encoding: identity")
	if want.header.Get("Content-Encoding") != "" || want.header.Get("Vary") != "Accept-Encoding" || want.header.Get("Content-Type") != "application/json" ||
		!strings.HasSuffix(want.body, `}],"someFailed":false}`+"\n") {
		t.Fatalf("as it is: %v", want.header)
	}
	for header, packed := range map[string]bool{
		"gzip": true, "GZIP": true, "x-gzip": true, "deflate, gzip;q=1.0, *;q=0.5": true, "br, gzip": true, "*": true, "gzip;q=0.001": true,
		"gzip ; q=0.5 , identity;q=0.5": true, "identity;q=0, gzip;q=0.1": true,
		"": false, "identity": false, "br": false, "gzip;q=0": false, "gzip;q=0.0, *": false, "*;q=0": false, "gzip;q=0.5, identity;q=0.6": false,
		"gzip;q=x": false, "gzipped": false, "identity;q=0": false,
	} {
		got := c.do("GET", "/jobs", "", "Accept-Encoding: "+header)
		body := got.body
		if is := got.header.Get("Content-Encoding") == "gzip"; is != packed {
			t.Errorf("%q: compressed %t, want %t", header, is, packed)
		} else if is {
			body = unpacked(t, got.body)
			if len(got.body) > len(body)/5 {
				t.Errorf("%q: %d bytes of %d", header, len(got.body), len(body))
			}
		}
		if got.status != 200 || body != want.body || got.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %d %v, %d bytes, want %d", header, got.status, got.header, len(body), len(want.body))
		}
	}
	if got := c.do("GET", "/jobs", "", "Accept-Encoding: gzip", "Authorization: Bearer wrong"); got.status != 401 || got.header.Get("Content-Encoding") != "" {
		t.Errorf("a problem: %d %v", got.status, got.header)
	}
}

func unpacked(t *testing.T, body string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// slowReader is a client that takes an answer and does not read it.
type slowReader struct {
	*httptest.ResponseRecorder
	begun chan<- struct{}
	end   <-chan struct{}
}

func (w *slowReader) Write(b []byte) (int, error) {
	w.begun <- struct{}{}
	<-w.end
	return w.ResponseRecorder.Write(b)
}

// TestSlowClientsOfLists has an account with all the lists in memory that it may have: further calls wait, and those of others do not.
func TestSlowClientsOfLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		slow, other := s.newClient(t, "a@example.com", cron.PlanUnlimited), s.newClient(t, "b@example.com", cron.PlanUnlimited)
		slow.create(`{"url":"a.example"}`)
		begun, end := make(chan struct{}), make(chan struct{})
		var calls sync.WaitGroup
		list := func(ctx context.Context, w http.ResponseWriter) {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/jobs", nil)
			r.Header.Set("Authorization", "Bearer "+slow.key)
			s.Handler.ServeHTTP(w, r)
		}
		for range 4 {
			calls.Go(func() { list(t.Context(), &slowReader{httptest.NewRecorder(), begun, end}) })
			<-begun
		}
		before := time.Now()
		if r := slow.do("GET", "/jobs", ""); r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "1" ||
			!strings.Contains(r.body, "4 requests in progress") || time.Since(before) != 10*time.Second {
			t.Errorf("a list that waits too long: %d after %v: %s", r.status, time.Since(before), r.body)
		}
		slow.must("GET", "/me", "")
		other.must("GET", "/jobs", "")
		gone, leave := context.WithCancel(t.Context())
		calls.Go(func() { list(gone, httptest.NewRecorder()) })
		waits := httptest.NewRecorder()
		calls.Go(func() { list(t.Context(), waits) })
		synctest.Wait()
		leave()
		synctest.Wait()
		close(end)
		calls.Wait()
		if waits.Code != http.StatusOK || !strings.Contains(waits.Body.String(), "a.example") {
			t.Errorf("a list that has waited: %d: %s", waits.Code, waits.Body)
		}
		slow.must("GET", "/jobs", "")
	})
}
