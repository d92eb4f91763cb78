package notify

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/metrics"
)

// Store routes notices to messages, and keeps these.
type Store interface {
	RouteNotices(ctx context.Context) (more bool, err error)
	ClaimMessages(ctx context.Context, c cron.MessageClaim) (cron.ClaimedMessages, error)
	FinishMessage(ctx context.Context, r *cron.MessageResult) error
	// NextMessage is when a message is due next; zero for never.
	NextMessage(ctx context.Context) (time.Time, error)
	// Noticed tells that there may be something to do earlier.
	Noticed() <-chan struct{}
	// UsualDuration is the band in which the durations of a job usually lie; zero when that is not known.
	UsualDuration(ctx context.Context, accountID, jobID int64) (cron.Band, error)
}

// Exchanger makes HTTP exchanges.
type Exchanger interface {
	Do(ctx context.Context, call cron.Call) cron.Result
}

// Mailer sends e-mail. Errors are *cron.MailErrors.
type Mailer interface {
	// Send sends a mail to a person.
	Send(ctx context.Context, m message.Mail) error
	// SendNotification sends a notification to an address.
	SendNotification(ctx context.Context, to string, n *message.Notification) error
}

// Config configures a Sender. All fields but Mailer and Paused are needed.
type Config struct {
	Store     Store
	Mails     MailStore
	Limit     int // of messages that are sent at once, up to cron.MaxSendingOfNode
	Exchanger Exchanger
	Mailer    Mailer       // nil for a service without a mail server
	Node      func() int64 // the epoch of this node
	// Context is what a message says besides its notices, such as its links.
	Context func(d *cron.MessageDelivery) message.Context
	Now     func() time.Time
	Paused  func() bool // whether to start nothing; nil for never
	Metrics *metrics.Metrics
	Logger  *slog.Logger
}

// Sender sends messages, and mails to persons. One loop routes notices, claims messages and mails that are due, and starts a goroutine
// for each:
//
//	poll, notice or end of one ──▶ route notices ──▶ claim, up to what there is room for ──▶ attempt ──▶ finish, until it is written
//
// A message is sent at least once. If the process dies, or the result cannot be written, it is sent again with the same ID. When the
// node stops, attempts have a few seconds to end; what is interrupted is sent again too.
type Sender struct {
	Config
	loop

	mu      sync.Mutex
	sending map[int64]bool // IDs of messages, from their claim until their result is written
	slow    slowAccounts
	looked  time.Time    // when a pass looked at everything last; zero after an error. Only the loop has it
	mailing atomic.Int64 // mails to persons that are being sent
}

// Times of a Sender.
const (
	pollPeriod   = time.Second
	lookPeriod   = 10 * time.Second       // after which a pass looks at everything, even when nothing is due
	heldPause    = 250 * time.Millisecond // while messages are due that may not be sent yet, such as those of an account that is at its limit
	retryPause   = time.Second            // after an error of the database
	stopGrace    = 5 * time.Second        // in which attempts may end when the node stops
	recordGrace  = 5 * time.Second        // in which the results are written then
	storeLimit   = 30 * time.Second       // of one call to the store
	compareLimit = 500 * time.Millisecond // of looking up what is usual
	slowAttempt  = 3 * time.Second        // an attempt that takes as long makes its account count as slow
	slowPeriod   = 5 * time.Minute        // for which it does
)

// resultUnwritten is logged.
const resultUnwritten = "the result of a message cannot be written; trying again"

// routeSteps is how many chunks of notices are routed before messages are claimed again.
const routeSteps = 4

// NewSender returns a Sender.
func NewSender(c Config) *Sender {
	for _, k := range kinds { // exist from the start, so that the first message is an increase
		c.Metrics.Notifications.WithLabelValues(k.Name, "sent")
		c.Metrics.Notifications.WithLabelValues(k.Name, "failed")
	}
	return &Sender{Config: c, loop: newLoop(c.Logger), sending: make(map[int64]bool)}
}

// Run sends messages until ctx ends, and returns when those being sent have ended.
func (s *Sender) Run(ctx context.Context) error { return s.loop.run(ctx, s.Store.Noticed(), s.pass) }

// Sending is how many messages are being sent.
func (s *Sender) Sending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sending)
}

// pass does what is due, and returns how long there is nothing to do.
func (s *Sender) pass(ctx, attempts, recording context.Context) time.Duration {
	if s.Paused != nil && s.Paused() {
		return pollPeriod
	}
	wait, err := s.work(ctx, attempts, recording)
	switch {
	case err == nil:
		s.unread.Store(false)
		return wait
	case ctx.Err() == nil && !s.unread.Swap(true):
		message.LogDatabase(s.Logger, "messages to channels cannot be read; trying again", err)
	}
	return retryPause
}

func (s *Sender) work(ctx, attempts, recording context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	if idle, err := s.idle(ctx); err != nil || idle {
		return pollPeriod, err
	}
	s.looked = time.Time{}
	more := true
	for step := 0; more && step < routeSteps; step++ {
		var err error
		if more, err = s.Store.RouteNotices(ctx); err != nil {
			return 0, fmt.Errorf("route notices: %w", err)
		}
	}
	waiting, err := s.claim(attempts, recording)
	if err == nil {
		err = s.claimMails(ctx, attempts, recording)
	}
	if err != nil {
		return 0, err
	}
	if more || waiting && s.room() > 0 {
		return 0, nil
	}
	next, err := s.Store.NextMessage(ctx)
	if err != nil {
		return 0, fmt.Errorf("find when a message is due: %w", err)
	}
	s.looked = time.Now()
	switch wait := next.Sub(s.Now()); {
	case next.IsZero() || s.room() == 0:
		return pollPeriod, nil
	case wait <= 0:
		return heldPause, nil
	default:
		return min(wait, pollPeriod), nil
	}
}

// idle reports whether there is nothing to do for pollPeriod, by one question instead of those of a whole pass. What a claim of
// unknown outcome has left behind is found by a pass, so there is one at times.
func (s *Sender) idle(ctx context.Context) (bool, error) {
	if time.Since(s.looked) >= lookPeriod || s.Sending() > 0 || s.mailing.Load() > 0 {
		return false, nil
	}
	next, err := s.Store.NextMessage(ctx)
	if err != nil {
		return false, fmt.Errorf("find when a message is due: %w", err)
	}
	return next.IsZero() || next.Sub(s.Now()) > pollPeriod, nil
}

// claim claims messages and starts to send them. more is true when others are due.
func (s *Sender) claim(attempts, recording context.Context) (more bool, err error) {
	room := s.room()
	if room == 0 {
		return true, nil
	}
	node := s.Node()
	// Not interrupted when the node stops: what was claimed would wait for another node to find that this one is dead.
	claiming, cancel := context.WithTimeout(recording, storeLimit)
	defer cancel()
	claimed, err := s.Store.ClaimMessages(claiming, cron.MessageClaim{Node: node, Limit: room, Sending: s.ids(), Slow: s.slow.list()})
	if err != nil {
		return false, fmt.Errorf("claim messages: %w", err)
	}
	s.mu.Lock()
	for i := range claimed.Deliveries {
		s.sending[claimed.Deliveries[i].Message.ID] = true
	}
	s.mu.Unlock()
	for i := range claimed.Deliveries {
		d := &claimed.Deliveries[i]
		s.works.Go(func() {
			result := s.attempt(attempts, d)
			result.Node = node
			s.measure(d, result.Took)
			s.record(recording, resultUnwritten, func(ctx context.Context) error { return s.Store.FinishMessage(ctx, &result) })
			s.end(d.Message.ID)
		})
	}
	return claimed.More && len(claimed.Deliveries) > 0, nil
}

// room is how many messages can be started.
func (s *Sender) room() int { return max(s.Limit-s.Sending(), 0) }

func (s *Sender) ids() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]int64, 0, len(s.sending))
	for id := range s.sending {
		ids = append(ids, id)
	}
	return ids
}

// measure notes that a receiver took long. Mails say nothing of the account: the mail server is that of the service.
func (s *Sender) measure(d *cron.MessageDelivery, took time.Duration) {
	if kind, ok := Find(d.Channel.Kind); ok && !kind.Mail() {
		s.slow.note(d.Account.ID, took)
	}
}

func (s *Sender) end(id int64) {
	s.mu.Lock()
	delete(s.sending, id)
	s.mu.Unlock()
	s.signalEnd()
}

// TestChannel sends a message that is not stored at once, and says what became of it.
func (s *Sender) TestChannel(ctx context.Context, d *cron.MessageDelivery) cron.MessageResult {
	return s.attempt(ctx, d)
}

// compare adds the usual duration to a message about one job. A message is no worse without it than late.
func (s *Sender) compare(ctx context.Context, m *cron.Message) {
	if len(m.Notices) != 1 || m.Notices[0].JobID == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, compareLimit)
	defer cancel()
	if band, err := s.Store.UsualDuration(ctx, m.AccountID, m.Notices[0].JobID); err == nil {
		m.Notices[0].Usual = band
	}
}

// attempt sends a message. It does not panic.
func (s *Sender) attempt(ctx context.Context, d *cron.MessageDelivery) (r cron.MessageResult) {
	began := time.Now()
	defer func() {
		if v := recover(); v != nil {
			s.Logger.Error("a message to a channel ended in a panic", slog.Int64("message", d.Message.ID), slog.String("kind", d.Channel.Kind),
				slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			r = cron.MessageResult{Fault: cron.ChannelInside}
		}
		r.MessageID, r.Took = d.Message.ID, time.Since(began)
		s.count(d, &r)
	}()
	if d.Channel.Settings == nil && d.Message.Fault == cron.ChannelInside {
		return cron.MessageResult{Fault: cron.ChannelInside} // the store could not open them
	}
	kind, ok := Find(d.Channel.Kind)
	if !ok {
		return cron.MessageResult{Fault: cron.ChannelInside}
	}
	language := d.Message.Language
	if language == "" {
		language = d.Channel.Language
	}
	s.compare(ctx, &d.Message)
	n := message.Choose(language, message.Languages()).Notification(&d.Message, &d.Channel, s.Context(d))
	if d.Message.ID == 0 {
		n.ID = "msg_" + rand.Text() // receivers drop a second message with the same one
	}
	if kind.Mail() {
		return s.mail(ctx, d, &n)
	}
	call, err := kind.Call(&d.Channel, &n, d.Account.Access, s.Now())
	if err != nil {
		return cron.MessageResult{Fault: cron.ChannelTemplateBad}
	}
	call.TLS = d.TLS
	result := s.Exchanger.Do(ctx, call)
	v := kind.Judge(&d.Channel, &call, &result)
	return cron.MessageResult{Fault: v.Fault, Gone: v.Gone, Detail: v.Detail, RetryAfter: v.Wait}
}

// count counts an attempt. What it said and to whom stays out of the log.
func (s *Sender) count(d *cron.MessageDelivery, r *cron.MessageResult) {
	kind := "other"
	if k, ok := Find(d.Channel.Kind); ok {
		kind = k.Name
	}
	outcome := "sent"
	if r.Fault != cron.ChannelOK {
		outcome = "failed"
		s.Logger.Debug("a message to a channel was not taken", slog.Int64("message", d.Message.ID), slog.Int64("channel", d.Channel.ID),
			slog.String("kind", kind), slog.Int("fault", int(r.Fault)))
	}
	s.Metrics.Notifications.WithLabelValues(kind, outcome).Inc()
}
