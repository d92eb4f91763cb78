package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/metrics"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// The tests of the sender run on a real database, in a synctest bubble: time advances only while everything waits.

// world is a database with an operator's account, and a sender whose receivers a test chooses.
type world struct {
	*testing.T
	db      *faultyStore
	raw     *storetest.Tables
	account cron.Account
	receive receivers
	mails   *mailbox
	metrics *metrics.Metrics
	log     *logs
	paused  atomic.Bool
	stop    func()
}

// faultyStore is the store, whose results cannot be written for a while.
type faultyStore struct {
	*store.Store
	failing atomic.Int64 // results that fail to be written
}

func (s *faultyStore) FinishMessage(ctx context.Context, r *cron.MessageResult) error {
	if s.failing.Add(-1) >= 0 {
		return errors.New("the disk is full")
	}
	return s.Store.FinishMessage(ctx, r)
}

// receivers answer calls, and keep what came.
type receivers struct {
	mu      sync.Mutex
	calls   []cron.Call
	answer  func(ctx context.Context, call cron.Call, n int) cron.Result // to the nth call
	running int
	most    int // at once
}

func (r *receivers) Do(ctx context.Context, call cron.Call) cron.Result {
	r.mu.Lock()
	r.calls = append(r.calls, call)
	n := len(r.calls)
	r.running++
	r.most = max(r.most, r.running)
	answer := r.answer
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.running--
		r.mu.Unlock()
	}()
	return answer(ctx, call, n)
}

func (r *receivers) ids() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		ids = append(ids, header(c.Request.Headers, "webhook-id"))
	}
	return ids
}

func status(code int) cron.Result {
	if code < 300 {
		return cron.Result{Status: cron.StatusOK, HTTPStatus: code}
	}
	return cron.Result{Status: cron.StatusHTTPError, HTTPStatus: code}
}

func takes(context.Context, cron.Call, int) cron.Result { return status(200) }

// logs is what the sender logs.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// inBubble runs a test with a sender that runs.
func inBubble(t *testing.T, answer func(context.Context, cron.Call, int) cron.Result, test func(w *world)) {
	t.Helper()
	t.Parallel()
	dir := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), store.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, db: &faultyStore{Store: db}, metrics: metrics.New(), log: new(logs), mails: new(mailbox)}
		w.raw = storetest.OpenTables(t, store.Options{Dir: dir})
		w.receive.answer = answer
		w.account = storetest.NewAccount(t, db, "operator@example.com", cron.PlanUnlimited)
		w.start()
		defer func() {
			w.stop()
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			if t.Failed() {
				t.Log("the sender said:\n" + w.log.String())
			}
		}()
		test(w)
	})
}

// start starts a node that only sends messages.
func (w *world) start() {
	w.Helper()
	epoch, err := w.db.StartNode(w.Context(), cron.Node{Name: "test"})
	w.ok(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { // the lease
		for ctx.Err() == nil {
			_, _ = w.db.Heartbeat(ctx, cron.Heartbeat{Epoch: epoch, RunningFrom: func(latest int64) int64 { return latest }})
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Second):
			}
		}
	})
	s := w.sender(epoch)
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			w.Error(err)
		}
	})
	w.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
}

func (w *world) sender(epoch int64) *Sender {
	return NewSender(Config{
		Store: w.db, Mails: w.db, Limit: cron.MaxSendingOfNode, Exchanger: &w.receive, Mailer: w.mails, Node: func() int64 { return epoch },
		Context: func(d *cron.MessageDelivery) message.Context {
			return message.Context{Account: d.Account.Email, Now: w.db.Now()}
		},
		Now: w.db.Now, Paused: w.paused.Load, Metrics: w.metrics, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
	})
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// hooks gives the account webhooks instead of the channel of its owners.
func (w *world) hooks(n int) {
	w.Helper()
	channels, err := w.db.Channels(w.Context(), w.account.ID, 0, 100)
	w.ok(err)
	for _, c := range channels {
		w.ok(w.db.DeleteChannel(w.Context(), w.account.ID, c.ID))
	}
	for i := range n {
		w.ok(w.db.CreateChannel(w.Context(), &cron.Channel{
			AccountID: w.account.ID, Kind: "webhook", Title: strconv.Itoa(i), Enabled: true, Default: true, Confirmed: true,
			Settings: map[string]string{"url": "https://hook.example.com/" + strconv.Itoa(i), "secret": cron.NewSigningSecret()},
		}))
	}
}

// tell makes a notice.
func (w *world) tell() {
	w.Helper()
	w.ok(w.db.TellOperators(w.Context(), &cron.Notice{Kind: cron.NoticeNodeGone, Detail: "node-7"}, 0))
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// states are those of all messages, by ID.
func (w *world) states() (states []cron.MessageState) {
	w.Helper()
	for _, m := range w.raw.Messages() {
		states = append(states, m.State)
	}
	return states
}

// counts reports whether so many attempts were counted.
func (w *world) counts(kind, outcome string, n int) bool {
	scraped := httptest.NewRecorder()
	w.metrics.Handler().ServeHTTP(scraped, httptest.NewRequest("GET", "/metrics", nil))
	return strings.Contains(scraped.Body.String(), fmt.Sprintf("punctual_notifications_total{kind=%q,outcome=%q} %d\n", kind, outcome, n))
}

func TestSend(t *testing.T) {
	inBubble(t, takes, func(w *world) {
		w.hooks(1)
		w.tell()
		w.pass(2 * time.Second)
		if ids := w.receive.ids(); len(ids) != 1 || ids[0] != "msg_1" || !w.counts("webhook", "sent", 1) {
			w.Fatalf("sent %v", ids)
		}
		call := w.receive.calls[0]
		if call.AccountID != w.account.ID || call.Access != w.account.Access || !call.Literal || call.SigningSecret == "" ||
			!strings.Contains(call.Request.Body, "node-7") {
			w.Errorf("the call is %+v", call)
		}
		w.pass(time.Minute)
		if states := w.states(); len(w.receive.ids()) != 1 || !slices.Equal(states, []cron.MessageState{cron.MessageSent}) {
			w.Errorf("%v, states %v", w.receive.ids(), states)
		}
	})
}

// TestSendAgain meets a receiver that is broken at first: what comes again has the same ID.
func TestSendAgain(t *testing.T) {
	inBubble(t, func(_ context.Context, _ cron.Call, n int) cron.Result {
		switch n {
		case 1:
			return status(503)
		case 2:
			r := status(429)
			r.RetryAfter = 2 * time.Minute
			return r
		}
		return status(200)
	}, func(w *world) {
		w.hooks(1)
		w.tell()
		w.pass(30 * time.Second)
		if ids := w.receive.ids(); len(ids) != 2 {
			w.Fatalf("after half a minute it came %d times", len(ids))
		}
		w.pass(time.Minute)
		if ids := w.receive.ids(); len(ids) != 2 {
			w.Fatalf("within the time that the receiver asked for it came %d times", len(ids))
		}
		w.pass(time.Minute)
		if ids := w.receive.ids(); !slices.Equal(ids, []string{"msg_1", "msg_1", "msg_1"}) {
			w.Fatalf("came %v", ids)
		}
		if states := w.states(); !slices.Equal(states, []cron.MessageState{cron.MessageSent}) || !w.counts("webhook", "failed", 2) {
			w.Errorf("states %v", states)
		}
	})
}

// TestPaused starts nothing while the node drains: neither messages nor mails, nor what subscribers are told.
func TestPaused(t *testing.T) {
	inBubble(t, takes, func(w *world) {
		w.hooks(1)
		stop := w.telling(w.mails)
		defer stop()
		page := w.page(w.account.ID, "acme")
		w.subscribe(&page, "https://subscriber.example.com/")
		w.pass(5 * time.Second) // which confirms the subscription
		before := len(w.receive.ids())
		w.paused.Store(true)
		w.tell()
		w.ask("jane@example.com", time.Hour)
		w.happen(&page, "slow")
		w.pass(time.Minute)
		if ids := w.receive.ids(); len(ids) != before || len(w.mails.to) != 0 {
			w.Errorf("sent %v, and before %d; and mails to %v", ids, before, w.mails.to)
		}
		w.paused.Store(false)
		w.pass(5 * time.Second)
		if ids := w.receive.ids(); len(ids) < before+1 || !slices.Contains(ids, "msg_1") || len(w.mails.to) != 1 {
			w.Errorf("after the pause sent %v, and before %d; and mails to %v", ids, before, w.mails.to)
		}
	})
}

// TestPanics meets a panic, which ends an attempt and nothing else.
func TestPanics(t *testing.T) {
	inBubble(t, func(_ context.Context, _ cron.Call, n int) cron.Result {
		if n == 1 {
			panic("a fault of ours")
		}
		return status(200)
	}, func(w *world) {
		w.hooks(1)
		w.tell()
		w.pass(time.Minute)
		if ids := w.receive.ids(); len(ids) != 2 || !slices.Equal(w.states(), []cron.MessageState{cron.MessageSent}) ||
			!strings.Contains(w.log.String(), "a fault of ours") {
			w.Errorf("came %v, states %v", ids, w.states())
		}
	})
}

// TestResultsAreKept has the database refuse results for a while: the message is sent once.
func TestResultsAreKept(t *testing.T) {
	inBubble(t, takes, func(w *world) {
		w.hooks(1)
		w.db.failing.Store(30)
		w.tell()
		w.pass(20 * time.Second)
		if states := w.states(); !slices.Equal(states, []cron.MessageState{cron.MessageSending}) {
			w.Errorf("states %v", states)
		}
		w.pass(20 * time.Second)
		if states := w.states(); len(w.receive.ids()) != 1 || !slices.Equal(states, []cron.MessageState{cron.MessageSent}) {
			w.Errorf("came %v, states %v", w.receive.ids(), states)
		}
		if n := strings.Count(w.log.String(), "cannot be written"); n != 1 {
			w.Errorf("logged %d times", n)
		}
	})
}

// TestStop stops a node that is sending: a receiver gets a few seconds, and what is interrupted goes out again.
func TestStop(t *testing.T) {
	inBubble(t, func(ctx context.Context, _ cron.Call, n int) cron.Result {
		switch n {
		case 1:
			time.Sleep(stopGrace - time.Second)
		case 2:
			<-ctx.Done()
			return cron.Lost()
		}
		return status(200)
	}, func(w *world) {
		w.hooks(2)
		w.tell()
		w.pass(time.Second)
		if n := len(w.receive.ids()); n != 2 {
			w.Fatalf("%d are being sent", n)
		}
		w.stop()
		states := w.states()
		slices.Sort(states)
		if !slices.Equal(states, []cron.MessageState{cron.MessageWaiting, cron.MessageSent}) {
			w.Fatalf("states %v", states)
		}
		w.start()
		w.pass(time.Minute)
		if ids := w.receive.ids(); len(ids) != 3 || ids[2] != ids[1] {
			w.Errorf("came %v", ids)
		}
	})
}

// TestSendManyAtOnce has receivers that hang: an account has a few messages under way, and all are sent.
func TestSendManyAtOnce(t *testing.T) {
	const channels = 15
	inBubble(t, func(context.Context, cron.Call, int) cron.Result {
		time.Sleep(10 * time.Second)
		return status(200)
	}, func(w *world) {
		w.hooks(channels)
		w.tell()
		w.pass(50 * time.Second)
		ids := w.receive.ids()
		slices.Sort(ids)
		if ids = slices.Compact(ids); len(ids) != channels || len(w.receive.calls) != channels || w.receive.most != cron.MaxSendingOfAccount {
			w.Errorf("%d of %d messages in %d calls, %d at once", len(ids), channels, len(w.receive.calls), w.receive.most)
		}
	})
}

// mailbox takes mails, or fails as a test says.
type mailbox struct {
	mu     sync.Mutex
	to     []string
	ids    []string
	err    error
	panics bool
}

func (m *mailbox) SendNotification(_ context.Context, to string, _ *message.Notification) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.to = append(m.to, to)
	return m.err
}

// TestMails sends to mailboxes.
func TestMails(t *testing.T) {
	inBubble(t, takes, func(w *world) {
		s := w.sender(1)
		send := func(kind, recipient string, err error) cron.MessageResult {
			w.mails.err = err
			return s.TestChannel(w.Context(), &cron.MessageDelivery{
				Channel: cron.Channel{Kind: kind, Confirmed: true, Settings: map[string]string{"to": "jane@example.org"}},
				Account: w.account, Message: cron.Message{ID: 3, Kind: cron.NoticeTest, Recipient: recipient}})
		}
		failure := func(f cron.MailFault, temporary bool) error {
			return &cron.MailError{Fault: f, Temporary: temporary, Reply: "550 no such\r\nperson", Err: errors.New("x")}
		}
		type want struct {
			fault       cron.ChannelFault
			final, gone bool
			detail      string
		}
		for name, tt := range map[string]struct {
			kind, recipient string
			err             error
			want            want
		}{
			"taken":                  {"email", "", nil, want{}},
			"to an owner":            {"owners", "joe@example.org", nil, want{}},
			"bounced":                {"email", "", failure(cron.MailRecipient, false), want{cron.ChannelMail, true, true, "550 no such person"}},
			"an owner's bounced":     {"owners", "joe@example.org", failure(cron.MailRecipient, false), want{cron.ChannelMail, true, false, "550 no such person"}},
			"greylisted":             {"email", "", failure(cron.MailRecipient, true), want{cron.ChannelMail, false, false, "550 no such person"}},
			"refused":                {"email", "", failure(cron.MailRejected, false), want{cron.ChannelMail, true, false, "550 no such person"}},
			"the operator's setting": {"email", "", failure(cron.MailLogin, false), want{fault: cron.ChannelMail}},
			"a fault of ours":        {"email", "", errors.New("x"), want{fault: cron.ChannelInside}},
		} {
			w.mails.to = nil
			r := send(tt.kind, tt.recipient, tt.err)
			to := "jane@example.org"
			if tt.recipient != "" {
				to = tt.recipient
			}
			if got := (want{r.Fault, r.Final, r.Gone, r.Detail}); got != tt.want || !slices.Equal(w.mails.to, []string{to}) || r.MessageID != 3 {
				w.Errorf("%s: %+v to %v, want %+v", name, r, w.mails.to, tt.want)
			}
		}
		unconfirmed := cron.MessageDelivery{Channel: cron.Channel{Kind: "email", Settings: map[string]string{"to": "jane@example.org"}}}
		if r := s.TestChannel(w.Context(), &unconfirmed); r.Fault != cron.ChannelUnconfirmed {
			w.Errorf("an address that nobody confirmed: %+v", r)
		}
		s.Mailer = nil
		if r := send("email", "", nil); r.Fault != cron.ChannelNoMail {
			w.Errorf("without a mail server: %+v", r)
		}
	})
}

// TestChannelsThatCannotSend has channels that no message can be made for.
func TestChannelsThatCannotSend(t *testing.T) {
	inBubble(t, takes, func(w *world) {
		s := w.sender(1)
		for name, tt := range map[string]struct {
			channel cron.Channel
			message cron.Message
			want    cron.ChannelFault
		}{
			"a kind of a newer version":         {cron.Channel{Kind: "pigeon"}, cron.Message{}, cron.ChannelInside},
			"settings that could not be opened": {cron.Channel{Kind: "webhook"}, cron.Message{Fault: cron.ChannelInside}, cron.ChannelInside},
			"a template that grows": {cron.Channel{Kind: "webhook", Template: strings.Repeat("{summary}", 1800),
				Settings: map[string]string{"url": "https://example.com/"}}, cron.Message{Kind: cron.NoticeTest}, cron.ChannelTemplateBad},
		} {
			if r := s.TestChannel(w.Context(), &cron.MessageDelivery{Channel: tt.channel, Message: tt.message}); r.Fault != tt.want {
				w.Errorf("%s: %+v", name, r)
			}
		}
		if n := len(w.receive.calls); n != 0 {
			w.Errorf("%d calls were made", n)
		}
		// Two tests have two IDs, or receivers drop the second one.
		for range 2 {
			s.TestChannel(w.Context(), &cron.MessageDelivery{Message: cron.Message{Kind: cron.NoticeTest},
				Channel: cron.Channel{Kind: "webhook", Settings: map[string]string{"url": "https://example.com/"}}})
		}
		if ids := w.receive.ids(); len(ids) != 2 || ids[0] == ids[1] {
			w.Errorf("the tests have the IDs %v", ids)
		}
	})
}
