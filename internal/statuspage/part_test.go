package statuspage_test

import (
	"strings"
	"testing"

	"punctual/internal/statuspage"
)

// TestPart goes through the updates of an incident by parts: each of them once, and no part too large.
func TestPart(t *testing.T) {
	impacts := make([]statuspage.Impact, 60)
	var i statuspage.Incident
	for n := range statuspage.MaxUpdates {
		u := statuspage.Update{ID: int64(1000 - n), Text: strings.Repeat("x", 1+n*n%3000)}
		switch n % 17 {
		case 3:
			u.Text = strings.Repeat("x", statuspage.MaxUpdateText)
		case 5:
			u.Impacts = impacts
		}
		i.Updates = append(i.Updates, u)
	}
	for range 100 { // short ones
		i.Updates = append(i.Updates, statuspage.Update{ID: int64(500 - len(i.Updates)), Text: "x"})
	}
	seen, parts := 0, 0
	for next := int64(0); ; {
		part, behind, ok := i.Part(next)
		if !ok || len(part) == 0 || len(part) > 50 {
			t.Fatalf("a part of %d updates, %v", len(part), ok)
		}
		size := 0
		for _, u := range part {
			if u.ID != i.Updates[seen].ID {
				t.Fatalf("update %d is %d", seen, u.ID)
			}
			seen++
			size += len(u.Text) + 100*len(u.Impacts)
		}
		if len(part) > 1 && size > 16<<10 {
			t.Errorf("%d updates of %d bytes", len(part), size)
		}
		if parts++; behind == 0 {
			break
		}
		next = behind
	}
	if seen != len(i.Updates) || parts < 10 {
		t.Errorf("%d of %d updates in %d parts", seen, len(i.Updates), parts)
	}
	if _, _, ok := i.Part(4711); ok {
		t.Error("there is a part from an update that the incident does not have")
	}
	if part, next, ok := new(statuspage.Incident).Part(0); len(part) != 0 || next != 0 || !ok {
		t.Error(part, next, ok)
	}
}
