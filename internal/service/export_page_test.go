package service_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// meddler takes an export, and does something after each part of it.
type meddler struct {
	strings.Builder
	then func(written string)
}

// Write implements io.Writer.
func (m *meddler) Write(part []byte) (int, error) {
	n, err := m.Builder.Write(part)
	m.then(m.String())
	return n, err
}

// TestExportOfPagesThatVanish is whole although incidents and a page are deleted while it is written.
func TestExportOfPagesThatVanish(t *testing.T) {
	w := newWorld(t, nil)
	jane := w.member("jane@example.com", cron.RoleOwner)
	long := func(p *statuspage.Page) { p.Text = strings.Repeat("x", 6000) }
	kept, gone := w.page(jane, long), w.page(jane, long)
	var ids []int64
	for range 25 {
		for _, p := range []*statuspage.Page{&kept, &gone} {
			i := statuspage.Incident{Title: "slow", Updates: []statuspage.Update{{Text: strings.Repeat("y", 6000)}}}
			w.ok(w.AddIncident(t.Context(), jane, p.ID, &i))
			if p == &kept {
				ids = append(ids, i.ID)
			}
		}
	}
	out := &meddler{}
	deleted, dropped := 0, false
	out.then = func(written string) {
		if !dropped && strings.Contains(written, `"incidents":`) {
			dropped = true
			w.ok(w.DeleteStatusPage(t.Context(), jane, gone.ID, nil))
		}
		for i, id := range ids {
			if id != 0 && strings.Contains(written, `"incidentId":`+strconv.FormatInt(id, 10)+`,`) { // the place from which the list goes on
				w.ok(w.DeleteIncident(t.Context(), jane, kept.ID, id))
				ids[i] = 0
				deleted++
			}
		}
	}
	w.ok(w.Export(t.Context(), jane, out))
	var export struct {
		StatusPages []struct{ StatusPageID int64 }
		Incidents   []struct{ IncidentID, StatusPageID int64 }
	}
	w.ok(json.Unmarshal([]byte(out.String()), &export))
	count := 0
	for _, i := range export.Incidents {
		if i.StatusPageID == kept.ID {
			count++
		}
	}
	if len(export.StatusPages) != 2 || count != 25 || deleted < 20 || !dropped {
		t.Errorf("%d pages, %d incidents of the page that stays, %d deleted meanwhile, the other page gone: %v", len(export.StatusPages), count, deleted, dropped)
	}
}
