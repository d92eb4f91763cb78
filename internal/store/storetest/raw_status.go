package storetest

import (
	"encoding/json"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// AddPage adds a published status page without components.
func (x *Tables) AddPage(accountID int64, zone string) (id int64) {
	x.t.Helper()
	slug := "page-" + strconv.FormatInt(x.Rows("status_page")+1, 10)
	return x.Number(`INSERT INTO status_page (account_id, slug, title, body, accent, theme, timezone, language, days, published, access, networks,
		announcement, announced_until, with_maintenance, page_groups, created_at, updated_at, updated_by)
		VALUES ($1, $2, 'page', '', '', 0, $3, '', 90, true, 0, '', '', 0, false, '', 1, 1, '') RETURNING id`, accountID, slug, zone)
}

// DueDomain makes the check of a domain due.
func (x *Tables) DueDomain(id int64) {
	x.t.Helper()
	x.execOne(`UPDATE status_domain SET due_at = 1 WHERE id = $1`, id)
}

// AddComponent adds a component with jobs to a page, as a release of another version of the program would: nothing is known of it.
func (x *Tables) AddComponent(pageID int64, rule statuspage.Rule, needed int, jobs ...int64) (id int64) {
	x.t.Helper()
	account := x.Number(`SELECT account_id FROM status_page WHERE id = $1`, pageID)
	id = x.Number(`INSERT INTO status_component (page_id, account_id, position, page_group, title, body, needed, rule_failures, rule_of, rule_successes,
		rule_slow_ms, rule_percent, automatic_minutes, publish_automatic) VALUES ($1, $2, $3, '', 'component', '', $4, $5, $6, $7, $8, $9, 0, false)
		RETURNING id`, pageID, account, x.Number(`SELECT count(*) FROM status_component WHERE page_id = $1`, pageID), needed, rule.Failures, rule.Of,
		rule.Successes, rule.SlowAfter.Milliseconds(), rule.Percent)
	for _, job := range jobs {
		x.execOne(`INSERT INTO status_component_job (component_id, job_id, account_id) VALUES ($1, $2, $3)`, id, job, account)
		x.execOne(`UPDATE job SET type = $2 WHERE id = $1`, job, int(cron.TypeMonitoring))
	}
	return id
}

// ComponentState is what a component shows, and since when.
func (x *Tables) ComponentState(id int64) (state statuspage.State, since time.Time) {
	x.t.Helper()
	var ms int64
	x.row(`SELECT state, since FROM status_component WHERE id = $1`, []any{id}, &state, &ms)
	return state, time.UnixMilli(ms).UTC()
}

// Transitions are those of a layer of a component, in their order.
func (x *Tables) Transitions(id int64, layer statuspage.Layer) (list []statuspage.Transition) {
	x.t.Helper()
	x.rows(`SELECT at, state, clear FROM status_transition WHERE component_id = $1 AND layer = $2 ORDER BY at`, []any{id, int(layer)},
		func(scan func(...any)) {
			var (
				at int64
				t  = statuspage.Transition{ComponentID: id, Layer: layer}
			)
			scan(&at, &t.State, &t.Clear)
			t.At = time.UnixMilli(at).UTC()
			list = append(list, t)
		})
	return list
}

// AddTransition adds a transition of the observed state, without what follows from it.
func (x *Tables) AddTransition(id int64, at time.Time, state statuspage.State) {
	x.t.Helper()
	x.execOne(`INSERT INTO status_transition (component_id, layer, at, state, clear) VALUES ($1, 0, $2, $3, false)`, id, at.UnixMilli(), int(state))
}

// PageRevision is how often what visitors see of a page has changed.
func (x *Tables) PageRevision(id int64) int64 {
	x.t.Helper()
	return x.Number(`SELECT revision FROM status_page WHERE id = $1`, id)
}

// StoredDays are the days of a component that are worked out.
func (x *Tables) StoredDays(id int64) map[int64]statuspage.Durations {
	x.t.Helper()
	days := make(map[int64]statuspage.Durations)
	x.rows(`SELECT day, states FROM status_day WHERE component_id = $1`, []any{id}, func(scan func(...any)) {
		var (
			day  int64
			text string
			ms   [statuspage.StateCount]int64
			d    statuspage.Durations
		)
		scan(&day, &text)
		x.ok(json.Unmarshal([]byte(text), &ms))
		for i, n := range ms {
			d[i] = time.Duration(n) * time.Millisecond
		}
		days[day] = d
	})
	return days
}

// EndDay makes the days of a page due to be worked out.
func (x *Tables) EndDay(pageID int64) {
	x.t.Helper()
	x.execOne(`UPDATE status_page SET days_at = 0 WHERE id = $1`, pageID)
}

// Expire makes the next result of a job overdue at an instant.
func (x *Tables) Expire(jobID int64, at time.Time) {
	x.t.Helper()
	x.execOne(`UPDATE monitor SET expires_at = $2 WHERE job_id = $1`, jobID, at.UnixMilli())
}

// AddMonitorResults adds results of a job that no component has taken up, a second apart, the last one now.
func (x *Tables) AddMonitorResults(accountID, jobID int64, count int, outcome cron.Outcome, now time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO monitor_result (account_id, job_id, at, outcome, status, duration_us)
		SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT) - (CAST($4 AS BIGINT) - i) * 1000, CAST($5 AS BIGINT), 1, 1000 FROM n`, accountID, jobID, now.UnixMilli(), count, int(outcome))
}

// AddStatusLoad adds pages with a component each, whose job does not exist, with latest results, a transition and a day.
func (x *Tables) AddStatusLoad(accountID int64, count int, now time.Time) {
	x.t.Helper()
	x.Exec(numbersTo(count)+`INSERT INTO status_page (account_id, slug, title, body, accent, theme, timezone, language, days, published, access, networks,
		announcement, announced_until, with_maintenance, page_groups, created_at, updated_at, updated_by, days_at)
		SELECT CAST($1 AS BIGINT), 'load-' || i, 'page', '', '', 0, 'UTC', '', 90, true, 0, '', '', 0, false, '', 1, 1, '', CAST($2 AS BIGINT) FROM n`,
		accountID, now.Add(time.Hour).UnixMilli())
	x.Exec(`INSERT INTO status_component (page_id, account_id, position, page_group, title, body, needed, rule_failures, rule_of, rule_successes,
		rule_slow_ms, rule_percent, automatic_minutes, publish_automatic)
		SELECT id, account_id, 0, '', '', '', 0, 1, 1, 1, 0, 95, 0, false FROM status_page`)
	x.Exec(`INSERT INTO status_component_job (component_id, job_id, account_id) SELECT id, 1000000000 + id, account_id FROM status_component`)
	x.Exec(`INSERT INTO monitor (job_id, account_id, results, last_at, expires_at)
		SELECT job_id, account_id, CAST('' AS `+x.bytes()+`), 1, CAST($1 AS BIGINT) FROM status_component_job`, now.Add(time.Hour).UnixMilli())
	x.Exec(`INSERT INTO status_transition (component_id, layer, at, state, clear) SELECT id, 0, CAST($1 AS BIGINT), 1, false FROM status_component`,
		now.Add(-time.Hour).UnixMilli())
	x.Exec(`INSERT INTO status_day (component_id, day, states) SELECT id, CAST($1 AS BIGINT), '[0]' FROM status_component`, now.Unix()/86400-1)
	x.Exec(`INSERT INTO status_subscriber (page_id, account_id, kind, hash, sealed, component_ids, language, created_at, expires_at, confirmed_at)
		SELECT id, account_id, 0, CAST('load' AS ` + x.bytes() + `), CAST('' AS ` + x.bytes() + `), '', '', 1, 0, 1 FROM status_page`)
}

// bytes is the type of a column of bytes.
func (x *Tables) bytes() string {
	if x.isPostgres() {
		return "bytea"
	}
	return "blob"
}
