package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"punctual/test/harness"
)

// TestACrashCreatesNothingTwice kills the service while jobs are created, starts it again and repeats each request:
// each has created one job, and the answers are equal.
func TestACrashCreatesNothingTwice(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		const requests = 60
		var (
			mu      sync.Mutex
			answers = map[int]string{} // by request
		)
		send := func(api *harness.Client, i int) error {
			header := http.Header{"Idempotency-Key": {fmt.Sprint("request ", i)}}
			job := harness.Fields{"job": harness.Fields{"url": fmt.Sprintf("http://127.0.0.1:1/%d", i)}}
			answer, err := api.Try(http.MethodPut, "/jobs", job, header)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if before, ok := answers[i]; answer.Status != 200 || ok && before != string(answer.Body) {
				t.Errorf("request %d: status %d: %s, before that %s", i, answer.Status, answer.Body, before)
			}
			answers[i] = string(answer.Body)
			return nil
		}
		node := s.Start()
		api := s.Client(node)
		var sending sync.WaitGroup
		for i := range requests {
			sending.Go(func() { _ = send(api, i) }) // requests without an answer are repeated below
		}
		await(t, "some requests are answered", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(answers) > requests/4
		})
		node.Kill()
		sending.Wait()
		t.Logf("%d of %d requests were answered before the crash", len(answers), requests)

		node = s.Start()
		api = s.Client(node)
		for i := range requests {
			if err := send(api, i); err != nil {
				t.Fatal(err)
			}
		}
		urls := map[string]int{}
		for _, j := range api.Jobs() {
			urls[j.URL]++
		}
		for url, n := range urls {
			if n != 1 {
				t.Errorf("there are %d jobs for %s", n, url)
			}
		}
		if len(urls) != requests {
			t.Errorf("there are jobs for %d of %d requests", len(urls), requests)
		}
		node.Stop()
	})
}
