package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"punctual/internal/cron"
	"punctual/internal/store"
)

var nodeTests = []test{
	{"each start has a higher epoch", func(s *suite) {
		db := s.open()
		first := s.node(db)
		if second := s.node(db); first <= 0 || second <= first {
			s.Errorf("the epochs are %d and %d", first, second)
		}
		alive := s.raw().Leases(db.Now())
		s.equal("alive", alive, int64(2))
	}},
	{"nodes are listed, those that are alive first", func(s *suite) {
		db := s.open()
		former, now := s.node(db), s.node(db)
		s.ok(db.StopNode(s.ctx(), former))
		list, err := db.Nodes(s.ctx())
		s.ok(err)
		if len(list) != 2 || list[0].Epoch != now || !list[0].Alive || list[1].Epoch != former || list[1].Alive || list[0].Name == "" || list[0].Started.IsZero() {
			s.Errorf("listed %+v", list)
		}
		about, err := db.Storage(s.ctx())
		s.ok(err)
		if about.Bytes < 1000 || about.Due != 0 || about.WaitingMessages != 0 {
			s.Errorf("the database holds %+v", about)
		}
	}},
	{"a node tells what it is and, with each heartbeat, what it does", func(s *suite) {
		db := s.open()
		address := netip.MustParseAddr("192.0.2.7")
		epoch, err := db.StartNode(s.ctx(), cron.Node{Name: "web-1", Role: cron.NodeWorker, Version: "v1.2.3", Addresses: []netip.Addr{address}})
		s.ok(err)
		plain := s.node(db)
		_, err = db.Heartbeat(s.ctx(), cron.Heartbeat{
			Epoch: epoch, RunningFrom: func(latest int64) int64 { return latest }, InFlight: 7, Lateness: 1500 * time.Millisecond,
		})
		s.ok(err)
		nodes, err := db.Nodes(s.ctx())
		s.ok(err)
		if len(nodes) != 2 || nodes[1].Epoch != epoch || nodes[0].Epoch != plain {
			s.Fatalf("listed %+v", nodes)
		}
		n := nodes[1]
		if n.Name != "web-1" || n.Role != cron.NodeWorker || n.Version != "v1.2.3" || !slices.Equal(n.Addresses, []netip.Addr{address}) || n.Draining ||
			n.InFlight != 7 || n.Lateness != 1500*time.Millisecond || n.Heartbeat.Before(n.Started) || db.Now().Sub(n.Heartbeat) > time.Minute || !n.Working() {
			s.Errorf("listed %+v", n)
		}
		s.equal("role of another", nodes[0].Role, cron.NodeAll)
		s.equal("heartbeat of another", nodes[0].Heartbeat, nodes[0].Started)
		if s.isSQLite() {
			return // the others do not learn what is not written
		}
		elsewhere, err := s.open().Nodes(s.ctx())
		s.ok(err)
		s.equal("in flight, as another node sees it", elsewhere[1].InFlight, 7)
		s.equal("lateness, as another node sees it", elsewhere[1].Lateness, 1500*time.Millisecond)
	}},
	{"a node learns with its heartbeat that it is to drain", func(s *suite) {
		db, other := s.open(), s.open()
		epoch, same := s.node(db), s.node(db)
		beat := func(epoch int64) bool {
			draining, err := db.Heartbeat(s.ctx(), cron.Heartbeat{Epoch: epoch, RunningFrom: func(latest int64) int64 { return latest }})
			s.ok(err)
			return draining
		}
		for _, draining := range []bool{false, true, true, false} {
			if draining || beat(epoch) {
				name, err := other.DrainNode(s.ctx(), epoch, draining)
				s.ok(err)
				s.equal("name", name, "test")
			}
			s.equal("draining", beat(epoch), draining)
			s.equal("the other one of the name", beat(same), false)
			nodes, err := other.Nodes(s.ctx())
			s.ok(err)
			s.equal("listed", nodes[1].Draining, draining)
			s.equal("working", cron.WorkingNodes(nodes), map[bool]int{false: 2, true: 1}[draining])
		}
		s.ok(db.StopNode(s.ctx(), epoch))
		for _, gone := range []int64{epoch, 4711} {
			if _, err := db.DrainNode(s.ctx(), gone, true); cron.KindOf(err) != cron.NotFound {
				s.Errorf("draining node %d: %v", gone, err)
			}
		}
		again, err := db.StartNode(s.ctx(), cron.Node{Name: "test", Draining: true}) // joins again
		s.ok(err)
		s.equal("draining still", beat(again), true)
	}},
	{"executions come from the addresses of the live nodes that work", func(s *suite) {
		db := s.open()
		addresses := func(texts ...string) (list []netip.Addr) {
			for _, text := range texts {
				list = append(list, netip.MustParseAddr(text))
			}
			return list
		}
		start := func(role cron.NodeRole, texts ...string) int64 {
			epoch, err := db.StartNode(s.ctx(), cron.Node{Name: "test", Role: role, Addresses: addresses(texts...)})
			s.ok(err)
			return epoch
		}
		expect := func(texts ...string) {
			s.Helper()
			got, err := db.ExecutorAddresses(s.ctx())
			s.ok(err)
			if !slices.Equal(got, addresses(texts...)) {
				s.Errorf("got %v, want %v", got, texts)
			}
		}
		expect()
		start(cron.NodeAPI, "192.0.2.99")
		expect()
		start(cron.NodeAll, "2001:db8::1", "192.0.2.10", "192.0.2.9")
		gone := start(cron.NodeWorker, "192.0.2.1", "192.0.2.9")
		drained := start(cron.NodeWorker, "192.0.2.2")
		_, err := db.DrainNode(s.ctx(), drained, true) // what runs is still finished
		s.ok(err)
		start("", "192.0.2.2")
		expect("192.0.2.1", "192.0.2.2", "192.0.2.9", "192.0.2.10", "2001:db8::1")
		s.ok(db.StopNode(s.ctx(), gone))
		expect("192.0.2.2", "192.0.2.9", "192.0.2.10", "2001:db8::1")
	}},
	{"the listeners of nodes are known while they send heartbeats, and for a while longer", func(s *suite) {
		db := s.open()
		listeners := func(texts ...string) (list []netip.AddrPort) {
			for _, text := range texts {
				list = append(list, netip.MustParseAddrPort(text))
			}
			return list
		}
		start := func(host string, texts ...string) int64 {
			epoch, err := db.StartNode(s.ctx(), cron.Node{Name: "test", Listeners: cron.Listeners{Host: host, At: listeners(texts...)}})
			s.ok(err)
			return epoch
		}
		expect := func(want ...cron.Listeners) {
			s.Helper()
			got, err := db.Listeners(s.ctx())
			s.ok(err)
			slices.SortFunc(got, func(a, b cron.Listeners) int { return strings.Compare(a.Host, b.Host) })
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				s.Error("the listeners:", diff)
			}
		}
		expect()
		s.node(db) // of a former version, which does not tell
		expect()
		a := start("a", "[::]:8080", "10.0.0.1:8080", "[fe80::1]:8080", "[fe80::2%eth0]:8080")
		known := cron.Listeners{Host: "a", At: listeners("[::]:8080", "10.0.0.1:8080", "[fe80::1]:8080", "[fe80::2%eth0]:8080")}
		expect(known)
		b := start("b", "192.0.2.1:443")
		bs := cron.Listeners{Host: "b", At: listeners("192.0.2.1:443")}
		start("b", "192.0.2.1:443") // started again
		expect(known, bs)
		s.ok(db.StopNode(s.ctx(), b)) // and may start again
		expect(known, bs)

		if !s.isSQLite() { // where heartbeats are written
			_, err := db.Heartbeat(s.ctx(), cron.Heartbeat{
				Epoch: a, RunningFrom: func(latest int64) int64 { return latest }, Listeners: listeners("10.0.0.2:8080"),
			})
			s.ok(err)
			known.At = listeners("10.0.0.2:8080")
			expect(known, bs)
		}
		s.raw().SetHeartbeat(a, db.Now().Add(-9*time.Minute))
		expect(known, bs)
		s.raw().SetHeartbeat(a, db.Now().Add(-11*time.Minute))
		expect(bs)

		many := make([]string, 2*cron.MaxListeners)
		for i := range many {
			many[i] = fmt.Sprintf("10.1.%d.%d:80", i/256, i%256)
		}
		start("c", many...)
		expect(bs, cron.Listeners{Host: "c", At: listeners(many[:cron.MaxListeners]...)})
	}},
	{"a node that starts again and again does not hide the listeners of others", func(s *suite) {
		db := s.open()
		start := func(port int) {
			_, err := db.StartNode(s.ctx(), cron.Node{Name: "test", Listeners: cron.Listeners{
				Host: "a", At: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(port))},
			}})
			s.ok(err)
		}
		start(1)
		for range 600 {
			start(2)
		}
		list, err := db.Listeners(s.ctx())
		s.ok(err)
		s.equal("listeners", len(list), 2)
	}},
	{"a heartbeat keeps a node alive", func(s *suite) {
		db, account, node := s.start()
		other := s.open()
		survivor := s.node(other)
		j := s.due(db, account)
		s.claimOne(db, node)
		s.raw().EndLease(node, db.Now().Add(-time.Minute))
		s.ok(s.beat(db, node))
		if s.isSQLite() {
			return // the lock on the directory stands for the lease
		}
		settled, err := other.SettleDead(s.ctx(), survivor)
		s.ok(err)
		s.equal("settled", settled, 0)
		s.equal("outcome", s.ledger(j.ID)[0].Outcome, cron.OutcomeRunning)
		s.ok(s.beat(db, node))
	}},
	{"a dead node learns of it and claims nothing", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		s.claimOne(db, node)
		s.dies(db, node)
		s.plan(j.ID, db.Now().Add(-500*time.Millisecond))
		_, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: 1})
		if !errors.Is(err, cron.ErrNodeDead) {
			s.Errorf("a claim reports %v, want %v", err, cron.ErrNodeDead)
		}
		if err := s.beat(db, node); !s.isSQLite() && !errors.Is(err, cron.ErrNodeDead) {
			s.Errorf("a heartbeat reports %v, want %v", err, cron.ErrNodeDead)
		}
		s.equal("next epoch", s.claimOne(db, s.node(db)).Job.ID, j.ID)
	}},
	{"a node that has stopped claims nothing", func(s *suite) {
		db, account, node := s.start()
		s.due(db, account)
		s.ok(db.StopNode(s.ctx(), node))
		_, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: 1})
		if !errors.Is(err, cron.ErrNodeDead) {
			s.Errorf("a claim reports %v, want %v", err, cron.ErrNodeDead)
		}
	}},
	{"a node is settled once, and nothing of the living is", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		lost := s.claimOne(db, node)
		survivor, epoch := s.dies(db, node)
		s.plan(j.ID, db.Now().Add(-500*time.Millisecond))
		s.claimOne(survivor, epoch)
		for range 2 {
			settled, err := survivor.SettleDead(s.ctx(), epoch)
			s.ok(err)
			s.equal("settled", settled, 0)
		}
		ledger := s.ledger(j.ID)
		s.equal("first outcome", ledger[0].Outcome, cron.OutcomeLost)
		s.equal("second outcome", ledger[1].Outcome, cron.OutcomeRunning)
		s.equal("planned", ledger[0].Planned, lost.Planned)
		s.equal("fault", ledger[0].Fault, cron.FaultLost)
	}},
	{"a lost execution has a cause, which goes when it turns out to have succeeded", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		l := s.claimOne(db, node)
		s.dies(db, node)
		lost := cron.Lost()
		s.equal("cause", s.history(db, account, j.ID)[0].Cause, lost.Fingerprint())
		c := succeeded(l)
		c.Result.Peer = "192.0.2.1"
		s.finish(db, c)
		got := s.history(db, account, j.ID)[0]
		s.equal("cause", got.Cause, cron.Fingerprint(0))
		s.equal("peer", got.Result.Peer, "192.0.2.1")
		s.equal("failed", s.raw().Failed(account), int64(0))
	}},
	{"more than one chunk is settled", func(s *suite) {
		db, account, node := s.start()
		const jobs = 2300
		s.copies(s.due(db, account, atLeastOnce).ID, jobs-1)
		s.claimMany(db, node, jobs)
		s.raw().EndLeases()
		survivor := s.open()
		settled, err := survivor.SettleDead(s.ctx(), s.node(survivor))
		s.ok(err)
		s.equal("settled", settled, jobs)
		s.equal("lost", s.raw().Executions(cron.OutcomeLost), int64(jobs))
		s.equal("waiting", s.raw().Rows("pending"), int64(jobs))
	}},
	{"what a deleted job left running is settled", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account, atLeastOnce)
		s.claimOne(db, node)
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.dies(db, node)
		s.equal("outcome", s.ledger(j.ID)[0].Outcome, cron.OutcomeLost)
		s.equal("waiting", len(s.waiting(j.ID)), 0)
	}},
	{"what runs is found after heartbeats, and settled", func(s *suite) {
		db, account, node := s.start()
		minds := func(j *cron.Job) { j.Policy.Overlap = cron.OverlapSkip }
		first := s.due(db, account, minds)
		a := s.claimOne(db, node)
		second := s.due(db, account, minds)
		b := s.claimOne(db, node)
		s.finish(db, succeeded(a))
		for range 2 {
			s.ok(s.beat(db, node, b.ExecutionID))
			s.ok(s.beat(db, s.node(db))) // which runs nothing
		}
		running, err := db.RunningExecutions(s.ctx(), account)
		s.ok(err)
		s.equal("running", len(running), 1)
		s.plan(second.ID, db.Now().Add(-500*time.Millisecond))
		s.equal("skipped", s.claimNone(db, node).Settled, 1)
		_, err = db.RequestRun(s.ctx(), account, second.ID, cron.Author{})
		if e, ok := errors.AsType[*cron.Error](err); !ok || e.Kind != cron.Conflict {
			s.Errorf("a run beside it: %v", err)
		}
		abandoned, err := db.Abandoned(s.ctx(), node, nil)
		s.ok(err)
		s.equal("abandoned", len(abandoned), 1)
		s.dies(db, node)
		s.equal("lost", s.raw().Executions(cron.OutcomeLost), int64(1))

		// With nobody left whose executions are open, and with a new node.
		for range 2 {
			running, err = db.RunningExecutions(s.ctx(), account)
			s.ok(err)
			s.equal("still running", len(running), 0)
			epoch := s.node(db)
			_, err = db.SettleDead(s.ctx(), epoch)
			s.ok(err)
			s.plan(first.ID, db.Now().Add(-500*time.Millisecond))
			s.claimOne(db, epoch)
			running, err = db.RunningExecutions(s.ctx(), account)
			s.ok(err)
			s.equal("running again", len(running), 1)
			s.dies(db, epoch)
		}
	}},
	{"a node finds what it has running by the ledger and does not know of", func(s *suite) {
		db, account, node := s.start()
		other := s.node(db)
		s.due(db, account, retries(2, time.Second, 1, time.Second), atLeastOnce)
		known := s.claimOne(db, node)
		s.due(db, account)
		done := s.claimOne(db, node)
		s.finish(db, succeeded(done))
		s.due(db, account)
		s.claimOne(db, other)
		j := s.due(db, account, retries(2, time.Second, 1, time.Second), atLeastOnce)
		unknown := s.claimOne(db, node)

		abandoned, err := db.Abandoned(s.ctx(), node, []int64{known.ExecutionID})
		s.ok(err)
		if len(abandoned) != 1 || abandoned[0].Launch.ExecutionID != unknown.ExecutionID ||
			abandoned[0].Result.Fault != cron.FaultLost {
			s.Fatalf("abandoned: %+v, want execution %d", abandoned, unknown.ExecutionID)
		}
		s.finish(db, abandoned...)
		s.equal("outcome", s.ledger(j.ID)[0].Outcome, cron.OutcomeLost)
		s.equal("attempt", s.waiting(j.ID)[0].Attempt, 2)
		for _, except := range [][]int64{nil, {known.ExecutionID, 1 << 50}} {
			abandoned, err = db.Abandoned(s.ctx(), node, except)
			s.ok(err)
			s.equal("abandoned", len(abandoned), 1-min(len(except), 1))
		}
	}},
}

// beat is a heartbeat of a node with these executions in flight.
func (s *suite) beat(db *store.Store, node int64, running ...int64) error {
	_, err := db.Heartbeat(s.ctx(), cron.Heartbeat{Epoch: node, RunningFrom: func(latest int64) int64 { return slices.Min(append(running, latest)) }})
	return err
}
