package storetest

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// zoneTurn lets one test at a time change the zone data of the process; zoneReleases makes each set newer than all before.
var (
	zoneTurn     sync.Mutex
	zoneReleases = 3000
)

// zoneFiles are the TZif files that are built into the program.
var zoneFiles = sync.OnceValue(func() map[string][]byte {
	data := cron.EmbeddedZones().Data()
	archive, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	if err != nil {
		panic(err)
	}
	files := make(map[string][]byte)
	for _, file := range archive.File {
		r, err := file.Open()
		if err != nil {
			panic(err)
		}
		if files[file.Name], err = io.ReadAll(r); err != nil {
			panic(err)
		}
	}
	delete(files, "+VERSION")
	return files
})

// moving is a time zone whose rules tests change.
const moving = "Test/Moving"

// zones are zone data newer than all before, the embedded ones with further zones that are as others.
func (s *suite) zones(further map[string]string) *cron.Zones {
	s.Helper()
	files := maps.Clone(zoneFiles())
	for name, like := range further {
		files[name] = zoneFiles()[like]
	}
	zoneReleases++
	data, err := cron.PackZones(fmt.Sprintf("%da", zoneReleases), files)
	s.ok(err)
	z, err := cron.ParseZones(data)
	s.ok(err)
	return z
}

// twoReleases are zone data in which the clocks of moving are 6 hours behind UTC, and newer ones in which they are 5.
func (s *suite) twoReleases() (before, after *cron.Zones) {
	s.Helper()
	zoneTurn.Lock()
	s.Cleanup(zoneTurn.Unlock)
	return s.zones(map[string]string{moving: "Etc/GMT+6"}), s.zones(map[string]string{moving: "Etc/GMT+5"})
}

// elsewhere stores zone data as a newer process does.
func (s *suite) elsewhere(version string, z *cron.Zones, data string) {
	s.Helper()
	s.raw().SetZones(z, version, data)
}

// inMoving makes a job due once a day at the local time that clocks of moving show at an instant when they are hours
// behind UTC.
func inMoving(at time.Time, hours int) func(*cron.Job) {
	return func(j *cron.Job) {
		daily(at.UTC().Add(-time.Duration(hours) * time.Hour))(j)
		j.Schedule.Timezone = moving
	}
}

func (s *suite) replan(db *store.Store) {
	s.Helper()
	for more := true; more; {
		var err error
		more, err = db.Replan(s.ctx())
		s.ok(err)
	}
}

func (s *suite) nextRun(db *store.Store, j cron.Job) time.Time {
	s.Helper()
	return s.record(db, j.AccountID, j.ID).State.NextRun
}

var zoneTests = []test{
	{"jobs are planned again by newer zone data", func(s *suite) {
		before, after := s.twoReleases()
		db, account, node := s.start()
		s.ok(db.AgreeOnZones(s.ctx(), before))
		s.replan(db)
		at := db.Now().UTC().Truncate(time.Minute).Add(5 * time.Hour)
		moved, steady := s.job(db, account, inMoving(at, 6)), s.job(db, account)
		disabled, due := s.job(db, account, inMoving(at, 6), disable), s.due(db, account, inMoving(at, 6))
		s.equal("before", s.nextRun(db, moved), at)
		steadyAt, dueAt := s.nextRun(db, steady), s.nextRun(db, due)

		other := s.open()
		s.ok(other.AgreeOnZones(s.ctx(), after))
		s.replan(other)
		s.equal("in use", cron.CurrentZones().Version(), after.Version())
		s.equal("after", s.nextRun(db, moved), at.Add(-time.Hour))
		s.equal("looked at", s.raw().FoundAt(moved.ID), at.Add(-time.Hour))
		s.equal("a job in another time zone", s.nextRun(db, steady), steadyAt)
		s.equal("a disabled job", s.nextRun(db, disabled), time.Time{})
		s.equal("what was due already", s.nextRun(db, due), dueAt)
		s.equal("claimed", s.claimOne(db, node).Planned, dueAt)
		s.equal("left to plan", s.raw().Replanning(), false)
	}},
	{"planning again goes on where it stopped", func(s *suite) {
		before, after := s.twoReleases()
		db, account, _ := s.start()
		s.ok(db.AgreeOnZones(s.ctx(), before))
		at := db.Now().UTC().Truncate(time.Minute).Add(5 * time.Hour)
		first, second := s.job(db, account, inMoving(at, 6)), s.job(db, account, inMoving(at, 6))
		s.ok(db.AgreeOnZones(s.ctx(), after))
		s.raw().SetReplanned(first.ID)
		s.replan(db)
		s.equal("planned before", s.nextRun(db, first), at)
		s.equal("planned now", s.nextRun(db, second), at.Add(-time.Hour))
		s.replan(db) // finds nothing to do
	}},
	{"an occurrence that new rules move into the past runs late", func(s *suite) {
		before, after := s.twoReleases()
		db, account, node := s.start()
		s.ok(db.AgreeOnZones(s.ctx(), before))
		at := db.Now().UTC().Truncate(time.Minute).Add(30 * time.Minute)
		j := s.job(db, account, inMoving(at, 6))
		edited := s.job(db, account, inMoving(at, 6))
		ran := s.job(db, account, inMoving(at, 6))
		s.raw().SetEdited(db.Now().Add(-24*time.Hour), edited.ID)
		s.plan(ran.ID, at.Add(-time.Hour))
		s.finish(db, succeeded(s.claimOne(db, node)))
		s.equal("before", s.nextRun(db, ran), at)

		s.ok(db.AgreeOnZones(s.ctx(), after))
		s.replan(db)
		s.equal("moved into the past", s.nextRun(db, j), at.Add(-time.Hour))
		s.equal("settled", s.nextRun(db, ran), at.Add(23*time.Hour))
		s.equal("edited since", s.nextRun(db, edited), at.Add(23*time.Hour))
		l := s.claimOne(db, node)
		s.equal("claimed", []any{l.Job.ID, l.Planned}, []any{j.ID, at.Add(-time.Hour)})
	}},
	{"a node takes the zone data that another one brought before it plans", func(s *suite) {
		before, after := s.twoReleases()
		db, account, _ := s.start()
		s.ok(db.AgreeOnZones(s.ctx(), before))
		node := s.node(db)
		at := db.Now().UTC().Truncate(time.Minute).Add(5 * time.Hour)
		j := s.due(db, account, inMoving(at, 6))
		s.elsewhere(after.Version(), after, after.Data())
		s.equal("in use before", cron.CurrentZones().Version(), before.Version())
		s.claimOne(db, node)
		s.equal("in use after a claim", cron.CurrentZones().Version(), after.Version())
		s.equal("planned by a claim", s.nextRun(db, j), at.Add(-time.Hour))

		third := s.zones(map[string]string{moving: "Etc/GMT+4"})
		s.elsewhere(third.Version(), third, third.Data())
		created := s.job(db, account, inMoving(at, 6))
		s.equal("planned by an edit", s.nextRun(db, created), at.Add(-2*time.Hour))
		if s.isSQLite() {
			return // no other process can bring any
		}
		fourth := s.zones(map[string]string{moving: "Etc/GMT+3"})
		s.elsewhere(fourth.Version(), fourth, fourth.Data())
		s.ok(s.beat(db, node))
		s.equal("in use after a heartbeat", cron.CurrentZones().Version(), fourth.Version())
	}},
	{"a node that cannot use the zone data of the database plans nothing", func(s *suite) {
		before, after := s.twoReleases()
		db, account, _ := s.start()
		s.ok(db.AgreeOnZones(s.ctx(), before))
		node := s.node(db)
		j := s.due(db, account)
		s.elsewhere("unknown", after, "nonsense")
		if _, err := db.Claim(s.ctx(), cron.ClaimRequest{Node: node, Limit: 10}); err == nil {
			s.Error("a claim went well")
		}
		s.equal("ledger", len(s.ledger(j.ID)), 0)
		k := cron.NewJob()
		k.AccountID = account
		if err := db.CreateJob(s.ctx(), &k); err == nil {
			s.Error("a job was created")
		}
		if _, err := db.Replan(s.ctx()); err == nil {
			s.Error("jobs were planned again")
		}
		s.equal("in use", cron.CurrentZones().Version(), before.Version())
	}},
	{"dormant jobs wake by newer zone data, also when those come in the midst of it", func(s *suite) {
		before, after := s.twoReleases()
		db, account, _ := s.start()
		s.ok(db.AgreeOnZones(s.ctx(), before))
		now := db.Now().UTC().Truncate(time.Minute)
		at := now.Add(5 * time.Hour)
		j := s.job(db, account, inMoving(at, 6))
		s.sleep(j.ID, at.Add(-24*time.Hour), now)
		s.elsewhere(after.Version(), after, after.Data())
		s.raw().EndReplanning() // another node has gone through all jobs by now
		s.maintain(db)
		s.equal("next run", s.nextRun(db, j), at.Add(-time.Hour))
		s.equal("ledger", len(s.ledger(j.ID)), 1)
	}},
	{"older zone data are never taken", func(s *suite) {
		before, after := s.twoReleases()
		db := s.open()
		s.ok(db.AgreeOnZones(s.ctx(), after))
		s.replan(db)
		other := s.open()
		s.ok(other.AgreeOnZones(s.ctx(), before))
		release, err := other.ZoneRelease(s.ctx())
		s.ok(err)
		s.equal("release", release, after.Release())
		s.equal("in use", cron.CurrentZones().Version(), after.Version())
		s.equal("left to plan", s.raw().Replanning(), false)
	}},
	{"newer zone data lose no name of those before", func(s *suite) {
		before, _ := s.twoReleases()
		after := s.zones(nil)
		db, account, _ := s.start()
		s.ok(db.AgreeOnZones(s.ctx(), before))
		at := db.Now().UTC().Truncate(time.Minute).Add(5 * time.Hour)
		j := s.job(db, account, inMoving(at, 6))
		s.ok(db.AgreeOnZones(s.ctx(), after))
		s.replan(db)
		s.equal("release", cron.CurrentZones().Release(), after.Release())
		s.equal("next run", s.nextRun(db, j), at)
	}},
	{"newer zone data wait for open claims", func(s *suite) {
		before, after := s.twoReleases()
		db := s.open()
		s.ok(db.AgreeOnZones(s.ctx(), before))
		node := s.node(db)
		if s.isSQLite() {
			return // one write at a time
		}
		endClaim := OpenTables(s.T, s.options).LockNode(node)
		raised := make(chan error)
		go func() { raised <- db.AgreeOnZones(context.WithoutCancel(s.ctx()), after) }()
		for s.raw().Number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND wait_event_type = 'Lock' AND query LIKE 'UPDATE node%'`) == 0 {
			select {
			case err := <-raised:
				s.Fatalf("the zone data were changed during a claim: %v", err)
			default:
			}
		}
		release, err := db.ZoneRelease(s.ctx())
		s.ok(err)
		s.equal("release during the claim", release, before.Release())
		endClaim()
		s.ok(<-raised)
		release, err = db.ZoneRelease(s.ctx())
		s.ok(err)
		s.equal("release after it", release, after.Release())
	}},
}
