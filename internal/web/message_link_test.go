package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// linkWorld is a console with an account that has a problem, and a message about it.
type linkWorld struct {
	*console
	tables  *storetest.Tables
	account cron.Account
	problem int64
}

func newLinkWorld(t *testing.T) *linkWorld {
	t.Helper()
	c := newConsoleWith(t, settings{mail: true, publicURL: "https://cron.example.com"})
	w := &linkWorld{console: c, tables: storetest.NewTables(t, storetest.Raw(t, c.options))}
	w.account = cron.Account{Email: "team@example.com", Title: "Team <b>", Plan: cron.PlanMember, Access: cron.AccessGlobal}
	if err := c.store.CreateAccount(t.Context(), &w.account); err != nil {
		t.Fatal(err)
	}
	w.problem = w.tables.AddProblems(w.account.ID, 1, cron.ProblemOpen, time.Now().Add(-time.Hour))
	return w
}

// links are the paths of the links of a new message of a channel, made some time ago.
func (w *linkWorld) links(t *testing.T, c cron.Channel, recipient string, age time.Duration) (act, unsubscribe string) {
	t.Helper()
	id := w.tables.AddMessage(cron.Channel{ID: c.ID, AccountID: w.account.ID}, cron.MessageSent)
	w.tables.Exec(`UPDATE message SET problem_id = $2, recipient = $3, created_at = $4 WHERE id = $1`, id, w.problem, recipient,
		time.Now().Add(-age).UnixMilli())
	m, _, err := w.store.LinkedMessage(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	act, unsubscribe = w.service.MessageLinks(&m)
	return strings.TrimPrefix(act, "https://cron.example.com"), strings.TrimPrefix(unsubscribe, "https://cron.example.com")
}

func (w *linkWorld) owners(t *testing.T) cron.Channel {
	t.Helper()
	list, err := w.store.Channels(t.Context(), w.account.ID, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func (w *linkWorld) state(t *testing.T) (cron.ProblemState, string) {
	t.Helper()
	p, err := w.store.Problem(t.Context(), w.account.ID, w.problem)
	if err != nil {
		t.Fatal(err)
	}
	return p.State, p.By
}

// log lists the actions of the audit log of the account.
func (w *linkWorld) audit(t *testing.T) (actions string) {
	t.Helper()
	entries, _, err := w.store.Audit(t.Context(), cron.AuditFilter{AccountID: w.account.ID}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		actions += e.Action + " by " + e.Actor + ";"
	}
	return actions
}

// TestActLink acknowledges a problem by the link of a message: once, and not by looking at it.
func TestActLink(t *testing.T) {
	w := newLinkWorld(t)
	page, _ := w.links(t, w.owners(t), "a@example.com", time.Hour)
	b := w.visitor(t)
	for range 3 {
		got := b.get(page).says(http.StatusOK, "Team &lt;b&gt;", `id="snooze"`, "Acknowledge")
		if got.header.Get("X-Robots-Tag") == "" || got.header.Get("Referrer-Policy") != "same-origin" || got.header.Get("Set-Cookie") != "" {
			t.Errorf("the headers are %v", got.header)
		}
	}
	if state, _ := w.state(t); state != cron.ProblemOpen {
		t.Fatalf("looking at the page makes the state %s", state)
	}
	b.post(page, "action", "acknowledge").says(http.StatusOK, "acknowledged")
	if state, by := w.state(t); state != cron.ProblemAcknowledged || by != "a link in a message" {
		t.Errorf("the state is %s, by %s", state, by)
	}
	b.post(page, "action", "snooze", "hours", "4").says(http.StatusGone)
	b.get(page).says(http.StatusGone, "was used", `href="/console/problems/`).hides("Team")
	if got := w.audit(t); got != "problem.acknowledge by a link in a message;" {
		t.Errorf("the audit log has %s", got)
	}
}

// TestSnoozeLink snoozes, and takes no other time than the page offers.
func TestSnoozeLink(t *testing.T) {
	w := newLinkWorld(t)
	for hours, want := range map[string]time.Duration{"24": 24 * time.Hour, "100000": time.Hour, "x": time.Hour} {
		page, _ := w.links(t, w.owners(t), "", 0)
		w.visitor(t).post(page, "action", "snooze", "hours", hours).says(http.StatusOK, "snoozed")
		p, err := w.store.Problem(t.Context(), w.account.ID, w.problem)
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(p.SnoozedUntil); p.State != cron.ProblemSnoozed || left > want || left < want-time.Minute {
			t.Errorf("%s hours: %s for %v, want %v", hours, p.State, left, want)
		}
	}
}

// TestActLinkRaces uses one link from many sides at once: it acts once.
func TestActLinkRaces(t *testing.T) {
	w := newLinkWorld(t)
	page, _ := w.links(t, w.owners(t), "", 0)
	var (
		wg       sync.WaitGroup
		statuses [6]int
	)
	for i := range statuses {
		b := w.visitor(t)
		wg.Go(func() { statuses[i] = b.post(page, "action", "acknowledge").status })
	}
	wg.Wait()
	done := 0
	for _, status := range statuses {
		if status == http.StatusOK {
			done++
		} else if status != http.StatusGone {
			t.Errorf("status %d", status)
		}
	}
	if done != 1 || strings.Count(w.audit(t), "problem.acknowledge") != 1 {
		t.Errorf("%d have acted; the audit log has %s", done, w.audit(t))
	}
}

// TestBadActLinks tries links that are old, changed, of other messages, and of what is gone.
func TestBadActLinks(t *testing.T) {
	w := newLinkWorld(t)
	page, unsubscribe := w.links(t, w.owners(t), "", 0)
	old, _ := w.links(t, w.owners(t), "", 25*time.Hour)
	other, _ := w.links(t, w.owners(t), "", 0)
	_, code, _ := strings.Cut(strings.TrimPrefix(other, "/console/act/"), ".")
	id, _, _ := strings.Cut(strings.TrimPrefix(page, "/console/act/"), ".")
	b := w.visitor(t)
	b.get(old).says(http.StatusGone, "worked for a day", `href="/console/problems/`).hides("Team")
	b.post(old, "action", "acknowledge").says(http.StatusGone)
	for _, token := range []string{id + "." + code, id, id + ".", "x." + code, page[len("/console/act/"):] + "x", "4711." + code,
		strings.TrimPrefix(unsubscribe, "/console/unsubscribe/")} {
		b.get("/console/act/" + token).says(http.StatusNotFound)
		b.post("/console/act/"+token, "action", "acknowledge").says(http.StatusNotFound)
	}
	if state, _ := w.state(t); state != cron.ProblemOpen {
		t.Fatalf("the state is %s", state)
	}
	w.tables.Exec(`DELETE FROM problem`)
	b.get(page).says(http.StatusGone)
	b.post(page, "action", "acknowledge").says(http.StatusGone)
}

// TestResolvedProblem has a link to a problem that is over.
func TestResolvedProblem(t *testing.T) {
	w := newLinkWorld(t)
	page, _ := w.links(t, w.owners(t), "", 0)
	err := w.store.ActOnProblem(t.Context(), w.account.ID, w.problem, &cron.ProblemAction{State: new(cron.ProblemResolved)})
	if err != nil {
		t.Fatal(err)
	}
	b := w.visitor(t)
	b.get(page).says(http.StatusOK, "resolved").hides("<form")
	b.post(page, "action", "acknowledge").says(http.StatusConflict)
}

// TestGuessedLinks makes sure that guesses come to an end, and that they cost nobody else the own links.
func TestGuessedLinks(t *testing.T) {
	w := newLinkWorld(t)
	page, unsubscribe := w.links(t, w.owners(t), "", 0)
	b := w.visitor(t)
	refused := 0
	for i := range 40 {
		if b.get(fmt.Sprintf("/console/act/%d.AAAAAAAAAAAAAAAAAAAAAA", i)).status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d of 40 guesses were refused", refused)
	}
	b.get("/console/unsubscribe/1.1..AAAAAAAAAAAAAAAAAAAAAA").says(http.StatusTooManyRequests)
	for _, path := range []string{page, unsubscribe} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.RemoteAddr = "203.0.113.9:1234" // from elsewhere
		answer := httptest.NewRecorder()
		if w.ServeHTTP(answer, r); answer.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, answer.Code)
		}
	}
}

// TestUnsubscribe ends what one owner is told, and a whole channel of one address.
func TestUnsubscribe(t *testing.T) {
	w := newLinkWorld(t)
	owners := w.owners(t)
	_, page := w.links(t, owners, "Jane@Example.com", 0)
	b := w.visitor(t)
	b.get(page).says(http.StatusOK, "Jane@Example.com", "Team &lt;b&gt;")
	if got := w.owners(t); len(got.Unsubscribed) != 0 {
		t.Fatalf("looking at the page unsubscribes %q", got.Unsubscribed)
	}
	for range 2 {
		b.post(page, "List-Unsubscribe", "One-Click").says(http.StatusOK)
	}
	if got := w.owners(t); len(got.Unsubscribed) != 1 || got.Unsubscribed[0] != "jane@example.com" || got.Stopped != cron.ChannelOK {
		t.Errorf("the channel is %+v", got)
	}
	mail := cron.Channel{AccountID: w.account.ID, Kind: "email", Enabled: true, Confirmed: true, Settings: map[string]string{"to": "x@example.com"}}
	if err := w.store.CreateChannel(t.Context(), &mail); err != nil {
		t.Fatal(err)
	}
	_, page = w.links(t, mail, "", 0)
	b.get(page).says(http.StatusOK, "x@example.com")
	b.post(page).says(http.StatusOK)
	if got, err := w.store.Channel(t.Context(), w.account.ID, mail.ID); err != nil || got.Stopped != cron.ChannelUnsubscribed {
		t.Errorf("the channel is %+v, %v", got, err)
	}
	if got := w.audit(t); strings.Count(got, "channel.unsubscribe by a link in a message") != 2 {
		t.Errorf("the audit log has %s", got)
	}
	forged := strings.Replace(page, fmt.Sprintf("/%d.%d.", w.account.ID, mail.ID), fmt.Sprintf("/%d.%d.", w.account.ID, owners.ID), 1)
	if forged == page {
		t.Fatal("the test changes nothing")
	}
	b.post(forged).says(http.StatusNotFound)
	if err := w.store.DeleteChannel(t.Context(), w.account.ID, mail.ID); err != nil {
		t.Fatal(err)
	}
	b.get(page).says(http.StatusGone)
	b.post(page).says(http.StatusGone)
}
