package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// fullChannel is a channel none of whose fields has its zero value, but for what became of its messages.
func fullChannel(account int64) cron.Channel {
	return cron.Channel{
		AccountID: account, Kind: "webhook", Title: "Zoë's „hook“", Enabled: true, Default: true, FolderIDs: []int64{7, 3},
		Tags: []string{"prod", "Ümlaut"}, Settings: map[string]string{"url": "https://a.example/hook-5b6a7988", "secret": "whsec_1f2e3d4c"},
		Headers:  []cron.Header{{Name: "X-Token", Value: "token-77aa"}, {Name: "X-Token", Value: "ÿ"}},
		Template: "{{.Subject}} „x“\n", Language: "en", Timezone: "Europe/Berlin", QuietFrom: 22 * 60, QuietTo: 7 * 60, QuietGrave: true,
		Reminder: time.Hour, MutedUntil: time.Date(2099, 1, 2, 3, 4, 5, 0, time.UTC), Confirmed: true, Unsubscribed: []string{"a@example.com"},
		CreatedBy: cron.Author{PersonID: 3, KeyID: 4, Label: "zoë@example.com", Way: cron.WayConsole},
		UpdatedBy: cron.Author{PersonID: 5, KeyID: 6, Label: "„key“", Way: cron.WayAPI},
	}
}

// channel creates a webhook of an account, after edits to it.
func (s *suite) channel(db *store.Store, account int64, edits ...func(*cron.Channel)) cron.Channel {
	s.Helper()
	c := cron.Channel{AccountID: account, Kind: "webhook", Enabled: true, Confirmed: true}
	for _, edit := range edits {
		edit(&c)
	}
	s.ok(db.CreateChannel(s.ctx(), &c))
	return c
}

// owners is the channel that an account begins with.
func (s *suite) owners(db *store.Store, account int64) cron.Channel {
	s.Helper()
	all, err := db.Channels(s.ctx(), account, 0, 1)
	s.ok(err)
	if len(all) == 0 || all[0].Kind != cron.KindOwners {
		s.Fatalf("the channels are %+v", all)
	}
	return all[0]
}

func (s *suite) readChannel(db *store.Store, c cron.Channel) cron.Channel {
	s.Helper()
	read, err := db.Channel(s.ctx(), c.AccountID, c.ID)
	s.ok(err)
	return read
}

// maxChannels limits the channels of an account.
func (s *suite) maxChannels(db *store.Store, account, n int64) {
	s.Helper()
	s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error {
		a.Overrides = cron.Overrides{"maxChannels": n}
		return nil
	}))
}

var channelTests = []test{
	{"an account begins with a channel that tells its owners", func(s *suite) {
		db, account, _ := s.start()
		c := s.owners(db, account)
		if c.Created.IsZero() || !c.Updated.Equal(c.Created) {
			s.Errorf("created at %v, updated at %v", c.Created, c.Updated)
		}
		s.equal("channel", c, cron.Channel{ID: c.ID, AccountID: account, Kind: cron.KindOwners, Enabled: true, Default: true, Confirmed: true,
			Created: c.Created, Updated: c.Updated})
		refused := cron.Account{Email: "1@example.com", Plan: cron.PlanMember}
		s.refused(db.CreateAccount(s.ctx(), &refused), cron.Conflict, cron.SubjectAccount)
		s.equal("channels", s.raw().Rows("channel"), int64(1))
	}},
	{"every field of a channel reads back, and can be changed and reset", func(s *suite) {
		db, account, _ := s.start()
		want := fullChannel(account)
		s.ok(db.CreateChannel(s.ctx(), &want))
		s.equal("fields that the test does not set", unset(reflect.ValueOf(want), "Channel"), []string{
			"Channel.MutedForGood", "Channel.Stopped", "Channel.Failures", "Channel.LastSent", "Channel.LastFailed", "Channel.LastFault",
			"Channel.LastDetail"})
		s.equal("channel", s.readChannel(db, want), want)
		other := s.channel(db, account)
		s.ok(db.UpdateChannel(s.ctx(), account, other.ID, func(c *cron.Channel) error {
			s.equal("before", *c, other)
			id, created := c.ID, c.Created
			*c = want
			c.ID, c.Created, c.CreatedBy, c.MutedUntil, c.MutedForGood = id, created, cron.Author{}, time.Time{}, true
			return nil
		}))
		changed := s.readChannel(db, other)
		want.ID, want.Created, want.CreatedBy, want.Updated = other.ID, other.Created, cron.Author{}, changed.Updated
		want.MutedUntil, want.MutedForGood = time.Time{}, true
		s.equal("changed", changed, want)
		s.ok(db.UpdateChannel(s.ctx(), account, other.ID, func(c *cron.Channel) error {
			*c = cron.Channel{Kind: "slack"}
			return nil
		}))
		reset := s.readChannel(db, other)
		s.equal("reset", reset, cron.Channel{ID: other.ID, AccountID: account, Kind: "slack", Created: other.Created, Updated: reset.Updated})
	}},
	{"settings and headers are sealed, in lists too", func(s *suite) {
		db, account, _ := s.start()
		c := fullChannel(account)
		s.ok(db.CreateChannel(s.ctx(), &c))
		for _, value := range []string{"hook-5b6a7988", "whsec_1f2e3d4c", "token-77aa"} {
			if s.holds(value) {
				s.Errorf("%q stands in the database", value)
			}
		}
		list, err := db.Channels(s.ctx(), account, 0, 10)
		s.ok(err)
		s.equal("list", list, []cron.Channel{s.owners(db, account), c})
		list, err = db.Channels(s.ctx(), account, c.ID, 10)
		s.ok(err)
		s.equal("past the end", list, []cron.Channel(nil))
		theirs := s.channel(db, account)
		s.raw().MoveChannelSettings(theirs.ID, c.ID)
		if _, err := db.Channel(s.ctx(), account, theirs.ID); err == nil {
			s.Error("settings that were moved to another channel open")
		}
		list, err = db.Channels(s.ctx(), account, c.ID, 10)
		s.ok(err)
		s.equal("one that does not open", list, []cron.Channel{theirs})
	}},
	{"a plan limits the channels, also of calls at once", func(s *suite) {
		db, account, _ := s.start()
		s.maxChannels(db, account, 4)
		nodes := []*store.Store{db, s.open()}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				err := nodes[i%2].CreateChannel(s.ctx(), &cron.Channel{AccountID: account, Kind: "webhook"})
				if err != nil {
					s.refused(err, cron.TooMany, cron.SubjectChannel)
				}
			})
		}
		wg.Wait()
		ids, err := db.ChannelIDs(s.ctx(), account)
		s.ok(err)
		s.equal("channels", len(ids), 4)
	}},
	{"a channel that does not exist is missing, and so is another account's", func(s *suite) {
		db, account, _ := s.start()
		theirs := s.channel(db, s.account(db))
		for _, id := range []int64{theirs.ID, theirs.ID + 1000} {
			_, err := db.Channel(s.ctx(), account, id)
			s.missing(err, cron.SubjectChannel)
			s.missing(db.UpdateChannel(s.ctx(), account, id, func(*cron.Channel) error { return nil }), cron.SubjectChannel)
			s.missing(db.DeleteChannel(s.ctx(), account, id), cron.SubjectChannel)
		}
		s.equal("channel", s.readChannel(db, theirs), theirs)
	}},
	{"edits at once of different fields all take effect", func(s *suite) {
		db, account, _ := s.start()
		c := s.channel(db, account)
		nodes := []*store.Store{db, s.open()}
		edits := []func(*cron.Channel){
			func(c *cron.Channel) { c.Title = "x" },
			func(c *cron.Channel) { c.Template = "x" },
			func(c *cron.Channel) { c.MutedForGood = true },
			func(c *cron.Channel) { c.Settings = map[string]string{"url": "x"} },
			func(c *cron.Channel) { c.Unsubscribed = []string{"x"} },
		}
		var wg sync.WaitGroup
		for i, edit := range edits {
			wg.Go(func() {
				s.ok(nodes[i%2].UpdateChannel(s.ctx(), account, c.ID, func(c *cron.Channel) error { edit(c); return nil }))
			})
		}
		wg.Wait()
		want := c
		for _, edit := range edits {
			edit(&want)
		}
		got := s.readChannel(db, c)
		want.Updated = got.Updated
		s.equal("channel", got, want)
	}},
	{"an edit leaves what became of the messages, and starting a channel again ends its failures", func(s *suite) {
		db, account, _ := s.start()
		c := s.channel(db, account)
		fail := func(fault cron.ChannelFault) { s.raw().SetChannelResult(c.ID, fault, 3, "answer") }
		fail(cron.ChannelOK)
		s.ok(db.UpdateChannel(s.ctx(), account, c.ID, func(c *cron.Channel) error {
			c.Title, c.Failures, c.LastDetail = "x", 0, "forged"
			fail(cron.ChannelOK)
			return nil
		}))
		got := s.readChannel(db, c)
		s.equal("results", []any{got.Title, got.Failures, got.LastDetail, got.LastFault}, []any{"x", 3, "answer", cron.ChannelBroken})
		calls := 0
		s.ok(db.UpdateChannel(s.ctx(), account, c.ID, func(c *cron.Channel) error {
			if calls++; calls == 1 {
				fail(cron.ChannelNotFound) // meanwhile: the edit has to see it
			}
			c.Title = "y"
			return nil
		}))
		s.equal("calls", calls, 2)
		s.equal("stopped", s.readChannel(db, c).Stopped, cron.ChannelNotFound)
		s.ok(db.UpdateChannel(s.ctx(), account, c.ID, func(c *cron.Channel) error { c.Stopped = cron.ChannelOK; return nil }))
		got = s.readChannel(db, c)
		s.equal("started", []any{got.Stopped, got.Failures, got.LastDetail}, []any{cron.ChannelOK, 0, "answer"})
	}},
	{"a test is noted on its channel, and stops none", func(s *suite) {
		db, account, node := s.start()
		c := s.hook(db, account)
		note := func(fault cron.ChannelFault) {
			s.ok(db.NoteChannelTest(s.ctx(), account, c.ID, &cron.MessageResult{Fault: fault, Detail: "what it said", Gone: fault != cron.ChannelOK}))
		}
		for range 5 {
			note(cron.ChannelUnauthorized)
		}
		got := s.readChannel(db, c)
		s.equal("failed", []any{got.Stopped, got.Failures, got.LastFault, got.LastDetail, got.LastSent.IsZero(), got.LastFailed.IsZero()},
			[]any{cron.ChannelOK, 0, cron.ChannelUnauthorized, "what it said", true, false})
		s.raw().AddMessages(c, 2, db.Now().Add(time.Hour))
		s.equal("before", len(s.claimMessages(db, node, 10)), 0)
		note(cron.ChannelOK)
		got = s.readChannel(db, c)
		s.equal("arrived", []any{got.Failures, got.LastSent.IsZero()}, []any{0, false})
		s.equal("what was collected", len(s.claimMessages(db, node, 10)) > 0, true)
		s.missing(db.NoteChannelTest(s.ctx(), account+1000, c.ID, &cron.MessageResult{}), cron.SubjectChannel)
	}},
	{"an account is told while a channel of it works", func(s *suite) {
		db, account, _ := s.start()
		told := func(mails bool) bool {
			is, err := db.Told(s.ctx(), account, mails)
			s.ok(err)
			return is
		}
		s.equal("by the owners' channel", []bool{told(true), told(false)}, []bool{true, false})
		c := s.hook(db, account)
		s.equal("by another one", []bool{told(true), told(false)}, []bool{true, true})
		for _, off := range []func(*cron.Channel){
			func(c *cron.Channel) { c.Enabled = false },
			func(c *cron.Channel) { c.Enabled, c.MutedForGood = true, true },
			func(c *cron.Channel) { c.MutedForGood, c.Confirmed = false, false },
			func(c *cron.Channel) { c.Confirmed, c.Stopped = true, cron.ChannelRejected },
		} {
			s.ok(db.UpdateChannel(s.ctx(), account, c.ID, func(c *cron.Channel) error { off(c); return nil }))
			s.equal("while it does not", told(true), false)
		}
	}},
	{"messages come with whom their account trusts, and without its client certificate", func(s *suite) {
		db, account, node := s.start()
		s.raw().AddMessages(s.hook(db, account), 1, db.Now().Add(-time.Second))
		other := s.account(db)
		s.raw().AddMessages(s.hook(db, other), 1, db.Now().Add(-time.Second))
		s.ok(db.SetTLS(s.ctx(), account, cron.TLSMaterial{Roots: "roots", Certificate: "certificate", Key: "key"}))
		for _, d := range s.claimMessages(db, node, 10) {
			switch {
			case d.Account.ID == other && d.TLS != nil:
				s.Errorf("an account without material has %+v", d.TLS)
			case d.Account.ID == account && (d.TLS == nil || d.TLS.TLSMaterial != cron.TLSMaterial{Roots: "roots"}):
				s.Errorf("the message has %+v", d.TLS)
			}
		}
	}},
	{"the transaction of an edit runs what belongs to it", func(s *suite) {
		db, account, _ := s.start()
		c := s.channel(db, account)
		refused := cron.Missing(cron.SubjectPerson)
		err := db.UpdateChannel(s.ctx(), account, c.ID, func(c *cron.Channel) error { c.Title = "x"; return nil },
			func(_ context.Context, before, after *cron.Channel) error {
				s.equal("titles", []string{before.Title, after.Title}, []string{"", "x"})
				return refused
			})
		s.missing(err, cron.SubjectPerson)
		s.equal("channel", s.readChannel(db, c), c)
	}},
	{"a deleted channel drops the messages that wait, and no others", func(s *suite) {
		db, account, _ := s.start()
		c, other := s.channel(db, account), s.channel(db, account)
		var of, ofOther []cron.MessageState
		for state := cron.MessageWaiting; state <= cron.MessageDropped; state++ {
			s.raw().AddMessage(c, state)
			s.raw().AddMessage(other, state)
			of, ofOther = append(of, state), append(ofOther, state)
		}
		of[0] = cron.MessageDropped
		s.ok(db.DeleteChannel(s.ctx(), account, c.ID))
		s.missing(db.DeleteChannel(s.ctx(), account, c.ID), cron.SubjectChannel)
		s.equal("messages", s.raw().MessageStates(c.ID), of)
		s.equal("dropped", s.raw().Number(fmt.Sprintf(`SELECT count(*) FROM message WHERE dropped = %d AND ended_at > 0`, cron.DropChannel)), int64(1))
		s.equal("messages of the other", s.raw().MessageStates(other.ID), ofOther)
	}},
	{"jobs name channels of their account, nobody, or none", func(s *suite) {
		db, account, _ := s.start()
		mine, theirs := s.channel(db, account), s.channel(db, s.account(db))
		j := s.job(db, account)
		for _, ids := range [][]int64{{mine.ID}, {}, {mine.ID, s.owners(db, account).ID}, nil} {
			s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.ChannelIDs = ids; return nil }))
			s.equal("channels", s.record(db, account, j.ID).ChannelIDs, ids)
		}
		for _, id := range []int64{theirs.ID, 4711, 0, -1} {
			name := func(j *cron.Job) error { j.ChannelIDs = []int64{mine.ID, id}; return nil }
			s.unknownChannel(db.UpdateJob(s.ctx(), account, j.ID, name), id)
			made := cron.NewJob()
			made.AccountID, made.Request.URL = account, "http://example.com/"
			s.ok(name(&made))
			s.unknownChannel(db.CreateJob(s.ctx(), &made), id)
		}
	}},
	{"jobs keep the number of a channel that is gone, and lose it where they come back", func(s *suite) {
		db, account, _ := s.start()
		c, left := s.channel(db, account), s.channel(db, account)
		naming := func(ids ...int64) cron.Job {
			return s.job(db, account, func(j *cron.Job) { j.ChannelIDs = ids })
		}
		both, alone, deleted := naming(c.ID, left.ID), naming(c.ID), naming(c.ID, left.ID)
		s.ok(db.DeleteJob(s.ctx(), account, deleted.ID))
		s.ok(db.DeleteChannel(s.ctx(), account, c.ID))
		s.ok(db.UpdateJob(s.ctx(), account, both.ID, func(j *cron.Job) error { j.Title = "x"; return nil }))
		s.equal("channels", s.record(db, account, both.ID).ChannelIDs, []int64{c.ID, left.ID})
		for job, want := range map[int64][]int64{both.ID: {left.ID}, alone.ID: nil} {
			_, err := db.RestoreVersion(s.ctx(), account, job, 1, func(j *cron.Job) error {
				j.Title, j.ChannelIDs = "former", slices.Clone(j.ChannelIDs)
				return nil
			})
			s.ok(err)
			s.equal("channels of a restored version", s.record(db, account, job).ChannelIDs, want)
		}
		b, j, err := db.BinJob(s.ctx(), account, deleted.ID)
		s.ok(err)
		s.ok(db.RestoreJob(s.ctx(), &b, &j, func(context.Context) error { return nil }))
		s.equal("channels of a job from the bin", s.record(db, account, deleted.ID).ChannelIDs, []int64{left.ID})
	}},
	{"messages are found by their job, channel and state, and only in their account", func(s *suite) {
		db, account, node := s.start()
		other := s.account(db)
		j := s.job(db, account, allNotices)
		s.runs(db, node, j, failed)
		s.route(db)
		owners := s.owners(db, account)
		find := func(account int64, q cron.MessageQuery) []cron.Message {
			s.Helper()
			q.Limit = 10
			list, err := db.Messages(s.ctx(), account, &q)
			s.ok(err)
			return list
		}
		list := find(account, cron.MessageQuery{JobID: j.ID, ChannelID: owners.ID, States: []cron.MessageState{cron.MessageWaiting}})
		if len(list) != 1 || len(list[0].JobIDs) != 1 || list[0].JobIDs[0] != j.ID || list[0].Kind != cron.NoticeFailure {
			s.Fatalf("the messages are %+v", list)
		}
		for name, none := range map[string][]cron.Message{
			"of another job":     find(account, cron.MessageQuery{JobID: j.ID + 1}),
			"of another channel": find(account, cron.MessageQuery{ChannelID: owners.ID + 1}),
			"in another state":   find(account, cron.MessageQuery{States: []cron.MessageState{cron.MessageSent}}),
			"before it":          find(account, cron.MessageQuery{Before: list[0].ID}),
			"of another account": find(other, cron.MessageQuery{JobID: j.ID}),
		} {
			s.equal(name, none, []cron.Message(nil))
		}
		m, err := db.Message(s.ctx(), account, list[0].ID)
		s.ok(err)
		s.equal("notices", []any{len(m.Notices), m.Notices[0].JobID}, []any{1, j.ID})
		_, err = db.Message(s.ctx(), other, list[0].ID)
		s.missing(err, cron.SubjectMessage)
		use := func(account int64) error {
			return db.UseMessageLink(s.ctx(), account, m.ID, func(context.Context) error { return nil })
		}
		s.missing(use(other), cron.SubjectMessage)
		undone := cron.Missing(cron.SubjectPerson)
		s.missing(db.UseMessageLink(s.ctx(), account, m.ID, func(context.Context) error { return undone }), cron.SubjectPerson)
		s.ok(use(account))
		s.refused(use(account), cron.Gone, cron.SubjectLink)
	}},
	{"the channels of a deleted account go with it", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		s.raw().AddMessage(s.channel(db, account), cron.MessageWaiting)
		s.raw().AddMessage(s.channel(db, other), cron.MessageWaiting)
		s.ok(db.DeleteAccount(s.ctx(), account))
		for _, table := range strings.Fields("channel message") {
			s.equal(table+" of the deleted account", s.raw().RowsOfAccount(table, account), int64(0))
		}
		s.equal("channels of the other", s.raw().RowsOfAccount("channel", other), int64(2))
		s.equal("messages of the other", s.raw().RowsOfAccount("message", other), int64(1))
	}},
}

// unknownChannel expects that a job names no channel of its account.
func (s *suite) unknownChannel(err error, id int64) {
	s.Helper()
	e, ok := errors.AsType[*cron.Error](err)
	if !ok || e.Kind != cron.Invalid {
		s.Fatalf("the error is %v, want kind invalid", err)
	}
	s.equal("problems", e.Problems, []cron.Problem{{Pointer: "/channelIds", Rule: cron.RuleUnknownChannel, Given: strconv.FormatInt(id, 10)}})
}
