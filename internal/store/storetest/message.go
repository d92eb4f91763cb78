package storetest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// hook gives an account a default channel and takes the one of its owners away.
func (s *suite) hook(db *store.Store, account int64, edits ...func(*cron.Channel)) cron.Channel {
	s.Helper()
	s.ok(db.DeleteChannel(s.ctx(), account, s.owners(db, account).ID))
	return s.channel(db, account, append([]func(*cron.Channel){func(c *cron.Channel) { c.Default = true }}, edits...)...)
}

// route turns all notices into messages.
func (s *suite) route(db *store.Store) {
	s.Helper()
	for more := true; more; {
		var err error
		more, err = db.RouteNotices(s.ctx())
		s.ok(err)
	}
}

// claimMessages claims messages of a node that is sending others.
func (s *suite) claimMessages(db *store.Store, node int64, limit int, sending ...int64) []cron.MessageDelivery {
	s.Helper()
	claimed, err := db.ClaimMessages(s.ctx(), cron.MessageClaim{Node: node, Limit: limit, Sending: sending})
	s.ok(err)
	return claimed.Deliveries
}

// finishMessage records the result of a message.
func (s *suite) finishMessage(db *store.Store, node int64, id int64, edits ...func(*cron.MessageResult)) {
	s.Helper()
	r := cron.MessageResult{MessageID: id, Node: node, Took: 3 * time.Millisecond}
	for _, edit := range edits {
		edit(&r)
	}
	s.ok(db.FinishMessage(s.ctx(), &r))
}

// sendAll sends everything that is due, and returns the kinds of the messages in the order in which they go out.
func (s *suite) sendAll(db *store.Store, node int64) (kinds []cron.NoticeKind) {
	s.Helper()
	for {
		list := s.claimMessages(db, node, 1)
		if len(list) == 0 {
			return kinds
		}
		kinds = append(kinds, list[0].Message.Kind)
		s.finishMessage(db, node, list[0].Message.ID)
	}
}

func faulty(fault cron.ChannelFault) func(*cron.MessageResult) {
	return func(r *cron.MessageResult) { r.Fault, r.Detail = fault, "what it said" }
}

// states are the states of all messages in the order of their IDs, with the reasons of those that were dropped.
func (s *suite) messageStates() (list []string) {
	s.Helper()
	for _, m := range s.raw().Messages() {
		text := cron.MessageStateNames[m.State]
		if m.State == cron.MessageDropped {
			text += " " + cron.MessageDropNames[m.Drop]
		}
		list = append(list, text)
	}
	return list
}

// act changes the state of the only problem of an account.
func (s *suite) act(db *store.Store, account int64, state cron.ProblemState) {
	s.Helper()
	list, err := db.Problems(s.ctx(), account, &cron.ProblemQuery{Limit: 2})
	s.ok(err)
	if len(list) != 1 {
		s.Fatalf("%d problems, want 1", len(list))
	}
	s.ok(db.ActOnProblem(s.ctx(), account, list[0].ID, &cron.ProblemAction{State: &state, Until: db.Now().Add(time.Hour)}))
}

var messageTests = []test{
	{"a notice is sent with what it says, once", func(s *suite) {
		db, account, node := s.start()
		hook := s.hook(db, account, func(c *cron.Channel) { c.Settings = map[string]string{"url": "https://hook.example.com/"} })
		runbook := strings.Repeat("é", cron.MaxNoticeRunbook)
		j := s.job(db, account, allNotices, func(j *cron.Job) {
			j.Title, j.Description, j.SaveResponses, j.Policy.LateAfter = "title", runbook, true, time.Minute
			j.Tags = []string{"prod"}
		})
		s.plan(j.ID, db.Now().Add(-time.Second))
		c := failed(s.claimOne(db, node))
		c.Result.Body, c.Result.Detail, c.Result.Peer = []byte(strings.Repeat("ü", 3000)), "detail\x00", "192.0.2.1"
		c.Result.Redirects = []cron.Redirect{{Status: 302, URL: "http://example.com/a"}, {Status: 302, URL: "http://example.com/b"}}
		s.finish(db, c)
		next, err := db.NextMessage(s.ctx())
		s.ok(err)
		if next.IsZero() || next.After(db.Now()) {
			s.Errorf("look again at %v, with a notice that waits", next)
		}
		s.route(db)
		list := s.claimMessages(db, node, 10)
		if len(list) != 1 {
			s.Fatalf("claimed %d messages, want 1", len(list))
		}
		d := list[0]
		s.equal("settings", d.Channel.Settings, hook.Settings)
		s.equal("account", d.Account.ID, account)
		m := d.Message
		s.equal("message", []any{m.AccountID, m.ChannelID, m.Kind, m.State, m.Attempts, m.Count, len(m.Notices), m.Fault},
			[]any{account, hook.ID, cron.NoticeFailure, cron.MessageSending, 1, 1, 1, cron.ChannelOK})
		n := m.Notices[0]
		problems := s.problems(db, account, cron.ProblemOpen)
		s.equal("notice", n, cron.Notice{ID: n.ID, AccountID: account, Kind: cron.NoticeFailure, Created: n.Created, JobID: j.ID, Title: "title",
			URL: "http://example.com/", Timezone: j.Schedule.Timezone, Runbook: runbook[:cron.MaxNoticeRunbook], Tags: []string{"prod"},
			Next: s.record(db, account, j.ID).State.NextRun, LateAfter: time.Minute, ExecutionID: c.Launch.ExecutionID, Attempt: 1,
			Planned: c.Launch.Planned, Failures: 1, ProblemID: problems[0].ID, Cause: problems[0].Cause, Since: c.Result.Started,
			Result: cron.Result{Status: c.Result.Status, HTTPStatus: 500, Reason: c.Result.Reason, Detail: "detail\uFFFD", URL: c.Result.URL,
				Peer: "192.0.2.1", Started: c.Result.Started, Duration: c.Result.Duration, Stats: c.Result.Stats,
				Redirects: []cron.Redirect{{URL: "http://example.com/b"}}, Body: []byte(strings.Repeat("ü", cron.MaxNoticeExcerpt/2))}})
		s.equal("again", len(s.claimMessages(db, node, 10, m.ID)), 0)
		s.finishMessage(db, node, m.ID)
		s.equal("again", len(s.claimMessages(db, node, 10)), 0)
		sent := s.readChannel(db, hook)
		if sent.LastSent.IsZero() || sent.Failures != 0 {
			s.Errorf("the channel has sent at %v, and %d failures", sent.LastSent, sent.Failures)
		}
		next, err = db.NextMessage(s.ctx())
		s.ok(err)
		s.equal("next", next, time.Time{})
	}},
	{"what a response says is not told when responses are not saved", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account)
		s.due(db, account, allNotices)
		c := failed(s.claimOne(db, node))
		c.Result.Body = []byte("secret")
		s.finish(db, c)
		s.route(db)
		s.equal("body", string(s.claimMessages(db, node, 1)[0].Message.Notices[0].Result.Body), "")
	}},
	{"a notice goes to the channels that the job names, that a rule matches, or that are the default", func(s *suite) {
		db, account, node := s.start()
		usual := s.hook(db, account)
		prod := s.channel(db, account, func(c *cron.Channel) { c.Tags = []string{"Prod"} })
		named := s.channel(db, account)
		gone := s.channel(db, account)
		byJob := map[int64][]int64{}
		for _, want := range []struct {
			channels []int64
			tags     []string
			told     []int64
		}{
			{nil, nil, []int64{usual.ID}},
			{nil, []string{"PROD"}, []int64{prod.ID}},
			{[]int64{named.ID, gone.ID}, []string{"prod"}, []int64{named.ID}},
			{[]int64{gone.ID}, nil, []int64{usual.ID}},
			{[]int64{}, nil, nil},
		} {
			j := s.due(db, account, allNotices, func(j *cron.Job) { j.ChannelIDs, j.Tags = want.channels, want.tags })
			byJob[j.ID] = want.told
		}
		s.ok(db.DeleteChannel(s.ctx(), account, gone.ID))
		for _, l := range s.claimMany(db, node, 5) {
			s.finish(db, failed(l))
		}
		s.route(db)
		got := map[int64][]int64{}
		for _, d := range s.claimMessages(db, node, 4) {
			for _, n := range d.Message.Notices {
				got[n.JobID] = append(got[n.JobID], d.Channel.ID)
			}
		}
		for job, want := range byJob {
			s.equal("channels of job "+strconv.FormatInt(job, 10), got[job], want)
		}
		s.equal("untold", s.raw().Untold(), []int{0, 0, 0, 0, 1})
	}},
	{"a notice that no channel takes says so", func(s *suite) {
		db, account, node := s.start()
		hook := s.hook(db, account)
		s.ok(db.UpdateChannel(s.ctx(), account, hook.ID, func(c *cron.Channel) error { c.Enabled = false; return nil }))
		s.due(db, account, allNotices)
		s.finish(db, failed(s.claimOne(db, node)))
		s.route(db)
		s.equal("untold", s.raw().Untold(), []int{2})
		s.equal("messages", s.raw().Rows("message"), int64(0))
	}},
	{"each owner is told, in their language, but for those who have unsubscribed", func(s *suite) {
		db, account, node := s.start()
		s.due(db, account, allNotices)
		s.finish(db, failed(s.claimOne(db, node)))
		s.route(db)
		list := s.claimMessages(db, node, 10)
		s.equal("the address of an account without owners", []any{len(list), list[0].Message.Recipient}, []any{1, "1@example.com"})

		owner := s.member(db, account, cron.RoleOwner)
		other := s.member(db, account, cron.RoleOwner)
		s.member(db, account, cron.RoleEditor)
		s.ok(db.UpdateChannel(s.ctx(), account, s.owners(db, account).ID, func(c *cron.Channel) error {
			c.Unsubscribed = []string{other.Email}
			return nil
		}))
		s.raw().AgeMessages(time.Hour)
		s.due(db, account, allNotices)
		s.finish(db, failed(s.claimOne(db, node)))
		s.route(db)
		list = s.claimMessages(db, node, 10, list[0].Message.ID)
		s.equal("owners", []any{len(list), list[0].Message.Recipient, list[0].Message.Language}, []any{1, owner.Email, owner.Language})
	}},
	{"an owner who leaves or unsubscribes hears nothing more: no reminder, no retry and nothing that waits", func(s *suite) {
		db, account, node := s.start()
		stays, leaves, ends := s.member(db, account, cron.RoleOwner), s.member(db, account, cron.RoleOwner), s.member(db, account, cron.RoleOwner)
		channel := s.owners(db, account)
		s.ok(db.UpdateChannel(s.ctx(), account, channel.ID, func(c *cron.Channel) error { c.Reminder = time.Hour; return nil }))
		s.due(db, account, allNotices)
		s.finish(db, failed(s.claimOne(db, node)))
		s.route(db)
		list := s.claimMessages(db, node, 10)
		s.equal("owners who are told", len(list), 3)
		s.finishMessage(db, node, list[0].Message.ID) // makes a reminder
		s.finishMessage(db, node, list[1].Message.ID)
		s.finishMessage(db, node, list[2].Message.ID, faulty(cron.ChannelBroken)) // is tried again
		_, err := db.ResendMessage(s.ctx(), account, list[1].Message.ID)
		s.ok(err)

		_, err = db.RemoveMembership(s.ctx(), account, leaves.ID)
		s.ok(err)
		s.ok(db.UpdateChannel(s.ctx(), account, channel.ID, func(c *cron.Channel) error { c.Unsubscribed = []string{ends.Email}; return nil }))
		s.raw().HurryMessages(db.Now())
		list = s.claimMessages(db, node, 10)
		s.equal("told again", []any{len(list), list[0].Message.Recipient, list[0].Message.Kind}, []any{1, stays.Email, cron.NoticeReminder})
		s.equal("states", s.messageStates(), []string{"sent", "sent", "dropped channel", "sending", "dropped channel", "dropped channel"})
	}},
	{"failures of one problem are told at once, and together after that", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account)
		for range 30 {
			s.due(db, account, allNotices)
		}
		launches := s.claimMany(db, node, 30)
		s.finish(db, failed(launches[0]))
		s.route(db)
		first := s.claimMessages(db, node, 10)
		s.equal("the first message", []any{len(first), first[0].Message.Count}, []any{1, 1})
		for _, l := range launches[1:] {
			s.finish(db, failed(l))
			s.route(db)
		}
		s.equal("before a minute is over", len(s.claimMessages(db, node, 10, first[0].Message.ID)), 0)
		s.finishMessage(db, node, first[0].Message.ID)
		rows := s.raw().Messages()
		if at := rows[1].Due.Sub(rows[0].Due); at != cron.MessageJoin {
			s.Errorf("the second message is due %v after the first", at)
		}
		s.raw().AgeMessages(2 * time.Minute)
		rest := s.claimMessages(db, node, 10)
		s.equal("the second message", []any{len(rest), rest[0].Message.Count, len(rest[0].Message.Notices)}, []any{1, 29, cron.MaxListedNotices})
	}},
	{"10,000 failures of an account make a handful of messages, and do not delay the notices of another", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account)
		other := s.account(db)
		quiet := s.hook(db, other)
		j := s.job(db, account)
		for problem := range int64(100) {
			s.raw().AddUnrouted(j.ID, 100, problem+1, db.Now())
		}
		s.raw().AddUnrouted(s.job(db, other).ID, 1, 1000, db.Now())
		for range 2 { // accounts take turns
			_, err := db.RouteNotices(s.ctx())
			s.ok(err)
		}
		s.equal("of the other account", len(slices.DeleteFunc(s.raw().Messages(), func(m MessageRow) bool { return m.ChannelID != quiet.ID })), 1)
		s.route(db)
		var notices, listed int
		rows := slices.DeleteFunc(s.raw().Messages(), func(m MessageRow) bool { return m.ChannelID == quiet.ID })
		for _, m := range rows {
			notices, listed = notices+m.Count, listed+m.Listed
			if m.Linked != m.Count {
				s.Errorf("message %d tells %d notices, and has %d", m.ID, m.Count, m.Linked)
			}
		}
		if len(rows) > cron.MessageBurst+1 || notices != 10_000 || listed > len(rows)*cron.MaxListedNotices {
			s.Errorf("%d messages tell %d notices and list %d", len(rows), notices, listed)
		}
		for _, d := range s.claimMessages(db, node, 10) {
			if len(d.Message.Notices) > cron.MaxListedNotices {
				s.Errorf("a message has %d notices in memory", len(d.Message.Notices))
			}
		}
	}},
	{"an account with 10,000 messages that wait does not delay the message of another", func(s *suite) {
		db, account, node := s.start()
		s.raw().AddMessages(s.hook(db, account), 10_000, db.Now().Add(-time.Hour))
		other := s.hook(db, s.account(db))
		s.raw().AddMessages(other, 1, db.Now().Add(-time.Second))
		list := s.claimMessages(db, node, cron.MaxSendingOfNode)
		accounts := map[int64]int{}
		for _, d := range list {
			accounts[d.Account.ID]++
		}
		s.equal("claimed", accounts, map[int64]int{account: cron.MaxSendingOfAccount, other.AccountID: 1})
		var sending []int64
		for _, d := range list {
			sending = append(sending, d.Message.ID)
		}
		s.equal("while they are sent", len(s.claimMessages(db, node, cron.MaxSendingOfNode, sending...)), 0)
		s.finishMessage(db, node, sending[0])
		s.equal("then", len(s.claimMessages(db, node, cron.MaxSendingOfNode, sending[1:]...)), 1)
	}},
	{"receivers that hang leave places for other accounts", func(s *suite) {
		db, _, node := s.start()
		var slow, sending []int64
		for range 12 {
			account := s.account(db)
			s.raw().AddMessages(s.hook(db, account), 10, db.Now().Add(-time.Hour))
			slow = append(slow, account)
		}
		claim := func(limit int) (served []int64) {
			claimed, err := db.ClaimMessages(s.ctx(), cron.MessageClaim{Node: node, Limit: limit, Sending: sending, Slow: slow})
			s.ok(err)
			for _, d := range claimed.Deliveries {
				sending = append(sending, d.Message.ID)
				served = append(served, d.Account.ID)
			}
			return served
		}
		for range 3 {
			claim(cron.MaxSendingOfNode - len(sending))
		}
		s.equal("of slow accounts", len(sending), cron.MaxSendingOfNode/2)
		other := s.account(db)
		s.raw().AddMessages(s.hook(db, other), 3, db.Now().Add(-time.Second))
		s.equal("of another one", claim(cron.MaxSendingOfNode-len(sending)), []int64{other, other, other})
		slow = nil // nobody knows yet that these hang, too
		for range 3 {
			claim(cron.MaxSendingOfNode - len(sending))
		}
		late := s.account(db)
		s.raw().AddMessages(s.hook(db, late), 3, db.Now().Add(-time.Second))
		s.equal("of one that comes later", claim(cron.MaxSendingOfNode-len(sending)), []int64{late})
	}},
	{"accounts take turns, and a node sends a bounded number", func(s *suite) {
		db, _, node := s.start()
		for range 10 {
			s.raw().AddMessages(s.hook(db, s.account(db)), 10, db.Now().Add(-time.Hour))
		}
		served := map[int64]int{}
		for range 20 {
			list := s.claimMessages(db, node, 1)
			served[list[0].Account.ID]++
			s.finishMessage(db, node, list[0].Message.ID)
		}
		for account, n := range served {
			if n != 2 {
				s.Errorf("account %d was served %d times of 20, want 2", account, n)
			}
		}
		for range cron.MaxSendingOfNode {
			s.raw().AddMessages(s.hook(db, s.account(db)), 2, db.Now().Add(-time.Hour))
		}
		s.equal("at once", len(s.claimMessages(db, node, 1000)), cron.MaxSendingOfNode)
	}},
	{"a recovery does not overtake its failure", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account)
		j := s.job(db, account, allNotices)
		s.runs(db, node, j, failed, succeeded)
		s.route(db)
		first := s.claimMessages(db, node, 10)
		s.equal("first", []any{len(first), first[0].Message.Kind}, []any{1, cron.NoticeFailure})
		id := first[0].Message.ID
		s.equal("while it is sent", len(s.claimMessages(db, node, 10, id)), 0)
		s.finishMessage(db, node, id, faulty(cron.ChannelBroken))
		s.equal("while it waits for another attempt", len(s.claimMessages(db, node, 10)), 0)
		s.raw().HurryMessages(db.Now().Add(-time.Second))
		s.equal("in the end", s.sendAll(db, node), []cron.NoticeKind{cron.NoticeFailure, cron.NoticeSuccess})
	}},
	{"a recovery is told after an edit of the job, and says how long it lasted", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account)
		j := s.job(db, account, allNotices)
		s.runs(db, node, j, failed)
		began := s.history(db, account, j.ID)[0].Result.Started
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Title = "mended"; return nil }))
		s.runs(db, node, j, succeeded, succeeded)
		s.equal("notices", s.notices(j.ID), []cron.NoticeKind{cron.NoticeFailure, cron.NoticeSuccess})
		s.route(db)
		s.finishMessage(db, node, s.claimMessages(db, node, 1)[0].Message.ID)
		m := s.claimMessages(db, node, 1)[0].Message
		n := m.Notices[0]
		s.equal("notice", []any{n.Kind, n.Title, n.Since}, []any{cron.NoticeSuccess, "mended", began})
		if n.ProblemID == 0 || n.ProblemID != m.ProblemID {
			s.Errorf("the recovery is of problem %d, its message of %d", n.ProblemID, m.ProblemID)
		}
	}},
	{"one message tells of the jobs that were due while the service was out", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account)
		for range 5 {
			s.plan(s.job(db, account, allNotices).ID, db.Now().Add(-30*time.Hour))
		}
		silent := s.job(db, account)
		s.plan(silent.ID, db.Now().Add(-30*time.Hour))
		s.claimMany(db, node, 0)
		for range 6 {
			s.claim(db, node, 1)
		}
		s.route(db)
		rows := s.raw().Messages()
		s.equal("messages", []any{len(rows), rows[0].Kind, rows[0].Count}, []any{1, cron.NoticeMissed, 5})
		s.equal("at once", len(s.claimMessages(db, node, 10)), 0)
		s.raw().HurryMessages(db.Now())
		m := s.claimMessages(db, node, 10)[0].Message
		if n := m.Notices[0]; n.Missed == 0 || n.ProblemID == 0 || n.Result.Fault != cron.FaultMissed {
			s.Errorf("the notice is %+v", n)
		}
	}},
}

func sortedTexts(list []string) []string { return slices.Sorted(slices.Values(list)) }
