package storetest

import (
	"fmt"
	"math/rand/v2"

	"punctual/internal/cron"
)

// randomVersionTests make random changes, and restore random versions.
var randomVersionTests = []test{
	{"a version that is restored equals the version, whatever came between", func(s *suite) {
		db, account, _ := s.start()
		random := rand.New(rand.NewPCG(17, 18))
		folders := []int64{0, s.folder(db, account, "a").ID, s.folder(db, account, "b").ID}
		j := s.job(db, account)
		want := map[int64]cron.Job{1: s.record(db, account, j.ID).Job}
		latest := int64(1)
		for range 40 {
			switch random.IntN(4) {
			case 0:
				s.ok(db.DeleteJob(s.ctx(), account, j.ID))
				s.ok(s.restore(db, j))
				latest++
			case 1:
				from := 1 + random.Int64N(latest)
				_, former, err := db.Version(s.ctx(), account, j.ID, from)
				s.ok(err)
				latest, err = db.RestoreVersion(s.ctx(), account, j.ID, from, func(j *cron.Job) error { j.Restore(&former, false); return nil })
				s.ok(err)
				s.equal("restored", definition(s.record(db, account, j.ID).Job), definition(want[from]))
			default:
				s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { changeRandomly(random, folders, j); return nil }))
				latest++
			}
			want[latest] = s.record(db, account, j.ID).Job
		}
		for version, job := range want {
			s.defines(db, version, job)
		}
	}},
}

// changeRandomly gives a job other values, secrets and notes among them.
func changeRandomly(random *rand.Rand, folders []int64, j *cron.Job) {
	text := fmt.Sprint(random.IntN(1000))
	switch random.IntN(6) {
	case 0:
		j.Title, j.Description = text, "about "+text
	case 1:
		j.Request.URL = "https://joe:" + text + "@example.com/" + text
	case 2:
		j.Request.Headers, j.Request.Body = []cron.Header{{Name: "X-Token", Value: text}}, text
	case 3:
		j.FolderID = folders[random.IntN(len(folders))]
	case 4:
		j.Tags = []string{text}
	case 5:
		j.SetEnabled(!j.Enabled)
	}
}
