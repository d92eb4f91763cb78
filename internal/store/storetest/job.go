package storetest

import (
	"errors"
	"reflect"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// fullJob is a job none of whose fields has its zero value or its default, but for the folder.
func fullJob(account int64) cron.Job {
	return cron.Job{
		AccountID: account, Type: cron.TypeMonitoring, Enabled: true, Title: "Nightly „backup“ \U0001F4BE\u2028 \u202Eabc",
		SaveResponses: true, Timeout: 17, RedirectSuccess: true,
		Request: cron.Request{
			URL: "https://user@example.com:8443/a%20b?x=%cjo:uuid4%&ü=1", Method: cron.MethodPatch,
			Headers: []cron.Header{
				{Name: "X-B", Value: "zwei\tThree"}, {Name: "X-A", Value: "%cjo:unixtime%"}, {Name: "X-B", Value: "ÿ"},
			},
			Body: "line\r\n\x00\ufffd<&>\U0001F600",
			Auth: cron.BasicAuth{Enable: true, User: "zoë", Password: "pass\x00wörd"},
		},
		Traceparent: true, SigningSecret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		Schedule: cron.Schedule{
			Timezone: "Europe/Berlin", ExpiresAt: 99990101000000, Seconds: cron.SetOf(1, 59), Minutes: cron.SetOf(0, 30, 59),
			Hours: cron.SetOf(23), MonthDays: cron.SetOf(1, 31), Months: cron.Every, Weekdays: cron.SetOf(0, 6),
			Days: cron.DaysBoth, LastDay: true, DST: 1,
		},
		Timing: cron.Timing{
			RunAt: time.Date(2099, 1, 2, 3, 4, 5, 0, time.UTC), Spread: 17 * time.Minute,
			PausedUntil: time.Date(2001, 1, 2, 3, 4, 5, 0, time.UTC), PauseNote: "„Ferien“ \U0001F3D6",
		},
		Notification: cron.Notification{
			OnFailure: true, OnFailureCount: 3, OnSuccess: true, OnDisable: true, OnCertExpiry: true,
			CertExpiryAhead: 14 * 24 * time.Hour, SilencedUntil: time.Date(2098, 1, 2, 3, 4, 5, 0, time.UTC),
		},
		Policy: cron.Policy{
			Misfire: cron.MisfireRun, Grace: 90 * time.Second, LateAfter: 45 * time.Second, Overlap: cron.OverlapSkip, Delivery: cron.AtLeastOnce,
			Retry: cron.Retry{Count: 5, Delay: 7 * time.Second, Factor: 1.5, Ceiling: 99 * time.Second},
		},
		Exchange: cron.Exchange{
			FollowRedirects: 7, Unverified: true, Oversize: cron.OversizeTruncate, Connection: cron.ConnectionReuse, Success: &cron.Success{
				Status: []cron.StatusRange{{First: 200, Last: 299}, {First: 404, Last: 404}}, Contains: "„ok“\x00<", NotContains: "no",
				Matches: `^\d+"`,
			},
		},
		Description: "# „Runbook“\n\n* call Zoë \U0001F4DE\r\n", Tags: []string{"Straße", "prod", "a \"b\" \U0001F3F7"},
		CreatedBy: cron.Author{PersonID: 3, KeyID: 4, Label: "zoë@example.com", Way: cron.WayConsole},
		UpdatedBy: cron.Author{PersonID: 5, KeyID: 6, Label: "„key“", Way: cron.WayAPI},
	}
}

// claimedJob is a job as claims read it: without what neither decides whether it runs nor is sent.
func claimedJob(j cron.Job) cron.Job {
	j = withoutNotes(j)
	j.Notification, j.Timing.PauseNote, j.Created, j.Updated = cron.Notification{}, "", time.Time{}, time.Time{}
	return j
}

// withoutNotes is a job as lists read it: without notes and authors.
func withoutNotes(j cron.Job) cron.Job {
	j.Description, j.Tags, j.ChannelIDs, j.CreatedBy, j.UpdatedBy = "", nil, nil, cron.Author{}, cron.Author{}
	return j
}

// unset lists the fields of a value that have their zero value.
func unset(v reflect.Value, path string) []string {
	if _, isTime := v.Interface().(time.Time); v.Kind() != reflect.Struct || isTime {
		if v.IsZero() {
			return []string{path}
		}
		return nil
	}
	var fields []string
	for i := range v.NumField() {
		fields = append(fields, unset(v.Field(i), path+"."+v.Type().Field(i).Name)...)
	}
	return fields
}

var jobTests = []test{
	{"a job is named by its title, or by its URL without credentials", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Request.URL = "https://user:password@a.example/x" })
		title, err := db.JobTitle(s.ctx(), account, j.ID)
		s.ok(err)
		s.equal("title", title, "https://a.example/x")
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Title = "title"; return nil }))
		title, err = db.JobTitle(s.ctx(), account, j.ID)
		s.ok(err)
		s.equal("title", title, "title")
		_, err = db.JobTitle(s.ctx(), s.account(db), j.ID)
		s.missing(err, cron.SubjectJob)
	}},
	{"every field reads back", func(s *suite) {
		db, account, _ := s.start()
		before := db.Now().Truncate(time.Millisecond)
		j := fullJob(account)
		j.FolderID = s.folder(db, account, "folder").ID
		j.ChannelIDs = []int64{s.channel(db, account).ID, s.owners(db, account).ID}
		s.ok(db.CreateJob(s.ctx(), &j))
		after := db.Now()
		// RunAtPassed is never set on an enabled job.
		s.equal("fields that the test does not set", unset(reflect.ValueOf(j), "Job"), []string{"Job.Timing.RunAtPassed"})
		if j.Created.Before(before) || j.Created.After(after) || !j.Updated.Equal(j.Created) {
			s.Errorf("created at %v, updated at %v, want both from %v to %v", j.Created, j.Updated, before, after)
		}
		rec := s.record(db, account, j.ID)
		s.equal("job", rec.Job, j)
		s.equal("state", rec.State, cron.JobState{NextRun: j.NextAfter(j.Created)})
	}},
	{"the secrets that a request refers to are found without opening it", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, func(j *cron.Job) {
			j.Request.URL = "https://%secret:user%@a.example/%secret:path%"
			j.Request.Headers = []cron.Header{{Name: "A", Value: "%secret:b%%secret:path%"}}
			j.Request.Body, j.Request.Auth.Password = "%secret:%secret:c%", "%secret:_d.e-f%"
		})
		names := func() (names string) {
			s.ok(s.raw().DB().QueryRow(`SELECT secret_names FROM job WHERE id = $1`, j.ID).Scan(&names))
			return names
		}
		s.equal("names", names(), "_d.e-f,b,c,path,user")
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error {
			j.Request = cron.Request{URL: "https://a.example/", Body: "%secret:x%"}
			return nil
		}))
		s.equal("names", names(), "x")
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Request.Body = ""; return nil }))
		s.equal("names", names(), "")
	}},
	{"every field can be changed", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		want := fullJob(account)
		want.FolderID = s.folder(db, account, "folder").ID
		want.ChannelIDs = []int64{s.channel(db, account).ID}
		want.ID, want.Created = j.ID, j.Created
		want.Type = j.Type // which no edit changes
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(edited *cron.Job) error {
			s.equal("job before", *edited, j)
			updated := edited.Updated
			*edited = want
			edited.Updated = updated
			return nil
		}))
		rec := s.record(db, account, j.ID)
		if !rec.Updated.After(j.Updated) && !rec.Updated.Equal(j.Updated) {
			s.Errorf("updated at %v, before that at %v", rec.Updated, j.Updated)
		}
		want.Updated = rec.Updated
		s.equal("job", rec.Job, want)
		s.equal("next run", rec.State.NextRun, want.NextAfter(rec.Updated))
	}},
	{"every field can be reset", func(s *suite) {
		db, account, _ := s.start()
		j := fullJob(account)
		s.ok(db.CreateJob(s.ctx(), &j))
		want := cron.NewJob()
		want.ID, want.AccountID, want.Created = j.ID, account, j.Created
		want.Type = j.Type // which no edit changes
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(edited *cron.Job) error { *edited = want; return nil }))
		rec := s.record(db, account, j.ID)
		want.Updated = rec.Updated
		s.equal("job", rec.Job, want)
		s.equal("state", rec.State, cron.JobState{})
		jobs, _, err := db.Jobs(s.ctx(), account)
		s.ok(err)
		s.equal("list", jobs, []cron.JobRecord{{Job: inList(&rec.Job), State: rec.State}})
	}},
	{"a job from before notes and authors were kept has none, until an edit", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.raw().ForgetNotes(j.ID)
		s.equal("job", s.record(db, account, j.ID).Job, j)
		author := cron.Author{KeyID: 7, Label: "key", Way: cron.WayAPI}
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error {
			j.Description, j.Tags, j.UpdatedBy = "x", []string{"b", "a"}, author
			return nil
		}))
		rec := s.record(db, account, j.ID)
		s.equal("notes", []any{rec.Description, rec.Tags, rec.CreatedBy, rec.UpdatedBy}, []any{"x", []string{"b", "a"}, cron.Author{}, author})
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		s.equal("rows", s.raw().Notes(), int64(0))
	}},
	{"a job without an occurrence has no next run", func(s *suite) {
		db, account, _ := s.start()
		disabled := s.job(db, account, func(j *cron.Job) { j.Enabled = false })
		never := s.job(db, account, func(j *cron.Job) { j.Schedule = cron.NewSchedule() })
		for _, j := range []cron.Job{disabled, never} {
			s.equal("next run", s.record(db, account, j.ID).State.NextRun, time.Time{})
		}
		next, err := db.NextDue(s.ctx(), nil)
		s.ok(err)
		s.equal("next of all", next, time.Time{})
	}},
	{"an edit that fails changes nothing", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		before := s.record(db, account, j.ID)
		refused := errors.New("refused")
		err := db.UpdateJob(s.ctx(), account, j.ID, func(edited *cron.Job) error {
			edited.Title, edited.Enabled = "changed", false
			return refused
		})
		if err != refused {
			s.Errorf("the error is %v, want the one of the edit as it is", err)
		}
		s.equal("job", s.record(db, account, j.ID), before)
	}},
	{"saving a job resets its counters and nothing else", func(s *suite) {
		db, account, node := s.start()
		j := s.due(db, account)
		s.finish(db, failed(s.claimOne(db, node)))
		want := s.record(db, account, j.ID).State
		s.equal("failures", []int{want.Failures, want.CountedFailures}, []int{1, 1})
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error { j.Title = "new"; return nil }))
		want.Failures, want.CountedFailures = 0, 0
		s.equal("state", s.record(db, account, j.ID).State, want)
	}},
	{"a deleted job is gone", func(s *suite) {
		db, account, node := s.start()
		j, other := s.due(db, account), s.job(db, account)
		s.finish(db, succeeded(s.claimOne(db, node)))
		execution := s.history(db, account, j.ID)[0].ID
		s.pend(j, db.Now(), db.Now(), cron.KindManual, 1)
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		_, err := db.Job(s.ctx(), account, j.ID)
		s.missing(err, cron.SubjectJob)
		_, err = db.History(s.ctx(), account, j.ID, 50)
		s.missing(err, cron.SubjectJob)
		_, err = db.Execution(s.ctx(), account, j.ID, execution)
		s.missing(err, cron.SubjectExecution)
		s.missing(db.DeleteJob(s.ctx(), account, j.ID), cron.SubjectJob)
		for _, table := range []string{"job_state", "pending"} {
			s.equal(table, s.raw().RowsOfJob(table, j.ID), int64(0))
		}
		s.equal("the other job", s.record(db, account, other.ID).Job, other)
	}},
	{"an id is not used again", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account)
		s.ok(db.DeleteJob(s.ctx(), account, j.ID))
		if again := s.job(db, account); again.ID == j.ID {
			s.Errorf("job %d was deleted and another one has its id", j.ID)
		}
	}},
	{"the job of a monitor is not deleted", func(s *suite) {
		db, account, _ := s.start()
		j := s.job(db, account, func(j *cron.Job) { j.Type = cron.TypeMonitoring })
		s.refused(db.DeleteJob(s.ctx(), account, j.ID), cron.Invalid, cron.SubjectJob)
		s.equal("job", s.record(db, account, j.ID).Job, j)
	}},
	{"another account sees and changes nothing", func(s *suite) {
		db, account, node := s.start()
		stranger := s.account(db)
		j := s.due(db, account)
		s.finish(db, succeeded(s.claimOne(db, node)))
		execution := s.history(db, account, j.ID)[0].ID
		before := s.record(db, account, j.ID)

		_, err := db.Job(s.ctx(), stranger, j.ID)
		s.missing(err, cron.SubjectJob)
		s.missing(db.UpdateJob(s.ctx(), stranger, j.ID, func(*cron.Job) error {
			s.Error("the stranger edits the job")
			return nil
		}), cron.SubjectJob)
		s.missing(db.DeleteJob(s.ctx(), stranger, j.ID), cron.SubjectJob)
		_, err = db.History(s.ctx(), stranger, j.ID, 50)
		s.missing(err, cron.SubjectJob)
		_, err = db.Execution(s.ctx(), stranger, j.ID, execution)
		s.missing(err, cron.SubjectExecution)
		jobs, _, err := db.Jobs(s.ctx(), stranger)
		s.ok(err)
		s.equal("jobs of the stranger", len(jobs), 0)
		n, err := db.CountJobs(s.ctx(), stranger)
		s.ok(err)
		s.equal("number of jobs of the stranger", n, 0)

		s.equal("job", s.record(db, account, j.ID), before)
	}},
	{"an edit cannot move a job to another account", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		j := s.job(db, account)
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(j *cron.Job) error {
			j.AccountID, j.ID = stranger, j.ID+1
			return nil
		}))
		s.equal("account", s.record(db, account, j.ID).AccountID, account)
	}},
	{"jobs are listed in the order of the contract", func(s *suite) {
		db, account, _ := s.start()
		type key struct {
			Enabled bool
			Status  cron.Status
			URL     string
		}
		want := []key{ // bytewise, in which "Z" comes before "a" and "ä" after "z"
			{true, 0, "http://Z/"}, {true, 0, "http://a-b/"}, {true, 0, "http://a/"}, {true, 0, "http://aa/"},
			{true, 0, "http://same/"}, {true, 0, "http://same/"}, {true, 0, "http://z/"}, {true, 0, "http://ä/"},
			{true, 1, "http://a/"}, {true, 4, "http://Z/"}, {true, 4, "http://a/"}, {true, 9, "http://a/"},
			{false, 0, "http://a/"}, {false, 4, "http://a/"},
		}
		for i := range want {
			k := want[(i*5)%len(want)] // in another order than listed
			j := s.job(db, account, func(j *cron.Job) { j.Enabled, j.Request.URL = k.Enabled, k.URL })
			s.raw().SetLastStatus(j.ID, k.Status)
		}
		jobs, someFailed, err := db.Jobs(s.ctx(), account)
		s.ok(err)
		s.equal("some failed", someFailed, false)
		var got []key
		for i, j := range jobs {
			got = append(got, key{j.Enabled, j.State.LastStatus, j.Request.URL})
			if i > 0 && got[i] == got[i-1] && jobs[i-1].ID > j.ID {
				s.Errorf("job %d stands before job %d", jobs[i-1].ID, j.ID)
			}
		}
		s.equal("order", got, want)
		n, err := db.CountJobs(s.ctx(), account)
		s.ok(err)
		s.equal("count", n, len(want))
	}},
	{"a list holds what it shows, and no secrets", func(s *suite) {
		db, account, _ := s.start()
		j := fullJob(account)
		s.ok(db.CreateJob(s.ctx(), &j))
		jobs, _, err := db.Jobs(s.ctx(), account)
		s.ok(err)
		s.equal("list", jobs, []cron.JobRecord{{Job: inList(&j), State: cron.JobState{NextRun: j.NextAfter(j.Created)}}})
		j.Enabled = false
		j.Schedule.LastDay, j.Schedule.Days, j.Schedule.DST, j.Schedule.Seconds = true, cron.DaysBoth, cron.DSTWallClock, cron.SetOf(0, 59)
		j.Timing = cron.Timing{RunAt: db.Now().Add(time.Hour).Truncate(time.Second).UTC(), PausedUntil: j.Created.Add(time.Minute), PauseNote: "note", Spread: time.Hour - time.Second}
		s.ok(db.UpdateJob(s.ctx(), account, j.ID, func(edited *cron.Job) error { *edited = j; return nil }))
		s.equal("disabled", s.record(db, account, j.ID).Enabled, false)
		jobs, _, err = db.Jobs(s.ctx(), account)
		s.ok(err)
		s.equal("list", jobs, []cron.JobRecord{{Job: inList(&j)}})
	}},
	{"a title and a URL can be long and odd", func(s *suite) {
		db, account, _ := s.start()
		for i, text := range []string{
			"'; DROP TABLE job; --", `\x00 \' "`, "$1 %s ? :name", "\u0001\t\r\n", "é vs. e\u0301", "\U0010FFFF\uFFFE\uFEFF",
			string(make([]rune, 0)) + "🤷🏽‍♀️" + strconv.Itoa(1<<40), "مرحبا",
		} {
			j := s.job(db, account, func(j *cron.Job) { j.Title, j.Request.URL = text, "http://example.com/"+text })
			if got := s.record(db, account, j.ID).Job; got.Title != text || got.Request.URL != "http://example.com/"+text {
				s.Errorf("text %d reads back as %q and %q", i, got.Title, got.Request.URL)
			}
		}
	}},
}

// inList is what a list has of a job.
func inList(j *cron.Job) cron.Job {
	listed := cron.Job{
		ID: j.ID, AccountID: j.AccountID, Type: j.Type, FolderID: j.FolderID, Enabled: j.Enabled, Title: j.Title,
		SaveResponses: j.SaveResponses, Request: cron.Request{URL: j.Request.URL, Method: j.Request.Method}, Timeout: j.Timeout,
		RedirectSuccess: j.RedirectSuccess, Schedule: j.Schedule, Timing: j.Timing,
	}
	listed.Timing.PauseNote = ""
	if j.Enabled { // its state says when it is due
		s := &listed.Schedule
		s.Seconds, s.LastDay, s.Days, s.DST, listed.Timing = 0, false, 0, 0, cron.Timing{}
	}
	return listed
}
