package statuspage_test

import (
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// TestAcceptDomain has what can be the host of a page, and what cannot.
func TestAcceptDomain(t *testing.T) {
	own := []string{"cron.example.com"}
	for given, want := range map[string]string{
		"status.example.com": "status.example.com", " Status.EXAMPLE.com. ": "status.example.com", "bücher.example": "xn--bcher-kva.example",
		"a.b.c.d.example": "a.b.c.d.example", "example.com": "example.com", "x.cron.example.com": "x.cron.example.com",
	} {
		if host, err := statuspage.AcceptDomain(given, own); err != nil || host != want {
			t.Errorf("%q becomes %q, %v", given, host, err)
		}
	}
	for given, rule := range map[string]cron.Rule{
		"": cron.RuleMandatory, " ": cron.RuleMandatory, "localhost": cron.RuleDomain, "192.0.2.7": cron.RuleDomain, "[::1]": cron.RuleDomain, "::1": cron.RuleDomain,
		"*.example.com": cron.RuleDomain, "https://status.example.com": cron.RuleDomain, "status.example.com:443": cron.RuleDomain,
		"status.example.com/x": cron.RuleDomain, "a..example.com": cron.RuleDomain, "-a.example.com": cron.RuleDomain, "a_b.example.com": cron.RuleDomain,
		"1.2.3": cron.RuleDomain, "0x7f.1": cron.RuleDomain, "status example.com": cron.RuleDomain, "a@example.com": cron.RuleDomain,
		"cron.example.com": cron.RuleDomainOwn, "CRON.example.com.": cron.RuleDomainOwn, "xn--a.example": cron.RuleDomain,
	} {
		_, err := statuspage.AcceptDomain(given, own)
		e, ok := err.(*cron.Error)
		if !ok || len(e.Problems) != 1 || e.Problems[0].Rule != rule || e.Problems[0].Pointer != "/host" {
			t.Errorf("%q: %v", given, err)
		}
	}
}

// TestSettleDomain has each state of a domain, and what a check makes of it.
func TestSettleDomain(t *testing.T) {
	const mine, theirs = "punctual-mine", "punctual-theirs"
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	found := func(address statuspage.DomainFault, proofs ...string) statuspage.Findings {
		return statuspage.Findings{Proofs: proofs, Answers: true, Address: address}
	}
	silent := statuspage.Findings{}
	type domain = statuspage.Domain
	fresh, held := domain{Created: now}, domain{Created: now.Add(-99 * day), Held: now.Add(-9 * day)}
	lacking := func(since time.Duration) domain { d := held; d.Missing = now.Add(-since); return d }
	for _, tt := range []struct {
		name          string
		before        domain
		found         statuspage.Findings
		rival         string
		held, missing time.Time
		fault         statuspage.DomainFault
		due           time.Duration
	}{
		{"the proof is there", fresh, found(0, "x", mine), "", now, time.Time{}, statuspage.DomainFine, day},
		{"it is there, and the host leads elsewhere", fresh, found(statuspage.DomainAddress, mine), "", now, time.Time{}, statuspage.DomainAddress, day},
		{"no record yet", fresh, found(0), "", time.Time{}, time.Time{}, statuspage.DomainNoRecord, 5 * time.Minute},
		{"the record of another account", fresh, found(0, theirs), "", time.Time{}, time.Time{}, statuspage.DomainOther, 5 * time.Minute},
		{"no answer", fresh, silent, "", time.Time{}, time.Time{}, statuspage.DomainUnknown, 5 * time.Minute},
		{"the holder's record is there too", fresh, found(0, mine, theirs), theirs, time.Time{}, time.Time{}, statuspage.DomainTaken, 5 * time.Minute},
		{"the holder's record is gone", fresh, found(0, mine), theirs, now, time.Time{}, statuspage.DomainFine, day},
		{"only the holder's record is there", fresh, found(0, theirs), theirs, time.Time{}, time.Time{}, statuspage.DomainOther, 5 * time.Minute},
		{"a day after nothing was found", domain{Created: now.Add(-day)}, found(0), "", time.Time{}, time.Time{}, statuspage.DomainNoRecord, 6 * time.Hour},
		{"a month after", domain{Created: now.Add(-31 * day)}, found(0), "", time.Time{}, time.Time{}, statuspage.DomainNoRecord, 0},
		{"held, and still proved", held, found(0, mine), "", held.Held, time.Time{}, statuspage.DomainFine, day},
		{"held, and the record is gone", held, found(0), "", held.Held, now, statuspage.DomainNoRecord, 3 * time.Hour},
		{"for two days", lacking(2 * day), found(0), "", held.Held, now.Add(-2 * day), statuspage.DomainNoRecord, 3 * time.Hour},
		{"for three", lacking(3 * day), found(0, theirs), "", time.Time{}, time.Time{}, statuspage.DomainOther, 0},
		{"it is back", lacking(2 * day), found(0, mine), "", held.Held, time.Time{}, statuspage.DomainFine, day},
		{"held, and no answer", held, silent, "", held.Held, time.Time{}, statuspage.DomainUnknown, day},
		{"no answer does not release", lacking(9 * day), silent, "", held.Held, now.Add(-9 * day), statuspage.DomainUnknown, 3 * time.Hour},
	} {
		after, due := tt.before.Settle(&tt.found, mine, tt.rival, now)
		if !after.Held.Equal(tt.held) || !after.Missing.Equal(tt.missing) || after.Fault != tt.fault || !after.Checked.Equal(now) {
			t.Errorf("%s: %+v", tt.name, after)
		}
		want := now.Add(tt.due)
		if tt.due == 0 {
			want = time.Time{}
		}
		if !due.Equal(want) {
			t.Errorf("%s: due at %v, want %v", tt.name, due, want)
		}
	}
}
