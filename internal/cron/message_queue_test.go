package cron

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// post is a queue in a world in which messages are numbered, claimed and sent, as the store does.
type post struct {
	queue   MessageQueue
	channel Channel
	now     time.Time
	ids     int64
	notices map[*Message][]*Notice
	went    []time.Time // when each message was attempted first, of failures and such
	good    []time.Time // of recoveries
	sent    []*Notice   // in the order in which they arrived
}

func newPost() *post {
	p := &post{now: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC), notices: make(map[*Message][]*Notice)}
	p.channel = Channel{ID: 1, AccountID: 2, Enabled: true}
	p.queue.Channel = &p.channel
	return p
}

// route adds notices in one pass.
func (p *post) route(notices ...*Notice) (got []*Message) {
	for _, n := range notices {
		m := p.queue.Add(n, DropNone, p.now)
		p.notices[m] = append(p.notices[m], n)
		got = append(got, m)
	}
	for _, m := range p.queue.Messages {
		if m.ID == 0 {
			p.ids++
			m.ID = p.ids
		}
	}
	return got
}

// waits reports whether a message waits for an older one, as in the store.
func (p *post) waits(m *Message) bool {
	return slices.ContainsFunc(p.queue.Messages, func(o *Message) bool {
		older := o.ID < m.ID && o.State < MessageSent
		return older && (m.ProblemID != 0 && o.ProblemID == m.ProblemID || o.several() && (o.Kind != NoticeMissed || m.Kind == NoticeSuccess) || m.several())
	})
}

// send attempts what is due. The messages fail that fails says.
func (p *post) send(fails func() bool) {
	for _, m := range slices.Clone(p.queue.Messages) {
		if m.State != MessageWaiting || m.Due.After(p.now) || p.waits(m) {
			continue
		}
		if m.Attempts++; m.Attempts == 1 {
			if m.Kind == NoticeSuccess {
				p.good = append(p.good, p.now)
			} else {
				p.went = append(p.went, p.now)
			}
		}
		if fails() {
			r := MessageResult{Fault: ChannelBroken}
			m.Due, p.channel.LastFailed = r.NextAttempt(p.now, p.now, m.Attempts, 0.5), p.now
			continue
		}
		if p.channel.LastFailed.After(p.channel.LastSent) {
			for _, held := range p.queue.Messages {
				if held.State == MessageWaiting && held.Attempts == 0 && held.Due.After(p.now.Add(MessageJoin)) {
					held.Due = p.now
				}
			}
		}
		m.State, p.channel.LastSent = MessageSent, p.now
		p.sent = append(p.sent, p.notices[m]...)
	}
}

// forget leaves what the store does not read any more.
func (p *post) forget() {
	p.queue.Messages = slices.DeleteFunc(p.queue.Messages, func(m *Message) bool {
		return m.State >= MessageSent && p.now.Sub(m.Created) > QueuedSpan
	})
}

func failsNever() bool { return false }

// TestMessageQueue follows notices, each of a job with a problem of the same number, to the messages that tell them.
func TestMessageQueue(t *testing.T) {
	type step struct {
		after  time.Duration
		kind   NoticeKind
		job    int64
		joins  int           // the message, numbered from 1 in the order in which they were made
		waits  time.Duration // for which it waits
		fails  bool          // what is sent then
		unsent bool          // nothing is sent then
	}
	fail, ok, missed := NoticeFailure, NoticeSuccess, NoticeMissed
	burst := func(more ...step) (steps []step) {
		for i := range MessageBurst {
			steps = append(steps, step{kind: fail, job: int64(i + 1), joins: i + 1})
		}
		return append(steps, more...)
	}
	for _, test := range []struct {
		name  string
		edit  func(*Channel)
		steps []step
	}{
		{"the first at once, further ones after a minute", nil, []step{
			{kind: fail, job: 1, joins: 1}, {after: 10 * time.Second, kind: fail, job: 1, joins: 2, waits: 50 * time.Second},
			{after: 30 * time.Second, kind: fail, job: 1, joins: 2, waits: 20 * time.Second},
			{after: 30 * time.Second, kind: fail, job: 1, joins: 3, waits: 50 * time.Second},
			{after: 10 * time.Minute, kind: fail, job: 1, joins: 4}}},
		{"those of one pass together", nil, []step{{kind: fail, job: 1, joins: 1, unsent: true}, {kind: fail, job: 1, joins: 1}}},
		{"other problems by themselves", nil, []step{{kind: fail, job: 1, joins: 1}, {kind: fail, job: 2, joins: 2}}},
		{"a recovery at once and by itself", nil, []step{{kind: fail, job: 1, joins: 1}, {after: time.Second, kind: ok, job: 1, joins: 2}}},
		{"also before its failure is sent", nil, []step{{kind: fail, job: 1, joins: 1, unsent: true}, {kind: ok, job: 1, joins: 2}}},
		{"recoveries of one pass together", nil, []step{{kind: ok, job: 1, joins: 1, unsent: true}, {kind: ok, job: 1, joins: 1},
			{kind: ok, job: 2, joins: 2}}},
		{"a failure after a recovery is told after it", nil, []step{{kind: fail, job: 1, joins: 1}, {kind: fail, job: 1, joins: 2, waits: time.Minute},
			{kind: ok, job: 1, joins: 3, waits: time.Minute}, {kind: fail, job: 1, joins: 4, waits: 2 * time.Minute}}},
		{"many problems in a digest", nil, burst(step{kind: fail, job: 8, joins: 6, waits: time.Minute}, step{kind: fail, job: 9, joins: 6, waits: time.Minute},
			step{after: 30 * time.Second, kind: fail, job: 10, joins: 6, waits: 30 * time.Second},
			step{after: 31 * time.Second, kind: fail, job: 11, joins: 7})},
		{"a recovery joins a digest", nil, burst(step{kind: fail, job: 8, joins: 6, waits: time.Minute}, step{kind: fail, job: 9, joins: 6, waits: time.Minute},
			step{kind: ok, job: 1, joins: 6, waits: time.Minute})},
		{"jobs that were missed wait for each other", nil, []step{{kind: missed, job: 1, joins: 1, waits: time.Minute},
			{after: 50 * time.Second, kind: missed, job: 2, joins: 1, waits: 10 * time.Second}, {kind: fail, job: 3, joins: 2}}},
		{"a channel that fails collects", nil, []step{{kind: fail, job: 1, joins: 1, fails: true},
			{after: time.Second, kind: fail, job: 2, joins: 2, waits: 9 * time.Second}, {kind: ok, job: 3, joins: 2, waits: 9 * time.Second},
			{after: 9 * time.Second, kind: fail, job: 4, joins: 3}}},
		{"nothing joins what was attempted", nil, []step{{kind: fail, job: 1, joins: 1, fails: true}, {kind: fail, job: 1, joins: 2, waits: 10 * time.Second}}},
		{"in quiet hours all wait together", func(c *Channel) { c.QuietFrom, c.QuietTo, c.Timezone = 11*60, 13*60, "UTC" }, []step{
			{kind: fail, job: 1, joins: 1, waits: time.Hour}, {kind: ok, job: 1, joins: 1, waits: time.Hour},
			{after: 10 * time.Minute, kind: fail, job: 2, joins: 1, waits: 50 * time.Minute}}},
		{"but for what is grave", func(c *Channel) { c.QuietFrom, c.QuietTo, c.Timezone, c.QuietGrave = 11*60, 13*60, "UTC", true }, []step{
			{kind: NoticeCertExpiry, joins: 1, waits: time.Hour}, {kind: fail, job: 1, joins: 2}, {kind: fail, job: 2, joins: 3},
			{kind: ok, job: 1, joins: 4}}},
		{"a pager hears of each problem by itself", func(c *Channel) { c.Kind = "pagerDuty" }, burst(step{kind: fail, job: 8, joins: 6},
			step{kind: ok, job: 8, joins: 7}, step{kind: missed, job: 9, joins: 8}, step{kind: NoticeAcknowledged, job: 9, joins: 9},
			step{kind: fail, job: 1, joins: 10, waits: time.Minute}, step{kind: fail, job: 1, joins: 10, waits: time.Minute})},
		{"also while it fails", func(c *Channel) { c.Kind = "pagerDuty" }, []step{{kind: fail, job: 1, joins: 1, fails: true},
			{kind: fail, job: 2, joins: 2, waits: 10 * time.Second}, {kind: fail, job: 3, joins: 3, waits: 10 * time.Second},
			{kind: fail, job: 2, joins: 2, waits: 10 * time.Second}}},
	} {
		p := newPost()
		if test.edit != nil {
			test.edit(&p.channel)
		}
		for i, s := range test.steps {
			p.now = p.now.Add(s.after)
			if s.after > 0 {
				p.send(failsNever)
			}
			m := p.route(&Notice{Kind: s.kind, JobID: s.job, ProblemID: s.job})[0]
			if m.ID != int64(s.joins) || m.Due.Sub(p.now) != s.waits {
				t.Errorf("%s: notice %d joins message %d, which waits for %v; want %d and %v", test.name, i+1, m.ID, m.Due.Sub(p.now), s.joins, s.waits)
			}
			if !s.unsent {
				p.send(func() bool { return s.fails })
			}
		}
	}
}

func TestMessageOfSeveralNotices(t *testing.T) {
	p := newPost()
	p.channel.QuietFrom, p.channel.QuietTo = 11*60, 13*60
	m := p.route(&Notice{Kind: NoticeSuccess, ProblemID: 3}, &Notice{Kind: NoticeFailure, ProblemID: 3}, &Notice{Kind: NoticeCertExpiry, ProblemID: 3})[0]
	if m.Kind != NoticeFailure || m.ProblemID != 3 || m.Count != 3 {
		t.Errorf("kind %v, problem %d, %d notices", m.Kind, m.ProblemID, m.Count)
	}
	if p.route(&Notice{Kind: NoticeFailure, ProblemID: 4}); m.ProblemID != 0 || m.Count != 4 {
		t.Errorf("problem %d, %d notices", m.ProblemID, m.Count)
	}
	if p.route(&Notice{Kind: NoticeFailure, ProblemID: 3}); m.ProblemID != 0 {
		t.Errorf("problem %d", m.ProblemID)
	}
}

func TestDroppedNotices(t *testing.T) {
	p := newPost()
	drop := func(why MessageDrop) *Message { return p.queue.Add(&Notice{Kind: NoticeFailure}, why, p.now) }
	first := drop(DropMuted)
	if drop(DropMuted) != first || drop(DropSnoozed) == first || first.State != MessageDropped || first.Count != 2 || !first.Ended.Equal(p.now) {
		t.Errorf("the first is %+v", first)
	}
	if p.now = p.now.Add(MessageJoin); drop(DropMuted) == first {
		t.Error("after a minute they are still in one message")
	}
}

// TestMessageQueueLosesNothing lets jobs fail and recover while a channel works, or does not. Every notice arrives once, those of a job
// arrive in their order, and while the channel works there is a bound on its messages.
func TestMessageQueueLosesNothing(t *testing.T) {
	const most = 6 * MessageBurst // messages in a minute, however many jobs fail and recover all the time
	rapid.Check(t, func(t *rapid.T) {
		p := newPost()
		jobs := rapid.Int64Range(1, 40).Draw(t, "jobs")
		unreliable := rapid.Bool().Draw(t, "unreliable")
		var all []*Notice
		for range rapid.IntRange(1, 50).Draw(t, "passes") {
			p.now = p.now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 1, 5, 20, 70}).Draw(t, "seconds")) * time.Second)
			var pass []*Notice
			for range rapid.IntRange(0, 30).Draw(t, "notices") {
				job := rapid.Int64Range(1, jobs).Draw(t, "job")
				pass = append(pass, &Notice{ID: int64(len(all) + len(pass)), JobID: job, ProblemID: (job + 1) / 2,
					Kind: rapid.SampledFrom([]NoticeKind{NoticeFailure, NoticeFailure, NoticeSuccess, NoticeSuccess, NoticeDisabled}).Draw(t, "kind")})
			}
			all = append(all, pass...)
			p.forget()
			p.route(pass...)
			if !unreliable || rapid.IntRange(0, 3).Draw(t, "sender") > 0 {
				p.send(func() bool { return unreliable && rapid.IntRange(0, 2).Draw(t, "fails") == 0 })
			}
		}
		for range 300 {
			p.now = p.now.Add(20 * time.Second)
			p.send(failsNever)
		}
		if len(p.sent) != len(all) {
			t.Fatalf("%d notices of %d were sent", len(p.sent), len(all))
		}
		last := make(map[int64]int64)
		for _, n := range p.sent {
			if before, told := last[n.JobID]; told && n.ID <= before {
				t.Fatalf("notice %d of job %d was told after notice %d", n.ID, n.JobID, before)
			}
			last[n.JobID] = n.ID
		}
		if unreliable {
			return
		}
		times := append(slices.Clone(p.went), p.good...)
		slices.SortFunc(times, time.Time.Compare)
		for i := range times {
			n := i
			for n < len(times) && times[n].Sub(times[i]) < MessageJoin {
				n++
			}
			if n-i > most {
				t.Fatalf("%d messages within a minute", n-i)
			}
		}
	})
}
