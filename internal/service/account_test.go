package service_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// TestAccounts makes valid and invalid changes of accounts as the operator.
func TestAccounts(t *testing.T) {
	svc, s, _, first := newService(t, cron.Plan{Name: "any"})
	ctx, operator := t.Context(), cron.OperatorOf(cron.Account{})
	jane, err := svc.CreateAccount(ctx, operator, "Jane@Example.com", "any", cron.AccessGlobal)
	if err != nil || jane.Email != "jane@example.com" {
		t.Fatalf("the account is %+v, %v", jane, err)
	}
	global := new(cron.AccessGlobal)
	for name, tt := range map[string]struct {
		err  error
		kind cron.ErrorKind
	}{
		"no address":         {second(svc.CreateAccount(ctx, operator, "Jane <jane@example.com>", "any", 0)), cron.Invalid},
		"no plan":            {second(svc.CreateAccount(ctx, operator, "x@example.com", "none", 0)), cron.Invalid},
		"an address again":   {second(svc.CreateAccount(ctx, operator, "JANE@example.com", "any", 0)), cron.Conflict},
		"another plan: none": {svc.SetPlan(ctx, operator, jane.Email, service.PlanChange{Plan: "none"}), cron.Invalid},
		"nobody's plan":      {svc.SetPlan(ctx, operator, "x@example.com", service.PlanChange{Plan: "any"}), cron.NotFound},
		"the operator's access": {svc.SetPlan(ctx, operator, first.Email, service.PlanChange{Plan: "any", Access: global}),
			cron.Conflict},
		"the operator's account": {svc.DeleteAccount(ctx, operator, "", true), cron.Conflict},
		"nobody's account":       {svc.DeleteAccount(ctx, operator, "x@example.com", true), cron.NotFound},
		"nobody is disabled":     {svc.SetAccountEnabled(ctx, operator, "x@example.com", false), cron.NotFound},
	} {
		if cron.KindOf(tt.err) != tt.kind {
			t.Errorf("%s: %v", name, tt.err)
		}
	}
	if err := svc.SetAccountEnabled(ctx, operator, "JANE@example.com", false); err != nil {
		t.Error(err)
	}
	change := service.PlanChange{Plan: "any", Overrides: cron.Overrides{"maxJobs": 7}}
	if err := svc.SetPlan(ctx, operator, jane.Email, change); err != nil {
		t.Error(err)
	}
	got, err := svc.Account(ctx, operator, "jane@EXAMPLE.com")
	if err != nil || !got.Disabled || got.Overrides["maxJobs"] != 7 || got.Access != cron.AccessGlobal {
		t.Errorf("the account is %+v, %v", got, err)
	}
	if err := svc.DeleteAccount(ctx, operator, jane.Email, true); err != nil {
		t.Error(err)
	}
	if accounts, err := s.Accounts(ctx); err != nil || len(accounts) != 1 || accounts[0].ID != first.ID {
		t.Errorf("the accounts are %+v, %v", accounts, err)
	}
	if key, err := svc.SetUp(ctx, operator); err != nil || key != "" {
		t.Errorf("a second set-up tells %q, %v", key, err)
	}
}

// TestCommandsOfTwoOperators changes the plan of an account while it is disabled or enabled: neither undoes the other.
func TestCommandsOfTwoOperators(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any"})
	ctx, operator := t.Context(), cron.OperatorOf(cron.Account{})
	for round := range 20 {
		errs, enabled := make(chan error, 2), round%2 == 1
		change := service.PlanChange{Plan: "any", Overrides: cron.Overrides{"maxJobs": int64(round)}}
		go func() { errs <- svc.SetPlan(ctx, operator, account.Email, change) }()
		go func() { errs <- svc.SetAccountEnabled(ctx, operator, account.Email, enabled) }()
		if err := errors.Join(<-errs, <-errs); err != nil {
			t.Fatal(err)
		}
		got, err := svc.Account(ctx, operator, account.Email)
		if err != nil || got.Disabled == enabled || got.Overrides["maxJobs"] != int64(round) {
			t.Fatalf("round %d: the account is %+v, %v", round, got, err)
		}
	}
}

// TestKeysOfAKey makes keys with keys: what is not said is as with the one that asks, and nothing is more.
func TestKeysOfAKey(t *testing.T) {
	svc, s, _, account := newService(t, cron.Plan{Name: "any"})
	now := s.Now()
	asker := as(account)
	asker.Key.Scopes, asker.Key.Expires = cron.ScopeRead|cron.ScopeWrite, now.Add(time.Hour).Truncate(time.Second)
	same := func(*cron.APIKey) error { return nil }
	key, text, err := svc.NewAPIKey(now, asker, same)
	if err != nil || key.Scopes != asker.Key.Scopes || !key.Expires.Equal(asker.Key.Expires) ||
		text[len(text)-4:] != key.Hint {
		t.Errorf("the key is %+v, %v", key, err)
	}
	more := func(k *cron.APIKey) error {
		k.Scopes = cron.ScopeAll
		return nil
	}
	if _, _, err := svc.NewAPIKey(now, asker, more); cron.KindOf(err) != cron.Forbidden {
		t.Errorf("a key for more: %v", err)
	}
	if key, _, err := svc.NewAPIKey(now, cron.OperatorOf(account), more); err != nil || key.AccountID != account.ID {
		t.Errorf("the operator's: %+v, %v", key, err)
	}
}

// TestTheTextOfASearchIsChecked searches for texts that no record can contain, and for ones that can occur.
func TestTheTextOfASearchIsChecked(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any"})
	search := func(text string) error {
		q := cron.HistoryQuery{Filter: cron.HistoryFilter{Text: text}, Limit: 1}
		return second(svc.SearchHistory(t.Context(), as(account), &q))
	}
	if got := problemsOf(t, search("a\x00")); !slices.Equal(got, []string{rule("/text", cron.RuleControlCharacter)}) {
		t.Errorf("a control character: %v", got)
	}
	if err := search("refused"); err != nil {
		t.Error(err)
	}
}

// TestAnswersAreBounded asks for more than an answer may hold.
func TestAnswersAreBounded(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any"})
	p, err := svc.PreviewSchedule(t.Context(), time.Unix(0, 0), as(account), 0, func(r *service.PreviewRequest) error {
		r.Schedule.Seconds, r.Schedule.Minutes, r.Schedule.Hours = cron.Every, cron.Every, cron.Every
		r.Schedule.MonthDays, r.Schedule.Months, r.Schedule.Weekdays = cron.Every, cron.Every, cron.Every
		r.Count = 1 << 30
		return nil
	})
	if err != nil || len(p.Runs) != service.MaxPreview {
		t.Errorf("a preview of %d occurrences, %v", len(p.Runs), err)
	}
}

// TestPreviewOfAJob asks what lies ahead of a job that is being edited.
func TestPreviewOfAJob(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any", MinInterval: time.Hour})
	now := time.Date(2030, 1, 1, 0, 0, 30, 0, time.UTC)
	s := cron.NewSchedule()
	s.Minutes, s.Hours, s.MonthDays, s.Months, s.Weekdays = cron.SetOf(0, 30), cron.Every, cron.Every, cron.Every, cron.Every
	p, err := svc.PreviewJob(t.Context(), now, as(account), &cron.Job{Schedule: s, Timing: cron.Timing{PausedUntil: now.Add(45 * time.Minute)}}, 2)
	if err != nil || len(p.Runs) != 2 || !p.Runs[0].At.Equal(time.Date(2030, 1, 1, 1, 0, 0, 0, time.UTC)) {
		t.Fatalf("the preview is %+v, %v", p, err)
	}
	if p.TooOften.Rule != cron.RuleTooOften || p.TooOften.Given != "1800" || p.Crontab != "0,30 * * * *" && p.Crontab != "*/30 * * * *" {
		t.Errorf("the preview is %+v", p)
	}
	p, err = svc.PreviewJob(t.Context(), now, as(account), &cron.Job{Schedule: s, Timing: cron.Timing{RunAt: now.Add(time.Second)}}, 2)
	if err != nil || len(p.Runs) != 1 || p.TooOften.Rule != cron.RuleNone {
		t.Errorf("the preview of a one-time job is %+v, %v", p, err)
	}
	window := cron.MaintenanceWindow{AccountID: account.ID, Title: "move", Start: now.Add(time.Hour), End: now.Add(2 * time.Hour), FolderIDs: []int64{0}}
	if err := svc.AddMaintenance(t.Context(), as(account), &window); err != nil {
		t.Fatal(err)
	}
	p, err = svc.PreviewJob(t.Context(), now, as(account), &cron.Job{Schedule: s}, 4)
	if err != nil || len(p.Runs) != 4 || p.Runs[1].Window != nil || p.Runs[2].Window == nil || p.Runs[2].Window.ID != window.ID || p.Runs[3].Window == nil {
		t.Errorf("the preview with a window is %+v, %v", p, err)
	}
	checkSavedPreview(t, svc, account, now, &window)
	s.Timezone = "Mars/Base"
	if _, err = svc.PreviewJob(t.Context(), now, as(account), &cron.Job{Schedule: s}, 2); cron.KindOf(err) != cron.Invalid {
		t.Errorf("an unknown zone: %v", err)
	}
}

// checkSavedPreview previews a job of an account: with its schedule, its pause and its maintenance, and with another schedule.
func checkSavedPreview(t *testing.T, svc *service.Service, account cron.Account, now time.Time, window *cron.MaintenanceWindow) {
	t.Helper()
	j := cron.NewJob()
	j.AccountID, j.Request.URL, j.Timing.PausedUntil = account.ID, "https://a.example/", now.Add(30*time.Minute)
	j.Schedule.Minutes, j.Schedule.Hours = cron.SetOf(0), cron.Every
	j.Schedule.MonthDays, j.Schedule.Months, j.Schedule.Weekdays = cron.Every, cron.Every, cron.Every
	if err := svc.AddJob(t.Context(), as(account), &j); err != nil {
		t.Fatal(err)
	}
	id := j.ID
	p, err := svc.PreviewSchedule(t.Context(), now, as(account), id, func(r *service.PreviewRequest) error { r.Count = 3; return nil })
	if err != nil || len(p.Runs) != 3 || !p.Runs[0].At.Equal(now.Add(-30*time.Second).Add(time.Hour)) || p.Runs[0].Window != nil ||
		p.Runs[1].Window == nil || p.Runs[1].Window.ID != window.ID || p.Runs[2].Window != nil {
		t.Errorf("the preview of a job is %+v, %v", p, err)
	}
	p, err = svc.PreviewSchedule(t.Context(), now, as(account), id, func(r *service.PreviewRequest) error {
		r.Schedule.Minutes, r.Count = cron.SetOf(45), 2
		return nil
	})
	if err != nil || len(p.Runs) != 2 || p.Runs[0].At.Minute() != 45 || p.Runs[1].Window == nil {
		t.Errorf("the preview of another schedule is %+v, %v", p, err)
	}
	stranger := cron.Account{ID: account.ID + 1000}
	if _, err := svc.PreviewSchedule(t.Context(), now, as(stranger), id, func(*service.PreviewRequest) error { return nil }); cron.KindOf(err) != cron.NotFound {
		t.Errorf("a stranger previews it: %v", err)
	}
}
