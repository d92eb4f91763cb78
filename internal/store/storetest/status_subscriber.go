package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

func published(p *statuspage.Page) { p.Published = true }

// asked adds a subscription that waits to be confirmed.
func (s *suite) asked(db *store.Store, p *statuspage.Page, address string, edits ...func(*statuspage.Subscriber)) statuspage.Subscriber {
	s.Helper()
	x := statuspage.Subscriber{PageID: p.ID, Address: address, Language: "en"}
	for _, edit := range edits {
		edit(&x)
	}
	s.ok(db.Subscribe(s.ctx(), &x, sha256.Sum256([]byte(address)), func(context.Context, *statuspage.Subscriber, bool) error { return nil }))
	return x
}

// subscribed adds a subscriber.
func (s *suite) subscribed(db *store.Store, p *statuspage.Page, address string, edits ...func(*statuspage.Subscriber)) statuspage.Subscriber {
	s.Helper()
	x := s.asked(db, p, address, edits...)
	s.ok(db.ConfirmSubscriber(s.ctx(), x.ID, x.Created))
	return x
}

func byWebhook(x *statuspage.Subscriber) {
	x.Kind, x.Secret = statuspage.SubscriberWebhook, "whsec_secret"
}

// deliver makes all deliveries, and claims some.
func (s *suite) deliver(db *store.Store, limit, most int, slow ...int64) []statuspage.Delivery {
	s.Helper()
	for more := true; more; {
		var err error
		more, err = db.MakeDeliveries(s.ctx())
		s.ok(err)
	}
	list, err := db.ClaimDeliveries(s.ctx(), statuspage.DeliveryClaim{Limit: limit, Most: most, Slow: slow})
	s.ok(err)
	return list
}

// sent ends deliveries with success.
func (s *suite) sent(db *store.Store, list []statuspage.Delivery) {
	s.Helper()
	for i := range list {
		d := &list[i]
		s.ok(db.FinishDelivery(s.ctx(), statuspage.DeliveryResult{ID: d.ID, SubscriberID: d.Subscriber.ID, Attempts: d.Attempts,
			Confirms: d.Notice.Kind == statuspage.NoticeConfirm, Sent: true}))
	}
}

// told lists what deliveries say, and sends them.
func (s *suite) told(db *store.Store) (said []string) {
	s.Helper()
	for {
		list := s.deliver(db, 10, 10)
		if len(list) == 0 {
			return said
		}
		for i := range list {
			said = append(said, list[i].Subscriber.Address+" "+list[i].Notice.Kind.String()+" "+list[i].Notice.Title)
		}
		s.sent(db, list)
	}
}

var subscriberTests = []test{
	{"a subscription reads back, waits, is confirmed and ends", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 2, published)
		x := s.asked(db, &p, "a@example.com", func(x *statuspage.Subscriber) { x.ComponentIDs = []int64{p.Components[0].ID} })
		got, err := db.Subscriber(s.ctx(), x.ID)
		s.ok(err)
		s.equal("subscriber", got, x)
		s.equal("account", x.AccountID, account)
		s.equal("it expires", x.Expires, x.Created.Add(statuspage.ConfirmWithin))
		s.missing(db.ConfirmSubscriber(s.ctx(), x.ID, x.Created.Add(time.Millisecond)), cron.SubjectSubscriber)
		s.ok(db.ConfirmSubscriber(s.ctx(), x.ID, x.Created))
		s.ok(db.ConfirmSubscriber(s.ctx(), x.ID, x.Created))
		s.ok(db.ChangeSubscriber(s.ctx(), x.ID, nil))
		got, err = db.Subscriber(s.ctx(), x.ID)
		s.ok(err)
		s.equal("confirmed", !got.Confirmed.IsZero() && got.Expires.IsZero() && got.ComponentIDs == nil, true)
		confirmed, waiting, err := db.CountSubscribers(s.ctx(), account, p.ID)
		s.ok(err)
		s.equal("counts", []int{confirmed, waiting}, []int{1, 0})
		s.ok(db.Unsubscribe(s.ctx(), x.ID))
		s.ok(db.Unsubscribe(s.ctx(), x.ID))
		_, err = db.Subscriber(s.ctx(), x.ID)
		s.missing(err, cron.SubjectSubscriber)
		s.missing(db.ChangeSubscriber(s.ctx(), x.ID, nil), cron.SubjectSubscriber)
	}},
	{"an address is asked again while it waits, and left alone once it is confirmed", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1, published)
		first := s.asked(db, &p, "a@example.com")
		second := s.asked(db, &p, "a@example.com")
		s.equal("the same one", first.ID, second.ID)
		s.missing(db.ConfirmSubscriber(s.ctx(), first.ID, first.Created), cron.SubjectSubscriber)
		s.ok(db.ConfirmSubscriber(s.ctx(), second.ID, second.Created))
		x := statuspage.Subscriber{PageID: p.ID, Address: "a@example.com", ComponentIDs: []int64{p.Components[0].ID}}
		told := false
		s.ok(db.Subscribe(s.ctx(), &x, sha256.Sum256([]byte(x.Address)), func(_ context.Context, is *statuspage.Subscriber, known bool) error {
			told = known && is.ID == first.ID && is.Created.Equal(second.Created)
			return nil
		}))
		s.equal("it is known", told, true)
		got, err := db.Subscriber(s.ctx(), first.ID)
		s.ok(err)
		s.equal("components", got.ComponentIDs, []int64(nil))
	}},
	{"pages bound their subscribers, whatever the address", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0, published)
		s.ok(db.UpdateAccount(s.ctx(), account, func(a *cron.Account) error { a.Overrides = cron.Overrides{"maxSubscribers": 2}; return nil }))
		known := s.subscribed(db, &p, "a@example.com")
		s.asked(db, &p, "b@example.com")
		for _, address := range []string{"c@example.com", known.Address} {
			x := statuspage.Subscriber{PageID: p.ID, Address: address}
			err := db.Subscribe(s.ctx(), &x, sha256.Sum256([]byte(address)), nil)
			s.equal("kind for "+address, cron.KindOf(err), cron.TooMany)
		}
		draft := s.shown(db, account, 0, func(p *statuspage.Page) { p.Slug, p.Published = "draft", false })
		x := statuspage.Subscriber{PageID: draft.ID, Address: "a@example.com"}
		s.missing(db.Subscribe(s.ctx(), &x, [32]byte{1}, nil), cron.SubjectStatusPage)
	}},
	{"at most so many wait to be confirmed, and those are deleted in time", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0, published)
		kept := s.subscribed(db, &p, "kept@example.com")
		for n := range statuspage.MaxWaitingSubscribers {
			s.asked(db, &p, fmt.Sprint(n, "@example.com"))
		}
		x := statuspage.Subscriber{PageID: p.ID, Address: "late@example.com"}
		s.equal("kind", cron.KindOf(db.Subscribe(s.ctx(), &x, [32]byte{1}, nil)), cron.TooMany)
		_, err := db.PruneSubscribers(s.ctx())
		s.ok(err)
		s.equal("subscribers", s.raw().Rows("status_subscriber"), int64(statuspage.MaxWaitingSubscribers+1))
		s.raw().AgeSubscribers(statuspage.ConfirmWithin)
		for more := true; more; {
			more, err = db.PruneSubscribers(s.ctx())
			s.ok(err)
		}
		list, err := db.Subscribers(s.ctx(), account, p.ID, 0, 10)
		s.ok(err)
		s.equal("subscribers", []any{len(list), list[0].ID}, []any{1, kept.ID})
	}},
	{"the account lists and removes its subscribers only", func(s *suite) {
		db, account, _ := s.start()
		other := s.account(db)
		p := s.shown(db, account, 0, published)
		a, b := s.subscribed(db, &p, "a@example.com"), s.asked(db, &p, "b@example.com")
		list, err := db.Subscribers(s.ctx(), account, p.ID, 0, 10)
		s.ok(err)
		s.equal("all", []string{list[0].Address, list[1].Address}, []string{b.Address, a.Address})
		list, err = db.Subscribers(s.ctx(), account, p.ID, b.ID, 10)
		s.ok(err)
		s.equal("the rest", []any{len(list), list[0].ID}, []any{1, a.ID})
		_, err = db.Subscribers(s.ctx(), other, p.ID, 0, 10)
		s.missing(err, cron.SubjectStatusPage)
		none := func(context.Context, *statuspage.Subscriber, string) error { return nil }
		s.missing(db.DeleteSubscriber(s.ctx(), other, p.ID, a.ID, none), cron.SubjectStatusPage)
		s.ok(db.DeleteSubscriber(s.ctx(), account, p.ID, a.ID, none))
		s.missing(db.DeleteSubscriber(s.ctx(), account, p.ID, a.ID, none), cron.SubjectSubscriber)
	}},
	{"a webhook is asked, and confirmed by its answer", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0, published)
		x := s.asked(db, &p, "https://a.example/", byWebhook)
		list := s.deliver(db, 10, 10)
		s.equal("deliveries", []any{len(list), list[0].Notice.Kind, list[0].Subscriber.Secret}, []any{1, statuspage.NoticeConfirm, x.Secret})
		again := s.asked(db, &p, "https://a.example/", byWebhook)
		s.sent(db, list) // of the former request
		list = s.deliver(db, 10, 10)
		s.equal("one is asked anew", len(list), 1)
		s.sent(db, list)
		got, err := db.Subscriber(s.ctx(), again.ID)
		s.ok(err)
		s.equal("confirmed", got.Expires.IsZero(), true)
		s.equal("deliveries", s.raw().Rows("status_delivery"), int64(0))

		y := s.asked(db, &p, "https://b.example/", byWebhook)
		d := s.deliver(db, 10, 10)[0]
		s.ok(db.FinishDelivery(s.ctx(), statuspage.DeliveryResult{ID: d.ID, SubscriberID: y.ID, Attempts: 1, Confirms: true, Blames: true}))
		_, err = db.Subscriber(s.ctx(), y.ID)
		s.missing(err, cron.SubjectSubscriber)
	}},
}

var deliveryTests = []test{
	{"subscribers are told of what happens to incidents, in order", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 2, published)
		s.subscribed(db, &p, "all")
		s.subscribed(db, &p, "second", func(x *statuspage.Subscriber) { x.ComponentIDs = []int64{p.Components[1].ID} })
		s.asked(db, &p, "nobody")
		i := s.incident(db, &p, 0, impact(&p.Components[0], statuspage.Degraded))
		s.equal("published", s.told(db), []string{"all incident.published it is slow"})
		s.update(db, &i, 0, statuspage.Identified, impact(&p.Components[1], statuspage.Degraded))
		s.equal("updated", s.told(db), []string{"all incident.updated it is slow", "second incident.updated it is slow"})
		s.update(db, &i, 2*time.Hour, statuspage.Identified)
		s.ok(db.UpdateIncident(s.ctx(), account, p.ID, i.ID, func(i *statuspage.Incident, _ []int64) error { i.Title = "other"; return nil }))
		s.equal("dated back, and another title", len(s.told(db)), 0)
		s.update(db, &i, 0, statuspage.Resolved)
		s.equal("resolved", s.told(db), []string{"all incident.resolved other", "second incident.resolved other"})

		draft := statuspage.Incident{PageID: p.ID, AccountID: account, Title: "a draft", Draft: true, Updates: []statuspage.Update{{Text: "x", At: db.Now()}}}
		s.ok(db.CreateIncident(s.ctx(), &draft, func([]int64) error { return nil }))
		s.update(db, &draft, 0, statuspage.Identified)
		s.equal("a draft", len(s.told(db)), 0)
		s.ok(db.UpdateIncident(s.ctx(), account, p.ID, draft.ID, func(i *statuspage.Incident, _ []int64) error { i.Draft = false; return nil }))
		s.equal("published later", s.told(db), []string{"all incident.published a draft", "second incident.published a draft"})
		_, err := db.PruneSubscribers(s.ctx())
		s.ok(err)
		s.equal("notices", s.raw().Rows("status_notice"), int64(0))
	}},
	{"a page that is not published tells nobody, not even what waits", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0, published)
		s.subscribed(db, &p, "a")
		s.incident(db, &p, 0)
		s.ok(db.UpdateStatusPage(s.ctx(), account, p.ID, func(p *statuspage.Page) error { p.Published = false; return nil }))
		s.incident(db, &p, 0)
		list := s.deliver(db, 10, 10)
		s.equal("deliveries", []any{len(list), list[0].Dropped}, []any{1, true})
	}},
	{"maintenance is announced, reminded of, begins, ends and is cancelled", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1, published)
		s.subscribed(db, &p, "a")
		plan := statuspage.Plan{PageID: p.ID, AccountID: account, Title: "disks", Start: s.instant(db).Add(30 * time.Hour), End: s.instant(db).Add(31 * time.Hour),
			ComponentIDs: []int64{p.Components[0].ID}}
		fine := func([]int64) error { return nil }
		s.ok(db.CreateStatusPlan(s.ctx(), &plan, fine))
		s.equal("announced", s.told(db), []string{"a maintenance.announced disks"})
		show := func() {
			s.Helper()
			for more := true; more; {
				var err error
				more, err = db.ShowMaintenance(s.ctx())
				s.ok(err)
			}
		}
		show()
		s.equal("nothing yet", len(s.told(db)), 0)
		s.raw().RemindOf(plan.ID, db.Now().Add(-time.Second), plan.Start.Add(-7*time.Hour))
		show()
		s.equal("soon", s.told(db), []string{"a maintenance.soon disks"})
		show()
		s.equal("once", len(s.told(db)), 0)
		s.ok(db.UpdateStatusPlan(s.ctx(), account, p.ID, plan.ID, func(p *statuspage.Plan, _ []int64) error {
			p.Start, p.End = s.instant(db).Add(-20*time.Minute), s.instant(db).Add(-10*time.Minute)
			return nil
		}))
		s.raw().ShowPlanFrom(plan.ID, db.Now().Add(-30*time.Minute))
		show()
		s.equal("began and ended", s.told(db), []string{"a maintenance.started disks", "a maintenance.ended disks"})
		s.ok(db.DeleteStatusPlan(s.ctx(), account, p.ID, plan.ID))
		s.equal("it was over", len(s.told(db)), 0)
		plan.Start, plan.End = s.instant(db).Add(time.Hour), s.instant(db).Add(2*time.Hour)
		s.ok(db.CreateStatusPlan(s.ctx(), &plan, fine))
		s.ok(db.DeleteStatusPlan(s.ctx(), account, p.ID, plan.ID))
		s.equal("cancelled", s.told(db), []string{"a maintenance.announced disks", "a maintenance.cancelled disks"})
	}},
	{"deliveries are made in chunks, once each, by two nodes at a time", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0, published)
		s.raw().AddSubscribers(account, p.ID, 500, db.Now())
		s.incident(db, &p, 0)
		nodes := []*store.Store{db, db}
		if !s.isSQLite() {
			nodes[1] = s.open()
		}
		var group sync.WaitGroup
		errs := make([]error, len(nodes))
		for n, node := range nodes {
			group.Go(func() {
				for more := true; more && errs[n] == nil; {
					more, errs[n] = node.MakeDeliveries(s.ctx())
				}
			})
		}
		group.Wait()
		s.ok(errors.Join(errs...))
		s.equal("deliveries", s.raw().Rows("status_delivery"), int64(500))
		s.equal("a late subscriber", s.raw().Rows("status_notice"), int64(1))
	}},
	{"what a dead node was sending is sent again, with the same key", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0, published)
		s.subscribed(db, &p, "a")
		s.incident(db, &p, 0)
		first := s.deliver(db, 10, 10)
		s.equal("claimed again", len(s.deliver(db, 10, 10)), 0)
		s.raw().MakeDeliveriesDue()
		second := s.deliver(db, 10, 10)
		s.equal("the same", []any{len(second), second[0].Key(), second[0].Attempts}, []any{1, first[0].Key(), 2})
		d := &first[0]
		s.ok(db.FinishDelivery(s.ctx(), statuspage.DeliveryResult{ID: d.ID, SubscriberID: d.Subscriber.ID, Attempts: d.Attempts, Next: db.Now()}))
		s.equal("an attempt that was lost puts nothing off", len(s.deliver(db, 10, 10)), 0)
		s.sent(db, second)
		s.equal("deliveries", s.raw().Rows("status_delivery"), int64(0))
	}},
	{"neither a page with many subscribers nor a slow endpoint delays others", func(s *suite) {
		db, account, _ := s.start()
		other, slow := s.account(db), s.account(db)
		large, small := s.shown(db, account, 0, published), s.shown(db, other, 0, published, func(p *statuspage.Page) { p.Slug = "small" })
		hangs := s.shown(db, slow, 0, published, func(p *statuspage.Page) { p.Slug = "hangs" })
		for n := range 20 {
			s.subscribed(db, &large, fmt.Sprint("large", n))
			s.subscribed(db, &hangs, fmt.Sprint("hangs", n))
		}
		s.subscribed(db, &small, "small")
		for _, p := range []*statuspage.Page{&large, &hangs, &small} {
			s.incident(db, p, 0)
		}
		byAccount := map[int64]int{}
		for _, d := range s.deliver(db, 10, 4, slow) {
			byAccount[d.Subscriber.AccountID]++
		}
		s.equal("places", byAccount, map[int64]int{account: 4, other: 1, slow: 1})
		s.equal("no more of them", len(s.deliver(db, 10, 4, slow)), 0)
	}},
	{"a subscriber is told in order, and one that fails for days is removed", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0, published)
		x := s.subscribed(db, &p, "a")
		s.incident(db, &p, 0)
		s.incident(db, &p, 0)
		fail := func(next time.Time) {
			s.Helper()
			list := s.deliver(db, 10, 10)
			s.equal("one at once", len(list), 1)
			s.ok(db.FinishDelivery(s.ctx(), statuspage.DeliveryResult{ID: list[0].ID, SubscriberID: x.ID, Attempts: list[0].Attempts, Blames: true, Next: next}))
		}
		fail(db.Now().Add(time.Hour))
		s.equal("both are put off", len(s.deliver(db, 10, 10)), 0)
		got, err := db.Subscriber(s.ctx(), x.ID)
		s.ok(err)
		s.equal("it fails", got.Failing.IsZero(), false)
		s.raw().MakeDeliveriesDue()
		fail(time.Time{})
		_, err = db.Subscriber(s.ctx(), x.ID)
		s.ok(err)
		s.raw().AgeSubscribers(statuspage.SubscriberPatience)
		fail(time.Time{})
		_, err = db.Subscriber(s.ctx(), x.ID)
		s.missing(err, cron.SubjectSubscriber)
	}},
	{"a receiver that is gone is removed at once, with what waits for it", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0, published)
		x := s.subscribed(db, &p, "a")
		s.incident(db, &p, 0)
		s.incident(db, &p, 0)
		d := s.deliver(db, 10, 10)[0]
		s.ok(db.FinishDelivery(s.ctx(), statuspage.DeliveryResult{ID: d.ID, SubscriberID: x.ID, Attempts: 1, Gone: true}))
		s.equal("rows", s.raw().Rows("status_delivery")+s.raw().Rows("status_subscriber"), int64(0))
	}},
	{"a subscriber has a bounded number of deliveries, and loses the oldest of them", func(s *suite) {
		db, account, _ := s.start()
		p, other := s.shown(db, account, 0, published), s.shown(db, account, 0, published, func(p *statuspage.Page) { p.Slug = "other" })
		x := s.subscribed(db, &p, "a")
		s.subscribed(db, &other, "b")
		s.incident(db, &other, 0)
		i := s.incident(db, &p, 0)
		first := s.deliver(db, 10, 10)
		s.equal("first", len(first), 2)
		for range statuspage.MaxWaitingDeliveries {
			s.update(db, &i, 0, statuspage.Identified)
		}
		list := s.deliver(db, 10, 10)
		s.equal("the second is the oldest", []any{len(list), list[0].Subscriber.ID, list[0].Notice.Kind}, []any{1, x.ID, statuspage.NoticeUpdated})
		s.equal("deliveries", s.raw().Rows("status_delivery"), int64(statuspage.MaxWaitingDeliveries+1))
		s.sent(db, first)
		s.sent(db, list)
		s.equal("the rest", len(s.told(db)), statuspage.MaxWaitingDeliveries-1)
	}},
	{"deliveries are made while subscribers unsubscribe", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0, published)
		s.raw().AddSubscribers(account, p.ID, 200, db.Now())
		list, err := db.Subscribers(s.ctx(), account, p.ID, 0, 100)
		s.ok(err)
		var group sync.WaitGroup
		gone := make([]error, len(list))
		group.Go(func() {
			for n := range list {
				gone[n] = db.Unsubscribe(s.ctx(), list[n].ID)
			}
		})
		for range 20 {
			s.incident(db, &p, 0)
			for more := true; more; {
				more, err = db.MakeDeliveries(s.ctx())
				s.ok(err)
			}
		}
		group.Wait()
		s.ok(errors.Join(gone...))
		left, err := db.Subscribers(s.ctx(), account, p.ID, 0, 200)
		s.ok(err)
		s.equal("subscribers", len(left), 100)
		for n := range left {
			s.equal("deliveries", s.raw().DeliveriesTo(left[n].ID), int64(20))
		}
		s.equal("all of them", s.raw().Rows("status_delivery"), int64(100*20))
	}},
	{"only members of the account reach private networks", func(s *suite) {
		db, account, _ := s.start()
		for n, access := range []statuspage.Access{statuspage.AccessPublic, statuspage.AccessMembers} {
			for _, member := range []bool{false, true} { // a stranger subscribed before the page became one for members
				p := s.shown(db, account, 0, published, func(p *statuspage.Page) { p.Slug, p.Access = fmt.Sprintf("p%d-%t", n, member), access })
				s.asked(db, &p, "https://a.example/", byWebhook, func(x *statuspage.Subscriber) { x.Member = member })
				list := s.deliver(db, 10, 10)
				s.equal("global only", []any{len(list), list[0].Global}, []any{1, access == statuspage.AccessPublic || !member})
			}
		}
	}},
}
