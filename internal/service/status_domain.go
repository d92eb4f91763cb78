package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// A check of a domain looks up two things:
//
//	TXT  _punctual.HOST   holds the token of the account ──▶ the account holds the host
//	A, AAAA, CNAME  HOST  leads to this service          ──▶ otherwise a warning: a proxy may hide it
//
// One answer tells of all accounts that ask for the host. While the holder's token is among the values, nobody else gets the host; once it
// is not, whoever proves the host gets it at once.

// Resolver looks up names, as net.Resolver does.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupCNAME(ctx context.Context, host string) (string, error)
}

var _ Resolver = (*net.Resolver)(nil)

// Limits of checks. Name servers that hang belong to anybody, so checks that people ask for wait for a turn of their own.
const (
	domainTimeout = 8 * time.Second  // of all lookups of a check
	domainPause   = 10 * time.Second // between two checks of a domain that people ask for
	domainMinute  = 10               // checks that an account asks for in a minute
	domainsAtOnce = 32               // checks that people ask for, on this node
	domainsDue    = 8                // checks that are due, at once on this node
	maxRecords    = 100              // TXT records that are looked at
)

// Orders of certificates for domains.
const (
	orderAccountDay = 5   // of an account, a UTC day
	orderHostHour   = 2   // of a host
	orderAllHour    = 100 // of all accounts
)

const (
	kindDomainPause   = 1161
	kindDomainMinute  = 1162
	kindOrderAccount  = 1163
	kindOrderHost     = 1164
	kindOrderAllHosts = 1165
)

// StatusDomain is a domain of a status page with the DNS records that it needs.
type StatusDomain struct {
	statuspage.Domain
	Records []DomainRecord
}

// DomainRecord is a DNS record that people enter at their provider.
type DomainRecord struct{ Type, Name, Value string }

// domainToken is what the TXT record of the domains of an account says. It is no secret: it proves something only where it stands.
func (s *Service) domainToken(accountID int64) string {
	code := hmac.New(sha256.New, s.domainKey)
	_, _ = code.Write([]byte(strconv.FormatInt(accountID, 10))) // never fails
	return "punctual-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(code.Sum(nil)[:20]))
}

// publicHost is the name or address at which the service is reached; "" when that is not configured.
func (s *Service) publicHost() string {
	u, err := url.Parse(s.publicURL)
	if err != nil {
		return ""
	}
	return statuspage.HostOf(u.Hostname())
}

// withRecords adds the records that a domain needs.
func (s *Service) withRecords(d statuspage.Domain) StatusDomain {
	to := DomainRecord{"CNAME", d.Host, s.publicHost()}
	if address, err := netip.ParseAddr(to.Value); err == nil {
		if to.Type = "A"; address.Is6() {
			to.Type = "AAAA"
		}
	}
	return StatusDomain{d, []DomainRecord{{"TXT", statuspage.ProofName(d.Host), s.domainToken(d.AccountID)}, to}}
}

// StatusDomains lists the domains of a status page.
func (s *Service) StatusDomains(ctx context.Context, actor cron.Actor, pageID int64) ([]StatusDomain, error) {
	if err := s.allow(&actor, UseListDomains); err != nil {
		return nil, err
	}
	list, err := s.store.StatusDomains(ctx, actor.Account.ID, pageID)
	all := make([]StatusDomain, len(list))
	for i := range list {
		all[i] = s.withRecords(list[i])
	}
	return all, err
}

// AddStatusDomain asks for a domain for a status page. It counts once a check has found its proof. The error is of kind Invalid for what
// cannot be one, TooMany when the plan allows no further one, and Conflict when the account has it already.
func (s *Service) AddStatusDomain(ctx context.Context, actor cron.Actor, pageID int64, host string) (StatusDomain, error) {
	if err := s.allow(&actor, UseAddDomain); err != nil {
		return StatusDomain{}, err
	}
	if own := s.publicHost(); own == "" || own == "localhost" {
		return StatusDomain{}, &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Rule: cron.RuleDomainsOff}}}
	}
	host, err := statuspage.AcceptDomain(host, append(slices.Clone(s.ownHosts), s.publicHost()))
	if err != nil {
		return StatusDomain{}, err
	}
	d := statuspage.Domain{AccountID: actor.Account.ID, PageID: pageID, Host: host, CreatedBy: authorOf(&actor).Label}
	err = s.audited(ctx, &actor, cron.AuditEntry{Action: actDomainAdd, Object: objectDomain, Title: host},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateStatusDomain(ctx, &d)
			e.ObjectID = d.ID
			return err
		})
	return s.withRecords(d), err
}

// DeleteStatusDomain takes a domain from a status page. It leads nowhere then.
func (s *Service) DeleteStatusDomain(ctx context.Context, actor cron.Actor, pageID, domainID int64) error {
	if err := s.allow(&actor, UseDeleteDomain); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actDomainDrop, Object: objectDomain, ObjectID: domainID},
		func(ctx context.Context, e *cron.AuditEntry) error {
			d, err := s.store.StatusDomain(ctx, actor.Account.ID, pageID, domainID)
			if err != nil {
				return err
			}
			e.Title = d.Host
			return s.store.DeleteStatusDomain(ctx, actor.Account.ID, pageID, domainID)
		})
}

// CheckStatusDomain looks a domain up now. The error is of kind TooMany when it, or others of the account, were checked a moment ago.
func (s *Service) CheckStatusDomain(ctx context.Context, actor cron.Actor, pageID, domainID int64) (StatusDomain, error) {
	if err := s.allow(&actor, UseCheckDomain); err != nil {
		return StatusDomain{}, err
	}
	d, err := s.store.StatusDomain(ctx, actor.Account.ID, pageID, domainID)
	if err != nil {
		return StatusDomain{}, err
	}
	over, err := s.store.Count(ctx, actor.Account.ID, []cron.RateLimit{
		{Kind: kindDomainPause, Subject: domainID, Window: domainPause, Max: 1},
		{Kind: kindDomainMinute, Subject: actor.Account.ID, Window: time.Minute, Max: domainMinute},
	})
	if err == nil && over.Wait > 0 {
		err = &cron.Error{Kind: cron.TooMany, RetryAfter: over.Wait,
			Problems: []cron.Problem{{Rule: cron.RuleDomainCheck, Limit: int64(domainPause / time.Second)}}}
	}
	if err != nil {
		return StatusDomain{}, err
	}
	select {
	case s.domainChecks <- struct{}{}:
		defer func() { <-s.domainChecks }()
	default:
		return StatusDomain{}, &cron.Error{Kind: cron.Unavailable, RetryAfter: domainTimeout}
	}
	after, err := s.checkDomain(ctx, d, &actor)
	return s.withRecords(after), err
}

// checkDomain looks a domain up and writes what was found. actor is who asked for it; nil for the service.
func (s *Service) checkDomain(ctx context.Context, d statuspage.Domain, actor *cron.Actor) (statuspage.Domain, error) {
	found := s.lookUp(ctx, d.Host)
	if err := ctx.Err(); err != nil {
		return d, err // what was found says nothing
	}
	now := s.store.Now()
	return s.store.SettleStatusDomain(ctx, d, func(d statuspage.Domain, rival int64) (statuspage.Domain, time.Time) {
		other := ""
		if rival != 0 {
			other = s.domainToken(rival)
		}
		return d.Settle(&found, s.domainToken(d.AccountID), other, now)
	}, func(ctx context.Context, before, after, rival statuspage.Domain) error {
		return s.noteCheck(ctx, actor, &before, &after, &rival)
	})
}

// noteCheck notes a check that somebody asked for, or that changed who holds the host. An account that loses it to another is told so in
// its own log, as by the service: who the other is is not its business.
func (s *Service) noteCheck(ctx context.Context, actor *cron.Actor, before, after, rival *statuspage.Domain) error {
	changed := before.Held.IsZero() != after.Held.IsZero()
	if !changed && actor == nil {
		return nil
	}
	service := cron.Actor{Way: cron.WayService}
	if actor == nil {
		actor = &service
	}
	entry := func(d *statuspage.Domain) cron.AuditEntry {
		e := cron.AuditEntry{AccountID: d.AccountID, Action: actDomainCheck, Object: objectDomain, ObjectID: d.ID, Title: d.Host}
		if changed {
			e.Changes = []string{"/verified"}
		}
		return e
	}
	if err := s.note(ctx, actor, entry(after)); err != nil || !changed || rival.ID == 0 {
		return err
	}
	return s.note(ctx, &service, entry(rival))
}

// lookUp finds what the DNS says of a host.
func (s *Service) lookUp(ctx context.Context, host string) (f statuspage.Findings) {
	ctx, cancel := context.WithTimeout(ctx, domainTimeout)
	defer cancel()
	// With a dot at the end, no search domain of the machine is tried.
	proofs, err := s.resolver.LookupTXT(ctx, statuspage.ProofName(host)+".")
	f.Answers = err == nil || isNotFound(err)
	for _, text := range proofs[:min(len(proofs), maxRecords)] {
		f.Proofs = append(f.Proofs, strings.TrimSpace(text))
	}
	if f.Answers && len(f.Proofs) > 0 {
		f.Address = s.whereTo(ctx, host)
	}
	return f
}

// whereTo tells whether a host leads to this service.
func (s *Service) whereTo(ctx context.Context, host string) statuspage.DomainFault {
	found, err := s.resolver.LookupNetIP(ctx, "ip", host+".")
	if err != nil {
		return statuspage.DomainNoAddress
	}
	own := s.publicHost()
	var ours []netip.Addr
	if address, err := netip.ParseAddr(own); err == nil {
		ours = []netip.Addr{address}
	} else if ours, err = s.resolver.LookupNetIP(ctx, "ip", own+"."); err != nil {
		ours = nil
	}
	for _, address := range found {
		if slices.ContainsFunc(ours, func(a netip.Addr) bool { return a.Unmap() == address.Unmap() }) {
			return statuspage.DomainFine
		}
	}
	// The name may have other addresses for everybody else, as behind a balancer.
	if name, err := s.resolver.LookupCNAME(ctx, host+"."); err == nil && strings.TrimSuffix(strings.ToLower(name), ".") == own {
		return statuspage.DomainFine
	}
	return statuspage.DomainAddress
}

func isNotFound(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}

// WorkStatusDomains checks domains whose check is due. more asks for another step soon.
func (s *Service) WorkStatusDomains(ctx context.Context) (more bool, err error) {
	due, err := s.store.ClaimStatusDomains(ctx, domainsDue)
	if err != nil {
		return false, err
	}
	errs := make([]error, len(due))
	var running sync.WaitGroup
	for i, d := range due {
		running.Go(func() {
			after, err := s.checkDomain(ctx, d, nil)
			if cron.KindOf(err) == cron.NotFound {
				err = nil // it was removed meanwhile
			}
			if errs[i] = err; err == nil && d.Held.IsZero() != after.Held.IsZero() {
				s.logger.InfoContext(ctx, "a domain of a status page changed hands", slog.String("host", d.Host),
					slog.Int64("account", d.AccountID), slog.Bool("held", !after.Held.IsZero()))
			}
		})
	}
	running.Wait()
	return len(due) == domainsDue, errors.Join(errs...)
}

// errNoOrder says that a certificate is not ordered now.
var errNoOrder = errors.New("too many certificates were ordered for the host, for its account or in all")

// OrderCertificate counts an order of a certificate for a host, and returns an error when there may be none: for hosts that no account
// holds, and beyond the limits.
func (s *Service) OrderCertificate(ctx context.Context, host string) error {
	d, err := s.store.HeldDomain(ctx, host)
	if err != nil {
		return err
	}
	over, err := s.store.Count(ctx, d.AccountID, []cron.RateLimit{
		{Kind: kindOrderHost, Subject: s.subjectOf("order", host), Window: time.Hour, Max: orderHostHour},
		{Kind: kindOrderAccount, Subject: d.AccountID, Window: 24 * time.Hour, Max: orderAccountDay},
		{Kind: kindOrderAllHosts, Window: time.Hour, Max: orderAllHour},
	})
	if err == nil && over.Wait > 0 {
		err = fmt.Errorf("%w; it can be tried in %s", errNoOrder, over.Wait.Round(time.Second))
	}
	return err
}
