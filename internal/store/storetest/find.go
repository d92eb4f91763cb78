package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// selects tells whether a filter selects a job: what the search has to find, written once more, and simply.
func selects(f *cron.JobFilter, rec *cron.JobRecord, now time.Time) bool {
	for i, c := range []*cron.JobCriteria{&f.JobCriteria, &f.Not} {
		for _, met := range meets(c, rec, now, i == 1) {
			if met == (i == 1) {
				return false
			}
		}
	}
	return true
}

// meets tells for each criterion that is given whether a job meets it. Words and tags are criteria each by itself, which makes
// all or none of them wanted.
func meets(c *cron.JobCriteria, rec *cron.JobRecord, now time.Time, not bool) (met []bool) {
	text := rec.SearchText()
	for _, word := range strings.Fields(strings.ToLower(c.Text)) {
		met = append(met, strings.Contains(text, word))
	}
	for _, tag := range c.Tags {
		met = append(met, slices.ContainsFunc(rec.Tags, func(t string) bool { return strings.EqualFold(t, tag) }))
	}
	if len(c.Conditions) > 0 {
		met = append(met, slices.ContainsFunc(rec.Conditions(now), func(have cron.JobCondition) bool { return slices.Contains(c.Conditions, have) }))
	}
	if len(c.Statuses) > 0 {
		met = append(met, slices.Contains(c.Statuses, rec.State.LastStatus))
	}
	if len(c.Folders) > 0 {
		met = append(met, slices.Contains(c.Folders, rec.FolderID))
	}
	if len(c.Methods) > 0 {
		met = append(met, slices.Contains(c.Methods, rec.Request.Method))
	}
	if len(c.Hosts) > 0 {
		host := cron.TargetHost(rec.Request.URL)
		name, _, _ := strings.Cut(host, ":")
		met = append(met, slices.ContainsFunc(c.Hosts, func(h string) bool { return strings.EqualFold(h, host) || strings.EqualFold(h, name) }))
	}
	if len(c.Timezones) > 0 {
		met = append(met, slices.Contains(c.Timezones, rec.Schedule.Timezone))
	}
	if len(c.ChangedBy) > 0 {
		met = append(met, slices.ContainsFunc(c.ChangedBy, func(by string) bool { return strings.EqualFold(by, rec.UpdatedBy.Label) }))
	}
	if !c.ChangedSince.IsZero() {
		met = append(met, !rec.Updated.Before(c.ChangedSince))
	}
	if !c.NextBefore.IsZero() {
		met = append(met, !rec.State.NextRun.IsZero() && rec.State.NextRun.Before(c.NextBefore))
	}
	if !c.NextAfter.IsZero() {
		met = append(met, !rec.State.NextRun.IsZero() && !rec.State.NextRun.Before(c.NextAfter))
	}
	return met
}

// some is one of the values.
func some[T any](values ...T) T { return values[rand.IntN(len(values))] }

// seldom is one of the values, or none most of the time.
func seldom[T any](values ...T) (list []T) {
	if rand.IntN(4) == 0 {
		list = append(list, some(values...))
		if rand.IntN(2) == 0 {
			list = append(list, some(values...))
		}
	}
	return list
}

func joined(words []string) string { return strings.Join(words, " ") }

// findable adds jobs of all kinds to an account.
func (s *suite) findable(db *store.Store, account int64, n int) (jobs []cron.JobRecord) {
	folder := s.folder(db, account, "folder").ID
	for i := range n {
		j := s.job(db, account, func(j *cron.Job) {
			j.Title = some("Nightly Backup", "nightly", "Größe", "100% _done_", "\\x 'quoted'", "") + some("", fmt.Sprint(" ", i), strings.Repeat("long ", 20))
			j.Request.URL = some("https://user:pw@a.example/x", "http://B.example:8080/backup", "http://[::1]/", "http://a.example:81/?q=%cjo:uuid4%")
			j.Request.Method = some(cron.MethodGet, cron.MethodPost)
			j.FolderID = some(0, folder)
			j.Enabled = rand.IntN(4) > 0
			j.Description = some("", "# Runbook\ncall Zoë", strings.Repeat("long text ", 500)+"needle")
			j.Tags = seldom("prod", "PROD", "Straße", "a_b")
			j.Tags = slices.CompactFunc(j.Tags, strings.EqualFold)
			j.Schedule.Timezone = some("UTC", "Europe/Berlin")
			j.UpdatedBy = cron.Author{Label: some("", "Zoë@example.com", "deploy")}
			if rand.IntN(4) == 0 {
				j.Timing.PausedUntil = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
			}
			j.Notification.SilencedUntil = some(time.Time{}, time.Time{}, time.Unix(1, 0).UTC(), cron.Forever)
		})
		s.raw().SetState(j.ID, some(0, 1, 1, 4, 8), some[int64](0, 1, 2))
		if rand.IntN(4) == 0 && j.Enabled {
			s.plan(j.ID, db.Now().Add(-time.Minute).Truncate(time.Second))
		}
		jobs = append(jobs, s.record(db, account, j.ID))
	}
	return jobs
}

func randomCriteria(now time.Time, folder int64) (c cron.JobCriteria) {
	c.Text = joined(seldom("backup", "NIGHT", "größe", "%", "_", "zoë", "needle", "a.example", "user", "\\", "'", "x", "okapi", "ong"))
	c.Conditions = seldom(cron.JobFailing, cron.JobLate, cron.JobPaused, cron.JobDisabled, cron.JobNeverRan, cron.JobSilenced, cron.JobCertificate)
	c.Statuses = seldom(cron.StatusUnknown, cron.StatusOK, cron.StatusHTTPError)
	c.Folders = seldom(0, folder, folder+1)
	c.Tags = seldom("Prod", "strasse", "STRASSE", "straße", "a_b", "axb")
	c.Methods = seldom(cron.MethodGet, cron.MethodPost, cron.MethodPut)
	c.Hosts = seldom("A.example", "a.example:81", "b.example", "example", "b.example:80")
	c.Timezones = seldom("UTC", "Europe/Berlin", "Asia/Tokyo")
	c.ChangedBy = seldom("", "ZOË@example.com", "deploy", "nobody")
	for _, t := range []*time.Time{&c.ChangedSince, &c.NextBefore, &c.NextAfter} {
		if rand.IntN(8) == 0 {
			*t = now.Add(time.Duration(rand.IntN(5)-2) * time.Minute).Truncate(time.Second)
		}
	}
	return c
}

// key is what a job is sorted by.
func keyOf(sort cron.JobSort, rec *cron.JobRecord) (text string, number int64) {
	switch sort {
	case cron.SortTitle:
		return cron.TitleKey(rec.Title), 0
	case cron.SortNext:
		if rec.State.NextRun.IsZero() {
			return "", 1 << 62
		}
		return "", rec.State.NextRun.UnixMilli()
	case cron.SortLast:
		if rec.State.LastExecution.IsZero() {
			return "", 0
		}
		return "", rec.State.LastExecution.UnixMilli()
	case cron.SortChanged:
		return "", rec.Updated.UnixMilli()
	case cron.SortStatus:
		return "", int64(rec.State.LastStatus)
	}
	return "", rec.ID
}

// found reads all pages of a search.
func (s *suite) found(db *store.Store, account int64, q cron.JobQuery) (found []cron.JobRecord) {
	s.Helper()
	for range 1000 {
		page, err := db.SearchJobs(s.ctx(), account, &q)
		s.ok(err)
		if len(page.Jobs) > q.Limit {
			s.Fatalf("a page has %d jobs, at most %d are wanted", len(page.Jobs), q.Limit)
		}
		found = append(found, page.Jobs...)
		if page.Next.IsZero() {
			return found
		}
		q.After = page.Next
	}
	s.Fatalf("the pages do not end")
	return nil
}

// compareFound compares the pages of a search with what it has to find of the jobs of an account, and returns how many that are.
func (s *suite) compareFound(db *store.Store, account int64, q cron.JobQuery, jobs []cron.JobRecord, now time.Time) int {
	s.Helper()
	var want []int64
	for i := range jobs {
		if selects(&q.Filter, &jobs[i], now) {
			want = append(want, jobs[i].ID)
		}
	}
	found := s.found(db, account, q)
	got := make([]int64, len(found))
	for i := range found {
		got[i] = found[i].ID
	}
	sorted := slices.IsSortedFunc(found, func(a, b cron.JobRecord) int {
		text, number := keyOf(q.Sort, &a)
		otherText, otherNumber := keyOf(q.Sort, &b)
		order := cmp.Or(cmp.Compare(text, otherText), cmp.Compare(number, otherNumber))
		if q.Descending {
			return -order
		}
		return order
	})
	slices.Sort(got)
	if !slices.Equal(got, want) || !sorted {
		s.Fatalf("%+v has found %d jobs, want %d; in order: %v", q, len(got), len(want), sorted)
	}
	return len(want)
}

// largeCriteria are criteria for the jobs of AddFindable, which many or few of them meet.
func largeCriteria() (c cron.JobCriteria) {
	c.Text = joined(seldom("example.com", "team", "backup", "quagga", "7", "zq"))
	c.Conditions = seldom(cron.JobFailing, cron.JobLate, cron.JobPaused, cron.JobDisabled, cron.JobNeverRan, cron.JobCertificate)
	c.Statuses = seldom(cron.StatusUnknown, cron.StatusOK, cron.StatusHTTPError)
	c.Tags = seldom("Prod", "team7")
	c.Methods = seldom(cron.MethodGet, cron.MethodPost)
	c.Hosts = seldom("host9.example.com", "host1")
	if rand.IntN(4) == 0 {
		c.NextAfter = time.UnixMilli(1900000000000 + rand.Int64N(100_000)).UTC()
	}
	return c
}

var findTests = []test{
	{"a search finds what its filter selects, in its order, page by page", func(s *suite) {
		db, account, _ := s.start()
		jobs := s.findable(db, account, 60)
		s.findable(db, s.account(db), 5)
		now, some := db.Now(), 0
		for range 400 {
			q := cron.JobQuery{Sort: cron.JobSort(rand.IntN(6)), Descending: rand.IntN(2) == 0, Limit: 1 + rand.IntN(40)}
			q.Filter.JobCriteria, q.Filter.Not = randomCriteria(now, jobs[0].FolderID), cron.JobCriteria{}
			if rand.IntN(2) == 0 {
				q.Filter.Not = randomCriteria(now, jobs[0].FolderID)
			}
			some += s.compareFound(db, account, q, jobs, now)
		}
		if some < 400 {
			s.Errorf("the filters select %d jobs in all, too few for a test", some)
		}
	}},
	{"a search of many jobs finds the same by whatever it reads first", func(s *suite) {
		db, account, _ := s.start()
		first := s.job(db, account)
		s.raw().AddFindable(first.ID, 1300)
		s.maintain(db)
		list, _, err := db.Jobs(s.ctx(), account)
		s.ok(err)
		jobs := make([]cron.JobRecord, len(list))
		for i := range list {
			jobs[i] = s.record(db, account, list[i].ID)
		}
		slices.SortFunc(jobs, func(a, b cron.JobRecord) int { return cmp.Compare(a.ID, b.ID) })
		now := db.Now()
		for range 50 {
			q := cron.JobQuery{Sort: cron.JobSort(rand.IntN(6)), Descending: rand.IntN(2) == 0, Limit: some(60, 150, 400, 1000)}
			q.Filter.JobCriteria = largeCriteria()
			if rand.IntN(2) == 0 {
				q.Filter.Not = largeCriteria()
			}
			s.compareFound(db, account, q, jobs, now)
		}
	}},
	{"a job that is found is shown as it is, without secrets", func(s *suite) {
		db, account, _ := s.start()
		j := fullJob(account)
		s.ok(db.CreateJob(s.ctx(), &j))
		found := s.found(db, account, cron.JobQuery{Filter: cron.JobFilter{JobCriteria: cron.JobCriteria{Text: "BACKUP runbook straße"}}, Limit: 10})
		want := j
		want.Description = ""
		want.Request.Headers, want.Request.Body, want.Request.Auth.User, want.Request.Auth.Password = nil, "", "", ""
		want.SigningSecret = ""
		s.equal("found", found, []cron.JobRecord{{Job: want, State: cron.JobState{NextRun: j.NextAfter(j.Created)}}})
		for _, secret := range []string{"user@", "wörd", "zwei"} {
			found := s.found(db, account, cron.JobQuery{Filter: cron.JobFilter{JobCriteria: cron.JobCriteria{Text: secret}}, Limit: 10})
			s.equal("found by "+secret, len(found), 0)
		}
	}},
	{"a search follows every change", func(s *suite) {
		db, account, _ := s.start()
		folder := s.folder(db, account, "folder")
		j := s.job(db, account, func(j *cron.Job) { j.Title, j.FolderID = "former title", folder.ID })
		finds := func(c cron.JobCriteria, want int) {
			s.Helper()
			s.equal(fmt.Sprintf("found by %+v", c), len(s.found(db, account, cron.JobQuery{Filter: cron.JobFilter{JobCriteria: c}, Limit: 10})), want)
		}
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error {
			j.Title, j.Tags, j.Enabled, j.Request.URL = "present title", []string{"New"}, false, "http://other.example/"
			j.Description = "note"
			return nil
		}))
		finds(cron.JobCriteria{Text: "former"}, 0)
		finds(cron.JobCriteria{Text: "present note new other"}, 1)
		finds(cron.JobCriteria{Tags: []string{"new"}, Hosts: []string{"other.example"}, Folders: []int64{folder.ID}}, 1)
		finds(cron.JobCriteria{Conditions: []cron.JobCondition{cron.JobDisabled}}, 1)
		s.ok(db.DeleteFolder(s.ctx(), account, folder.ID, cron.Author{}))
		finds(cron.JobCriteria{Folders: []int64{0}}, 1)
		tags, err := db.Tags(s.ctx(), account)
		s.ok(err)
		s.equal("tags", tags, []cron.TagCount{{Tag: "New", Jobs: 1}})
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		finds(cron.JobCriteria{}, 0)
		s.equal("rows that are left", s.raw().FindableRows(), int64(0))
	}},
	{"the upkeep makes jobs findable that something else has written", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Title, j.Tags = "Ärger", []string{"Größe"} })
		s.raw().ForgetFindable(j.ID)
		s.raw().SetTitle(j.ID, "Übermut")
		for more := true; more; {
			var err error
			more, err = db.Maintain(s.ctx())
			s.ok(err)
		}
		q := cron.JobQuery{Filter: cron.JobFilter{JobCriteria: cron.JobCriteria{Text: "übermut größe", Tags: []string{"GRÖSSE", "größe"}[1:]}}, Limit: 10}
		s.equal("found", len(s.found(db, account, q)), 1)
	}},
	{"IDs of a selection come page by page", func(s *suite) {
		db, account, _ := s.start()
		var want []int64
		for i := range 25 {
			j := s.job(db, account, func(j *cron.Job) { j.Enabled = i%2 == 0 })
			if j.Enabled {
				want = append(want, j.ID)
			}
		}
		var got []int64
		filter := cron.JobFilter{Not: cron.JobCriteria{Conditions: []cron.JobCondition{cron.JobDisabled}}}
		for after := int64(0); ; {
			ids, next, err := db.FindJobs(s.ctx(), account, &filter, after, 4)
			s.ok(err)
			got = append(got, ids...)
			if after = next; next == 0 {
				break
			}
		}
		s.equal("IDs", got, want)
	}},
	{"tags are counted in their usual spelling", func(s *suite) {
		db, account, _ := s.start()
		for _, tags := range [][]string{{"prod", "a"}, {"Prod"}, {"Prod"}, nil, {"Äpfel"}} {
			s.job(db, account, func(j *cron.Job) { j.Tags = tags })
		}
		tags, err := db.Tags(s.ctx(), account)
		s.ok(err)
		s.equal("tags", tags, []cron.TagCount{{Tag: "a", Jobs: 1}, {Tag: "Prod", Jobs: 3}, {Tag: "Äpfel", Jobs: 1}})
		none, err := db.Tags(s.ctx(), s.account(db))
		s.ok(err)
		s.equal("tags of another account", none, []cron.TagCount{})
	}},
	{"views belong to a person in an account", func(s *suite) {
		db, account, _ := s.start()
		person, other := s.person(db), s.person(db)
		v := cron.JobView{AccountID: account, PersonID: person.ID, Title: "Failing", Sort: cron.SortNext, Descending: true}
		v.Filter.JobCriteria = randomCriteria(db.Now().UTC(), 7)
		v.Filter.Not.Text = "x"
		s.ok(db.CreateView(s.ctx(), &v))
		views, err := db.Views(s.ctx(), account, person.ID)
		s.ok(err)
		s.equal("views", views, []cron.JobView{v})
		again := cron.JobView{AccountID: account, PersonID: person.ID, Title: "FAILING"}
		s.refused(db.CreateView(s.ctx(), &again), cron.Conflict, cron.SubjectView)
		again.Title = "another"
		s.ok(db.CreateView(s.ctx(), &again))
		rename := func(title string) func(*cron.JobView) error {
			return func(v *cron.JobView) error { v.Title = title; return nil }
		}
		s.refused(db.UpdateView(s.ctx(), account, person.ID, again.ID, rename("failing")), cron.Conflict, cron.SubjectView)
		s.ok(db.UpdateView(s.ctx(), account, person.ID, again.ID, rename("Another")))
		for _, who := range []struct{ account, person int64 }{{account, other.ID}, {s.account(db), person.ID}} {
			views, err := db.Views(s.ctx(), who.account, who.person)
			s.ok(err)
			s.equal("views of somebody else", len(views), 0)
			s.missing(db.UpdateView(s.ctx(), who.account, who.person, v.ID, rename("x")), cron.SubjectView)
			s.missing(db.DeleteView(s.ctx(), who.account, who.person, v.ID), cron.SubjectView)
		}
		s.ok(db.DeleteView(s.ctx(), account, person.ID, v.ID))
		for i := range cron.MaxJobViews - 1 {
			s.ok(db.CreateView(s.ctx(), &cron.JobView{AccountID: account, PersonID: person.ID, Title: fmt.Sprint(i)}))
		}
		s.refused(db.CreateView(s.ctx(), &cron.JobView{AccountID: account, PersonID: person.ID, Title: "one more"}), cron.TooMany, cron.SubjectView)
	}},
}
