package auth

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// TestDiscoveryIsShared has callers wait for the discovery of another one, which fails: they fail with it, and ask nobody.
func TestDiscoveryIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, release := 0, make(chan struct{})
		client := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			asked++
			<-release
			return nil, errors.New("no route")
		})}
		i := NewIssuers([]IssuerConfig{{Name: "a", Issuer: "https://id.example.com"}}, NewSealer([32]byte{})).all[0]
		errs := make(chan error, 10)
		for range cap(errs) {
			go func() {
				_, err := i.discover(t.Context(), client, time.Now())
				errs <- err
			}()
		}
		synctest.Wait()
		close(release)
		for range cap(errs) {
			if err := <-errs; cron.KindOf(err) != cron.Unavailable {
				t.Errorf("a caller has %v", err)
			}
		}
		if asked != 1 {
			t.Errorf("the issuer was asked %d times", asked)
		}
		if _, err := i.discover(t.Context(), client, time.Now()); cron.KindOf(err) != cron.Unavailable || asked != 2 {
			t.Errorf("the next caller has %v, and the issuer was asked %d times", err, asked)
		}
	})
}
