package cron_test

import (
	"testing"
	"time"

	"punctual/internal/cron"
)

func TestRolesAreOrderedAndNamed(t *testing.T) {
	names := map[cron.Role]string{cron.RoleViewer: "viewer", cron.RoleEditor: "editor", cron.RoleOwner: "owner"}
	if cron.RoleNone >= cron.RoleViewer || cron.RoleViewer >= cron.RoleEditor || cron.RoleEditor >= cron.RoleOwner {
		t.Error("the roles are not in order")
	}
	for r := cron.RoleNone - 1; r <= cron.RoleOwner+1; r++ {
		name, known := names[r]
		if !known {
			name = "none"
		}
		if r.String() != name {
			t.Errorf("role %d is called %q, want %q", int(r), r, name)
		}
		got, ok := cron.ParseRole(name)
		if ok != known || ok && got != r {
			t.Errorf("%q is role %d, %t", name, got, ok)
		}
	}
}

func TestASessionEndsAndIsFresh(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	s := cron.Session{SignedIn: now, Expires: now.Add(time.Hour)}
	for _, tt := range []struct {
		after         time.Duration
		second        bool
		usable, fresh bool
	}{
		{0, false, true, true},
		{0, true, true, false},
		{cron.FreshFor - 1, false, true, true},
		{cron.FreshFor, false, true, false},
		{time.Hour - 1, false, true, false},
		{time.Hour, false, false, false},
	} {
		s.Second = tt.second
		if at := now.Add(tt.after); s.Usable(at) != tt.usable || s.Fresh(at) != tt.fresh {
			t.Errorf("after %s: usable %t, fresh %t", tt.after, s.Usable(at), s.Fresh(at))
		}
	}
}

func TestALinkOpensOnceAndInTime(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for kind := cron.LinkSetup; kind <= cron.LinkInvitation; kind++ {
		if kind.Lifetime() <= 0 {
			t.Errorf("links of kind %d have no lifetime", kind)
		}
	}
	l := cron.Link{Expires: now}
	if err := l.Open(now.Add(-1)); err != nil {
		t.Errorf("in time: %v", err)
	}
	if err := l.Open(now); cron.KindOf(err) != cron.Gone {
		t.Errorf("too late: %v", err)
	}
	l.Used = now
	if err := l.Open(now.Add(-1)); cron.KindOf(err) != cron.Gone {
		t.Errorf("used: %v", err)
	}
}
