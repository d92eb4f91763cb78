package storetest

import (
	"math/rand/v2"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

var messageRaceTests = []test{
	{"nodes that route and send at once tell every notice by every channel, and send no message twice", func(s *suite) {
		db, account, _ := s.start()
		s.hook(db, account)
		s.channel(db, account, func(c *cron.Channel) { c.Default = true })
		other := s.account(db)
		s.hook(db, other)
		const notices = 300
		jobs := []int64{s.job(db, account).ID, s.job(db, other).ID}
		var (
			wg   sync.WaitGroup
			mu   sync.Mutex
			sent = map[int64]int{}
		)
		for i := range int64(notices) { // the suite has one connection
			s.raw().AddUnrouted(jobs[i%2], 1, 1+i%20, db.Now())
		}
		for _, db := range []*store.Store{db, s.open(), s.open()} {
			node := s.node(db)
			wg.Go(func() {
				for range 200 {
					if _, err := db.RouteNotices(s.ctx()); err != nil {
						s.Errorf("route: %v", err)
						return
					}
					claimed, err := db.ClaimMessages(s.ctx(), cron.MessageClaim{Node: node, Limit: 1 + rand.IntN(8)})
					if err != nil {
						s.Errorf("claim: %v", err)
						return
					}
					for _, d := range claimed.Deliveries {
						mu.Lock()
						sent[d.Message.ID]++
						mu.Unlock()
						if err := db.FinishMessage(s.ctx(), &cron.MessageResult{MessageID: d.Message.ID, Node: node}); err != nil {
							s.Errorf("finish: %v", err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		s.raw().HurryMessages(db.Now().Add(-time.Second))
		s.route(db)
		node := s.node(db)
		for list := s.claimMessages(db, node, 8); len(list) > 0; list = s.claimMessages(db, node, 8) {
			for _, d := range list {
				sent[d.Message.ID]++
				s.finishMessage(db, node, d.Message.ID)
			}
		}
		for id, n := range sent {
			if n != 1 {
				s.Errorf("message %d was sent %d times", id, n)
			}
		}
		links := map[int64]int{}
		for _, m := range s.raw().Messages() {
			links[m.ChannelID] += m.Linked
			if m.State != cron.MessageSent || m.Linked != m.Count {
				s.Errorf("message %d is %s, tells %d notices and has %d", m.ID, cron.MessageStateNames[m.State], m.Count, m.Linked)
			}
		}
		for _, n := range links {
			s.equal("notices of a channel", n, notices/2)
		}
		s.equal("channels", len(links), 3)
		if n := s.raw().Rows("message"); n > 3*3*(cron.MessageBurst+2) {
			s.Errorf("%d messages", n)
		}
	}},
	{"nodes that do not finish what they send lose nothing", func(s *suite) {
		db, account, _ := s.start()
		s.hook(db, account)
		j := s.job(db, account)
		for i := range int64(40) {
			s.raw().AddUnrouted(j.ID, 1, 1+i, db.Now())
		}
		for range 15 { // each dies after a step or two
			db = s.open()
			node := s.node(db)
			_, err := db.SettleDead(s.ctx(), node)
			s.ok(err)
			if rand.IntN(2) == 0 {
				_, err := db.RouteNotices(s.ctx())
				s.ok(err)
			}
			for _, d := range s.claimMessages(db, node, 1+rand.IntN(4)) {
				if rand.IntN(2) == 0 {
					s.finishMessage(db, node, d.Message.ID)
				}
			}
			s.raw().HurryMessages(db.Now().Add(-time.Second))
			s.raw().KillNodes(db.Now().Add(-time.Hour))
		}
		db = s.open()
		node := s.node(db)
		_, err := db.SettleDead(s.ctx(), node)
		s.ok(err)
		s.route(db)
		s.raw().HurryMessages(db.Now().Add(-time.Second))
		s.sendAll(db, node)
		linked := 0
		for _, m := range s.raw().Messages() {
			linked += m.Linked
			if m.State != cron.MessageSent {
				s.Errorf("message %d is %s", m.ID, cron.MessageStateNames[m.State])
			}
		}
		s.equal("notices", linked, 40)
	}},
}
