package storetest

import (
	"errors"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// messageResultTests are about what becomes of messages that are sent, dropped or kept.
var messageResultTests = []test{
	{"a message that cannot be sent is tried again, and fails after a day", func(s *suite) {
		db, account, node := s.start()
		hook := s.hook(db, account)
		s.raw().AddMessages(hook, 1, db.Now().Add(-time.Second))
		id := s.claimMessages(db, node, 1)[0].Message.ID
		s.finishMessage(db, node, id, faulty(cron.ChannelBroken))
		m := s.raw().Messages()[0]
		if wait := m.Due.Sub(db.Now()); m.State != cron.MessageWaiting || m.Detail != "what it said" || wait < 5*time.Second || wait > 15*time.Second {
			s.Errorf("after the first attempt: %v, due in %v", m, wait)
		}
		s.raw().HurryMessages(db.Now())
		s.equal("attempts", s.claimMessages(db, node, 1)[0].Message.Attempts, 2)
		s.finishMessage(db, node, id, faulty(cron.ChannelBusy), func(r *cron.MessageResult) { r.RetryAfter = 3 * time.Hour })
		if wait := s.raw().Messages()[0].Due.Sub(db.Now()); wait < 179*time.Minute || wait > 3*time.Hour {
			s.Errorf("the receiver asked for 3 hours, it is tried again in %v", wait)
		}
		s.raw().AgeMessages(25 * time.Hour)
		s.claimMessages(db, node, 1)
		s.finishMessage(db, node, id, faulty(cron.ChannelBroken))
		s.equal("states", s.messageStates(), []string{"failed"})
		read := s.readChannel(db, hook)
		s.equal("channel", []any{read.Stopped, read.Failures, read.LastFault, read.LastDetail},
			[]any{cron.ChannelOK, 1, cron.ChannelBroken, "what it said"})
	}},
	{"a channel that is refused for good is stopped, and others tell of it", func(s *suite) {
		db, account, node := s.start()
		hook := s.hook(db, account, func(c *cron.Channel) { c.Title = "hook" })
		other := s.channel(db, account, func(c *cron.Channel) { c.Default = true })
		s.raw().AddMessages(hook, 5, db.Now().Add(-time.Second))
		for i := range cron.MaxChannelFailures {
			s.equal("stopped", s.readChannel(db, hook).Stopped, cron.ChannelOK)
			s.finishMessage(db, node, s.claimMessages(db, node, 1)[0].Message.ID, faulty(cron.ChannelUnauthorized))
			s.equal("failures", s.readChannel(db, hook).Failures, i+1)
		}
		s.equal("stopped", s.readChannel(db, hook).Stopped, cron.ChannelUnauthorized)
		s.route(db)
		var off []cron.MessageDelivery
		for list := s.claimMessages(db, node, 10); len(list) > 0; list = s.claimMessages(db, node, 10, off[0].Message.ID) {
			off = append(off, list...)
		}
		s.equal("messages", len(off), 1)
		n := off[0].Message.Notices[0]
		s.equal("notice", []any{off[0].Channel.ID, n.Kind, n.Detail, n.Amount, n.ChannelID},
			[]any{other.ID, cron.NoticeChannelOff, "hook", int64(cron.ChannelUnauthorized), hook.ID})
		s.equal("states", s.messageStates(), []string{"failed", "failed", "failed", "dropped channel", "dropped channel", "sending"})
		s.ok(db.UpdateChannel(s.ctx(), account, hook.ID, func(c *cron.Channel) error { c.Stopped = cron.ChannelOK; return nil }))
		s.raw().AddMessages(hook, 1, db.Now().Add(-time.Second))
		s.equal("started again", len(s.claimMessages(db, node, 10, off[0].Message.ID)), 1)
	}},
	{"a receiver that is gone stops the channel at once; a service without mail stops none", func(s *suite) {
		db, account, node := s.start()
		hook := s.hook(db, account)
		s.raw().AddMessages(hook, 5, db.Now().Add(-time.Second))
		for range 4 {
			s.finishMessage(db, node, s.claimMessages(db, node, 1)[0].Message.ID, faulty(cron.ChannelNoMail))
		}
		s.equal("failures", []any{s.readChannel(db, hook).Stopped, s.readChannel(db, hook).Failures}, []any{cron.ChannelOK, 0})
		s.finishMessage(db, node, s.claimMessages(db, node, 1)[0].Message.ID, faulty(cron.ChannelNotFound),
			func(r *cron.MessageResult) { r.Gone = true })
		s.equal("stopped", s.readChannel(db, hook).Stopped, cron.ChannelNotFound)
	}},
	{"what a dead node was sending is sent again, and a late result counts", func(s *suite) {
		db, account, node := s.start()
		hook := s.hook(db, account)
		s.raw().AddMessages(hook, 3, db.Now().Add(-time.Second))
		claimed := s.claimMessages(db, node, 3)
		next := s.node(db)
		s.raw().KillNodes(db.Now().Add(-time.Hour))
		alive := s.node(db)
		_, err := db.SettleDead(s.ctx(), alive)
		s.ok(err)
		s.equal("states", s.messageStates(), []string{"waiting", "waiting", "waiting"})
		s.finishMessage(db, node, claimed[0].Message.ID)
		again := s.claimMessages(db, alive, 10)
		s.equal("sent again", len(again), 2)
		s.finishMessage(db, node, claimed[1].Message.ID, faulty(cron.ChannelUnauthorized)) // another node sends it now
		s.equal("states", s.messageStates(), []string{"sent", "sending", "sending"})
		s.raw().AddMessages(hook, 1, db.Now().Add(-time.Second))
		if _, err := db.ClaimMessages(s.ctx(), cron.MessageClaim{Node: next, Limit: 1}); !errors.Is(err, cron.ErrNodeDead) {
			s.Errorf("a dead node claims messages: %v", err)
		}
	}},
	{"a node that does not know that it sends a message sends it again", func(s *suite) {
		db, account, node := s.start()
		s.raw().AddMessages(s.hook(db, account), 2, db.Now().Add(-time.Second))
		claimed := s.claimMessages(db, node, 2)
		s.equal("claimed", len(claimed), 2)
		s.claimMessages(db, node, 2, claimed[0].Message.ID)
		s.equal("states", s.messageStates(), []string{"sending", "waiting"})
		again := s.claimMessages(db, node, 2, claimed[0].Message.ID)
		s.equal("again", []any{len(again), again[0].Message.ID, again[0].Message.Attempts}, []any{1, claimed[1].Message.ID, 2})
	}},
	{"a problem that stays open is told again until somebody takes care of it", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account, func(c *cron.Channel) { c.Reminder = time.Hour })
		j := s.job(db, account, allNotices)
		s.runs(db, node, j, failed)
		s.route(db)
		s.equal("first", s.sendAll(db, node), []cron.NoticeKind{cron.NoticeFailure})
		for range 2 {
			rows := s.raw().Messages()
			last := rows[len(rows)-1]
			if wait := last.Due.Sub(db.Now()); last.Kind != cron.NoticeReminder || last.Listed != 1 || wait < 59*time.Minute {
				s.Errorf("the last message is %v, due in %v", last, wait)
			}
			s.raw().HurryMessages(db.Now())
			s.equal("reminder", s.sendAll(db, node), []cron.NoticeKind{cron.NoticeReminder})
		}
		s.act(db, account, cron.ProblemSnoozed)
		s.raw().HurryMessages(db.Now())
		s.equal("while it is snoozed", len(s.sendAll(db, node)), 0)
		s.equal("states", s.messageStates(), []string{"sent", "sent", "sent", "waiting"})
		s.act(db, account, cron.ProblemAcknowledged)
		s.raw().HurryMessages(db.Now())
		s.equal("after that", len(s.sendAll(db, node)), 0)
		s.equal("states", s.messageStates(), []string{"sent", "sent", "sent", "dropped acknowledged"})
	}},
	{"a pager hears that somebody has acknowledged a problem that it was told of", func(s *suite) {
		db, account, node := s.start()
		pager := func(c *cron.Channel) { c.Kind, c.Default = "pagerDuty", true }
		s.hook(db, account)
		s.channel(db, account, pager)
		muted := s.channel(db, account, pager, func(c *cron.Channel) { c.MutedForGood = true })
		s.runs(db, node, s.job(db, account, allNotices), failed)
		s.route(db)
		s.sendAll(db, node)
		s.ok(db.UpdateChannel(s.ctx(), account, muted.ID, func(c *cron.Channel) error { c.MutedForGood = false; return nil }))
		s.act(db, account, cron.ProblemAcknowledged)
		s.route(db)
		list := s.claimMessages(db, node, 10)
		s.equal("told", []any{len(list), list[0].Message.Kind, list[0].Message.Notices[0].Detail}, []any{1, cron.NoticeAcknowledged, ""})
	}},
	{"a recovery does not wait for a reminder, which is dropped then", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account, func(c *cron.Channel) { c.Reminder = time.Hour })
		j := s.job(db, account, allNotices)
		s.runs(db, node, j, failed)
		s.route(db)
		s.sendAll(db, node)
		s.runs(db, node, j, succeeded)
		s.route(db)
		s.equal("recovery", s.sendAll(db, node), []cron.NoticeKind{cron.NoticeSuccess})
		s.raw().HurryMessages(db.Now())
		s.sendAll(db, node)
		s.equal("states", s.messageStates(), []string{"sent", "dropped resolved", "sent"})
	}},
	{"what nobody is to hear is dropped with the reason, when it is routed and when it is due", func(s *suite) {
		for _, drop := range []struct {
			want string
			do   func(db *store.Store, account int64, c cron.Channel)
		}{
			{"dropped acknowledged", func(db *store.Store, account int64, _ cron.Channel) { s.act(db, account, cron.ProblemAcknowledged) }},
			{"dropped snoozed", func(db *store.Store, account int64, _ cron.Channel) { s.act(db, account, cron.ProblemSnoozed) }},
			{"dropped muted", func(db *store.Store, account int64, c cron.Channel) {
				s.ok(db.UpdateChannel(s.ctx(), account, c.ID, func(c *cron.Channel) error { c.MutedForGood = true; return nil }))
			}},
			{"dropped channel", func(_ *store.Store, _ int64, c cron.Channel) {
				s.raw().SetChannelResult(c.ID, cron.ChannelRejected, 3, "")
			}},
			{"dropped account", func(db *store.Store, account int64, _ cron.Channel) {
				s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Disabled = true; return nil }))
			}},
		} {
			db := s.open()
			s.raw().Clear("message")
			s.raw().Clear("outbox")
			account, node := s.account(db), s.node(db)
			hook := s.hook(db, account)
			a, b := s.due(db, account, allNotices), s.due(db, account, allNotices)
			launches := s.claimMany(db, node, 2)
			s.finish(db, failed(launches[0]))
			s.route(db)
			drop.do(db, account, hook)
			s.finish(db, failed(launches[1]))
			s.route(db)
			s.raw().HurryMessages(db.Now())
			s.equal(drop.want, len(s.claimMessages(db, node, 10)), 0)
			for _, state := range s.messageStates() {
				s.equal("state", state, drop.want)
			}
			s.ok(db.DeleteJob(s.ctx(), account, a.ID))
			s.ok(db.DeleteJob(s.ctx(), account, b.ID))
		}
	}},
	{"a recovery is told where its failure was, and nowhere else", func(s *suite) {
		db, account, node := s.start()
		hears := s.hook(db, account)
		muted := s.channel(db, account, func(c *cron.Channel) { c.Default, c.MutedUntil = true, db.Now().Add(time.Hour) })
		j := s.job(db, account, allNotices)
		s.runs(db, node, j, failed)
		s.route(db)
		s.sendAll(db, node)
		s.act(db, account, cron.ProblemAcknowledged)
		s.ok(db.UpdateChannel(s.ctx(), account, muted.ID, func(c *cron.Channel) error { c.MutedUntil = time.Time{}; return nil }))
		s.raw().AgeMessages(time.Minute)
		s.runs(db, node, j, succeeded)
		s.route(db)
		s.sendAll(db, node)
		var got []string
		for _, m := range s.raw().Messages() {
			if m.Kind == cron.NoticeSuccess {
				got = append(got, strconv.FormatBool(m.ChannelID == hears.ID)+" "+cron.MessageStateNames[m.State])
			}
		}
		s.equal("recoveries", sortedTexts(got), []string{"false dropped", "true sent"})
	}},
	{"in quiet hours messages wait, but for those that are grave where the channel says so", func(s *suite) {
		db, account, node := s.start()
		minute := func(by time.Duration) int {
			t := db.Now().UTC().Add(by)
			return t.Hour()*60 + t.Minute()
		}
		quiet := func(c *cron.Channel) {
			c.Default, c.Timezone, c.QuietFrom, c.QuietTo = true, "UTC", minute(-time.Hour), minute(2*time.Hour)
		}
		all := s.hook(db, account, quiet)
		grave := s.channel(db, account, quiet, func(c *cron.Channel) { c.QuietGrave = true })
		j := s.job(db, account, allNotices)
		s.runs(db, node, j, failed)
		s.route(db)
		list := s.claimMessages(db, node, 10)
		s.equal("now", []any{len(list), list[0].Channel.ID}, []any{1, grave.ID})
		s.finishMessage(db, node, list[0].Message.ID)
		for _, m := range s.raw().Messages() {
			if wait := m.Due.Sub(db.Now()); m.ChannelID == all.ID && (wait < 118*time.Minute || wait > 2*time.Hour) {
				s.Errorf("the message waits for %v", wait)
			}
		}
		s.raw().HurryMessages(db.Now()) // as if another attempt were due now
		s.equal("in quiet hours", len(s.claimMessages(db, node, 10)), 0)
		s.equal("states", sortedTexts(s.messageStates()), []string{"sent", "waiting"})
	}},
	{"an account mails as many messages a day as its plan allows", func(s *suite) {
		db, account, node := s.start()
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error {
			a.Overrides = cron.Overrides{"mailsPerDay": 2}
			return nil
		}))
		mail, hook := s.hook(db, account, func(c *cron.Channel) { c.Kind = "email" }), s.channel(db, account)
		s.raw().AddMessages(mail, 3, db.Now().Add(-time.Second))
		s.equal("mails", len(s.claimMessages(db, node, 4)), 2)
		rows := s.raw().Messages()
		last := rows[len(rows)-1]
		s.equal("put off", []any{last.State, last.Fault, last.Attempts}, []any{cron.MessageWaiting, cron.ChannelLimit, 0})
		if tomorrow := last.Due; !tomorrow.Equal(tomorrow.Truncate(24*time.Hour)) || !tomorrow.After(db.Now()) {
			s.Errorf("the mail is put off until %v", tomorrow)
		}
		s.raw().AddMessages(hook, 1, db.Now().Add(-time.Second))
		s.equal("others", len(s.claimMessages(db, node, 4, rows[0].ID, rows[1].ID)), 1)
		j := s.job(db, account)
		before := s.raw().Rows("message")
		for i := range int64(20) {
			s.raw().AddUnrouted(j.ID, 1, 100+i, db.Now())
			s.route(db)
		}
		s.equal("messages that wait for tomorrow", s.raw().Rows("message")-before, int64(0))
	}},
	{"a message can be sent again once it has ended", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account)
		s.due(db, account, allNotices)
		s.finish(db, failed(s.claimOne(db, node)))
		s.route(db)
		id := s.claimMessages(db, node, 1)[0].Message.ID
		_, err := db.ResendMessage(s.ctx(), account, id)
		s.refused(err, cron.Conflict, cron.SubjectMessage)
		s.finishMessage(db, node, id, faulty(cron.ChannelUnauthorized))
		_, err = db.ResendMessage(s.ctx(), s.account(db), id)
		s.missing(err, cron.SubjectMessage)
		again, err := db.ResendMessage(s.ctx(), account, id)
		s.ok(err)
		list := s.claimMessages(db, node, 1)
		s.equal("again", []any{len(list), list[0].Message.ID, len(list[0].Message.Notices)}, []any{1, again, 1})
	}},
	{"the operator is told about the service", func(s *suite) {
		db := s.open()
		n := cron.Notice{Kind: cron.NoticeDisk, Detail: "data", Amount: 17}
		s.ok(db.TellOperators(s.ctx(), &n, time.Hour)) // nobody is there
		account, node := s.account(db), s.node(db)
		s.account(db)
		s.hook(db, account)
		s.ok(db.TellOperators(s.ctx(), &n, time.Hour))
		s.route(db)
		d := s.claimMessages(db, node, 10)
		got := d[0].Message.Notices[0]
		s.equal("notice", []any{len(d), d[0].Account.ID, got.Kind, got.Detail, got.Amount}, []any{1, account, n.Kind, n.Detail, n.Amount})
		s.finishMessage(db, node, d[0].Message.ID)
		again := cron.Notice{Kind: cron.NoticeBehind}
		for _, n := range []cron.Notice{n, again, again} {
			s.ok(db.TellOperators(s.ctx(), &n, time.Hour))
		}
		s.route(db)
		s.route(db)
		s.equal("of each kind", s.sendAll(db, node), []cron.NoticeKind{again.Kind})
		s.ok(db.TellOperators(s.ctx(), &n, 0))
		s.route(db)
		s.route(db)
		s.raw().HurryMessages(db.Now()) // it is the second one of its kind within a minute
		s.equal("after the time", s.sendAll(db, node), []cron.NoticeKind{n.Kind})
	}},
	{"channels fail that the network keeps from working", func(s *suite) {
		db, account, node := s.start()
		down, refused := s.hook(db, account), s.channel(db, account)
		s.raw().AddMessages(down, 2, db.Now().Add(-time.Second))
		s.raw().AddMessages(refused, 1, db.Now().Add(-time.Second))
		for attempt := range 6 {
			n, err := db.FailingChannels(s.ctx())
			s.ok(err)
			if want := attempt / 5; n != want {
				s.Fatalf("after %d attempts, %d channels fail", attempt, n)
			}
			for _, d := range s.claimMessages(db, node, 10) {
				fault := cron.ChannelExchange
				if d.Channel.ID == refused.ID {
					fault = cron.ChannelUnauthorized
				}
				s.finishMessage(db, node, d.Message.ID, faulty(fault))
			}
			s.raw().Exec(`UPDATE message SET due_at = 0 WHERE state = 0`)
		}
	}},
	{"upkeep removes messages that ended long ago, and the oldest ended ones of an account that has too many", func(s *suite) {
		db, account, node := s.start()
		hook, other := s.hook(db, account), s.hook(db, s.account(db))
		s.raw().AddMessages(hook, 3, db.Now().Add(-time.Second))
		for range 2 {
			s.finishMessage(db, node, s.claimMessages(db, node, 1)[0].Message.ID)
		}
		s.raw().AgeMessages(31 * 24 * time.Hour)
		s.pruned(db, "message", 1)
		s.raw().AddMessages(hook, cron.MaxMessages+700, db.Now())
		s.raw().AddMessages(other, 2, db.Now())
		s.pruned(db, "message", cron.MaxMessages+703) // they wait
		s.raw().Exec(`UPDATE message SET state = 2, ended_at = created_at`)
		s.raw().Exec(`UPDATE message SET ended_at = $1`, db.Now().UnixMilli())
		s.pruned(db, "message", cron.MaxMessages+2)
	}},
	{"upkeep removes a message with many notices in chunks", func(s *suite) {
		db, account, node := s.start()
		s.hook(db, account)
		s.raw().AddUnrouted(s.job(db, account).ID, 5000, 1, db.Now())
		s.route(db)
		s.sendAll(db, node)
		s.raw().AgeMessages(31 * 24 * time.Hour)
		left := s.raw().Rows("message_notice")
		s.equal("notices", left, int64(5000))
		for left > 0 {
			_, err := db.Maintain(s.ctx())
			s.ok(err)
			now := s.raw().Rows("message_notice")
			if left-now > 2000 || now == left {
				s.Fatalf("one step leaves %d of %d", now, left)
			}
			left = now
		}
		s.equal("messages", s.raw().Rows("message"), int64(0))
	}},
	{"upkeep keeps what is not routed, and what a message that waits lists", func(s *suite) {
		db, account, _ := s.start()
		s.hook(db, account)
		j := s.job(db, account)
		long := db.Now().Add(-40 * 24 * time.Hour)
		s.raw().AddUnrouted(j.ID, 30, 1, long)
		s.pruned(db, "outbox", 30)
		s.route(db)
		s.raw().AddNotices(j.ID, 600, long)
		s.pruned(db, "outbox", cron.MaxListedNotices)
		s.raw().Exec(`UPDATE message SET state = 2`)
		s.pruned(db, "outbox", 0)
	}},
	{"an account with many messages can be deleted", func(s *suite) {
		db, account, _ := s.start()
		s.raw().AddMessages(s.hook(db, account), 1200, db.Now())
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Deletes = db.Now().Add(-time.Second); return nil }))
		s.pruned(db, "message", 0)
		s.equal("accounts", s.raw().Rows("account"), int64(0))
	}},
}
