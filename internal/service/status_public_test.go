package service_test

import (
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// page adds a page of the account of somebody.
func (w *world) page(a cron.Actor, change func(*statuspage.Page)) statuspage.Page {
	w.Helper()
	p, err := w.NewStatusPage(a, "Acme")
	w.ok(err)
	change(&p)
	w.ok(w.AddStatusPage(w.Context(), a, &p))
	return p
}

// TestStatusPasswordGuessesAreCountedFirst refuses a guess too many before anything of the page is read.
func TestStatusPasswordGuessesAreCountedFirst(t *testing.T) {
	w := newWorld(t, nil)
	editor := w.member("editor@example.com", cron.RoleEditor)
	p := w.page(editor, func(p *statuspage.Page) {
		p.Access, p.Password, p.Published = statuspage.AccessPassword, "seven wide boats", true
	})
	from := client("192.0.2.1").Address
	for range 10 {
		_, err := w.CheckStatusPassword(t.Context(), from, p.ID, "eight wide boats")
		w.ok(err)
	}
	w.ok(w.db.DeleteStatusPage(t.Context(), p.AccountID, p.ID, func(*statuspage.Page) error { return nil }))
	_, err := w.CheckStatusPassword(t.Context(), from, p.ID, "seven wide boats")
	w.fails(err, cron.TooMany, cron.RuleGuesses)
	for range 12 { // a page that is gone costs nobody a guess
		_, err = w.CheckStatusPassword(t.Context(), client("192.0.2.2").Address, p.ID, "seven wide boats")
		w.fails(err, cron.NotFound, cron.RuleNone)
	}
}

// TestStatusPass gives members a pass for a page that works once, for that page alone.
func TestStatusPass(t *testing.T) {
	w := newWorld(t, nil)
	editor := w.member("editor@example.com", cron.RoleEditor)
	draft, other := w.page(editor, func(*statuspage.Page) {}), w.page(editor, func(*statuspage.Page) {})
	viewer := w.member("viewer@example.com", cron.RoleViewer)
	pass, err := w.StatusPass(t.Context(), viewer, draft.Slug, "")
	w.ok(err)
	_, err = w.TakeStatusPass(t.Context(), other.ID, pass)
	w.fails(err, cron.NotFound, cron.RuleNone)
	_, err = w.TakeStatusPass(t.Context(), draft.ID, pass+"x")
	w.fails(err, cron.NotFound, cron.RuleNone)
	person, err := w.TakeStatusPass(t.Context(), draft.ID, pass)
	w.ok(err)
	if person != viewer.Person.ID {
		t.Errorf("the pass is of %d", person)
	}
	_, err = w.TakeStatusPass(t.Context(), draft.ID, pass)
	w.fails(err, cron.NotFound, cron.RuleNone)
	_, err = w.StatusPass(t.Context(), viewer, "nobody", "")
	w.fails(err, cron.NotFound, cron.RuleNone)
	w.ok(w.RemovePerson(t.Context(), viewer, viewer.Person.ID))
	_, err = w.StatusPass(t.Context(), viewer, draft.Slug, "")
	w.fails(err, cron.NotFound, cron.RuleNone)
}

// TestStatusPassword counts wrong passwords of a page, not right ones, and a view tells nothing of the inside.
func TestStatusPassword(t *testing.T) {
	w := newWorld(t, nil)
	editor := w.member("editor@example.com", cron.RoleEditor)
	p := w.page(editor, func(p *statuspage.Page) {
		p.Access, p.Password, p.Published, p.Networks = statuspage.AccessPassword, "seven wide boats", true, []string{"192.0.2.0/24"}
	})
	before, err := w.StatusEntrance(t.Context(), p.Slug)
	w.ok(err)
	from := client("192.0.2.1").Address
	for range 12 {
		right, err := w.CheckStatusPassword(t.Context(), from, p.ID, "seven wide boats")
		w.ok(err)
		if !right {
			t.Fatal("the password is wrong")
		}
	}
	for range 10 {
		right, err := w.CheckStatusPassword(t.Context(), from, p.ID, "eight wide boats")
		w.ok(err)
		if right {
			t.Fatal("another password is right")
		}
	}
	_, err = w.CheckStatusPassword(t.Context(), from, p.ID, "seven wide boats")
	w.fails(err, cron.TooMany, cron.RuleGuesses)
	right, err := w.CheckStatusPassword(t.Context(), client("192.0.2.2").Address, p.ID, "seven wide boats")
	w.ok(err)
	if !right {
		t.Error("another address is refused")
	}
	w.ok(w.ChangeStatusPage(t.Context(), editor, p.ID, nil, func(p *statuspage.Page) { p.Password = "nine wide boats" }))
	after, err := w.StatusEntrance(t.Context(), p.Slug)
	w.ok(err)
	if before.Mark == "" || after.Mark == before.Mark || after.Revision <= before.Revision || len(after.Networks) != 1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	view, err := w.StatusView(t.Context(), p.ID)
	w.ok(err)
	if view.Page.PasswordHash != "" || view.Page.Networks != nil || view.Page.UpdatedBy != "" || view.At.Before(time.Now().Add(-time.Hour)) {
		t.Errorf("the view is %+v", view)
	}
}
