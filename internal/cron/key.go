package cron

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits on APIKey.
const (
	MaxKeyTitle    = 128 // characters
	MaxKeyPrefixes = 100
)

// ParsePrefix reads an IP address or a range of them, such as 192.0.2.0/24.
func ParsePrefix(text string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return netip.Prefix{}, false
	}
	return prefix.Masked(), true
}

// Accept takes a new key for one that can be stored: it takes spaces off the title, makes the expiry whole seconds and
// reports what is wrong as an *Error of kind Invalid.
func (k *APIKey) Accept(now time.Time) error {
	var c Checker
	k.Title, k.Expires = strings.TrimSpace(k.Title), WholeSeconds(k.Expires)
	c.Line("/title", k.Title, MaxKeyTitle)
	if unknown := k.Scopes &^ (ScopeRead | ScopeWrite); unknown != 0 {
		c.unknown("/scopes", int(unknown))
	}
	if !k.Expires.IsZero() && (!k.Expires.After(now) || k.Expires.Unix() > lastInstant) {
		c.Add("/expires", Problem{
			Rule: RuleOutOfRange, Given: strconv.FormatInt(k.Expires.Unix(), 10), Min: now.Unix() + 1, Max: lastInstant,
		})
	}
	if len(k.AllowFrom) > MaxKeyPrefixes {
		c.Add("/allowFrom", Problem{Rule: RuleTooMany, Limit: MaxKeyPrefixes})
	}
	return c.Err()
}

// Within is nil when the key may do nothing that the other one may not, and otherwise an *Error of kind Forbidden that
// says what is more.
func (k *APIKey) Within(other *APIKey) error {
	var c Checker
	if other.Scopes != ScopeAll && (k.Scopes == ScopeAll || k.Scopes&^other.Scopes != 0) {
		c.Add("/scopes", Problem{Rule: RuleKeyRights})
	}
	if !other.Expires.IsZero() && (k.Expires.IsZero() || k.Expires.After(other.Expires)) {
		c.Add("/expires", Problem{Rule: RuleKeyRights})
	}
	if k.Role > other.Role {
		c.Add("/role", Problem{Rule: RuleKeyRights})
	}
	if k.Operator && !other.Operator {
		c.Add("/operator", Problem{Rule: RuleKeyRights})
	}
	beyond := func(p netip.Prefix) bool {
		return !slices.ContainsFunc(other.AllowFrom, func(q netip.Prefix) bool {
			return q.Bits() <= p.Bits() && q.Contains(p.Addr())
		})
	}
	if len(other.AllowFrom) > 0 && (len(k.AllowFrom) == 0 || slices.ContainsFunc(k.AllowFrom, beyond)) {
		c.Add("/allowFrom", Problem{Rule: RuleKeyRights})
	}
	if len(c.problems) == 0 {
		return nil
	}
	return &Error{Kind: Forbidden, Subject: SubjectAPIKey, Problems: c.problems}
}
