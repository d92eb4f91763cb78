package notify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// page adds a published page of an account.
func (w *world) page(account int64, slug string, edits ...func(*statuspage.Page)) statuspage.Page {
	w.Helper()
	p := statuspage.Page{AccountID: account, Slug: slug, Title: "Acme", Timezone: "UTC", Published: true, Days: 90}
	for _, edit := range edits {
		edit(&p)
	}
	w.ok(w.db.CreateStatusPage(w.Context(), &p))
	return p
}

// subscribe adds a subscriber; one with "://" in its address is a webhook, which has not confirmed yet.
func (w *world) subscribe(p *statuspage.Page, address string) statuspage.Subscriber {
	w.Helper()
	x := statuspage.Subscriber{PageID: p.ID, Address: address}
	if strings.Contains(address, "://") {
		x.Kind, x.Secret = statuspage.SubscriberWebhook, cron.NewSigningSecret()
	}
	w.ok(w.db.Subscribe(w.Context(), &x, sha256.Sum256([]byte(address)), func(context.Context, *statuspage.Subscriber, bool) error { return nil }))
	if x.Kind == statuspage.SubscriberMail {
		w.ok(w.db.ConfirmSubscriber(w.Context(), x.ID, x.Created))
	}
	return x
}

// happen opens an incident of a page.
func (w *world) happen(p *statuspage.Page, title string) {
	w.Helper()
	i := statuspage.Incident{PageID: p.ID, AccountID: p.AccountID, Title: title, Updates: []statuspage.Update{{Text: "We look into it.", At: w.db.Now()}}}
	w.ok(w.db.CreateIncident(w.Context(), &i, func([]int64) error { return nil }))
}

// telling starts a node that tells subscribers; stop ends it.
func (w *world) telling(mailer Mailer) (stop func()) {
	s := NewSubscribers(SubscriberConfig{Store: w.db, Exchanger: &w.receive, Mailer: mailer, Now: w.db.Now, Paused: w.paused.Load,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)), Links: func(*statuspage.Delivery) SubscriberLinks {
			return SubscriberLinks{"https://cron.example.com/status/acme", "https://cron.example.com/manage"}
		}})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			w.Error(err)
		}
	})
	return sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
}

// tales tests Subscribers.
func tales(t *testing.T, answer func(context.Context, cron.Call, int) cron.Result, test func(w *world)) {
	t.Helper()
	inBubble(t, answer, func(w *world) {
		stop := w.telling(w.mails)
		defer stop()
		test(w)
	})
}

// TestWebhookSubscriber asks a webhook, and tells it of an incident by a signed request once it has said yes.
func TestWebhookSubscriber(t *testing.T) {
	tales(t, func(_ context.Context, _ cron.Call, n int) cron.Result {
		if n == 1 {
			return status(500)
		}
		return status(200)
	}, func(w *world) {
		p := w.page(w.account.ID, "acme")
		x := w.subscribe(&p, "https://hook.example/")
		w.happen(&p, "before it is confirmed")
		w.pass(5 * time.Minute)
		w.happen(&p, "Checkout is slow")
		w.pass(2 * time.Second)
		ids := w.receive.ids()
		if len(ids) != 3 || ids[0] != ids[1] || !strings.HasPrefix(ids[0], "sub_") || !strings.HasPrefix(ids[2], "status_") {
			w.Fatalf("the webhook got %v", ids)
		}
		call := w.receive.calls[2]
		if !call.Literal || call.SigningSecret != x.Secret || call.Access != cron.AccessGlobal || call.Timeout != subscriberTimeout ||
			call.Request.URL != "https://hook.example/" {
			w.Errorf("the call is %+v", call)
		}
		var body statusEvent
		w.ok(json.Unmarshal([]byte(call.Request.Body), &body))
		if body.Type != "incident.published" || body.Data.Incident.Title != "Checkout is slow" || body.Data.Page.Title != "Acme" || body.Data.Unsubscribe == "" {
			w.Errorf("the body is %s", call.Request.Body)
		}
		if !strings.Contains(w.receive.calls[0].Request.Body, `"type":"subscription.confirm"`) {
			w.Errorf("it is asked by %s", w.receive.calls[0].Request.Body)
		}
	})
}

// TestWebhookNeverConfirms asks a webhook a few times, and forgets it.
func TestWebhookNeverConfirms(t *testing.T) {
	tales(t, func(context.Context, cron.Call, int) cron.Result { return status(404) }, func(w *world) {
		p := w.page(w.account.ID, "acme")
		w.subscribe(&p, "https://hook.example/")
		w.pass(20 * time.Minute)
		if n := len(w.receive.ids()); n != statuspage.MaxConfirmAttempts || w.raw.Rows("status_subscriber") != 0 {
			w.Errorf("asked %d times, %d subscribers", n, w.raw.Rows("status_subscriber"))
		}
	})
}

// TestHungWebhooks has many endpoints that hang: they delay neither the subscribers of others nor mails of their own page for long.
func TestHungWebhooks(t *testing.T) {
	tales(t, func(ctx context.Context, call cron.Call, _ int) cron.Result {
		if strings.Contains(call.Request.URL, "hangs") && !strings.Contains(call.Request.Body, "subscription.confirm") {
			select {
			case <-ctx.Done():
			case <-time.After(call.Timeout):
			}
			return cron.Result{Status: cron.StatusTimeout}
		}
		return status(200)
	}, func(w *world) {
		var accounts [20]cron.Account
		for n := range accounts {
			a := cron.Account{Email: string(rune('a'+n)) + "@example.com", Plan: cron.PlanUnlimited}
			w.ok(w.db.CreateAccount(w.Context(), &a))
			accounts[n] = a
			p := w.page(a.ID, "hangs-"+string(rune('a'+n)))
			for _, part := range []string{"1", "2", "3", "4", "5"} {
				w.subscribe(&p, "https://hangs.example/"+part+p.Slug)
			}
			w.pass(2 * time.Second)
			w.happen(&p, "it hangs")
		}
		w.pass(time.Minute) // they have all been tried
		good := w.page(w.account.ID, "good")
		w.subscribe(&good, "https://good.example/")
		w.pass(30 * time.Second)
		began := w.db.Now()
		w.happen(&good, "all is well")
		for !slices.ContainsFunc(w.receive.bodies(), func(b string) bool { return strings.Contains(b, "all is well") }) {
			w.pass(time.Second)
			if w.db.Now().Sub(began) > 30*time.Second {
				w.Fatal("endpoints that hang delay the subscribers of others")
			}
		}
		if most := w.receive.most; most > deliveryPlaces {
			w.Errorf("%d at once", most)
		}
	})
}

func (r *receivers) bodies() (bodies []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		bodies = append(bodies, c.Request.Body)
	}
	return bodies
}

// TestSubscriberFails tries again what fails, in order, and removes who is gone or fails for days.
func TestSubscriberFails(t *testing.T) {
	for name, tt := range map[string]struct {
		answer cron.Result
		left   [2]int64 // subscribers after a few minutes, and after days
		most   int      // attempts
	}{
		"gone":          {status(410), [2]int64{0, 0}, 1},
		"broken":        {status(500), [2]int64{1, 0}, 10},
		"our own fault": {cron.Result{Status: cron.StatusInternalError, Fault: cron.FaultShortage}, [2]int64{1, 1}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			tales(t, func(_ context.Context, call cron.Call, _ int) cron.Result {
				if strings.Contains(call.Request.Body, "subscription.confirm") {
					return status(200)
				}
				return tt.answer
			}, func(w *world) {
				p := w.page(w.account.ID, "acme")
				w.subscribe(&p, "https://hook.example/")
				w.pass(2 * time.Second)
				w.happen(&p, "first")
				w.happen(&p, "second")
				w.pass(3 * time.Minute)
				if left := w.raw.Rows("status_subscriber"); left != tt.left[0] {
					w.Errorf("%d subscribers are left, want %d", left, tt.left[0])
				}
				w.raw.AgeSubscribers(statuspage.SubscriberPatience)
				w.raw.AgeDeliveries(statuspage.DeliveryPatience)
				w.pass(10 * time.Minute)
				if left := w.raw.Rows("status_subscriber"); left != tt.left[1] {
					w.Errorf("%d subscribers are left in the end, want %d", left, tt.left[1])
				}
				if n := len(w.receive.ids()) - 1; n < 1 || n > tt.most {
					w.Errorf("tried %d times", n)
				}
				for _, body := range w.receive.bodies() {
					if tt.left[1] == 0 && strings.Contains(body, "second") {
						w.Error("the second came before the first")
					}
				}
			})
		})
	}
}

// TestSubscriberMails tells by mail what a server refuses, what it takes later, and nothing without a server.
func TestSubscriberMails(t *testing.T) {
	for name, tt := range map[string]struct {
		err              error
		subscribers, due int64 // that are left
	}{
		"taken":           {nil, 1, 0},
		"no such mailbox": {&cron.MailError{Fault: cron.MailRecipient, Err: errors.New("550")}, 0, 0},
		"rejected":        {&cron.MailError{Fault: cron.MailRejected, Err: errors.New("554")}, 1, 0},
		"greylisted":      {&cron.MailError{Fault: cron.MailRecipient, Temporary: true, Err: errors.New("451")}, 1, 1},
		"unreachable":     {&cron.MailError{Fault: cron.MailUnreachable, Temporary: true, Err: errors.New("refused")}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tales(t, takes, func(w *world) {
				p := w.page(w.account.ID, "acme")
				w.subscribe(&p, "jane@example.com")
				w.mails.fail(tt.err)
				w.happen(&p, "slow")
				w.pass(time.Minute)
				if s, d := w.raw.Rows("status_subscriber"), w.raw.Rows("status_delivery"); s != tt.subscribers || d != tt.due {
					w.Errorf("%d subscribers and %d deliveries are left", s, d)
				}
				w.mails.mu.Lock()
				defer w.mails.mu.Unlock()
				if ids := slices.Compact(slices.Clone(w.mails.ids)); len(ids) != 1 || !strings.HasPrefix(ids[0], "status_") {
					w.Errorf("the IDs are %q", ids)
				}
				if strings.Contains(w.log.String(), "jane") {
					w.Error("the log says who subscribes")
				}
			})
		})
	}
}

// TestSubscribersStop stops a node while a delivery is under way, and has another one make it again with the same ID.
func TestSubscribersStop(t *testing.T) {
	inBubble(t, func(ctx context.Context, call cron.Call, n int) cron.Result {
		if n == 2 {
			<-ctx.Done()
			return cron.Result{Status: cron.StatusInternalError, Fault: cron.FaultLost}
		}
		return status(200)
	}, func(w *world) {
		stop := w.telling(nil)
		p := w.page(w.account.ID, "acme")
		w.subscribe(&p, "https://hook.example/")
		w.pass(2 * time.Second)
		w.happen(&p, "slow")
		w.pass(2 * time.Second)
		stop()
		stop = w.telling(nil)
		defer stop()
		w.pass(2 * time.Second)
		if ids := w.receive.ids(); len(ids) != 3 || ids[1] != ids[2] {
			w.Errorf("the webhook got %v", ids)
		}
		synctest.Wait()
	})
}

// TestDropped tells nobody of a page that is no longer published.
func TestDropped(t *testing.T) {
	s := NewSubscribers(SubscriberConfig{Now: time.Now, Links: func(*statuspage.Delivery) SubscriberLinks { panic("nothing is sent") },
		Logger: slog.New(slog.DiscardHandler)})
	for _, d := range []statuspage.Delivery{{Dropped: true, Subscriber: statuspage.Subscriber{Address: "jane@example.com"}}, {}} {
		if r := s.attempt(t.Context(), &d); r.Sent || r.Gone || r.Blames || !r.Next.IsZero() {
			t.Errorf("the result is %+v", r)
		}
	}
}
